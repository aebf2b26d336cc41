"""Motion regions and live tracks in, the places worth classifying out.

Fragments of one body become one box, a shape that hides several tracks becomes one box each, specks go, and a live
track that nothing covers is looked at again where it was last seen. A detector's boxes may take the regions' place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import combinations

from surveillance.domain.geometry import WHOLE, Box
from surveillance.domain.values import NO_SUBJECT, Classification, Detection, Frame, Motion, Track
from surveillance.perception.detect import Found, See
from surveillance.perception.settings import ProposeSettings

ONE_THING = 0.7  # boxes of different labels that overlap more than this are one thing, and the surer label is its
SETTLED_HITS = 10  # pictures in which a track was found before its label is taken for settled
ITSELF = 0.5  # overlap from which a box surely shows a track that it is near
STILL_IT = 0.5  # share of a track's box that regions must cover for the track not to be looked at again


class MotionProposer:
    """Implements domain.ports.Propose for one camera."""

    def __init__(self, settings: ProposeSettings | None = None) -> None:
        self._settings = settings or ProposeSettings()
        self._again = LookAgain(self._settings.look_again_s)
        self._before: dict[int, tuple[datetime, Box]] = {}
        self._expected: dict[int, Box] = {}

    def __call__(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> tuple[Detection, ...]:
        """At most `max_crops` detections, shapes that moved before places looked at again, larger ones first."""
        self._expect(frame, tracks)
        if not motion.is_open:
            return ()
        aspect = frame.picture.width / frame.picture.height
        steady = [track for track in tracks if track.confirmed]
        inward = -self._settings.margin / (1 + 2 * self._settings.margin)  # a track's box has the margin already
        subjects = [track for track in steady if track.label not in NO_SUBJECT]
        bodies = [self._expected[track.id].grown(inward) for track in subjects]
        shapes = join_fragments(motion.regions, bodies, aspect)
        found: list[Detection] = []
        for shape in shapes:
            for part in self._parted(shape, steady):
                if self._is_large_enough(part, frame):
                    box = part.grown(self._settings.margin)
                    found.append(Detection(box, "motion", known=self._known(box, tracks)))
        found.sort(key=lambda detection: -detection.box.area)
        found.extend(self._again(frame, motion, steady, shapes))
        return tuple(found[: self._settings.max_crops])

    def _expect(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Where each track should be now, if it goes on as between the last two times it was seen."""
        now: dict[int, tuple[datetime, Box]] = {}
        self._expected = {}
        for track in tracks:
            seen_before, box_before = self._before.get(track.id, (track.seen_at, track.box))
            step_s = (track.seen_at - seen_before).total_seconds()
            ahead_s = (frame.captured_at - track.seen_at).total_seconds()
            share = min(ahead_s / step_s, 1.5) if step_s > 0 else 0.0
            self._expected[track.id] = _moved(track.box, box_before, share)
            now[track.id] = (track.seen_at, track.box)
        self._before = now

    def _parted(self, shape: Box, tracks: Sequence[Track]) -> list[Box]:
        """The boxes of the tracks that one shape hides when they pass each other; else the shape itself."""
        hidden: list[Box] = []
        for track in sorted(tracks, key=lambda track: track.started_at):
            box = self._expected[track.id]
            apart = all(box.intersection(other) < 0.6 * min(box.area, other.area) for other in hidden)
            if track.label not in NO_SUBJECT and shape.intersection(box) >= 0.7 * box.area and apart:
                hidden.append(box)
        if len(hidden) < 2 or shape.area < 1.2 * max(box.area for box in hidden):
            return [shape]
        if sum(box.area for box in hidden) < 0.5 * shape.area:
            return [shape]
        return [box for box in (_clipped(box, shape) for box in hidden) if box is not None]

    def _known(self, box: Box, tracks: Sequence[Track]) -> Track | None:
        """The settled track that the box shows, where no other one is near."""
        near = [track for track in tracks if box.intersection(self._expected[track.id]) > 0.0]
        if len(near) != 1 or near[0].hits < SETTLED_HITS or not near[0].confirmed or near[0].label in NO_SUBJECT:
            return None
        return near[0] if box.iou(self._expected[near[0].id]) >= ITSELF else None

    def _is_large_enough(self, box: Box, frame: Frame) -> bool:
        least = self._settings.min_side_px
        return box.width * frame.picture.width >= least and box.height * frame.picture.height >= least


