"""Labeled pictures become a tree with the parts train, val and test, each class in the same shares.

What is nearly the same, and what was cut from one picture, never straddles two parts. The same data, shares and seed
give the same parts.
"""

from __future__ import annotations

import csv
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from surveillance.domain.errors import DataError, UserMistake
from surveillance.training.datasets import Sample, load_samples, picture_of, sample_key
from surveillance.training.duplicates import Prints, join, near_pairs, take_prints

LEFT_OUT = ""  # no part: too much like a picture of a test part that the data came with
COLUMNS = ("file", "class", "source", "licence_as_stated", "part")


def split_data(
    folder: Path, out: Path, shares: Mapping[str, float], seed: int = 0, link: bool = False
) -> tuple[int, int]:
    """Divides the pictures of `folder` into `out`; returns how many were left out, and how many cannot be read."""
    _check_shares(shares)
    _check_out(out)
    prints = take_prints(load_samples(folder))
    if not prints.samples:
        raise DataError(f"none of the {len(prints.broken)} pictures in {folder} can be read; nothing was written")
    parts = plan_split(prints.samples, kin_of(prints), shares, seed)
    write_split(prints.samples, parts, out, link)
    return parts.count(LEFT_OUT), len(prints.broken)


def kin_of(prints: Prints) -> NDArray[np.int64]:
    """(n,) the family of each sample: near-duplicates, and crops of one picture."""
    first: dict[str, int] = {}
    cuts = [
        (first.setdefault(picture, index), index)
        for index, picture in enumerate(map(traced_picture, prints.samples))
        if picture
    ]
    pairs = np.concatenate([near_pairs(prints), np.asarray(cuts, np.int64).reshape(-1, 2)])
    return join(len(prints.samples), pairs)


def traced_picture(sample: Sample) -> str:
    """The picture that a sample was cut from, where the data tells."""
    return picture_of(sample.origin) if sample.origin != sample_key(sample) else ""


def plan_split(
    samples: Sequence[Sample], kin: Sequence[int] | NDArray[np.int64], shares: Mapping[str, float], seed: int = 0
) -> tuple[str, ...]:
    """The part of each sample, whole families at a time and each class as near its shares as families allow.

    A test part that the data has already stays what it is, whatever share is given for it; the others' families that
    reach into it are left out. Raises UserMistake for shares that do not make 1.
    """
    _check_shares(shares)
    families: dict[int, list[int]] = {}
    for index, family in enumerate(kin):
        families.setdefault(int(family), []).append(index)
    parts = ["test" if sample.part == "test" else LEFT_OUT for sample in samples]
    free = [members for members in families.values() if not any(parts[index] for index in members)]
    if any(parts):
        left = {part: share for part, share in shares.items() if part != "test"}
        shares = {part: share / sum(left.values()) for part, share in left.items()}
    counts = [Counter(samples[index].label for index in members) for members in free]
    for members, part in zip(free, _assign(counts, shares, seed), strict=True):
        for index in members:
            parts[index] = part
    return tuple(parts)


