"""Tracks in, observations out: claims about what, where and how long, told on change and once a second.

A confirmed track is told unless it is voted background, in doubt as `unknown`; `left` only follows what was told.
The clock is the frames' own, so the same pictures give the same observations (their ids apart).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

import cv2

from surveillance.domain.geometry import Box, Point
from surveillance.domain.ports import Hide
from surveillance.domain.site import LIVE_FIELDS, Camera
from surveillance.domain.values import (
    BACKGROUND,
    NO_SUBJECT,
    REJECTED,
    Attribute,
    Attributes,
    Frame,
    Observation,
    Shot,
    Track,
    new_id,
)
from surveillance.perception.settings import ObserveSettings

BORDER = 0.005  # a box nearer to the picture's edge than this is cut off by it
GIVE_UP = 0.05  # a label that was told stays so far below the camera's least confidence: it must not flutter
NOTHING: Mapping[int, Attributes] = MappingProxyType({})
CUT_WORTH = 0.4  # what a shot of something cut off counts for beside a whole one


@dataclass(slots=True)
class Story:
    """What was told of one track, and what is still to be told."""

    told: bool = False
    told_at: datetime | None = None
    label: str = ""
    zones: frozenset[str] = frozenset()  # where it stands now
    told_zones: frozenset[str] = frozenset()
    entering: dict[str, int] = field(default_factory=dict)  # zone -> frames that its change has held
    dwell_s: dict[str, float] = field(default_factory=dict)
    placed_at: datetime | None = None
    settled: dict[str, Point] = field(default_factory=dict)  # line -> where it last surely stood
    beyond: dict[str, int] = field(default_factory=dict)  # line -> frames that it has been on the other side
    crossed: set[str] = field(default_factory=set)
    attributes: dict[str, Attribute] = field(default_factory=dict)  # what the camera's tasks said of it so far
    is_described: bool = False  # one of them says something else since the last telling
    best_worth: float = 0.0  # of the shot that was told, or of the one kept
    kept: tuple[Frame, Box] | None = None  # the best picture not told yet


class Observer:
    """Implements domain.ports.Observe for one camera. `model` names what labelled the tracks, `hide` blurs shots."""

    def __init__(
        self, camera: Camera, settings: ObserveSettings | None = None, model: str = "", hide: Hide | None = None
    ) -> None:
        self._camera = camera
        self._edited = camera  # what `change` was told, by another thread; taken over between frames
        self._settings = settings or ObserveSettings()
        self._model = model
        self._hide = hide
        self._stories: dict[int, Story] = {}
        self._encoded: tuple[int, bytes] | None = None  # frame number and its JPEG, which tracks share

    def __call__(
        self, frame: Frame, tracks: Sequence[Track], described: Mapping[int, Attributes] = NOTHING
    ) -> tuple[Observation, ...]:
        """What is worth telling of this frame, in the tracks' order."""
        if self._edited is not self._camera:
            self._take_over(self._edited)
        told = []
        for track in tracks:
            if not track.confirmed:
                continue
            story = self._stories.setdefault(track.id, Story())
            track = self._doubted(track, story)
            _describe(story, described.get(track.id))
            if track.seen_at == frame.captured_at and not track.ended:
                self._place(story, track)
                self._keep_best(story, track, frame)
            told.extend(self._tell(story, track, frame))
            if track.ended:
                del self._stories[track.id]
        return tuple(told)

    def change(self, camera: Camera) -> bool:
        """Takes over LIVE_FIELDS from the next frame on; False when more than these differs."""
        now = self._edited
        if camera.tasks and camera.view != now.view:  # its tasks are built for a view
            return False
        if replace(camera, **{name: getattr(now, name) for name in LIVE_FIELDS}) != now:
            return False
        self._edited = camera
        return True

    def _take_over(self, camera: Camera) -> None:
        """Tracks go on. Where they stand to a line that was moved is learned anew, or moving it would cross it."""
        moved = {line.name for line in (*camera.lines, *self._camera.lines)} - {
            line.name for line in camera.lines if line in self._camera.lines and camera.view == self._camera.view
        }
        zones = {zone.name for zone in camera.zones}
        for story in self._stories.values():
            story.zones &= zones
            for name in moved:
                story.settled.pop(name, None)
                story.beyond.pop(name, None)
        self._camera = camera

    def _doubted(self, track: Track, story: Story) -> Track:
        """The track as `unknown` where it is less sure than the camera asks for; what was told is given up later."""
        least = self._camera.min_confidence - (GIVE_UP if story.label == track.label else 0.0)
        if track.label in NO_SUBJECT or track.confidence >= least:
            return track
        return replace(track, label=REJECTED)

    # --- when -------------------------------------------------------------------------------------------------

    def _tell(self, story: Story, track: Track, frame: Frame) -> list[Observation]:
        observations = []
        if not story.told and track.label != BACKGROUND:
            observations.append(self._observation("appeared", story, track, frame))
        elif story.told and track.label != story.label:
            observations.append(self._observation("changed", story, track, frame))
        elif story.told and not track.ended:
            waited_s = 0.0 if story.told_at is None else (frame.captured_at - story.told_at).total_seconds()
            if story.crossed or story.is_described or story.zones != story.told_zones:
                observations.append(self._observation("changed", story, track, frame))
            elif waited_s >= self._settings.heartbeat_s - 1e-6:
                observations.append(self._observation("heartbeat", story, track, frame))
        if track.ended and story.told:
            observations.append(self._observation("left", story, track, frame))
        return observations

    def _observation(self, change: str, story: Story, track: Track, frame: Frame) -> Observation:
        shot = self._shot(story) if change != "left" else None
        observation = Observation(
            id=new_id(),
            camera=self._camera.name,
            at=frame.captured_at,
            media_s=frame.media_s,
            change=change,
            track=track.id,
            label=track.label,
            confidence=track.confidence,
            box=track.box,
            zones=frozenset(story.zones),
            zones_version=self._camera.zones_version,
            dwell_s=dict(story.dwell_s),
            track_s=(track.seen_at - track.started_at).total_seconds(),
            started_at=track.started_at,
            crossed=frozenset(story.crossed),
            model=self._model,
            shot=shot,
            attributes=dict(story.attributes),
        )
        story.told, story.told_at, story.label = True, frame.captured_at, track.label
        story.told_zones, story.crossed, story.is_described = story.zones, set(), False
        return observation

    # --- where ------------------------------------------------------------------------------------------------

    def _place(self, story: Story, track: Track) -> None:
        """Updates zones, dwell and crossed lines by where the track stands now."""
        point = track.box.center if self._camera.view == "top" else track.box.foot
        if story.placed_at is not None:
            passed_s = (track.seen_at - story.placed_at).total_seconds()
            for zone in story.zones:
                story.dwell_s[zone] = story.dwell_s.get(zone, 0.0) + passed_s
        self._settle_zones(story, point, first=story.placed_at is None)
        self._settle_lines(story, point)
        story.placed_at = track.seen_at

    def _settle_zones(self, story: Story, point: Point, first: bool) -> None:
        """A zone is entered or left once that held for some frames: feet on its edge do not flutter."""
        inside = {zone.name for zone in self._camera.zones if zone.contains(point)}
        changing = inside ^ story.zones
        story.entering = {zone: story.entering.get(zone, 0) + 1 for zone in changing}
        needed = 1 if first else self._settings.settle_frames
        settled = {zone for zone, frames in story.entering.items() if frames >= needed}
        for zone in settled:
            del story.entering[zone]
            story.dwell_s.setdefault(zone, 0.0)
        story.zones = story.zones ^ settled
        if settled and not first:  # what is decided there is shown there, not where the track looked best
            story.best_worth = 0.0

    def _settle_lines(self, story: Story, point: Point) -> None:
        """A line is crossed once the other side held for some frames."""
        for line in self._camera.lines:
            if line.side(point) == 0:
                continue
            before = story.settled.setdefault(line.name, point)
            direction = line.crossing(before, point)
            if direction is None:
                story.settled[line.name] = point
                story.beyond[line.name] = 0
                continue
            story.beyond[line.name] = story.beyond.get(line.name, 0) + 1
            if story.beyond[line.name] >= self._settings.settle_frames:
                story.crossed.add(f"{line.name}:{direction}")
                story.settled[line.name] = point
                story.beyond[line.name] = 0

    # --- the best shot ------------------------------------------------------------------------------------------

    def _keep_best(self, story: Story, track: Track, frame: Frame) -> None:
        """Keeps the picture, not yet encoded, when it is clearly better than the one told or kept."""
        worth = _worth(track)
        if worth > story.best_worth * self._settings.better_by or (not story.told and story.kept is None):
            story.best_worth = worth
            story.kept = (frame, track.box)

    def _shot(self, story: Story) -> Shot | None:
        if story.kept is None:
            return None
        (frame, box), story.kept = story.kept, None
        if self._encoded is None or self._encoded[0] != frame.number:
            self._encoded = (frame.number, encode_shot(frame, self._settings, self._hide))
        return Shot(self._encoded[1], box, frame.captured_at)


