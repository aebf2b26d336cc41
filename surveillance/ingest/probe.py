"""A camera's URL in, what it gives out: codec, size, rate and a picture, or in words why it gives none.

One attempt within the time limits of the options; nothing is left open.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import cv2

from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import Source, SourceOptions
from surveillance.domain.values import Frame
from surveillance.ingest.sources import StreamFacts, open_source, shown_address

EVERY_PICTURE_FPS = 60.0
BURST_S = 1.0  # many cameras first send at once what they held back
SLOW_S = 3.0
DARK, BRIGHT, FLAT = 20.0, 235.0, 4.0  # gray levels: two means and a spread


@dataclass(frozen=True, slots=True)
class Probe:
    """What a camera gave. `fps` is 0.0 when too few pictures came to tell; `notes` are sentences for a person."""

    codec: str
    width: int
    height: int
    fps: float
    first_picture_s: float
    jpeg: bytes
    notes: tuple[str, ...]


@runtime_checkable
class TellsFacts(Protocol):
    """A source that knows what it reads, once it is open."""

    facts: StreamFacts | None


@dataclass
class Watched:
    """What was seen so far. The rate is counted once the first burst is over."""

    asked_s: float
    first_s: float = 0.0
    steady_s: float = 0.0
    last_s: float = 0.0
    steady: int = -1
    frame: Frame | None = None

    def see(self, frame: Frame) -> None:
        now_s = time.monotonic() if frame.media_s is None else self.asked_s + frame.media_s
        if self.frame is None:
            self.first_s = now_s
        if self.steady < 0 and now_s - self.first_s >= (BURST_S if frame.media_s is None else 0.0):
            self.steady, self.steady_s = 0, now_s
        elif self.steady >= 0:
            self.steady += 1
        self.frame, self.last_s = frame, now_s

    @property
    def fps(self) -> float:
        return round(self.steady / (self.last_s - self.steady_s), 1) if self.steady > 0 else 0.0


def probe(url: str, options: SourceOptions, seconds: float = 3.0) -> Probe:
    """Watches for about `seconds` after the first picture.

    Raises SourceError, whose words say what is wrong: cannot reach, wrong password, no such path, no video, a codec
    that cannot be decoded, or no picture in time.
    """
    source = open_source(url, replace(options, analyze_fps=EVERY_PICTURE_FPS, packets=None, decode=True))
    watched = Watched(time.monotonic())
    notes: list[str] = []
    try:
        for frame in source.frames():
            watched.see(frame)
            if watched.last_s - watched.first_s >= seconds:
                break
    except SourceLost as lost:
        if watched.frame is None:
            raise SourceError(str(lost), lost.reason) from None
        notes.append(f"after {watched.last_s - watched.first_s:.1f} s {lost}")
    finally:
        source.close()
    if watched.frame is None:
        raise SourceError(f"{shown_address(url)} gave no picture", "no_video")
    return _summed_up(source, watched, watched.frame, notes, options)


def _summed_up(source: Source, watched: Watched, frame: Frame, notes: list[str], options: SourceOptions) -> Probe:
    facts = source.facts if isinstance(source, TellsFacts) else None
    first_picture_s = round(watched.first_s - watched.asked_s, 2)
    return Probe(
        codec=facts.codec if facts else "unknown",
        width=frame.picture.width,
        height=frame.picture.height,
        fps=watched.fps,
        first_picture_s=first_picture_s,
        jpeg=cv2.imencode(".jpg", frame.picture.bgr())[1].tobytes(),
        notes=(*_facts_in_words(facts), *notes, *_hints(watched, frame, first_picture_s, options)),
    )


def _facts_in_words(facts: StreamFacts | None) -> list[str]:
    if facts is None:
        return []
    return [facts.over, *(["there is sound too; it is not used"] if facts.has_sound else [])]


def _hints(watched: Watched, frame: Frame, first_picture_s: float, options: SourceOptions) -> list[str]:
    hints = []
    if first_picture_s > SLOW_S:
        hints.append(f"the first picture took {first_picture_s:.1f} s: more key frames would find the camera sooner")
    if 0 < watched.fps < options.analyze_fps - 0.5:
        hints.append(f"it gives fewer pictures than the {options.analyze_fps:g}/s that are to be looked at")
    mean, spread = float(frame.luma.mean()), float(frame.luma.std())
    if spread < FLAT:
        color = "black" if mean < DARK else "white" if mean > BRIGHT else "of one color"
        hints.append(f"the picture is all {color}: is something before the lens?")
    return hints
