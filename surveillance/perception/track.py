"""Scenes in, tracks out: the same thing over time, labelled by the vote of all its crops.

A track is confirmed over several frames, coasts over gaps, and is called `unknown` until one label clearly leads.
Time is the frames' own. Association: Hungarian over overlap and distance on constant velocity (as in SORT, Bewley
et al. 2016), written on arrays because the kept libraries miss the speed budget (docs/decisions/0002-tracker.md).
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
from surveillance.domain.values import BACKGROUND, REJECTED, Classification, Frame, Gray, Scene, Subject, Track
from surveillance.perception.settings import TrackSettings

Floats = NDArray[np.float64]

KEEP_POSITION, KEEP_SIZE, KEEP_VELOCITY = 0.2, 0.5, 0.6  # how much of the prediction survives a measurement
MOST_SIZE_RATIO = 6.0  # areas further apart are not the same thing one frame later
SAME_VIEW = 0.9  # overlap above which two crops are one view, seen twice
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
    total: float = 0.0

    def add(self, seen: Classification, worth: float, novelty: float) -> None:
        """One crop's voice, as loud as its best label leads its second. `novelty` below 1: the view was seen before."""
        ranked = sorted(seen.scores.values(), reverse=True)
        worth *= ranked[0] - ranked[1] if len(ranked) > 1 else 1.0
        self.counts[seen.label] = self.counts.get(seen.label, 0.0) + worth * novelty
        self.total += worth
        for label, score in seen.scores.items():
            self.scores[label] = self.scores.get(label, 0.0) + worth * score

    def result(self, min_share: float, min_lead: float) -> tuple[str, float]:
        """The leading label and its mean score over all crops; REJECTED where the lead is not clear."""
        if self.total <= 0.0:
            return REJECTED, 0.0
        label = max(self.counts, key=lambda name: self.counts[name])
        votes = self.counts[label]
        second = max((count for name, count in self.counts.items() if name != label), default=0.0)
        confidence = min(self.scores.get(label, 0.0) / self.total, 1.0)
        if votes < min_share * sum(self.counts.values()) or votes - second < min_lead:
            return REJECTED, confidence
        return label, confidence


@dataclass(slots=True)
class Life:
    """What is remembered of one track besides its motion."""

    id: int
    started_at: datetime
    seen_at: datetime
    box: Box
    hits: int = 1
    confirmed: bool = False
    vote: Vote = field(default_factory=Vote)
    label: str = REJECTED
    confidence: float = 0.0
    looked: tuple[Gray, Box] | None = None  # the gray picture in which motion last found it, and where
    voted: Box | None = None  # the last view that counted as a new one
    repeats: int = 0  # of that view
    empty: int = 0  # times in a row that its place surely showed background only
    doubled: int = 0  # frames in a row that it lay on an older track


