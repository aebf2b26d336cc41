"""A data folder becomes a list of what must be mended before training on it, and of what is worth a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surveillance.training.datasets import Sample, labels_of, load_samples, sample_key
from surveillance.training.duplicates import Groups, Prints, groups_of, join, near_pairs, same_pictures, take_prints
from surveillance.training.sheets import Row
from surveillance.training.splits import traced_picture

FEW = 20  # pictures of a class
UNEVEN = 5  # times as many pictures in the largest class as in the smallest
SMALL = 16  # pixels of the shorter side
NAMED = 3  # examples in a sentence
SHOWN = 6  # groups of a kind on a sheet


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. Groups are of indices into `prints.samples`."""

    folder: Path
    prints: Prints
    same: Groups
    near: Groups  # those with more in them than copies of one picture
    leaked: NDArray[np.int64]  # (m, 2) near-duplicates in two parts

    @property
    def samples(self) -> tuple[Sample, ...]:
        return self.prints.samples


def check_data(folder: Path) -> Checked:
    """Reads every picture once and compares all with all. Raises DataError for a folder that is no data."""
    prints = take_prints(load_samples(folder))
    pairs, same = near_pairs(prints), same_pictures(prints)
    parts = np.asarray([sample.part for sample in prints.samples])
    near = groups_of(join(len(prints.samples), pairs))
    copies = {group for group in near if len({prints.digests[index] for index in group}) == 1}
    leaked = pairs[parts[pairs[:, 0]] != parts[pairs[:, 1]]] if len(pairs) else pairs
    return Checked(folder, prints, same, tuple(group for group in near if group not in copies), leaked)


def faults_of(checked: Checked) -> list[str]:
    """What must be mended, a sentence each."""
    samples, broken = checked.samples, checked.prints.broken
    faults = []
    if broken:
        told = _some(f"{sample_key(sample)}: {what}" for sample, what in broken)
        faults.append(f"{_count(len(broken), 'picture')} cannot be read; remove or replace them ({told})")
    torn = [group for group in checked.same if len({samples[i].label for i in group}) > 1]
    if torn:
        told = _some(" = ".join(sample_key(samples[i]) for i in group) for group in torn)
        faults.append(f"{_count(len(torn), 'picture')} in several classes at once; keep each in one ({told})")
    if len(checked.leaked):
        told = _some(" ~ ".join(sample_key(samples[i]) for i in pair) for pair in checked.leaked)
        count = len({int(i) for pair in checked.leaked for i in pair})
        faults.append(f"{_count(count, 'picture')} nearly or wholly the same as one of another part; {_anew(told)}")
    if straddling := _straddling(samples):
        faults.append(f"crops of {_count(len(straddling), 'picture')} lie in several parts; {_anew(_some(straddling))}")
    return faults + list(_missing_classes(samples))


def _missing_classes(samples: Sequence[Sample]) -> Iterator[str]:
    labels = labels_of(samples)
    if len(labels) == 1:
        yield f"there is one class only ({', '.join(labels)}); training needs at least two"
    to_learn = {sample.label for sample in samples if sample.part in ("", "train")}
    unseen = [label for label in labels if label not in to_learn]
    if to_learn and unseen:
        yield f"the train part has no pictures of {', '.join(unseen)}; add some, or take the class away"


def advice_of(checked: Checked) -> list[str]:
    """What is worth a look but hinders nothing, a sentence each."""
    samples, advice = checked.samples, []
    inside = [g for g in checked.same if len({(samples[i].label, samples[i].part) for i in g}) == 1]
    if inside:
        spare = sum(len(group) - 1 for group in inside)
        told = _some(" = ".join(sample_key(samples[i]) for i in group) for group in inside)
        advice.append(f"{_count(spare, 'copy', 'copies')} of another picture of the same class ({told})")
    if checked.near:
        count = sum(map(len, checked.near))
        advice.append(f"{_count(count, 'picture')} nearly the same as another, in {_count(len(checked.near), 'group')}")
    mixed = [group for group in checked.near if len({samples[i].label for i in group}) > 1]
    if mixed:
        told = _some(" ~ ".join(sample_key(samples[i]) for i in group[:NAMED]) for group in mixed)
        advice.append(f"{_count(len(mixed), 'group')} of these in several classes: a wrong label? ({told})")
    small = int((checked.prints.sizes.min(axis=1) < SMALL).sum()) if len(samples) else 0
    if small:
        advice.append(f"{_count(small, 'picture')} less than {SMALL} pixels wide or high")
    return advice + list(_uneven(Counter(sample.label for sample in samples)))


