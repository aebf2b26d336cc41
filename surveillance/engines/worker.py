"""Walks one camera: each Frame goes down the WorkerWalk and comes out as Observations, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from surveillance.domain.values import Frame, Motion, Observation, SceneReport, Track
from surveillance.walk import WorkerWalk


@dataclass(frozen=True, slots=True)
class Looked:
    """A frame that went down the walk: what moved in it, what is followed now, and what is told."""

    frame: Frame
    motion: Motion
    tracks: Sequence[Track]  # live ones, unconfirmed too
    told: tuple[Observation, ...]
    scenes: tuple[SceneReport, ...] = ()  # what is told of watched parts of the picture

    @property
    def all_told(self) -> tuple[Observation | SceneReport, ...]:
        return (*self.told, *self.scenes)


def walk_frame(walk: WorkerWalk, frame: Frame) -> Looked:
    """One frame through every step. A closed gate leaves the tracks as they are; they are still observed."""
    motion = walk.gate(frame, walk.track.tracks)
    if not motion.is_open:
        tracks = walk.track.tracks
        return Looked(frame, motion, tracks, walk.observe(frame, tracks), walk.look(frame))
    detections = walk.propose(frame, motion, walk.track.tracks)
    tracks = walk.track(walk.recognize(frame, detections))
    told = walk.observe(frame, tracks, walk.describe(frame, tracks))
    return Looked(frame, motion, walk.track.tracks, told, walk.look(frame))


def walk_end(walk: WorkerWalk, last: Frame) -> Looked:
    """The source has ended: every live track leaves."""
    return Looked(last, Motion("quiet"), (), walk.observe(last, walk.track.finish()))


def walk_source(walk: WorkerWalk) -> Iterator[Looked]:
    """Every frame of a source with what it told, nothing dropped; the last one once more, to close the tracks."""
    last: Frame | None = None
    for frame in walk.receive.frames():
        last = frame
        yield walk_frame(walk, frame)
    if last is not None:
        yield walk_end(walk, last)