class VoteTracker:
    """Implements domain.ports.Follow for one camera; ids count from 1. See the decision for its cost."""

    def __init__(self, camera: str, settings: TrackSettings | None = None) -> None:
        self._camera = camera
        self._settings = settings or TrackSettings()
        self._lives: list[Life] = []
        self._motion: Floats = np.zeros((0, 6))  # cx, cy, width, height, vx, vy; in picture heights and seconds
        self._at: datetime | None = None
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
        elapsed_s = 0.0 if self._at is None else max((frame.captured_at - self._at).total_seconds(), 0.0)
        self._at = frame.captured_at
        self._predict(elapsed_s)
        pairs, free = self._match(scene)
        self._take(pairs, frame)
        self._start([scene.subjects[k] for k in free], {index for index, _ in pairs}, frame)
        ended = self._end(self._lost(frame) | self._doubles(frame), frame)
        self._alive = tuple(self._told(life) for life in self._lives)
        return (*self._alive, *ended)

    def finish(self) -> tuple[Track, ...]:
        """The end of the source: every live track, ended."""
        ended = tuple(self._told(life, ended=True) for life in self._lives)
        self._lives, self._motion, self._alive = [], np.zeros((0, 6)), ()
        return ended

    def _told(self, life: Life, ended: bool = False) -> Track:
        return Track(
            id=life.id,
            camera=self._camera,
            box=life.box,
            label=life.label,
            confidence=life.confidence,
            confirmed=life.confirmed,
            started_at=life.started_at,
            seen_at=life.seen_at,
            hits=life.hits,
            ended=ended,
        )

    def _predict(self, elapsed_s: float) -> None:
        self._motion[:, :2] += self._motion[:, 4:] * elapsed_s
        assert self._at is not None
        for index, life in enumerate(self._lives):
            if (self._at - life.seen_at).total_seconds() > elapsed_s + 1e-6:
                self._motion[index, 4:] *= 0.5 ** (elapsed_s / 0.5)  # who is out of sight has rather stopped

    # --- who is who --------------------------------------------------------------------------------------------

    def _match(self, scene: Scene) -> tuple[list[tuple[int, Subject]], list[int]]:
        """Pairs of (track index, subject), and the subjects that no track took."""
        subjects = scene.subjects
        everyone = list(range(len(subjects)))
        if not subjects or not self._lives:
            return [], everyone
        measured = np.array([self._measure(subject.detection.box) for subject in subjects])
        cost = _costs(self._motion, measured, self._reach())
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

    def _reach(self) -> Floats:
        """How far, in own sizes, each track may be from where it was expected: far while its speed is unknown."""
        assert self._at is not None
        gaps = np.array([(self._at - life.seen_at).total_seconds() for life in self._lives])
        young = np.array([life.hits < 3 for life in self._lives])
        reach: Floats = np.where(young, 0.4 + 4.0 * gaps, 0.5 + 0.8 * gaps)
        return np.minimum(reach, 1.4)

    def _is_hit(self, life: Life, subject: Subject, frame: Frame) -> bool:
        """Motion always is. A place looked at again is one only if it still shows the same thing to eye and model."""
        if subject.detection.source != "track":
            return True
        if subject.seen is None or life.looked is None or subject.seen.label != life.label:
            return False
        return _alike(_patch(*life.looked), _patch(frame.luma, life.box))

    def _measure(self, box: Box) -> tuple[float, float, float, float, float, float]:
        x, y = box.center
        return x * self._aspect, y, box.width * self._aspect, box.height, 0.0, 0.0

    # --- what a hit and a miss do ------------------------------------------------------------------------------

    def _take(self, pairs: Sequence[tuple[int, Subject]], frame: Frame) -> None:
        """Moves the tracks to where they were found, and counts the votes."""
        moved = [(index, subject) for index, subject in pairs if subject.detection.source != "track"]
        if moved:
            rows = np.array([index for index, _ in moved])
            measured = np.array([self._measure(subject.detection.box) for _, subject in moved])
            lives = [self._lives[index] for index, _ in moved]
            gaps = np.array([max((frame.captured_at - life.seen_at).total_seconds(), 1e-3) for life in lives])
            fresh = np.array([life.hits == 1 for life in lives])
            state = self._motion[rows] = _corrected(self._motion[rows], measured, gaps, fresh)
            for life, edges, (_, subject) in zip(lives, _edges(state, self._aspect), moved, strict=True):
                x1, y1, x2, y2 = edges
                life.box = Box(x1, y1, x2, y2) if x2 - x1 > 1e-4 and y2 - y1 > 1e-4 else subject.detection.box
                life.looked = (frame.luma, life.box)
        for index, subject in pairs:
            if subject.detection.source == "track":
                self._motion[index] = self._measure(self._lives[index].box)
            self._count(self._lives[index], subject, frame)

    def _count(self, life: Life, subject: Subject, frame: Frame) -> None:
        life.seen_at = frame.captured_at
        life.hits += 1
        self._vote(life, subject)
        s = self._settings
        if life.hits >= s.min_hits and (life.seen_at - life.started_at).total_seconds() >= s.min_s:
            life.confirmed = True

    def _vote(self, life: Life, subject: Subject) -> None:
        seen, s = subject.seen, self._settings
        if seen is None:
            return
        box = subject.detection.box
        weight = s.cut_weight if _is_cut(box) else 1.0
        if life.voted is not None and box.iou(life.voted) >= SAME_VIEW:
            life.repeats += 1
        else:
            life.voted, life.repeats = box, 0
        life.vote.add(seen, weight, s.same_weight**life.repeats)
        life.label, life.confidence = life.vote.result(s.min_share, s.min_lead)
        life.empty = life.empty + 1 if seen.label == BACKGROUND and seen.confidence >= s.sure_confidence else 0

    def _start(self, subjects: Sequence[Subject], matched: set[int], frame: Frame) -> None:
        """A new track for each subject, unless it is a part of one that was just found."""
        whole = [self._lives[index] for index in matched if self._lives[index].confirmed]
        for subject in subjects:
            box = subject.detection.box
            if subject.detection.source == "track" or any(_is_part(subject, life) for life in whole):
                continue
            life = Life(self._next_id, frame.captured_at, frame.captured_at, box)
            self._next_id += 1
            self._vote(life, subject)
            self._lives.append(life)
            self._motion = np.vstack([self._motion, self._measure(box)])

    def _lost(self, frame: Frame) -> set[int]:
        s, lost = self._settings, set()
        for index, life in enumerate(self._lives):
            unseen_s = (frame.captured_at - life.seen_at).total_seconds()
            allowed_s = s.tentative_coast_s
            if life.confirmed:
                allowed_s = s.gone_s if self._is_leaving(index) else s.coast_s
            is_empty = life.empty >= s.empty_hits and life.label not in (BACKGROUND, REJECTED)
            if unseen_s > allowed_s or is_empty:
                lost.add(index)
        return lost

    def _is_leaving(self, index: int) -> bool:
        """It was last seen at the border, and goes on outward at a speed that takes it away."""
        box, (vx, vy) = self._lives[index].box, self._motion[index, 4:]
        slow_x, slow_y = 0.15 * box.width * self._aspect, 0.15 * box.height
        return bool(
            (box.x1 <= 0.01 and vx < -slow_x)
            or (box.x2 >= 0.99 and vx > slow_x)
            or (box.y1 <= 0.01 and vy < -slow_y)
            or (box.y2 >= 0.99 and vy > slow_y)
        )

    def _doubles(self, frame: Frame) -> set[int]:
        """Tracks that for some time lie on another one of the same label, or say nothing of their own."""
        live = [i for i, life in enumerate(self._lives) if life.seen_at == frame.captured_at]
        if len(live) < 2:
            return set()
        boxes = np.array([self._measure(self._lives[i].box)[:4] for i in live])
        shared = _shared(boxes, boxes) / np.maximum((boxes[:, 2] * boxes[:, 3])[:, None], 1e-9)
        np.fill_diagonal(shared, 0.0)
        drop = set()
        for row, index in enumerate(live):
            life = self._lives[index]
            over = [self._lives[live[k]] for k in np.flatnonzero(shared[row] >= 0.75)]
            if not any(_outranks(other, life) for other in over):
                life.doubled = 0
                continue
            life.doubled += 1
            if life.doubled >= DUPLICATE_FRAMES:
                drop.add(index)
        return drop

    def _end(self, indices: set[int], frame: Frame) -> tuple[Track, ...]:
        if not indices:
            return ()
        ended = tuple(self._told(self._lives[index], ended=True) for index in sorted(indices))
        keep = [index for index in range(len(self._lives)) if index not in indices]
        self._lives = [self._lives[index] for index in keep]
        self._motion = self._motion[keep]
        return ended


