"""Walks one camera: each Frame goes down the WorkerWalk and comes out as Observations, in order."""

from __future__ import annotations

from collections.abc import Iterator

from surveillance.domain.values import Frame, Observation
from surveillance.walk import WorkerWalk


def walk_frame(walk: WorkerWalk, frame: Frame) -> tuple[Observation, ...]:
    """One frame through every step. A closed gate leaves the tracks as they are; they are still observed."""
    motion = walk.gate(frame, walk.track.tracks)
    if not motion.is_open:
        return walk.observe(frame, walk.track.tracks)
    detections = walk.propose(frame, motion, walk.track.tracks)
    scene = walk.recognize(frame, detections)
    return walk.observe(frame, walk.track(scene))


def walk_end(walk: WorkerWalk, last: Frame) -> tuple[Observation, ...]:
    """The source has ended: every live track leaves."""
    return walk.observe(last, walk.track.finish())


def walk_source(walk: WorkerWalk) -> Iterator[tuple[Frame, tuple[Observation, ...]]]:
    """Every frame of a source with what it told, nothing dropped; a last pair closes the tracks."""
    last: Frame | None = None
    for frame in walk.receive.frames():
        last = frame
        yield frame, walk_frame(walk, frame)
    if last is not None:
        yield last, walk_end(walk, last)