class DetectorProposer:
    """Implements domain.ports.Propose for one camera over what a detector finds, where the gate is open.

    With `labels`, a box brings its label along, and no classifier is asked about it.
    """

    def __init__(
        self, see: See, settings: ProposeSettings | None = None, labels: bool = True, model: str = "detector"
    ) -> None:
        self._see = see
        self._settings = settings or ProposeSettings()
        self._labels = labels
        self._model = model
        self._again = LookAgain(self._settings.look_again_s)

    def __call__(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> tuple[Detection, ...]:
        """At most `max_crops` detections, surest first, then places looked at again."""
        if not motion.is_open:
            return ()
        things: list[Found] = []
        for thing in self._see(frame):
            if thing.ours is not None and all(thing.box.iou(other.box) < ONE_THING for other in things):
                things.append(thing)
        found = [Detection(thing.box, "detector", self._seen(thing)) for thing in things]
        steady = [track for track in tracks if track.confirmed]
        found.extend(self._again(frame, motion, steady, [thing.box for thing in things]))
        return tuple(found[: self._settings.max_crops])

    def _seen(self, thing: Found) -> Classification | None:
        if not self._labels or thing.ours is None:
            return None
        return Classification(thing.ours, thing.confidence, {thing.ours: thing.confidence}, self._model)


class LookAgain:
    """The last boxes of tracks that nothing found covers, each at most once in so many seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._looked_at: dict[int, datetime] = {}

    def __call__(self, frame: Frame, motion: Motion, tracks: Sequence[Track], shapes: Sequence[Box]) -> list[Detection]:
        self._looked_at = {track.id: self._looked_at[track.id] for track in tracks if track.id in self._looked_at}
        found = []
        for track in tracks:
            subject = track.label not in NO_SUBJECT
            if track.id in motion.cleared or (not subject and motion.reason != "probe"):
                continue
            if sum(shape.intersection(track.box) for shape in shapes) >= STILL_IT * track.box.area:
                continue
            looked_at = self._looked_at.get(track.id, track.seen_at)
            # a tenth early, or frames that fall just short of the interval would nearly double it
            if (frame.captured_at - looked_at).total_seconds() < 0.9 * self._every_s:
                continue
            self._looked_at[track.id] = frame.captured_at
            found.append(Detection(track.box, "track"))
        return found


def join_fragments(regions: Sequence[Box], tracks: Sequence[Box], aspect: float) -> list[Box]:
    """Regions that belong to one body as one box each, largest first.

    Two belong together when they lie above each other with a small gap, or on the same one of `tracks`.
    `aspect` is width / height of the picture. The result does not depend on the order of the regions.
    """
    boxes = sorted(regions, key=lambda box: (-box.area, box.x1, box.y1))
    owners = [_owner(box, tracks) for box in boxes]
    while (pair := _first_pair(boxes, owners, aspect)) is not None:
        i, j = pair
        boxes[i] = boxes[i].united(boxes[j])
        owners[i] = owners[i] if owners[i] is not None else owners[j]
        del boxes[j], owners[j]
    return sorted(boxes, key=lambda box: -box.area)


def _first_pair(boxes: Sequence[Box], owners: Sequence[int | None], aspect: float) -> tuple[int, int] | None:
    """The first two boxes that belong together: on one track, or one body by its shape and not on two tracks."""
    for i, j in combinations(range(len(boxes)), 2):
        one, other = owners[i], owners[j]
        if one is not None and other is not None:
            if one == other:
                return i, j
        elif _is_one_body(boxes[i], boxes[j], aspect):
            return i, j
    return None


def _owner(box: Box, tracks: Sequence[Box]) -> int | None:
    """The track on which nearly all of the box lies; None when it lies on no track or on several."""
    on = [index for index, track in enumerate(tracks) if box.intersection(track) >= 0.8 * box.area]
    return on[0] if len(on) == 1 else None


def _is_one_body(a: Box, b: Box, aspect: float) -> bool:
    """Shapes of one body: one within the other, or stacked with a small gap into something not too slim."""
    if a.intersection(b) >= 0.6 * min(a.area, b.area):
        return True
    shared = min(a.x2, b.x2) - max(a.x1, b.x1)
    if shared < 0.5 * min(a.width, b.width):
        return False
    gap = max(a.y1, b.y1) - min(a.y2, b.y2)
    both = a.united(b)
    return gap < 0.2 * max(a.height, b.height) and both.height <= 4.0 * both.width * aspect


def _moved(box: Box, before: Box, share: float) -> Box:
    (x, y), (x_before, y_before) = box.center, before.center
    dx, dy = (x - x_before) * share, (y - y_before) * share
    moved = _clipped(Box(box.x1 + dx, box.y1 + dy, box.x2 + dx, box.y2 + dy), WHOLE)
    return moved or box


def _clipped(box: Box, to: Box) -> Box | None:
    x1, y1, x2, y2 = max(box.x1, to.x1), max(box.y1, to.y1), min(box.x2, to.x2), min(box.y2, to.y2)
    return Box(x1, y1, x2, y2) if x2 - x1 > 1e-6 and y2 - y1 > 1e-6 else None