def _uneven(counts: Counter[str]) -> Iterator[str]:
    few = sorted(label for label, count in counts.items() if count < FEW)
    if few:
        yield f"less than {FEW} pictures of {_count(len(few), 'class', 'classes')} ({_some(few)})"
    if counts:
        (most, many), (least, little) = counts.most_common()[0], counts.most_common()[-1]
        if many >= UNEVEN * little:
            yield f"{many / little:.0f} times as many pictures of {most} as of {least}: train by class weights"


def page_of(checked: Checked) -> dict[str, Any]:
    """All of it, as JSON holds it."""
    samples, sizes = checked.samples, checked.prints.sizes

    def told(group: Iterable[Any]) -> list[dict[str, str]]:
        return [{"picture": sample_key(s), "class": s.label, "part": s.part} for s in (samples[int(i)] for i in group)]

    return {
        "pictures": len(samples),
        "classes": class_counts(samples),
        "sizes": {
            "smallest": sizes.min(axis=0).tolist() if len(sizes) else None,
            "median": np.median(sizes, axis=0).astype(int).tolist() if len(sizes) else None,
            "largest": sizes.max(axis=0).tolist() if len(sizes) else None,
        },
        "broken": [{"picture": sample_key(s), "class": s.label, "fault": what} for s, what in checked.prints.broken],
        "same": [told(group) for group in checked.same],
        "nearly_same": [told(group) for group in checked.near],
        "across_parts": [told(pair) for pair in checked.leaked],
        "faults": faults_of(checked),
        "advice": advice_of(checked),
    }


def class_counts(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """Class -> part -> pictures; the part is "all" where the data names none."""
    found: dict[str, Counter[str]] = {label: Counter() for label in labels_of(samples)}
    for sample in samples:
        found[sample.label][sample.part or "all"] += 1
    return {label: dict(sorted(parts.items())) for label, parts in found.items()}


def rows_of(checked: Checked) -> list[Row]:
    """A contact sheet's rows: the largest groups of each kind of finding."""
    samples = checked.samples

    def is_torn(group: Sequence[int]) -> bool:
        return len({samples[i].label for i in group}) > 1

    kinds = {
        "In two parts": [tuple(pair) for pair in checked.leaked.tolist()],
        "The same, in several classes": [group for group in checked.same if is_torn(group)],
        "Nearly the same, in several classes": [group for group in checked.near if is_torn(group)],
        "The same": [group for group in checked.same if not is_torn(group)],
        "Nearly the same": [group for group in checked.near if not is_torn(group)],
    }
    rows: list[Row] = []
    for title, groups in kinds.items():
        for number, group in enumerate(sorted(groups, key=len, reverse=True)[:SHOWN], 1):
            shown = [(samples[i].load(), _caption(samples[i])) for i in group[:10]]
            rows.append((f"{title}, {number} of {len(groups)}: {_count(len(group), 'picture')}", shown))
    return rows


def _caption(sample: Sample) -> str:
    name = sample.path.stem if sample.row is None else f"#{sample.row}"
    return f"{sample.label}{f', {sample.part}' if sample.part else ''}\n{name}"


def _straddling(samples: Iterable[Sample]) -> list[str]:
    parts: dict[str, set[str]] = {}
    for sample in samples:
        if picture := traced_picture(sample):
            parts.setdefault(picture, set()).add(sample.part)
    return sorted(picture for picture, there in parts.items() if len(there) > 1)


def _anew(told: str) -> str:
    return f"split anew by `surveillance dataset split` ({told})"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return "; ".join(listed[:NAMED]) + (f"; and {len(listed) - NAMED} more" if len(listed) > NAMED else "")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
