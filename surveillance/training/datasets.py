"""Labeled pictures on disk become samples, split so that near-duplicates stay together.

A folder may hold a tree (a folder per class, perhaps below train, val and test), IDX or CIFAR-10 files, or pictures
named by a labels.csv. A MANIFEST.tsv in a tree (file, class, source, licence) tells where each picture comes from;
without one every file is its own. The part of a file's name before its last underscore names the source.
"""

from __future__ import annotations

import csv
import os
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from surveillance.domain.errors import DataError
from surveillance.domain.values import Bgr
from surveillance.training.formats import class_names, find_packed, picture_at

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".pgm", ".ppm"})
RUN = 40  # crops that lie side by side in their source are kept together, this many at a time
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}  # what folders and label files call them


@dataclass(frozen=True, slots=True)
class Sample:
    """One labeled picture. `source` is the file prefix; `origin` says where the picture was found.

    `row` is its index in a file that holds many; `part` is "train", "val" or "test" where the data itself says so;
    `name` is its path within the data; `number` is its class's, where the data numbers its classes.
    """

    path: Path
    label: str
    source: str
    origin: str
    licence: str = ""
    row: int | None = None
    part: str = ""
    name: str = ""
    number: int | None = None

    def load(self) -> Bgr:
        """(height, width, 3) uint8. Raises DataError for a file that is no picture."""
        if self.row is not None:
            return picture_at(self.path, self.row)
        data = np.fromfile(self.path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if image is None:
            raise DataError(f"{self.path} is not a readable picture; remove it or replace it")
        return np.asarray(image, np.uint8)


@dataclass(frozen=True, slots=True)
class Split:
    """What is learned from, what the run is watched on, and whole sources that it never sees."""

    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    held_out: tuple[Sample, ...] = field(default=())


def load_samples(folder: Path) -> tuple[Sample, ...]:
    """All labeled pictures of `folder`, in the order of their paths. Raises DataError when there are none."""
    if not folder.is_dir():
        what = f"{folder} is a file" if folder.is_file() else f"no data folder {folder}"
        raise DataError(f"{what}; give a folder that holds one folder of pictures per class")
    if (folder / "labels.csv").is_file():
        samples = list(_listed_samples(folder / "labels.csv"))
    else:
        samples = list(_packed_samples(folder)) or list(_tree_samples(folder))
    if not samples:
        loose = any(path.suffix.lower() in IMAGES for path in folder.iterdir())
        what = "has its pictures in itself" if loose else "holds no pictures"
        raise DataError(f"{folder} {what}; put them into one folder per class, or name them in a labels.csv")
    return tuple(samples)


def source_of(file_name: str) -> str:
    """`coco` of `coco_00012.jpg`; `all` for a name without an underscore."""
    prefix, mark, _ = file_name.rpartition("_")
    return prefix if mark and prefix else "all"


def sample_key(sample: Sample) -> str:
    """A sample's name within its data, which no other has."""
    if sample.row is not None:
        return f"{sample.label}/{sample.path.name}#{sample.row}"
    return sample.name or f"{sample.label}/{sample.path.name}"


def labels_of(samples: Iterable[Sample]) -> tuple[str, ...]:
    """By class number where the data numbers its classes, else by name; labels that are digits by their value."""
    numbers = {sample.label: sample.number for sample in samples}
    if all(label.isdecimal() for label in numbers):
        return tuple(sorted(numbers, key=lambda label: (int(label), label)))
    return tuple(sorted(numbers, key=lambda label: (-1 if (n := numbers[label]) is None else n, label)))


def part_for_evaluation(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The part that the data reserves for tests; all of it where it reserves none."""
    return tuple(sample for sample in samples if sample.part == "test") or tuple(samples)


def named_by(samples: Sequence[Sample], labels: Sequence[str]) -> tuple[Sample, ...]:
    """Samples whose labels are plain class numbers get the name at that place, where the labels are names.

    Named ones get their class's number where the labels are numbers. Any others stay as they are.
    """
    said = {sample.label for sample in samples}
    if said <= set(labels):
        return tuple(samples)
    if all(label.isdecimal() and int(label) < len(labels) for label in said):
        return tuple(replace(sample, label=labels[int(sample.label)]) for sample in samples)
    if {str(sample.number) for sample in samples} <= set(labels):
        return tuple(replace(sample, label=str(sample.number)) for sample in samples)
    return tuple(samples)


def _tree_samples(folder: Path) -> Iterator[Sample]:
    known = _load_manifest(folder / "MANIFEST.tsv")
    paths = sorted(_pictures_below(folder))
    is_parted = _is_parted(folder, paths)
    for path in paths:
        inner = path.relative_to(folder)
        part, label = (PARTS[inner.parts[0].lower()], inner.parts[1]) if is_parted else ("", inner.parts[0])
        name = inner.as_posix()
        row = known.get(name, {})
        origin = row.get("source") or name
        licence = row.get("licence_as_stated") or ""
        yield Sample(path, label, source_of(path.name), origin, licence, part=part, name=name)


def _pictures_below(folder: Path) -> Iterator[Path]:
    """Pictures in the folders below `folder`, not in itself; hidden ones are left out."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if Path(place) != folder:
            shown = (name for name in files if not name.startswith("."))
            yield from (Path(place, name) for name in shown if Path(name).suffix.lower() in IMAGES)


def _is_parted(folder: Path, paths: Iterable[Path]) -> bool:
    """Whether the top folders are train, val and test; one that holds pictures itself is a class of that name."""
    depths: dict[str, int] = {}
    for path in paths:
        inner = path.relative_to(folder).parts
        depths[inner[0]] = min(depths.get(inner[0], len(inner)), len(inner))
    parted = [name for name, depth in depths.items() if name.lower() in PARTS and depth > 2]
    others = sorted(set(depths) - set(parted))
    if parted and others:
        raise DataError(f"{folder} holds {', '.join(others)} beside {', '.join(sorted(parted))}; move one or the other")
    return bool(parted)


def _packed_samples(folder: Path) -> Iterator[Sample]:
    for packed in find_packed(folder):
        names = class_names(packed.path.parent)
        if names and max(packed.numbers, default=0) >= len(names):
            raise DataError(f"{packed.path} has class {max(packed.numbers)}, but only {len(names)} classes are named")
        source = packed.part or "all"
        for row, number in enumerate(packed.numbers):
            label = names[number] if names else str(number)
            key = f"{label}/{packed.path.name}#{row}"
            yield Sample(packed.path, label, source, key, row=row, part=packed.part, name=key, number=number)


def _listed_samples(path: Path) -> Iterator[Sample]:
    """Pictures that a label file names: file, label and perhaps source and part; files lie beside it or below."""
    folder, seen = path.parent.resolve(), set()
    text = _text_of(path)
    rows = csv.DictReader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    if not {"file", "label"} <= set(rows.fieldnames or ()):
        raise DataError(f"{path} needs the columns file and label in its first line, perhaps source and part too")
    for row in rows:
        place, file, label = f"{path}, line {rows.line_num}", (row["file"] or "").strip(), (row["label"] or "").strip()
        if not file or not label:
            raise DataError(f"{place}: a file and a label are needed")
        try:
            found, is_there = (folder / file).resolve(), (folder / file).is_file()
        except (OSError, ValueError) as error:  # too long, or with a zero byte in it
            raise DataError(f"{place}: {file[:80]!a} is no name of a file") from error
        if Path(file).is_absolute() or not found.is_relative_to(folder):
            raise DataError(f"{place}: {file} lies outside the folder; move it below and name it from there")
        if not is_there:
            raise DataError(f"{place}: there is no {file}; paths count from the folder of the label file")
        if found in seen:
            raise DataError(f"{place}: {file} is named twice; keep one of the lines")
        seen.add(found)
        part = (row.get("part") or "").strip().lower()
        if part and part not in PARTS:
            raise DataError(f"{place}: {part!r} is no part; say train, val or test, or leave it empty")
        source, name = (row.get("source") or "").strip() or source_of(found.name), f"{label}/{file}"
        yield Sample(folder / file, label, source, name, part=PARTS.get(part, ""), name=name)


def split_samples(
    samples: Sequence[Sample], hold_out: Sequence[str] = (), validation: float = 0.1, seed: int = 0
) -> Split:
    """Holds out whole sources, and `validation` of the rest by runs of neighbors.

    Crops of the same picture and consecutive video frames are near-duplicates; sorted by origin they are neighbors,
    and runs of neighbors fall on one side. What the data calls its test part is in neither, and its own validation
    part is taken where it has one. Raises DataError for a source that is not there.
    """
    unknown = sorted(set(hold_out) - {sample.source for sample in samples})
    if unknown:
        there = ", ".join(sorted({sample.source for sample in samples}))
        raise DataError(f"cannot hold out {', '.join(unknown)}: the data has the sources {there}")
    kept = [sample for sample in samples if sample.source not in hold_out and sample.part != "test"]
    if any(sample.part == "val" for sample in kept):
        train = [sample for sample in kept if sample.part != "val"]
        watched = [sample for sample in kept if sample.part == "val"]
    else:
        train, watched = _split_neighbors(kept, validation, random.Random(seed))  # noqa: S311 - repeatable, not secret
    if not train:
        raise DataError("nothing is left to train on; hold out fewer sources, or give more than a test part")
    held = tuple(sample for sample in samples if sample.source in hold_out)
    return Split(tuple(train), tuple(watched or train), held)


def _split_neighbors(
    samples: Sequence[Sample], share: float, choice: random.Random
) -> tuple[list[Sample], list[Sample]]:
    """Where pictures of a source are known, a share of its runs; else of the runs of each class."""
    traced: dict[str, list[Sample]] = {}
    plain: dict[str, list[Sample]] = {}
    for sample in samples:
        is_traced = sample.origin != sample_key(sample)
        (traced.setdefault(sample.source, []) if is_traced else plain.setdefault(sample.label, [])).append(sample)
    runs: list[list[Sample]] = []
    taken: set[int] = set()
    for source in sorted(traced):
        some = _runs(traced[source])
        taken.update(len(runs) + i for i in choice.sample(range(len(some)), round(share * len(some))))
        runs += some
    for label in sorted(plain):
        some = _runs_by_source(plain[label])
        taken.update(len(runs) + i for i in _draw(some, share, choice))
        runs += some
    taken |= _for_short_classes(runs, taken, share, choice)
    train = [sample for index, run in enumerate(runs) if index not in taken for sample in run]
    return train, [sample for index in sorted(taken) for sample in runs[index]]


def _draw(runs: Sequence[Sequence[Sample]], share: float, choice: random.Random) -> set[int]:
    """Runs that together come as close to their share as runs can; at least one of several, unless none is wanted."""
    wanted = share * sum(map(len, runs))
    taken: set[int] = set()
    count = 0
    for index in choice.sample(range(len(runs)), len(runs)):
        size = len(runs[index])
        is_first = not taken and share > 0 and len(runs) > 1
        if is_first or abs(count + size - wanted) < abs(count - wanted):
            taken.add(index)
            count += size
    return taken


def _for_short_classes(
    runs: Sequence[Sequence[Sample]], taken: set[int], share: float, choice: random.Random
) -> set[int]:
    """Further runs for classes of which the draw took less than half their share, leaving some to learn from."""
    counts = [Counter(sample.label for sample in run) for run in runs]
    total: Counter[str] = sum(counts, Counter())
    more: set[int] = set()
    for label in sorted(total):
        have = sum(counts[index][label] for index in taken)
        holding = [index for index, count in enumerate(counts) if count[label] and index not in taken]
        for index in choice.sample(holding, len(holding)):
            if have >= share * total[label] / 2:
                break
            size = counts[index][label]
            if index not in more and have + size < total[label]:
                more.add(index)
                have += size
    return more


def picture_of(origin: str) -> str:
    """The picture that a crop was cut from: its origin without the cut's own mark and the exporter's hash."""
    path, mark, rest = origin.rpartition("/")
    bare = rest if rest.startswith("#") else rest.partition("#")[0]
    return path + mark + re.sub(r"\.rf\.[0-9a-f]+", "", bare)


def _runs(samples: Sequence[Sample]) -> list[list[Sample]]:
    length = max(1, min(RUN, len(samples) // 20))
    ordered = sorted(samples, key=lambda sample: _natural(picture_of(sample.origin)))
    runs: list[list[Sample]] = [[]]
    for sample in ordered:
        last = runs[-1]
        if len(last) >= length and picture_of(last[-1].origin) != picture_of(sample.origin):
            runs.append(last := [])
        last.append(sample)
    return runs


def _runs_by_source(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Pictures in one file of many are no neighbors: each is a run of its own."""
    by_source: dict[str, list[Sample]] = {}
    for sample in samples:
        by_source.setdefault(sample.source, []).append(sample)
    runs = []
    for source in sorted(by_source):
        some = by_source[source]
        runs += [[sample] for sample in some] if some[0].row is not None else _runs(some)
    return runs


def _picture(sample: Sample) -> str:
    return picture_of(sample.origin)


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def parse_manifest(text: str) -> dict[str, dict[str, str]]:
    """file -> its row, of a MANIFEST.tsv with the columns file, class, source and licence_as_stated."""
    return {row["file"]: row for row in csv.DictReader(text.splitlines(), delimiter="\t")}


def _load_manifest(path: Path) -> Mapping[str, Mapping[str, str]]:
    if not path.is_file():
        return {}
    return parse_manifest(_text_of(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text ({error}); save it anew") from error