def _costs(tracks: Floats, measured: Floats, reach: Floats) -> Floats:
    """(tracks, subjects) costs; IMPOSSIBLE where they cannot be the same thing."""
    dx = tracks[:, None, 0] - measured[None, :, 0]
    dy = tracks[:, None, 1] - measured[None, :, 1]
    sizes_t, sizes_m = np.hypot(tracks[:, 2], tracks[:, 3]), np.hypot(measured[:, 2], measured[:, 3])
    distance = np.hypot(dx, dy) / (0.5 * (sizes_t[:, None] + sizes_m[None, :]))
    areas_t, areas_m = tracks[:, 2] * tracks[:, 3], measured[:, 2] * measured[:, 3]
    shared = _shared(tracks, measured)
    iou = shared / (areas_t[:, None] + areas_m[None, :] - shared)
    within = shared / np.minimum(areas_t[:, None], areas_m[None, :])
    ratio = np.maximum(areas_t[:, None] / areas_m[None, :], areas_m[None, :] / areas_t[:, None])
    cost = 0.5 * (1.0 - np.maximum(iou, 0.6 * within)) + 0.5 * distance / reach[:, None]
    possible = ((distance < reach[:, None]) | (iou > 0.15)) & (ratio < MOST_SIZE_RATIO)
    result: Floats = np.where(possible, cost, IMPOSSIBLE)
    return result


