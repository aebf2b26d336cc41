"""Scenes in, tracks out: the same thing over time, labelled by the vote of all its crops.

A track is confirmed over several frames, coasts over gaps, and is called `unknown` until one label clearly leads.
Time is the frames' own. Association: Hungarian over overlap and distance on a Kalman filter of constant velocity (as in
SORT, Bewley et al. 2016), written on arrays because the kept libraries miss the speed budget (decision 0002).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from surveillance.domain.geometry import Box
from surveillance.domain.values import (
    BACKGROUND,
    NO_SUBJECT,
    REJECTED,
    Classification,
    Frame,
    Gray,
    Scene,
    Subject,
    Track,
)
from surveillance.perception.settings import TrackSettings

Floats = NDArray[np.float64]

NOISE = 0.05  # deviation of where a box is found, in its own sizes; the filter's own deviations are told in it
AGILITY = 25.0  # deviation by which a speed changes in a second: more than one size a second
FASTEST = 40.0  # deviation of the speed of what was found once: two sizes a second
SIZE_S = 0.3  # time constant with which a new size is believed
STATE = 9  # cx, cy, width, height, vx, vy, in picture heights and seconds; variance of place, of both, of speed
FARTHEST = 1.4  # own sizes from where it was expected; what is found further off is not it
DETECTOR = "detector"  # the source of what a detector found: a whole thing, once, while motion finds parts and unions
DETECTED, MOVED = (0.15, 3.0), (0.35, 6.0)  # own sizes by which each misses what stands; most ratio of its areas
VIEWS = 4
LEAST_NOVELTY = 0.05  # so that who sits still, and is surely a person, becomes one within half a minute
SAME_VIEW = 0.8  # overlap above which two crops are one view, seen twice
SAME_PATCH = 0.6  # correlation above which a still place shows what it showed
PATCH = (16, 24)
BORDER = 0.004  # a box nearer to the picture's edge than this is cut off by it
DUPLICATE_FRAMES = 5  # frames that one track must lie on another before it is dropped
TENTATIVE_COST = 0.2  # whom we know comes first
IMPOSSIBLE = 1e6


@dataclass(slots=True)
class Vote:
    """What the crops of one track said so far; sure and whole ones count for more."""

    counts: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    total: float = 0.0  # of the worths behind the scores
    cast: float = 0.0  # of the counts

    def add(self, seen: Classification, worth: float, novelty: float) -> None:
        """One crop's voice, as loud as its best label leads its second. `novelty` below 1: the view was seen before."""
        ranked = sorted(seen.scores.values(), reverse=True)
        worth *= ranked[0] - ranked[1] if len(ranked) > 1 else 1.0
        self.cast += worth * novelty
        self.counts[seen.label] = self.counts.get(seen.label, 0.0) + worth * novelty
        self.total += worth
        for label, score in seen.scores.items():
            self.scores[label] = self.scores.get(label, 0.0) + worth * score

    def result(self, min_share: float, min_lead: float) -> tuple[str, float]:
        """The leading label and its mean score over all crops; REJECTED where the lead is not clear.

        Background needs to lead by one vote at most: nothing is claimed by it.
        """
        if self.total <= 0.0:
            return REJECTED, 0.0
        label, most, second = REJECTED, 0.0, 0.0
        for name, votes in self.counts.items():
            if votes > most:
                label, most, second = name, votes, most
            elif votes > second:
                second = votes
        confidence = min(self.scores.get(label, 0.0) / self.total, 1.0)
        needed = min_lead if label != BACKGROUND else min(min_lead, 1.0)
        if most < min_share * self.cast or most - second < needed:
            return REJECTED, confidence
        return label, confidence


@dataclass(slots=True)
class Life:
    """What is remembered of one track besides its motion."""

    id: int
    started_at: datetime
    seen_at: datetime
    seen_s: float  # the same as seconds, which are quicker to reckon with
    source: str  # of what it was last found by
    born: Box  # where it was first found
    box: Box
    hits: int = 1
    confirmed: bool = False
    vote: Vote = field(default_factory=Vote)
    label: str = REJECTED
    confidence: float = 0.0
    looked: tuple[Gray, Box] | None = None  # the gray picture in which motion last found it, and where
    views: list[tuple[Box, int]] = field(default_factory=list)  # the last ones that differ, and how often each came
    traveled: bool = False  # it has left the place where it was first found
    empty: int = 0  # times in a row that its place surely showed background only
    doubled: int = 0  # frames in a row that it lay on an older track

    def repeats_of(self, box: Box) -> int:
        """How often this view of it was seen before, lately."""
        width = box.x2 - box.x1
        for index, (view, repeats) in enumerate(self.views):
            # the first question is the cheap one: no two boxes that overlap so much differ more in width
            if abs(box.x1 - view.x1) + abs(box.x2 - view.x2) <= 0.25 * width and box.iou(view) >= SAME_VIEW:
                self.views[index] = (view, repeats + 1)
                return repeats + 1
        self.views = [(box, 0), *self.views[: VIEWS - 1]]
        return 0


