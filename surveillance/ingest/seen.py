"""Frames that were looked at in, the one of a moment out, so that an event's picture is the very one that was judged.

Only those of which something was told are held, and for no longer than it takes to be asked for them.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

from surveillance.domain.values import Frame

HELD = timedelta(seconds=2)  # an event is asked for a fifth of a second after its picture; a busy machine takes longer
MOST = 3  # a picture of 1080 lines is 3 MB


class SeenFrames:
    """Belongs to the thread that looks; any thread may ask for a moment."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque(maxlen=MOST)
        self._lock = threading.Lock()

    def looked(self, frame: Frame, is_told: bool) -> None:
        """`is_told`: it may become an event's. One that was decoded with less work shows less than was sent."""
        with self._lock:
            while self._frames and abs(frame.captured_at - self._frames[0].captured_at) > HELD:
                self._frames.popleft()
            if is_told and frame.is_whole:
                self._frames.append(frame)

    def at(self, moment: datetime) -> Frame | None:
        """The one that was captured just then."""
        with self._lock:
            return next((frame for frame in self._frames if frame.captured_at == moment), None)
