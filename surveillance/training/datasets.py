"""A tree of crops, one folder per class, becomes samples in memory, split so that near-duplicates stay together.

A MANIFEST.tsv in the tree (file, class, source, licence) tells where each crop comes from; without one every file is
its own source. The part of a file's name before its last underscore names the source it belongs to.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from surveillance.domain.errors import DataError
from surveillance.domain.values import Bgr

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".pgm", ".ppm"})
RUN = 40  # crops that lie side by side in their source are kept together, this many at a time


@dataclass(frozen=True, slots=True)
class Sample:
    """One labeled crop. `source` is the file prefix; `origin` says where the picture was found."""

    path: Path
    label: str
    source: str
    origin: str
    licence: str = ""

    def load(self) -> Bgr:
        """(height, width, 3) uint8. Raises DataError for a file that is no picture."""
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
    """All crops below `folder`/CLASS/, sorted by path. Raises DataError when there are none."""
    if not folder.is_dir():
        raise DataError(f"no data folder {folder}; give a folder that holds one folder of pictures per class")
    known = _load_manifest(folder / "MANIFEST.tsv")
    samples = []
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() in IMAGES:
            row = known.get(f"{path.parent.name}/{path.name}", {})
            origin = row.get("source") or f"{path.parent.name}/{path.name}"
            licence = row.get("licence_as_stated", "")
            samples.append(Sample(path, path.parent.name, source_of(path.name), origin, licence))
    if not samples:
        raise DataError(f"{folder} holds no pictures; it should hold one folder of pictures per class")
    return tuple(samples)


def source_of(file_name: str) -> str:
    """`coco` of `coco_00012.jpg`; `all` for a name without an underscore."""
    prefix, mark, _ = file_name.rpartition("_")
    return prefix if mark and prefix else "all"


def labels_of(samples: Iterable[Sample]) -> tuple[str, ...]:
    return tuple(sorted({sample.label for sample in samples}))


def split_samples(
    samples: Sequence[Sample], hold_out: Sequence[str] = (), validation: float = 0.1, seed: int = 0
) -> Split:
    """Holds out whole sources, and `validation` of the rest by runs of neighbors.

    Crops of the same picture and consecutive video frames are near-duplicates; sorted by origin they are neighbors,
    and runs of neighbors fall on one side. Raises DataError for a source that is not there.
    """
    unknown = sorted(set(hold_out) - {sample.source for sample in samples})
    if unknown:
        there = ", ".join(sorted({sample.source for sample in samples}))
        raise DataError(f"cannot hold out {', '.join(unknown)}: the data has the sources {there}")
    kept: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.source not in hold_out:
            kept.setdefault(sample.source, []).append(sample)
    choice = random.Random(seed)  # noqa: S311 - a split must be repeatable, not secret
    train: list[Sample] = []
    watched: list[Sample] = []
    for source in sorted(kept):
        runs = _runs(kept[source], max(1, min(RUN, len(kept[source]) // 20)))
        taken = set(choice.sample(range(len(runs)), round(validation * len(runs))))
        for index, run in enumerate(runs):
            (watched if index in taken else train).extend(run)
    if not train:
        raise DataError("nothing is left to train on; hold out fewer sources")
    held = tuple(sample for sample in samples if sample.source in hold_out)
    return Split(tuple(train), tuple(watched or train), held)


def picture_of(origin: str) -> str:
    """The picture that a crop was cut from: its origin without the cut's own mark and the exporter's hash."""
    path, mark, rest = origin.rpartition("/")
    bare = rest if rest.startswith("#") else rest.partition("#")[0]
    return path + mark + re.sub(r"\.rf\.[0-9a-f]+", "", bare)


def _runs(samples: Sequence[Sample], length: int) -> list[list[Sample]]:
    ordered = sorted(samples, key=lambda sample: _natural(picture_of(sample.origin)))
    runs: list[list[Sample]] = [[]]
    for sample in ordered:
        last = runs[-1]
        if len(last) >= length and picture_of(last[-1].origin) != picture_of(sample.origin):
            runs.append(last := [])
        last.append(sample)
    return runs


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def parse_manifest(text: str) -> dict[str, dict[str, str]]:
    """file -> its row, of a MANIFEST.tsv with the columns file, class, source and licence_as_stated."""
    return {row["file"]: row for row in csv.DictReader(text.splitlines(), delimiter="\t")}


def _load_manifest(path: Path) -> Mapping[str, Mapping[str, str]]:
    if not path.is_file():
        return {}
    return parse_manifest(path.read_text(encoding="utf-8"))