class VoteTracker:
    """Implements domain.ports.Follow for one camera; ids count from 1. See the decision for its cost."""

    def __init__(self, camera: str, settings: TrackSettings | None = None) -> None:
        self._camera = camera
        self._settings = settings or TrackSettings()
        self._lives: list[Life] = []
        self._motion: Floats = np.zeros((0, STATE))
        self._now_s: float | None = None
        self._aspect = 1.0
        self._next_id = 1
        self._alive: tuple[Track, ...] = ()

    @property
    def tracks(self) -> Sequence[Track]:
        """The tracks alive now, unconfirmed ones too, oldest first."""
        return self._alive

    def __call__(self, scene: Scene) -> tuple[Track, ...]:
        """The live tracks after this scene, then those that it ended, once."""
        frame = scene.frame
        self._aspect = frame.picture.width / frame.picture.height
        now_s = frame.captured_at.timestamp()
        elapsed_s = 0.0 if self._now_s is None else max(now_s - self._now_s, 0.0)
        ended = self._end(self._lost(now_s))
        self._predict(now_s, elapsed_s)
        self._now_s = now_s
        pairs, free = self._match(scene)
        self._take(pairs, frame)
        self._start([scene.subjects[k] for k in free], {index for index, _ in pairs}, frame)
        ended += self._end(self._emptied() | self._doubles(frame))
        self._alive = tuple(self._told(life) for life in self._lives)
        return (*self._alive, *ended)

    def number(self) -> int:
        """The next track's, given away: somebody else follows that one."""
        self._next_id += 1
        return self._next_id - 1

    def finish(self) -> tuple[Track, ...]:
        """The end of the source: every live track, ended."""
        ended = tuple(self._told(life, ended=True) for life in self._lives)
        self._lives, self._motion, self._alive = [], np.zeros((0, STATE)), ()
        return ended

    def _told(self, life: Life, ended: bool = False) -> Track:
        life_s = (life.started_at, life.seen_at, life.hits, ended)
        return Track(life.id, self._camera, life.box, life.label, life.confidence, life.confirmed, *life_s)

    def _predict(self, now_s: float, elapsed_s: float) -> None:
        _move(self._motion, elapsed_s)
        for index, life in enumerate(self._lives):
            if now_s - life.seen_s > elapsed_s + 1e-3:
                self._motion[index, 4:6] *= 0.5 ** (elapsed_s / 0.5)  # who is out of sight has rather stopped

    # --- who is who --------------------------------------------------------------------------------------------

    def _match(self, scene: Scene) -> tuple[list[tuple[int, Subject]], list[int]]:
        """Pairs of (track index, subject), and the subjects that no track took."""
        subjects = scene.subjects
        everyone = list(range(len(subjects)))
        if not subjects or not self._lives:
            return [], everyone
        measured = self._measured([subject.detection.box for subject in subjects])
        cost = _costs(self._motion, measured, [subject.detection.source for subject in subjects])
        cost += np.array([0.0 if life.confirmed else TENTATIVE_COST for life in self._lives])[:, None]
        rows, columns = linear_sum_assignment(cost)
        pairs, taken = [], set()
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            subject = subjects[column]
            if cost[row, column] >= IMPOSSIBLE:
                continue
            taken.add(column)
            if self._is_hit(self._lives[row], subject, scene.frame):
                pairs.append((row, subject))
        return pairs, [k for k in everyone if k not in taken]

    def _is_hit(self, life: Life, subject: Subject, frame: Frame) -> bool:
        """Motion always is. A place looked at again is one only if it still shows the same thing to eye and model."""
        if subject.detection.source != "track":
            return True
        if subject.seen is None or life.looked is None or subject.seen.label != life.label:
            return False
        return _alike(_patch(*life.looked), _patch(frame.luma, life.box))

    def _measured(self, boxes: Sequence[Box]) -> Floats:
        """(boxes, STATE) as found for the first time."""
        corners = np.array([(box.x1, box.y1, box.x2, box.y2) for box in boxes])
        corners[:, (0, 2)] *= self._aspect
        center, size = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
        unknown = np.broadcast_to((0.0, 0.0, 1.0, 0.0, FASTEST**2), (len(boxes), 5))
        return np.hstack([center, size, unknown])

    # --- what a hit and a miss do ------------------------------------------------------------------------------

    def _take(self, pairs: Sequence[tuple[int, Subject]], frame: Frame) -> None:
        """Moves the tracks to where they were found, and counts the votes."""
        moved = [(index, subject) for index, subject in pairs if subject.detection.source != "track"]
        if moved:
            rows = np.array([index for index, _ in moved])
            measured = self._measured([subject.detection.box for _, subject in moved])
            lives = [self._lives[index] for index, _ in moved]
            gaps = np.maximum(frame.captured_at.timestamp() - np.array([life.seen_s for life in lives]), 1e-3)
            state = self._motion[rows] = _corrected(self._motion[rows], measured, gaps)
            for life, edges, (_, subject) in zip(lives, _edges(state, self._aspect), moved, strict=True):
                life.source = subject.detection.source
                x1, y1, x2, y2 = edges
                life.box = Box(x1, y1, x2, y2) if x2 - x1 > 1e-4 and y2 - y1 > 1e-4 else subject.detection.box
                life.looked = (frame.luma, life.box)
        for index, subject in pairs:
            if subject.detection.source == "track":
                self._motion[index] = self._measured([self._lives[index].box])[0]
                self._motion[index, 8] = 0.0  # it stands
            self._count(self._lives[index], subject, frame)

    def _count(self, life: Life, subject: Subject, frame: Frame) -> None:
        life.seen_at, life.seen_s = frame.captured_at, frame.captured_at.timestamp()
        life.hits += 1
        self._vote(life, subject)
        s = self._settings
        if (
            not life.confirmed
            and life.hits >= s.min_hits
            and (life.seen_at - life.started_at).total_seconds() >= s.min_s
        ):
            life.confirmed = True

    def _vote(self, life: Life, subject: Subject) -> None:
        seen, s = subject.seen, self._settings
        if seen is None:
            return
        box = subject.detection.box
        weight = s.cut_weight ** _cut(box)
        repeats = life.repeats_of(box)
        life.traveled = life.traveled or _has_left(life.born, box)
        if life.traveled:
            repeats = min(repeats, 1)
        elif seen.label == BACKGROUND:  # of something that never moved, this is believed at once
            repeats = 0
        novelty = max(s.same_weight**repeats, LEAST_NOVELTY)
        life.vote.add(seen, weight, novelty)
        lead = s.min_lead if life.traveled else s.still_lead
        life.label, life.confidence = life.vote.result(s.min_share, lead)
        life.empty = life.empty + 1 if seen.label == BACKGROUND and seen.confidence >= s.sure_confidence else 0

    def _start(self, subjects: Sequence[Subject], matched: set[int], frame: Frame) -> None:
        """A new track for each subject, unless it is a part of one that was just found."""
        fresh = [subject for subject in subjects if subject.detection.source != "track"]
        whole = [self._lives[index] for index in matched if self._lives[index].confirmed]
        parts = _parts(fresh, whole) if fresh and whole else set()
        for index, subject in enumerate(fresh):
            if index in parts:
                continue
            box = subject.detection.box
            at = frame.captured_at
            life = Life(self._next_id, at, at, at.timestamp(), subject.detection.source, box, box)
            self._next_id += 1
            self._vote(life, subject)
            self._lives.append(life)
            self._motion = np.vstack([self._motion, self._measured([box])])

    def _lost(self, now_s: float) -> set[int]:
        """Tracks out of sight for too long. They go before anything new can be taken for them."""
        s, lost = self._settings, set()
        for index, life in enumerate(self._lives):
            unseen_s = now_s - life.seen_s
            if unseen_s <= min(s.tentative_coast_s, s.gone_s):
                continue
            allowed_s = s.tentative_coast_s
            if life.confirmed:
                allowed_s = s.gone_s if self._is_leaving(index) else s.coast_s
            if unseen_s > allowed_s:
                lost.add(index)
        return lost

    def _emptied(self) -> set[int]:
        """Tracks whose place has long shown background only: what they followed is not there."""
        least = self._settings.empty_hits
        return {index for index, life in enumerate(self._lives) if life.empty >= least and life.label not in NO_SUBJECT}

    def _is_leaving(self, index: int) -> bool:
        """It was last seen at the border, and goes on outward at a speed that takes it away."""
        box, (vx, vy) = self._lives[index].box, self._motion[index, 4:6]
        slow_x, slow_y = 0.15 * box.width * self._aspect, 0.15 * box.height
        return bool(
            (box.x1 <= 0.01 and vx < -slow_x)
            or (box.x2 >= 0.99 and vx > slow_x)
            or (box.y1 <= 0.01 and vy < -slow_y)
            or (box.y2 >= 0.99 and vy > slow_y)
        )

    def _doubles(self, frame: Frame) -> set[int]:
        """Tracks that for some time lie on another one of the same label, or say nothing of their own.

        Motion finds one thing twice; a detector does not, and what it finds there is somebody behind another.
        """
        seen = [i for i, life in enumerate(self._lives) if life.seen_at == frame.captured_at]
        live = [i for i in seen if self._lives[i].source != DETECTOR]
        if len(live) < 2:
            return set()
        boxes = self._measured([self._lives[i].box for i in live])
        first, second = _near(boxes, boxes, 0.5)
        inside = (_shared(boxes[first], boxes[second]) >= 0.75 * boxes[first, 2] * boxes[first, 3]) & (first != second)
        under = {live[k] for k in first[inside]}
        drop = set()
        for index in live:
            self._lives[index].doubled += 1 if index in under else -self._lives[index].doubled
        for inner, outer in zip(first[inside].tolist(), second[inside].tolist(), strict=True):
            life, other = self._lives[live[inner]], self._lives[live[outer]]
            if life.doubled >= DUPLICATE_FRAMES and _outranks(other, life):
                drop.add(live[inner])
        return drop

    def _end(self, indices: set[int]) -> tuple[Track, ...]:
        if not indices:
            return ()
        ended = tuple(self._told(self._lives[index], ended=True) for index in sorted(indices))
        keep = [index for index in range(len(self._lives)) if index not in indices]
        self._lives = [self._lives[index] for index in keep]
        self._motion = self._motion[keep]
        return ended