def _shared(a: Floats, b: Floats) -> Floats:
    """(a, b) areas of intersection of rows cx, cy, width, height, ..."""
    width = np.minimum((a[:, 0] + a[:, 2] / 2)[:, None], (b[:, 0] + b[:, 2] / 2)[None]) - np.maximum(
        (a[:, 0] - a[:, 2] / 2)[:, None], (b[:, 0] - b[:, 2] / 2)[None]
    )
    height = np.minimum((a[:, 1] + a[:, 3] / 2)[:, None], (b[:, 1] + b[:, 3] / 2)[None]) - np.maximum(
        (a[:, 1] - a[:, 3] / 2)[:, None], (b[:, 1] - b[:, 3] / 2)[None]
    )
    area: Floats = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    return area


def _corrected(state: Floats, measured: Floats, gaps_s: Floats, fresh: NDArray[np.bool_]) -> Floats:
    """(n, 6) states moved towards what was measured (an alpha-beta filter); a fresh one believes it wholly."""
    error = measured[:, :2] - state[:, :2]
    trust = np.where(fresh, 1.0, 1.0 - KEEP_VELOCITY)
    velocity = state[:, 4:] + error * (trust / gaps_s)[:, None]
    position = measured[:, :2] - error * np.where(fresh, 0.0, KEEP_POSITION)[:, None]
    size = KEEP_SIZE * state[:, 2:4] + (1.0 - KEEP_SIZE) * measured[:, 2:4]
    return np.hstack([position, size, velocity])


def _edges(state: Floats, aspect: float) -> list[list[float]]:
    """x1, y1, x2, y2 of each state, clipped to the picture."""
    half = state[:, 2:4] / 2
    corners = np.hstack([state[:, :2] - half, state[:, :2] + half])
    corners[:, (0, 2)] /= aspect
    edges: list[list[float]] = np.clip(corners, 0.0, 1.0).tolist()
    return edges


def _is_cut(box: Box) -> bool:
    """True if the picture's border cuts it off."""
    return box.x1 <= BORDER or box.y1 <= BORDER or box.x2 >= 1 - BORDER or box.y2 >= 1 - BORDER


def _is_part(subject: Subject, life: Life) -> bool:
    """A fragment of that track: inside its box and not surely something else."""
    box = subject.detection.box
    if box.intersection(life.box) < 0.6 * box.area:
        return False
    seen = subject.seen
    return not (
        seen is not None
        and seen.confidence >= 0.8
        and seen.label not in (BACKGROUND, life.label)
        and life.label not in (BACKGROUND, REJECTED)
    )


def _outranks(other: Life, life: Life) -> bool:
    """True if `life`, lying on `other`, says nothing that `other` does not."""
    if not other.confirmed:
        return False
    if other.label == life.label:
        return (other.started_at, other.id) < (life.started_at, life.id)
    return life.label in (BACKGROUND, REJECTED) and other.label not in (BACKGROUND, REJECTED)


def _patch(luma: Gray, box: Box) -> Gray:
    left, top, right, bottom = box.pixels(luma.shape[1], luma.shape[0])
    return np.asarray(cv2.resize(luma[top:bottom, left:right], PATCH, interpolation=cv2.INTER_AREA), np.uint8)


def _alike(before: Gray, now: Gray) -> bool:
    """Correlation of two patches, which a change of light leaves as it is."""
    a, b = before.astype(np.float32) - before.mean(), now.astype(np.float32) - now.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return norm > 0 and float((a * b).sum()) / norm >= SAME_PATCH
