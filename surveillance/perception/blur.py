"""Pictures on record without their people: where tracks were is made coarse, or only the silhouettes in it.

Whoever is not surely a vehicle or an animal is hidden, doubt included. What recognizes people sees them as they are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.geometry import Box
from surveillance.domain.ports import Follow
from surveillance.domain.values import NO_SUBJECT, Bgr, Scene, Subject, Track
from surveillance.perception.detect import Found

HIDDEN = frozenset({"person", *NO_SUBJECT})
BLOCKS = 8  # along a person's longer side: a head is one of them
PICTURE_BLOCKS = 40  # the same for a whole picture
MARGIN = 0.15  # by which a box is wider on each side: tracks lag behind
ENOUGH = 0.2  # share of a box that silhouettes must cover to be taken for the whole person
SPREAD = 0.01  # of the picture's longer side: silhouettes are this much wider than the model says
NEAR = timedelta(seconds=0.5)  # moments that tell where people were, of a picture that was not analyzed itself
STALE = timedelta(seconds=2)  # further away, nothing tells where they were
MOST_MOMENTS = 4096

Silhouettes = Callable[[Bgr], NDArray[np.bool_]]  # (height, width): where people are
Find = Callable[[Bgr], Sequence[Found]]


class PeopleBlur:
    """Implements domain.ports.Hide for one camera, any thread. It must be told of every frame that was analyzed.

    With `find` a detector looks at each picture too, and with `silhouettes` a segmenter does.
    """

    def __init__(self, remember_s: float, silhouettes: Silhouettes | None = None, find: Find | None = None) -> None:
        self._remember = timedelta(seconds=remember_s)
        self._silhouettes = silhouettes
        self._find = find
        self._lock = Lock()
        self._moments: deque[tuple[datetime, tuple[Box, ...]]] = deque(maxlen=MOST_MOMENTS)

    def follow(self, at: datetime, tracks: Sequence[Track], subjects: Sequence[Subject] = ()) -> None:
        """Where everybody is at that moment: tracks, and what was found, which may be larger. The first word stands."""
        boxes = [track.box for track in tracks if track.label in HIDDEN and not track.ended]
        boxes += [each.detection.box for each in subjects if each.seen is None or each.seen.label in HIDDEN]
        with self._lock:
            if not self._moments or self._moments[-1][0] != at:
                self._moments.append((at, tuple(boxes)))
            while at - self._moments[0][0] > self._remember:
                self._moments.popleft()

    def following(self, follow: Follow) -> Follow:
        """The same tracker, whose tracks are told here too."""
        return FollowedPeople(follow, self)

    def knows(self, at: datetime) -> bool:
        """Whether a frame near that moment was analyzed."""
        return any(abs(then - at) <= STALE for then, _ in self._told())

    def _told(self) -> list[tuple[datetime, tuple[Box, ...]]]:
        with self._lock:
            return list(self._moments)

    def __call__(self, pixels: Bgr, at: datetime) -> Bgr:
        """A copy without people; coarse as a whole where it is not known where they were."""
        if not self.knows(at):
            return _coarse(pixels, PICTURE_BLOCKS)
        boxes = self._people_at(at)
        if self._find is not None:
            boxes += [thing.box for thing in self._find(pixels) if thing.ours == "person"]
        return _hidden(pixels, boxes, None if self._silhouettes is None else _wider(self._silhouettes(pixels)))

    def quickly(self, pixels: Bgr, at: datetime) -> Bgr:
        """The same by the boxes of tracks alone, for pictures that are only shown."""
        return _hidden(pixels, self._people_at(at), None) if self.knows(at) else _coarse(pixels, PICTURE_BLOCKS)

    def _people_at(self, at: datetime) -> list[Box]:
        """The boxes of that very moment; else of those around it."""
        moments = self._told()
        place = bisect_left(moments, at, key=lambda moment: moment[0])
        if place < len(moments) and moments[place][0] == at:
            return list(moments[place][1])
        around = {place - 1, place} & set(range(len(moments)))
        around |= {index for index, (then, _) in enumerate(moments) if abs(then - at) <= NEAR}
        return [box for index in sorted(around) for box in moments[index][1]]


class FollowedPeople:
    """Implements domain.ports.Follow: another one, whose tracks are told to the blur."""

    def __init__(self, follow: Follow, blur: PeopleBlur) -> None:
        self._follow = follow
        self._blur = blur

    @property
    def tracks(self) -> Sequence[Track]:
        return self._follow.tracks

    def __call__(self, scene: Scene) -> tuple[Track, ...]:
        tracks = self._follow(scene)
        self._blur.follow(scene.frame.captured_at, tracks, scene.subjects)
        return tracks

    def finish(self) -> tuple[Track, ...]:
        return self._follow.finish()


def _hidden(pixels: Bgr, boxes: Sequence[Box], people: NDArray[np.bool_] | None) -> Bgr:
    """Boxes made coarse, each as a whole unless silhouettes fill enough of it; silhouettes everywhere."""
    height, width = pixels.shape[:2]
    hidden = pixels.copy()
    if people is not None:
        hidden[people] = _coarse(pixels, PICTURE_BLOCKS)[people]
    for box in boxes:
        left, top, right, bottom = box.grown(MARGIN).pixels(width, height)
        place = np.s_[top:bottom, left:right]
        coarse = _coarse(pixels[place], BLOCKS)
        if people is not None and people[place].mean() >= ENOUGH:
            hidden[place][people[place]] = coarse[people[place]]
        else:
            hidden[place] = coarse
    return hidden


def _coarse(pixels: Bgr, blocks: int) -> Bgr:
    """So many blocks along its longer side, blurred into each other."""
    height, width = pixels.shape[:2]
    side = max(height, width) / blocks
    small = cv2.resize(
        pixels, (max(1, round(width / side)), max(1, round(height / side))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _wider(people: NDArray[np.bool_]) -> NDArray[np.bool_]:
    reach = 2 * round(SPREAD * max(people.shape)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    return np.asarray(cv2.dilate(people.astype(np.uint8), kernel), np.bool_)