def _move(state: Floats, elapsed_s: float) -> None:
    """Goes on for that time, and grows less sure of where it is."""
    t, push = elapsed_s, AGILITY**2
    state[:, :2] += state[:, 4:6] * t
    state[:, 6] += 2 * t * state[:, 7] + t**2 * state[:, 8] + push * t**4 / 4
    state[:, 7] += t * state[:, 8] + push * t**3 / 2
    state[:, 8] += push * t**2


def _costs(tracks: Floats, measured: Floats, sources: Sequence[str]) -> Floats:
    """(tracks, subjects) costs; IMPOSSIBLE where they cannot be the same thing. Only near pairs are worked out."""
    cost: Floats = np.full((len(tracks), len(measured)), IMPOSSIBLE)
    spread = 3.0 * NOISE * np.sqrt(tracks[:, 6])
    a, b = _near(tracks, measured, 1.0 + np.minimum(MOVED[0] + spread, FARTHEST)[:, None])
    if not len(a):
        return cost
    t, m = tracks[a], measured[b]
    misses, ratio = np.array([DETECTED if source == DETECTOR else MOVED for source in sources])[b].T
    limit = np.minimum(misses + spread[a], FARTHEST)
    sizes = 0.5 * (np.hypot(t[:, 2], t[:, 3]) + np.hypot(m[:, 2], m[:, 3]))
    distance = np.hypot(t[:, 0] - m[:, 0], t[:, 1] - m[:, 1]) / sizes
    area_t, area_m, shared = t[:, 2] * t[:, 3], m[:, 2] * m[:, 3], _shared(t, m)
    smaller, larger = np.minimum(area_t, area_m), np.maximum(area_t, area_m)
    iou = shared / (area_t + area_m - shared)
    value = 0.5 * (1.0 - np.maximum(iou, 0.6 * shared / smaller)) + 0.5 * distance / limit
    possible = ((distance < limit) | (iou > 0.15)) & (larger < ratio * smaller)
    cost[a, b] = np.where(possible, value, IMPOSSIBLE)
    return cost


