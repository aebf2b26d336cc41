"""The camera task `badges`: QR codes that somebody holds before the camera, told to core with the track beside them.

What a code says is a key: it is told for the moment alone, never with an observation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import cv2
import numpy as np

from surveillance.domain.values import BACKGROUND, Attributes, Bgr, CodeSeen, Frame, Track

EVERY_S = 0.3  # between two looks
IDLE_EVERY_S = 1.0  # at those who have shown nothing for some time
IDLE_AFTER_S = 30.0
AGAIN_S = 1.0  # the same code beside the same track is told so often
REACH = 0.4  # sizes of a track to each side of it, where what it holds may be
MOST_TRACKS = 3  # that one look is for; the newest first
LONG_SIDE_PX, MOST_ENLARGED = 1000, 2.0
NOTHING: Mapping[int, Attributes] = MappingProxyType({})


def read_code(picture: Bgr) -> str:
    """The text of the QR code in a picture; empty where there is none that can be read.

    OpenCV's detector after ArUco's finds codes that its older one does not, and small ones once they are enlarged.
    """
    scale = min(LONG_SIDE_PX / max(picture.shape[:2]), MOST_ENLARGED)
    if scale > 1.0:
        picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    try:
        return str(cv2.QRCodeDetectorAruco().detectAndDecode(picture)[0])
    except (UnicodeDecodeError, cv2.error):  # bytes that are no text, or what the detector stumbles over
        return ""


@dataclass(slots=True)
class Shown:
    """What was seen of one track: when last for the first time, when it was looked at, and when which code was told."""

    new_at_s: float
    looked_at_s: float = float("-inf")
    told_at_s: dict[str, float] = field(default_factory=dict)


class CodeTask:
    """Implements domain.ports.Task; `tell` hears each code."""

    words: tuple[str, ...] = ()

    def __init__(self, tell: Callable[[CodeSeen], None], read: Callable[[Bgr], str] = read_code) -> None:
        self._tell = tell
        self._read = read
        self._shown: dict[int, Shown] = {}

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        now_s = frame.captured_at.timestamp()
        here = [track for track in tracks if track.confirmed and not track.ended and track.label != BACKGROUND]
        self._shown = {track.id: self._shown.get(track.id) or Shown(now_s) for track in here}
        due = [track for track in here if self._is_due(self._shown[track.id], now_s)]
        due.sort(key=lambda track: (self._shown[track.id].looked_at_s, track.box.area))
        read: set[str] = set()  # in this frame: a code within reach of two belongs to the first
        for track in due[:MOST_TRACKS]:
            shown = self._shown[track.id]
            shown.looked_at_s = now_s
            code = self._read(frame.picture.crop(track.box.grown(REACH)))
            if not code or code in read:
                continue
            read.add(code)
            if now_s - shown.told_at_s.get(code, float("-inf")) >= AGAIN_S:
                lately = {known: at_s for known, at_s in shown.told_at_s.items() if now_s - at_s < AGAIN_S}
                shown.told_at_s, shown.new_at_s = {**lately, code: now_s}, now_s
                self._tell(CodeSeen(frame.camera, track.id, track.started_at, frame.captured_at, code))
        return NOTHING

    def _is_due(self, shown: Shown, now_s: float) -> bool:
        pause_s = EVERY_S if now_s - shown.new_at_s < IDLE_AFTER_S else IDLE_EVERY_S
        return now_s - shown.looked_at_s >= pause_s - 1e-6
