"""Pictures of known persons become the figures of a face embedding: how often it is right, and where thresholds lie.

Persons are split in two: those of the first half set the thresholds, those of the second are only tested; every second
of these is enrolled, and the others are strangers. The similarities of different persons are spread normally, so the
thresholds lie where that leaves the wanted rate: the few pairs in the tail of few persons would say too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from surveillance.domain.errors import DataError
from surveillance.domain.faces import FaceFigures, Vectors
from surveillance.domain.values import Bgr
from surveillance.perception.faces import Face
from surveillance.training.plots import Theme, save_png

FAR, STRICT_FAR = 1e-3, 1e-5  # of one pair of different persons: what the thresholds of 1:1 and of 1:N are set to
AT_MOST = 3.0  # over n pairs without a match the rate is at most 3/n, with 95 % certainty
ENROLLED = 5  # pictures of a person that become templates
LEAST_PERSONS = 8
SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".bmp", ".webp")

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The vectors of all pictures that were good enough, with their persons; and why others were not."""

    vectors: Vectors
    persons: Numbers  # place in `names` of each vector's
    names: tuple[str, ...]
    refused: Mapping[str, int]  # reason -> pictures


@dataclass(frozen=True, slots=True)
class FaceReport:
    """What was measured. Rates are shares 0..1; each names how many comparisons it rests on."""

    figures: FaceFigures
    tuning: Mapping[str, Any]
    test: Mapping[str, Any]
    refused: Mapping[str, int]
    same: Scores  # similarities of the test half's pairs of one person
    different: Scores  # and of different persons

    def as_json(self) -> dict[str, Any]:
        return {
            "figures": asdict(self.figures),
            "tuning": dict(self.tuning),
            "test": dict(self.test),
            "refused": dict(self.refused),
        }


def list_faces(folder: Path) -> dict[str, list[Path]]:
    """Person -> pictures, from a folder with one folder for each person. Raises DataError."""
    people = {
        each.name: sorted(path for path in each.iterdir() if path.suffix.lower() in SUFFIXES)
        for each in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if each.is_dir()
    }
    found = {name: paths for name, paths in people.items() if len(paths) >= 2}
    if len(found) < LEAST_PERSONS:
        raise DataError(
            f"{folder} must hold a folder for each person with two pictures or more, of {LEAST_PERSONS} persons or more"
        )
    return found


def gather(
    people: Mapping[str, Sequence[Path]],
    find: Callable[[Bgr], Sequence[Face]],
    embed: Callable[[Bgr], NDArray[np.float32]],
    progress: Callable[[Sequence[tuple[int, Path]]], Iterable[tuple[int, Path]]] = lambda steps: steps,
) -> Gathered:
    """The vector of the largest face in each picture, where it is good enough."""
    vectors, persons = [], []
    refused: dict[str, int] = {}
    steps = [(number, path) for number, paths in enumerate(people.values()) for path in paths]
    for number, path in progress(steps):
        faces = find(read_face_picture(path))
        fault = faces[0].fault.partition(":")[0] if faces else "no face found"
        if fault:
            refused[fault] = refused.get(fault, 0) + 1
            continue
        vectors.append(embed(faces[0].aligned))
        persons.append(number)
    return Gathered(np.stack(vectors), np.asarray(persons, np.int64), tuple(people), refused)


def read_face_picture(path: Path) -> Bgr:
    """Raises DataError for what is no picture."""
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise DataError(f"{path} is no picture that can be read")
    return np.asarray(pixels, np.uint8)


def measure(gathered: Gathered, source: str) -> FaceReport:
    """The figures of what was gathered. Raises DataError where too few persons are left."""
    half = len(gathered.names) // 2
    tuning = pairs_of(_part(gathered, range(half)))
    test_part = _part(gathered, range(half, len(gathered.names)))
    same, different = pairs_of(test_part)
    if min(len(same), len(different), len(tuning[0]), len(tuning[1])) == 0:
        raise DataError("too few faces were good enough to compare any")
    figures = _figures(tuning[1], different, source)
    own = threshold_at(different, FAR)
    test = {
        "persons": len(gathered.names) - half,
        "same_pairs": len(same),
        "different_pairs": len(different),
        "true_accept_rate": _share(same, figures.threshold),
        "false_accept_rate": _share(different, figures.threshold),
        "false_accepts": int((different >= figures.threshold).sum()),
        "true_accept_rate_at_far_0.001": _share(same, own),
        "false_accepts_at_far_0.001": int((different >= own).sum()),
        **identified(test_part, figures),
    }
    told = {"persons": half, "same_pairs": len(tuning[0]), "different_pairs": len(tuning[1])}
    return FaceReport(figures, told, test, gathered.refused, same, different)


def _figures(tuned: Scores, different: Scores, source: str) -> FaceFigures:
    """The thresholds by the first half's pairs of different persons, and their rates by the second's."""
    threshold, strict = (max(normal_threshold(tuned, far), threshold_at(tuned, far)) for far in (FAR, STRICT_FAR))
    least = AT_MOST / len(different)
    return FaceFigures(
        threshold=round(threshold, 4),
        far=round(_share(different, round(threshold, 4)) or least, 6),
        identify_threshold=round(strict, 4),
        identify_far=round(_share(different, round(strict, 4)) or least, 6),
        pairs=len(different),
        source=source,
    )


def normal_threshold(different: Scores, far: float) -> float:
    """Where a normal distribution of the same mean and spread leaves that share above."""
    return float(different.mean() + NormalDist().inv_cdf(1 - far) * different.std())