def _near(a: Floats, b: Floats, sizes: Floats | float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the pairs whose centers are at most that many of their mean sizes apart, in x and in y."""
    reach_a, reach_b = (0.5 * (rows[:, 2] + rows[:, 3]) for rows in (a, b))
    apart = np.maximum(np.abs(a[:, None, 0] - b[None, :, 0]), np.abs(a[:, None, 1] - b[None, :, 1]))
    first, second = np.nonzero(apart <= sizes * (reach_a[:, None] + reach_b[None, :]))
    return first, second


def _shared(a: Floats, b: Floats) -> Floats:
    """Areas that the rows (cx, cy, width, height, ...) of `a` share with the same rows of `b`."""
    low = np.maximum(a[:, :2] - a[:, 2:4] / 2, b[:, :2] - b[:, 2:4] / 2)
    high = np.minimum(a[:, :2] + a[:, 2:4] / 2, b[:, :2] + b[:, 2:4] / 2)
    sides = np.maximum(high - low, 0.0)
    area: Floats = sides[:, 0] * sides[:, 1]
    return area


def _corrected(state: Floats, measured: Floats, gaps_s: Floats) -> Floats:
    """States moved towards what was measured (Kalman 1960); a fresh one believes it nearly wholly."""
    error = measured[:, :2] - state[:, :2]
    spread, both, speed = state[:, 6], state[:, 7], state[:, 8]
    gain, push = spread / (spread + 1.0), both / (spread + 1.0)
    position, velocity = state[:, :2] + gain[:, None] * error, state[:, 4:6] + push[:, None] * error
    keep = np.exp(-gaps_s / SIZE_S)[:, None]
    size = keep * state[:, 2:4] + (1.0 - keep) * measured[:, 2:4]
    sure = np.stack([(1.0 - gain) * spread, (1.0 - gain) * both, speed - push * both], axis=1)
    return np.hstack([position, size, velocity, sure])


def _edges(state: Floats, aspect: float) -> list[list[float]]:
    """x1, y1, x2, y2 of each state, clipped to the picture."""
    half = state[:, 2:4] / 2
    corners = np.hstack([state[:, :2] - half, state[:, :2] + half])
    corners[:, (0, 2)] /= aspect
    edges: list[list[float]] = np.clip(corners, 0.0, 1.0).tolist()
    return edges


def _cut(box: Box) -> float:
    """1 if the border cuts it off, half of that where only the lower one does: head and shoulders tell enough."""
    if box.x1 <= BORDER or box.y1 <= BORDER or box.x2 >= 1 - BORDER:
        return 1.0
    return 0.5 if box.y2 >= 1 - BORDER else 0.0


def _has_left(born: Box, box: Box) -> bool:
    """It is no longer where it was first found. What the border cut off there has left by coming in, too."""
    shared, smaller = born.intersection(box), min(born.area, box.area)
    return shared < 0.5 * (born.area + box.area - shared if _cut(born) > 0 else smaller)


def _parts(subjects: Sequence[Subject], whole: Sequence[Life]) -> set[int]:
    """Which are fragments of those tracks: inside a box of theirs and not surely something else."""
    small, large = (
        np.array([(box.x1, box.y1, box.x2, box.y2) for box in boxes])[:, None]
        for boxes in ([subject.detection.box for subject in subjects], [life.box for life in whole])
    )
    large = large.swapaxes(0, 1)
    shared = np.clip(np.minimum(small, large)[..., 2:] - np.maximum(small, large)[..., :2], 0.0, None).prod(axis=2)
    inside = shared >= 0.6 * (small[..., 2:] - small[..., :2]).prod(axis=2)
    pairs = zip(*(indices.tolist() for indices in np.nonzero(inside)), strict=True)
    return {k for k, j in pairs if not _is_another(subjects[k].seen, whole[j])}


def _is_another(seen: Classification | None, life: Life) -> bool:
    """Surely not what that track is."""
    return (
        seen is not None
        and seen.confidence >= 0.8
        and seen.label not in (BACKGROUND, life.label)
        and life.label not in NO_SUBJECT
    )


def _outranks(other: Life, life: Life) -> bool:
    """True if `life`, lying on `other`, says nothing that `other` does not."""
    if not other.confirmed:
        return False
    if other.label == life.label:
        return (other.started_at, other.id) < (life.started_at, life.id)
    return life.label in NO_SUBJECT and other.label not in NO_SUBJECT


def _patch(luma: Gray, box: Box) -> Gray:
    left, top, right, bottom = box.pixels(luma.shape[1], luma.shape[0])
    return np.asarray(cv2.resize(luma[top:bottom, left:right], PATCH, interpolation=cv2.INTER_AREA), np.uint8)


def _alike(before: Gray, now: Gray) -> bool:
    """Correlation of two patches, which a change of light leaves as it is."""
    a, b = before.astype(np.float32) - before.mean(), now.astype(np.float32) - now.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return norm > 0 and float((a * b).sum()) / norm >= SAME_PATCH
