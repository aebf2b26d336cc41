"""What somebody left behind or took away: frames and their tracks in, the places out that look otherwise since.

A long memory of the picture, beside the gate's short one, which learns what stays within half a minute. A place counts
once it has looked the same for some seconds, unlike what was usual; somebody was there when it changed, and has gone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.geometry import Box
from surveillance.domain.values import (
    BACKGROUND,
    LEFT_OBJECT,
    NO_SUBJECT,
    REJECTED,
    REMOVED_OBJECT,
    Attributes,
    Frame,
    Scene,
    Track,
)
from surveillance.perception.settings import ObjectSettings
from surveillance.perception.track import VoteTracker

Pixels = NDArray[Any]  # (height, width), mostly float32
Window = tuple[slice, slice]

BECAME = {LEFT_OBJECT: "left", REMOVED_OBJECT: "removed"}
NEAR, FAR = 0.25, 0.5  # of its own size: so near somebody hides a place, and so far off has left it
TOUCH_S = 2.0  # at most so long before a place began to look otherwise was somebody there
LEARN_S = 60.0  # time constant with which the usual picture follows the light
MOST_GAIN, MOST_CHANGED = 1.5, 0.5  # more is another picture, which is learned afresh
LARGEST = 0.1  # share of the picture
HOLDS = 0.5  # share of its pixels by which a thing is still there
GONE_S = 2.0
KNOWN_S = 10.0  # so long a place must have been usual before it can become otherwise
ORIGIN_S = 30.0  # so long it is known where a track came from: what changed there is that it left
NAMELESS_S = 10.0  # what no label is known of and stands for so long hides nothing
NEVER = -1e9


@dataclass(slots=True)
class Path:
    """Where a track was first seen and where it last stood, with the times in seconds from the first frame."""

    origin: Box
    stood: Box
    moved_s: float = NEVER
    seen_s: float = 0.0


@dataclass(slots=True, eq=False)
class Thing:
    """One such place. `look` is how it looks since, within its window."""

    id: int
    label: str
    box: Box
    window: Window
    shape: NDArray[np.bool_]
    look: Pixels
    started_at: datetime
    seen_at: datetime
    hits: int = 1


class StillThings:
    """Remembers what one camera usually shows. Half a millisecond for 320 x 240 pixels."""

    def __init__(self, settings: ObjectSettings) -> None:
        self._settings = settings
        self._usual: Pixels | None = None
        self._recent: Pixels = np.zeros((0, 0), np.float32)  # how each pixel looks since it changed
        self._since: Pixels = self._recent  # when that was, in seconds from the first frame
        self._touched: Pixels = self._recent  # when somebody last hid it
        self._known: Pixels = self._recent  # for how long it has looked as usual
        self._zero: Pixels = self._recent
        self._first_at: datetime | None = None
        self._now_s = 0.0
        self._paths: dict[int, Path] = {}
        self.things: list[Thing] = []

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> list[Thing]:
        """Takes the frame in. The things that ended with it; `things` are those that are there, new ones with id 0."""
        gray = cv2.GaussianBlur(frame.luma, (3, 3), 0).astype(np.float32)
        self._first_at = self._first_at or frame.captured_at
        before_s, self._now_s = self._now_s, (frame.captured_at - self._first_at).total_seconds()
        if self._now_s < before_s or self._is_another(gray):  # a clock that is set back would keep all waiting
            return self._afresh(gray)
        for track in tracks:
            if track.ended:
                self._let_go(track, gray.shape)
        movers = self._movers(tracks)
        hidden = self._hidden(movers, gray.shape)
        steady = self._compare(gray, hidden, self._now_s - before_s)
        ended = self._review(gray, hidden, frame.captured_at)
        self._find(gray, steady, movers, frame.captured_at)
        return ended

    # --- the long memory ---------------------------------------------------------------------------------------

    def _is_another(self, gray: Pixels) -> bool:
        """Whether this is no picture of the same place in the same light; else follows its exposure."""
        if self._usual is None or self._usual.shape != gray.shape:
            return True
        gain = float(np.median((gray[::6, ::6] + 8.0) / (self._usual[::6, ::6] + 8.0)))
        if not 1 / MOST_GAIN < gain < MOST_GAIN:
            return True
        for picture in (self._usual, self._recent, *(thing.look for thing in self.things)):
            picture *= np.float32(gain)
        changed = np.abs(gray[::4, ::4] - self._usual[::4, ::4]) > self._settings.threshold
        return bool(changed.mean() > MOST_CHANGED)

    def _afresh(self, gray: Pixels) -> list[Thing]:
        self._usual, self._recent = gray.copy(), gray.copy()
        self._zero = np.zeros_like(gray, np.float64)
        self._since = np.full_like(self._zero, self._now_s)
        self._touched = np.full_like(self._zero, NEVER)
        self._known = np.zeros_like(gray)
        ended, self.things = self.things, []
        return ended

    def _compare(self, gray: Pixels, hidden: Pixels, elapsed_s: float) -> Pixels:
        """Where it is unlike the usual and looks as it did before. Where somebody hides it, nothing is learned."""
        assert self._usual is not None
        threshold: Any = self._settings.threshold  # cv2 takes numbers where its annotations want pictures
        now_s: Any = self._now_s
        more_s: Any = elapsed_s
        bare = cv2.bitwise_not(hidden)
        differs = cv2.compare(cv2.absdiff(gray, self._usual), threshold, cv2.CMP_GT)
        alike = cv2.compare(cv2.absdiff(gray, self._recent), threshold, cv2.CMP_LE)
        steady: Pixels = cv2.bitwise_and(cv2.bitwise_and(differs, alike), bare)
        begins = cv2.subtract(bare, steady)
        cv2.copyTo(gray, begins, self._recent)
        cv2.add(self._zero, now_s, dst=self._since, mask=begins)
        cv2.add(self._zero, now_s, dst=self._touched, mask=hidden)
        usual = cv2.subtract(bare, differs)
        cv2.add(self._known, more_s, dst=self._known, mask=usual)
        cv2.accumulateWeighted(gray, self._usual, 1.0 - math.exp(-elapsed_s / LEARN_S), usual)
        return steady

    def _hidden(self, movers: Sequence[Track], shape: tuple[int, ...]) -> Pixels:
        """255 where somebody is: nobody knows what lies there."""
        hidden: Pixels = np.zeros(shape, np.uint8)
        for track in movers:
            left, top, right, bottom = track.box.grown(NEAR).pixels(shape[1], shape[0])
            hidden[top:bottom, left:right] = 255
        return hidden

    def _movers(self, tracks: Sequence[Track]) -> list[Track]:
        """Who has moved by half their size. What never did may be a thing itself, as what stands nameless."""
        self._paths = {id_: path for id_, path in self._paths.items() if self._now_s - path.seen_s < ORIGIN_S}
        movers = []
        for track in tracks:
            if track.ended or not track.confirmed or track.label == BACKGROUND:
                continue
            path = self._paths.setdefault(track.id, Path(track.box, track.box))
            path.seen_s = self._now_s
            (x, y), (x_before, y_before) = track.box.center, path.stood.center
            if abs(x - x_before) > track.box.width / 2 or abs(y - y_before) > track.box.height / 2:
                path.stood, path.moved_s = track.box, self._now_s
            lately = self._now_s - path.moved_s < NAMELESS_S
            if lately or (path.moved_s > NEVER and track.label != REJECTED):
                movers.append(track)
        return movers

    def _let_go(self, track: Track, shape: tuple[int, ...]) -> None:
        """Where somebody was lost, what still looks otherwise may be their own body, and is no object."""
        path = self._paths.get(track.id)
        if path is None or path.moved_s == NEVER or track.label in NO_SUBJECT:
            return
        left, top, right, bottom = track.box.pixels(shape[1], shape[0])
        self._since[top:bottom, left:right] = self._now_s
        self._touched[top:bottom, left:right] = NEVER

    # --- things ------------------------------------------------------------------------------------------------

    def _find(self, gray: Pixels, steady: Pixels, movers: Sequence[Track], at: datetime) -> None:
        """New places that have wholly looked the same for long, where somebody was, and nobody is near."""
        mask = steady.copy()
        for thing in self.things:
            mask[thing.window] = 0
        if np.count_nonzero(mask) < self._settings.min_area * mask.size:
            return
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        count, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        bodies = [track.box.grown(FAR) for track in movers]
        for number in range(1, count):
            left, top, width, height, area = (int(value) for value in stats[number][:5])
            if not self._settings.min_area <= area / mask.size <= LARGEST:
                continue
            window = slice(top, top + height), slice(left, left + width)
            shape = parts[window] == number
            box = _box_of(window, mask.shape)
            if any(body.intersection(box) > 0 for body in bodies):
                continue
            if self._is_ripe(window, shape) and self._was_touched(window, shape):
                self._begin(gray, window, shape, box, at)

    def _is_ripe(self, window: Window, shape: NDArray[np.bool_]) -> bool:
        ripe = self._now_s - self._since[window][shape] >= self._settings.still_s
        return bool(ripe.mean() >= 0.9)

    def _was_touched(self, window: Window, shape: NDArray[np.bool_]) -> bool:
        """Whether somebody was there when most of it began to look as it does."""
        waited = self._since[window][shape] - self._touched[window][shape]
        return bool((waited <= TOUCH_S).mean() > 0.5)

    def _begin(self, gray: Pixels, window: Window, shape: NDArray[np.bool_], box: Box, at: datetime) -> None:
        assert self._usual is not None
        label = LEFT_OBJECT if _steeper(gray, self._usual, window, shape) else REMOVED_OBJECT
        has_left = label == REMOVED_OBJECT and any(_is_that(box, path.origin) for path in self._paths.values())
        if has_left or np.median(self._known[window][shape]) < KNOWN_S:
            self._belongs(gray, window)  # who sat here, or stood here at first
            return
        since = at - timedelta(seconds=self._now_s - float(np.median(self._since[window][shape])))
        self.things.append(Thing(0, label, box, window, shape, gray[window].copy(), since, at))

    def _belongs(self, gray: Pixels, window: Window) -> None:
        """What is there now is usual from now on."""
        assert self._usual is not None
        around = _around(window)
        self._usual[around], self._recent[around] = gray[around], gray[around]
        self._since[around], self._touched[around] = self._now_s, NEVER

    def _review(self, gray: Pixels, hidden: Pixels, at: datetime) -> list[Thing]:
        """Which things are still there; what lies for long becomes usual. Returns those that ended."""
        assert self._usual is not None
        ended = []
        for thing in self.things:
            seen = thing.shape & (hidden[thing.window] == 0)
            if np.count_nonzero(seen) > 0.3 * np.count_nonzero(thing.shape):
                alike = np.abs(gray[thing.window] - thing.look)[seen] <= self._settings.threshold
                if alike.mean() >= HOLDS:
                    thing.seen_at, thing.hits = at, thing.hits + 1
            is_old = (at - thing.started_at).total_seconds() > self._settings.forget_s
            is_hidden = hidden[thing.window].any()  # while somebody stands before it, nobody can say that it is gone
            if is_old:
                self._belongs(gray, thing.window)
            if is_old or (not is_hidden and (at - thing.seen_at).total_seconds() > GONE_S):
                ended.append(thing)
        self.things = [thing for thing in self.things if thing not in ended]
        return ended


def _box_of(window: Window, shape: tuple[int, ...]) -> Box:
    (rows, columns), (height, width) = window, shape
    return Box(columns.start / width, rows.start / height, columns.stop / width, rows.stop / height)


def _around(window: Window) -> Window:
    """Two pixels more on each side."""
    rows, columns = window
    return slice(max(rows.start - 2, 0), rows.stop + 2), slice(max(columns.start - 2, 0), columns.stop + 2)


def _is_that(box: Box, origin: Box) -> bool:
    """Whether a place is the one that a track came from, or much of it."""
    return box.intersection(origin) >= 0.6 * box.area and box.area >= 0.2 * origin.area


def _steeper(gray: Pixels, usual: Pixels, window: Window, shape: NDArray[np.bool_]) -> bool:
    """Whether the picture rather than the memory of it has edges along the outline: something is there now."""
    around = _around(window)
    solid = np.zeros(gray.shape, np.uint8)
    solid[window][shape] = 1
    solid = solid[around]
    outline = (
        cv2.subtract(cv2.dilate(solid, np.ones((3, 3), np.uint8)), cv2.erode(solid, np.ones((3, 3), np.uint8))) > 0
    )
    now, before = (_edges(picture[around])[outline].mean() for picture in (gray, usual))
    return bool(now >= before)


def _edges(picture: Pixels) -> Pixels:
    across = cv2.Sobel(picture, cv2.CV_32F, 1, 0, ksize=3, scale=0.25)
    return cv2.magnitude(across, cv2.Sobel(picture, cv2.CV_32F, 0, 1, ksize=3, scale=0.25))


class ObjectTracker:
    """Implements domain.ports.Follow over a VoteTracker: its tracks, and one for each thing left or removed."""

    def __init__(self, camera: str, tracker: VoteTracker, settings: ObjectSettings | None = None) -> None:
        self._camera = camera
        self._tracker = tracker
        self._still = StillThings(settings or ObjectSettings())

    @property
    def tracks(self) -> Sequence[Track]:
        """Those of the tracker: what lies still is followed here, and is no business of gate and proposer."""
        return self._tracker.tracks

    def __call__(self, scene: Scene) -> tuple[Track, ...]:
        tracks = self._tracker(scene)
        ended = self._still(scene.frame, tracks)
        for thing in self._still.things:
            thing.id = thing.id or self._tracker.number()
        live = (self._told(thing) for thing in self._still.things)
        return (*tracks, *live, *(self._told(thing, ended=True) for thing in ended))

    def finish(self) -> tuple[Track, ...]:
        return (*self._tracker.finish(), *(self._told(thing, ended=True) for thing in self._still.things))

    def _told(self, thing: Thing, ended: bool = False) -> Track:
        life = (thing.started_at, thing.seen_at, thing.hits, ended)
        return Track(thing.id, self._camera, thing.box, thing.label, 1.0, True, *life)


class ObjectTask:
    """Implements domain.ports.Task: the word `object` of each track."""

    words: tuple[str, ...] = ("object",)

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        return {track.id: {"object": BECAME.get(track.label, "")} for track in tracks if track.confirmed}