def threshold_at(different: Scores, far: float) -> float:
    """The least similarity that no more than that share of the pairs of different persons reach."""
    ordered = np.sort(different)
    above = int(far * len(ordered))
    return float(np.nextafter(ordered[len(ordered) - above - 1], 2))


def identified(part: Gathered, figures: FaceFigures) -> dict[str, Any]:
    """A gallery of every second person against the other pictures of these, and against strangers."""
    first_of = _rank_within(part.persons)
    everybody = first_of < ENROLLED
    enrolled = everybody & (part.persons % 2 == 0)
    probes, strangers = ~everybody & (part.persons % 2 == 0), part.persons % 2 == 1
    closed = _nearest(part, ~everybody, everybody)
    best, who = _best(part.vectors[probes], part, enrolled)
    known = who == part.persons[probes]
    foreign, _ = _best(part.vectors[strangers], part, enrolled)
    return {
        "rank_1": closed,
        "rank_1_probes": int((~everybody).sum()),
        "gallery_persons": len(np.unique(part.persons[enrolled])),
        "gallery_templates": int(enrolled.sum()),
        "identified_rate": float((known & (best >= figures.identify_threshold)).mean()),
        "identified_probes": int(probes.sum()),
        "wrongly_identified": int((~known & (best >= figures.identify_threshold)).sum()),
        "strangers": len(np.unique(part.persons[strangers])),
        "stranger_probes": int(strangers.sum()),
        "false_identification_rate": float((foreign >= figures.identify_threshold).mean()),
        "false_identification_rate_at_1_to_1_threshold": float((foreign >= figures.threshold).mean()),
        "expected_false_identification_rate": round(figures.false_identifications(int(enrolled.sum())), 4),
    }


def pairs_of(part: Gathered) -> tuple[Scores, Scores]:
    """The similarities of all pairs of one person, and of all pairs of different ones."""
    rows, columns = np.triu_indices(len(part.vectors), 1)
    scores = np.einsum("ij,ij->i", part.vectors[rows], part.vectors[columns]).astype(np.float64)
    is_same = part.persons[rows] == part.persons[columns]
    return scores[is_same], scores[~is_same]


def _part(gathered: Gathered, numbers: range) -> Gathered:
    """The pictures of these persons, who are numbered anew from 0."""
    keep = (gathered.persons >= numbers.start) & (gathered.persons < numbers.stop)
    persons = gathered.persons[keep] - numbers.start
    return replace(gathered, vectors=gathered.vectors[keep], persons=persons)


def _rank_within(persons: Numbers) -> Numbers:
    """Each picture's place among those of its person."""
    seen: dict[int, int] = {}
    ranks = []
    for person in persons:
        ranks.append(seen.get(int(person), 0))
        seen[int(person)] = ranks[-1] + 1
    return np.asarray(ranks, np.int64)


def _best(probes: Vectors, part: Gathered, gallery: NDArray[np.bool_]) -> tuple[Scores, Numbers]:
    """The highest similarity of each probe to a template, and whose that is."""
    scores = (probes @ part.vectors[gallery].T).astype(np.float64)
    return scores.max(axis=1), part.persons[gallery][scores.argmax(axis=1)]


def _nearest(part: Gathered, probes: NDArray[np.bool_], gallery: NDArray[np.bool_]) -> float:
    _, who = _best(part.vectors[probes], part, gallery)
    return float((who == part.persons[probes]).mean())


def _share(scores: Scores, threshold: float) -> float:
    return float((scores >= threshold).mean())


# --- the picture ---------------------------------------------------------------------------------------------------


def save_report(report: FaceReport, path: Path) -> Path:
    """One page: how alike pairs are on the left, what is let through and what is refused on the right."""
    return save_png(lambda theme: draw_faces(report, theme), path)


def draw_faces(report: FaceReport, theme: Theme) -> Figure:
    figure = Figure((9.2, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    bins = np.linspace(-0.4, 1.0, 57)
    for scores, color, name in ((report.different, theme.bad, "different persons"), (report.same, theme.good, "same")):
        weights = np.full(len(scores), 1 / len(scores))
        left.hist(scores, bins, weights=weights, color=color, alpha=0.6, label=f"{name} ({len(scores)} pairs)")
    left.set(xlabel="similarity", ylabel="share of pairs", xlim=(-0.4, 1.0), ylim=(0, 0.19))
    _mark(left, report, theme)
    steps = np.unique(np.concatenate([np.linspace(-0.2, 1.0, 400), [report.figures.threshold]]))
    accepted = [(_share(report.different, step), _share(report.same, step)) for step in steps]
    shown = [(far, tar) for far, tar in accepted if far > 0]
    right.plot(*zip(*shown, strict=True), color=theme.good, linewidth=1.8)
    right.axvline(FAR, color=theme.faint, linewidth=1, linestyle=(0, (4, 3)))
    right.set(xscale="log", xlabel="different persons accepted", ylabel="same person accepted", ylim=(0.9, 1.005))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=theme.grid, linewidth=0.6)
        axes.tick_params(colors=theme.ink, labelsize=8)
        axes.xaxis.label.set(color=theme.ink, size=9)
        axes.yaxis.label.set(color=theme.ink, size=9)
        axes.spines[:].set_color(theme.grid)
    left.legend(loc="upper left", frameon=False, fontsize=8, labelcolor=theme.ink)
    return figure


def _mark(axes: Axes, report: FaceReport, theme: Theme) -> None:
    for value, name in ((report.figures.threshold, "1:1"), (report.figures.identify_threshold, "1:N")):
        axes.axvline(value, color=theme.ink, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(value, 0.186, f" {name}", va="top", color=theme.ink, fontsize=8)
