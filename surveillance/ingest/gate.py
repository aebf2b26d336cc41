"""A small gray picture in, the places that differ from what the camera usually shows out.

A running average per pixel, with the pixel's own restlessness beside it (foliage, noise). It follows changes of light,
never learns what a live track stands on, and opens for tracks and probes even when nothing moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from surveillance.domain.geometry import Box
from surveillance.domain.site import USUAL_SENSITIVITY, Camera
from surveillance.domain.values import BACKGROUND, NO_SUBJECT, Frame, Motion, Track
from surveillance.ingest.shapes import NEARBY, extent, find_shapes, split_columns

Pixels = NDArray[Any]  # (height, width): float32 where it is summed up, uint8 where it is a mask

RESTLESS_WEIGHT = 2.5  # how far beyond its mean restlessness a pixel must differ
RESTLESS_S = 10.0
MOST_RESTLESS = 10.0  # gray levels; more would blind a busy road, whose passing cars look like restlessness
MOST_GAIN = 1.5  # a change of exposure beyond this is learned afresh
CLEARED_SHARE = 0.03  # of a track's place may still differ when it is gone
SHADOW_DARKEST, SHADOW_EVEN = 0.5, 0.06  # least ratio to the background; most change of it over two pixels
SHADOW_REACH = 3  # pixels by which its neighbors tell whether one is in shadow
GHOST_EDGES = 1.4  # times as steep as the picture must the background be along the outline of a ghost
GHOST_STEEP = 5.0  # gray levels over two pixels; less is no edge at all
EVERYWHERE = 13  # of 16 parts of the picture
HALVES = 25  # so much more sensitivity halves the threshold
PREVIEWED = tuple(range(5, 101, 5))  # the sensitivities that a preview answers for


class GateSettings(BaseModel):
    """When the gate opens and how fast it forgets."""

    model_config = ConfigDict(extra="forbid")

    threshold: float = Field(default=14.0, gt=0)  # gray levels by which a pixel must differ from the background
    min_area: float = Field(default=0.0008, gt=0, lt=1)  # share of the picture that a moving shape must cover
    background_s: float = Field(default=4.0, gt=0)  # time constant of learning where nothing moves
    foreground_s: float = Field(default=25.0, gt=0)  # time constant of learning something that stays and is no track
    absorb_s: float = Field(default=3.0, gt=0)  # time constant of learning what was voted background
    track_s: float = Field(default=1.0, gt=0)  # longest time between two looks at a live track
    probe_s: float = Field(default=10.0, gt=0)  # longest time between two looks at all


class MotionGate:
    """Implements domain.ports.Gate for one camera: about 0.25 ms for a quiet 320x180 picture, 0.7 with motion."""

    def __init__(self, settings: GateSettings | None = None, sensitivity: int = USUAL_SENSITIVITY) -> None:
        self._settings = settings or GateSettings()
        self._sensitivity = sensitivity
        self._is_previewed = False
        self._preview: dict[int, tuple[Box, ...]] = {}  # of this frame
        self._background: Pixels | None = None
        self._restless: Pixels | None = None
        self._spare: list[Pixels] = []  # reused: a fresh array of this size costs more than the sums in it
        self._learned_at: datetime | None = None
        self._frame_at: datetime | None = None
        self._forgotten: list[Box] = []  # ghosts of this frame
        self._unsure: set[int] = set()  # tracks beneath which something was learned
        self._opened_at: datetime | None = None

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Motion:
        """What differs from the background, as boxes, largest first; then learns from the picture."""
        gray = cv2.GaussianBlur(frame.luma, (3, 3), 0).astype(np.float32)
        if self._background is None or self._background.shape != gray.shape:
            return self._learn_afresh(frame, gray, tracks)
        gain = _gain(gray, self._background)
        if not 1 / MOST_GAIN < gain < MOST_GAIN:
            return self._learn_afresh(frame, gray, tracks)
        np.multiply(self._background, np.float32(gain), out=self._background)
        difference = cv2.absdiff(gray, self._background, dst=self._spare[0])
        mask = self._mask(difference)
        spread = _spread(mask)
        if spread[1] >= EVERYWHERE:
            return self._learn_afresh(frame, gray, tracks)
        if spread[0] >= EVERYWHERE:  # the camera trembles, or all of a street moves: what lies a pixel off is no motion
            difference = self._apart(gray)
            mask = self._mask(difference)
        self._preview = self._at_every_sensitivity(gray, difference) if self._is_previewed else {}
        regions: tuple[Box, ...] = ()
        if cv2.countNonZero(mask):
            _clear_shadow(mask, gray, self._background)
            regions = self._regions(gray, mask, tracks)
        cleared = self._cleared(difference, tracks)
        near = cv2.dilate(mask, NEARBY)
        self._learn(frame, gray, difference, near, tracks)
        return self._open(frame, regions, tracks, cleared)

    def change(self, camera: Camera) -> None:
        self._sensitivity = camera.sensitivity

    def preview(self, wanted: bool) -> None:
        """Costs several times what the gate itself does, so only while somebody looks."""
        self._is_previewed = wanted

    def _open(
        self, frame: Frame, regions: tuple[Box, ...], tracks: Sequence[Track], cleared: frozenset[int] = frozenset()
    ) -> Motion:
        at = frame.captured_at
        waited_s = math.inf if self._opened_at is None else (at - self._opened_at).total_seconds()
        if regions:
            reason = "motion"
        elif waited_s >= self._settings.track_s and any(_is_subject(track) for track in tracks):
            reason = "track"
        elif waited_s >= self._settings.probe_s:
            reason = "probe"
        else:
            return Motion("quiet", preview=self._preview)
        self._opened_at = at
        return Motion(reason, regions, cleared, self._preview)

    def _learn_afresh(self, frame: Frame, gray: Pixels, tracks: Sequence[Track]) -> Motion:
        self._preview = {}
        self._background = gray.copy()
        self._restless = np.full_like(gray, 1.0)
        self._spare = [np.empty_like(gray), np.empty_like(gray)]
        self._learned_at = self._frame_at = frame.captured_at
        return self._open(frame, (), tracks)

    def _apart(self, gray: Pixels) -> Pixels:
        """By how much each pixel lies outside what the background shows within a pixel of it."""
        assert self._background is not None
        around = np.ones((3, 3), np.uint8)
        above = cv2.subtract(gray, cv2.dilate(self._background, around))
        below = cv2.subtract(cv2.erode(self._background, around), gray)
        return cv2.max(cv2.max(above, below), np.zeros_like(gray), dst=self._spare[0])

    def _threshold(self, sensitivity: int) -> float:
        return float(self._settings.threshold * 2.0 ** ((USUAL_SENSITIVITY - sensitivity) / HALVES))

    def _mask(self, difference: Pixels, sensitivity: int | None = None) -> Pixels:
        """255 where the picture differs by more than the threshold and the pixel's own restlessness."""
        assert self._restless is not None
        offset = self._threshold(sensitivity or self._sensitivity) - RESTLESS_WEIGHT
        limit = cv2.addWeighted(self._restless, RESTLESS_WEIGHT, self._restless, 0.0, offset, dst=self._spare[1])
        mask: Pixels = cv2.compare(difference, limit, cv2.CMP_GT)
        return cv2.medianBlur(mask, 3, dst=mask)

    def _at_every_sensitivity(self, gray: Pixels, difference: Pixels) -> dict[int, tuple[Box, ...]]:
        """What would count as motion in this picture. Learns nothing."""
        assert self._background is not None
        height, width = gray.shape
        shadow = _shadow(gray, self._background)
        found = {}
        for sensitivity in PREVIEWED:
            mask = self._mask(difference, sensitivity)
            mask[shadow] = 0
            found[sensitivity] = tuple(
                Box(columns.start / width, rows.start / height, columns.stop / width, rows.stop / height)
                for (rows, columns), _ in find_shapes(mask, self._settings.min_area)
            )
        return found

    def _cleared(self, difference: Pixels, tracks: Sequence[Track]) -> frozenset[int]:
        """Tracks whose last place looks as it did before they came: whatever stood there is there no more."""
        assert self._learned_at is not None
        height, width = difference.shape
        touched = {
            t.id for t in tracks if any(t.box.intersection(ghost) > 0.2 * t.box.area for ghost in self._forgotten)
        }
        self._unsure = (self._unsure | touched) & {track.id for track in tracks}
        self._forgotten.clear()
        cleared = set()
        for track in tracks:
            age_s = (track.started_at - self._learned_at).total_seconds()
            if not _is_subject(track) or track.id in self._unsure or age_s <= 0:
                continue
            left, top, right, bottom = track.box.pixels(width, height)
            differs = difference[top:bottom, left:right] > 0.6 * self._threshold(self._sensitivity)
            if np.count_nonzero(differs) < CLEARED_SHARE * differs.size:
                cleared.add(track.id)
        return frozenset(cleared)

    def _regions(self, gray: Pixels, mask: Pixels, tracks: Sequence[Track]) -> tuple[Box, ...]:
        """Boxes of the shapes in the mask. What a subject left behind is no shape: it is learned at once."""
        height, width = mask.shape
        found: list[tuple[int, Box]] = []
        for window, shape in find_shapes(mask, self._settings.min_area):
            top, left = window[0].start, window[1].start
            down, across = shape.shape
            if self._forget_ghost(gray, window, shape):
                continue
            whole = Box(left / width, top / height, (left + across) / width, (top + down) / height)
            is_one = any(track.confirmed and track.box.iou(whole) >= 0.5 for track in tracks)
            for first, last in [(0, across)] if is_one else split_columns(shape):
                part = shape[:, first:last]
                x, y, right, bottom = extent(part)
                x, right = (left + first + x) / width, (left + first + right) / width
                found.append((int(np.count_nonzero(part)), Box(x, (top + y) / height, right, (top + bottom) / height)))
        found.sort(key=lambda item: -item[0])
        return tuple(box for _, box in found)

    def _forget_ghost(self, gray: Pixels, window: tuple[slice, slice], shape: Pixels) -> bool:
        """Learns a place that something has left: the background, not the picture, has edges along its outline."""
        assert self._background is not None
        solid = shape.astype(np.uint8)
        around = np.ones((3, 3), np.uint8)
        inner = cv2.erode(solid, around, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        outline = cv2.subtract(cv2.dilate(solid, around), inner) > 0
        now, before = (_edges(picture[window])[outline].mean() for picture in (gray, self._background))
        if before < GHOST_EDGES * now or before < GHOST_STEEP:
            return False
        learned = cv2.dilate(solid, np.ones((5, 5), np.uint8)) > 0
        self._background[window][learned] = gray[window][learned]
        height, width = gray.shape
        rows, columns = window
        self._forgotten.append(
            Box(columns.start / width, rows.start / height, columns.stop / width, rows.stop / height)
        )
        return True

    def _learn(self, frame: Frame, gray: Pixels, difference: Pixels, near: Pixels, tracks: Sequence[Track]) -> None:
        assert self._background is not None
        assert self._restless is not None
        assert self._frame_at is not None
        assert self._learned_at is not None
        s = self._settings
        elapsed_s = min(max((frame.captured_at - self._frame_at).total_seconds(), 0.0), 2.0)
        usual, slow, absorb = (_rate(elapsed_s, t) for t in (s.background_s, s.foreground_s, s.absorb_s))
        rate = cv2.LUT(near, np.where(np.arange(256) > 0, slow, usual).astype(np.float32))
        self._settle_tracks(rate, tracks, absorb)
        step = cv2.subtract(gray, self._background, dst=gray)
        cv2.add(self._background, cv2.multiply(step, rate, dst=step), dst=self._background)
        most = cv2.addWeighted(self._restless, 2.0, self._restless, 0.0, 4.0, dst=self._spare[1])
        change = cv2.subtract(cv2.min(difference, most, dst=most), self._restless, dst=most)
        # a place that a track protects does not grow restless either: its rate is 0
        cv2.multiply(change, (rate > 0).astype(np.float32), dst=change, scale=_rate(elapsed_s, RESTLESS_S))
        np.minimum(cv2.add(self._restless, change, dst=change), np.float32(MOST_RESTLESS), out=self._restless)
        self._frame_at = frame.captured_at

    def _settle_tracks(self, rate: Pixels, tracks: Sequence[Track], absorb: float) -> None:
        """Nothing is learned where a subject stands; what was voted background is learned quickly."""
        height, width = rate.shape
        for wanted in (False, True):
            for track in tracks:
                if not track.confirmed or _is_subject(track) != wanted:
                    continue
                left, top, right, bottom = track.box.grown(0.1).pixels(width, height)
                window = rate[top:bottom, left:right]
                if wanted:
                    window[:] = 0.0
                elif track.label == BACKGROUND:
                    np.maximum(window, np.float32(absorb), out=window)


def _is_subject(track: Track) -> bool:
    return track.confirmed and track.label not in NO_SUBJECT


def _rate(elapsed_s: float, time_constant_s: float) -> float:
    return 1.0 - math.exp(-elapsed_s / time_constant_s)


def _gain(gray: Pixels, background: Pixels) -> float:
    """By how much the whole picture became brighter: the median over a sparse grid, so that no subject counts."""
    sample = ((gray[::6, ::6] + 8.0) / (background[::6, ::6] + 8.0)).ravel()
    middle = sample.size // 2
    return float(np.partition(sample, middle)[middle])  # a third of what np.median costs, which looks for NaN


def _shadow(gray: Pixels, background: Pixels) -> NDArray[np.bool_]:
    """Where the picture is the background, only evenly darker: no edge in the ratio of the two nearby.

    The inside of a plain dark coat looks so too; its outline stays, and with it its extent.
    """
    ratio = cv2.divide(gray + 8.0, background + 8.0)
    edges = cv2.dilate((_edges(ratio) > SHADOW_EVEN).astype(np.uint8), np.ones((5, 5), np.uint8))
    shadow: NDArray[np.bool_] = (ratio > SHADOW_DARKEST) & (ratio < 1.0) & (edges == 0)
    return shadow


def _clear_shadow(mask: Pixels, gray: Pixels, background: Pixels) -> None:
    """Looks only around what differs, which is seldom a tenth of the picture."""
    left, top, across, down = cv2.boundingRect(mask)
    around = (
        slice(max(top - SHADOW_REACH, 0), top + down + SHADOW_REACH),
        slice(max(left - SHADOW_REACH, 0), left + across + SHADOW_REACH),
    )
    mask[around][_shadow(gray[around], background[around])] = 0


def _spread(mask: Pixels) -> tuple[int, int]:
    """Of 4 x 4 parts of the picture, how many differ here and there, and how many mostly.

    The second is high for a change of light or a moved camera, corners too, unlike for one large subject.
    """
    cells = cv2.resize(mask, (4, 4), interpolation=cv2.INTER_AREA)
    return int(np.count_nonzero(cells > 4)), int(np.count_nonzero(cells > 100))


def _edges(picture: Pixels) -> Pixels:
    """Steepness of a float32 picture, in gray levels over two pixels."""
    across = cv2.Sobel(picture, cv2.CV_32F, 1, 0, ksize=3, scale=0.25)
    return cv2.magnitude(across, cv2.Sobel(picture, cv2.CV_32F, 0, 1, ksize=3, scale=0.25))
