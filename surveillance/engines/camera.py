"""One camera's threads: a reader fills the mailbox, and the worker walks what is newest in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from surveillance.domain.errors import SurveillanceError
from surveillance.domain.ports import KeepMedia
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Frame, Keep, Kept, Observation
from surveillance.engines.worker import walk_source
from surveillance.ingest.mailbox import FrameMailbox
from surveillance.walk import WorkerWalk

TAKE_S = 0.5
NO_ANSWER = "no answer from the recognizer"
NO_LOOK = "its worker looks at no picture"
LOOK_S = 3.0  # a worker that looked at nothing for so long is taken for dead


class CameraFrames:
    """A Source fed by a thread of its own, so that a slow look drops live pictures instead of falling behind.

    `read` delivers frames to the mailbox until it returns or raises; `stop` makes it return.
    """

    live = True
    duration_s: float | None = None

    def __init__(self, read: Callable[[], None], stop: Callable[[], None], mailbox: FrameMailbox) -> None:
        self._read = read
        self._stop = stop
        self._mailbox = mailbox
        self._error: SurveillanceError | None = None
        self._reader: threading.Thread | None = None

    def frames(self) -> Iterator[Frame]:
        """What waits, until `close` or the end of `read`, whose error is raised here."""
        if self._reader is None:  # it goes on while a worker that failed is started again
            self._reader = threading.Thread(target=self._fill, name="reader", daemon=True)
            self._reader.start()
        while not self._mailbox.is_done:
            frame = self._mailbox.take(TAKE_S)
            if frame is not None:
                yield frame
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self._stop()
        self._mailbox.close()

    def _fill(self) -> None:
        try:
            self._read()
        except SurveillanceError as error:
            self._error = error
        finally:
            self._mailbox.close()


class CameraHealth:
    """A camera sees only while its worker looks and its recognizer answers; else its reports say blinded, not live.

    So what rules ask of that camera is unknown, and nothing is granted on a picture that nobody looked at.
    """

    def __init__(
        self,
        camera: str,
        tell: Callable[[CameraReport], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._camera = camera
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._is_blinded = False
        self._looked_at_s = clock()

    def looked(self) -> None:
        """Told of each frame that went through the worker."""
        self._looked_at_s = self._clock()

    def report(self, report: CameraReport) -> None:
        """Passes on what the reader reports."""
        with self._lock:
            if report.state == "live" and self._is_blinded:
                report = replace(report, state="blinded", reason=NO_ANSWER, changed=False)
            elif report.state == "live" and self._clock() - self._looked_at_s > LOOK_S:
                report = replace(report, state="blinded", reason=NO_LOOK, changed=False)
            elif report.state != "live":
                self._looked_at_s = self._clock()  # nothing to look at
            self._tell(report)

    def answered(self, came: bool) -> None:
        """Told after each ask of the recognizer."""
        with self._lock:
            if came != self._is_blinded:
                return
            self._is_blinded = not came
            state, reason = ("live", "") if came else ("blinded", NO_ANSWER)
            self._tell(CameraReport(self._camera, datetime.now(UTC), state, reason, changed=True))


class CameraThreads:
    """`run` until `stop` or the end of the source. Observations go to `tell`, every analyzed frame to `show`."""

    def __init__(
        self,
        walk: WorkerWalk,
        tell: Callable[[Observation], None],
        show: Callable[[Frame], None],
        media: KeepMedia,
    ) -> None:
        self._walk = walk
        self._tell = tell
        self._show = show
        self._media = media

    def run(self) -> None:
        for frame, told in walk_source(self._walk):
            for observation in told:
                self._tell(observation)
            self._show(frame)

    def stop(self) -> None:
        self._walk.receive.close()

    def change(self, camera: Camera) -> bool:
        """Other zones, lines and view are taken over while it runs, tracks and all; anything else is not."""
        return self._walk.observe.change(camera)

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        """In a thread of its own: a clip is written once its end has come."""
        threading.Thread(target=lambda: answer(self._media(keep)), name=f"keep {keep.camera}", daemon=True).start()