def _check_shares(shares: Mapping[str, float]) -> None:
    said = " + ".join(f"{share:g}" for share in shares.values())
    if any(share < 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise UserMistake(f"the shares {said} make {sum(shares.values()):g}; they must make 1, none below 0")
    if not shares["train"]:
        raise UserMistake("the share of train is 0; nothing could be learned")


def _assign(counts: Sequence[Counter[str]], shares: Mapping[str, float], seed: int) -> list[str]:
    """Small families take a seat of their class in each part; the rest, large ones first, go where most is missing."""
    parts = [part for part, share in shares.items() if share > 0]
    missing = _wanted(counts, {part: shares[part] for part in parts})
    order = list(range(len(counts)))
    random.Random(seed).shuffle(order)  # noqa: S311 - a split must be repeatable, not secret
    order.sort(key=lambda index: -counts[index].total())
    given: dict[int, str] = {}

    def give(index: int, part: str) -> None:
        given[index] = part
        for label, size in counts[index].items():
            missing[part][label] -= size

    for label in sorted(missing[parts[0]]):
        holding = [index for index in reversed(order) if counts[index][label]]
        there = {given[index] for index in holding if index in given}
        seats = [part for part in parts if part not in there]
        if len(holding) >= len(parts):
            for index, part in zip([i for i in holding if i not in given], reversed(seats), strict=False):
                give(index, part)
    totals: Counter[str] = sum(counts, Counter())
    for index in order:
        if index not in given:
            give(index, max(parts, key=lambda part: _need(counts[index], missing[part], totals)))
    return [given[index] for index in range(len(counts))]


def _wanted(counts: Sequence[Counter[str]], shares: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Part -> class -> how many pictures; one at least where the class has families enough."""
    wanted: dict[str, dict[str, float]] = {part: {} for part in shares}
    totals: Counter[str] = sum(counts, Counter())
    largest = max(shares, key=lambda part: shares[part])
    for label, total in totals.items():
        least = float(sum(label in count for count in counts) >= len(shares))
        for part, share in shares.items():
            wanted[part][label] = max(share * total, least)
        wanted[largest][label] -= sum(wanted[part][label] for part in shares) - total
    return wanted


def _need(count: Mapping[str, int], missing: Mapping[str, float], totals: Mapping[str, int]) -> float:
    return sum(size * missing[label] / totals[label] for label, size in count.items())


def write_split(samples: Sequence[Sample], parts: Sequence[str], out: Path, link: bool = False) -> Path:
    """Writes `out`/PART/CLASS/... and its MANIFEST.tsv, whole or not at all; pictures are copied, or linked to.

    Pictures out of files that hold many become PNG files. Raises UserMistake for a folder that is not empty.
    """
    _check_out(out)
    folders = _folder_names(samples)
    making = out.with_name(out.name + ".part")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    rows: dict[str, tuple[str, ...]] = {}
    for sample, part in tqdm(list(zip(samples, parts, strict=True)), "writing", unit="picture", leave=False):
        if part != LEFT_OUT:
            label, below = folders[sample.label], _name_below(sample)
            while f"{part}/{label}/{below}" in rows:  # two parts that are mixed anew may use the same names
                below = f"{sample.part or 'more'}/{below}"
            file = f"{part}/{label}/{below}"
            _write_picture(sample, making / file, link)
            rows[file] = (file, label, _origin(sample), sample.licence, part)
    with (making / "MANIFEST.tsv").open("w", encoding="utf-8", newline="") as manifest:
        csv.writer(manifest, delimiter="\t", lineterminator="\n").writerows([COLUMNS, *sorted(rows.values())])
    if out.exists():
        out.rmdir()
    return making.rename(out)


def _check_out(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserMistake(f"{out} is not empty; name a folder that is not there yet")


def _folder_names(samples: Iterable[Sample]) -> dict[str, str]:
    """Class -> a folder's name: `T-shirt/top` is no such."""
    found = {label: re.sub(r"[/\\:]", "-", label).lstrip(".") for label in sorted({s.label for s in samples})}
    if "" in found.values() or len(set(found.values())) < len(found):
        raise DataError(f"the classes {', '.join(found)} cannot be told apart as names of folders; rename one")
    return found


def _name_below(sample: Sample) -> str:
    """A picture's path within its class."""
    if sample.row is not None:
        stem = re.split(r"-images|\.", sample.path.name)[0] or "row"
        return f"{stem}_{sample.row:06}.png"
    name = sample.name or sample.path.name
    for lead in (f"{sample.label}/", f"{name.partition('/')[0]}/{sample.label}/"):
        if name.startswith(lead):
            return name.removeprefix(lead)
    return name


def _origin(sample: Sample) -> str:
    if sample.row is not None:
        return f"{sample.path.name}:{sample.row}"
    return sample.origin if sample.origin != sample_key(sample) else ""


def _write_picture(sample: Sample, path: Path, link: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if sample.row is not None:
        path.write_bytes(cv2.imencode(".png", sample.load())[1].tobytes())
    elif link:
        path.symlink_to(sample.path.resolve())
    else:
        shutil.copyfile(sample.path, path)