def _describe(story: Story, said: Attributes | None) -> None:
    """Takes over what is new. A number alone is told with the next heartbeat, for it may change with each frame."""
    for word, value in (said or {}).items():
        is_number = isinstance(value, float) and not isinstance(value, bool)
        story.is_described |= not is_number and story.attributes.get(word) != value
        story.attributes[word] = value


def encode_shot(frame: Frame, settings: ObserveSettings, hide: Hide | None = None) -> bytes:
    """The whole picture as JPEG of at most `shot_bytes`: smaller, then coarser, until it fits."""
    picture = frame.picture.bgr()
    if hide is not None:
        picture = hide(picture, frame.captured_at)
    height, width = picture.shape[:2]
    across, quality = min(settings.shot_width_px, width), settings.shot_quality
    while True:
        size = (across, max(round(height * across / width), 1))
        small = picture if size == (width, height) else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        jpeg = bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])
        if len(jpeg) <= settings.shot_bytes or across <= 64:
            return jpeg
        across, quality = round(across * 0.85), max(quality - 5, 40)


def _worth(track: Track) -> float:
    """How telling a picture of the track is: sure, large, and not cut off by the border."""
    box = track.box
    cut = box.x1 < BORDER or box.y1 < BORDER or box.x2 > 1 - BORDER or box.y2 > 1 - BORDER
    return float((0.1 + track.confidence) * box.area**0.5 * (CUT_WORTH if cut else 1.0))
