"""One camera's threads: a reader fills the mailbox, and the worker walks what is newest in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from surveillance.domain.errors import SurveillanceError
from surveillance.domain.kept import Keep, Kept
from surveillance.domain.ports import KeepMedia
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Frame, Observation, SceneReport
from surveillance.engines.worker import Looked, walk_source
from surveillance.ingest.mailbox import FrameMailbox
from surveillance.walk import WorkerWalk

TAKE_S = 0.5
NO_ANSWER = "no answer from the recognizer"
NO_LOOK = "its worker looks at no picture"
LOOK_S = 3.0  # a worker that looked at nothing for so long is taken for dead


class View(Protocol):
    """What a check of the picture says: live, frozen, blinded or moved, and why."""

    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str: ...


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

    @property
    def drops(self) -> Mapping[str, int]:
        """Frames that the worker never saw, by reason, since the start."""
        return self._mailbox.drops

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
    """A camera is live only while its worker looks, its recognizer answers and its view is what it should be.

    Else its reports say blinded, frozen or moved: so what rules ask of that camera is unknown, and nothing is granted
    on a picture that nobody looked at or that shows something else.
    """

    def __init__(
        self,
        camera: str,
        tell: Callable[[CameraReport], None],
        clock: Callable[[], float] = time.monotonic,
        view: Callable[[Frame], View] | None = None,
    ) -> None:
        self._camera = camera
        self._tell = tell
        self._clock = clock
        self._view = view
        self._lock = threading.Lock()
        self._is_blinded = False
        self._seen: tuple[str, str] = ("live", "")
        self._read = ""  # the reader's last state
        self._told: str | None = None
        self._owes_found = False
        self._looked_at_s = clock()

    def looked(self, frame: Frame | None = None) -> None:
        """Told of each frame that went through the worker."""
        self._looked_at_s = self._clock()
        if frame is None or self._view is None:
            return
        view = self._view(frame)
        if (view.state, view.reason) != self._seen:
            with self._lock:
                self._seen = view.state, view.reason
                self._tell_change()

    def report(self, report: CameraReport) -> None:
        """Passes on what the reader reports, or what is wrong all the same."""
        with self._lock:
            self._read = report.state
            if report.state != "live":
                self._looked_at_s = self._clock()  # nothing to look at
            elif self._sees()[0] == "live" and self._clock() - self._looked_at_s > LOOK_S:
                self._owes_found = self._owes_found or report.changed
                self._tell(replace(report, state="blinded", reason=NO_LOOK, changed=False))
                return
            else:
                state, reason = self._sees()
                report = replace(report, state=state, reason=reason)
            is_first = self._told is None
            changed = report.changed or self._owes_found if is_first else report.state != self._told
            self._told, self._owes_found = report.state, False
            self._tell(replace(report, changed=changed))

    def answered(self, came: bool) -> None:
        """Told after each ask of the recognizer."""
        with self._lock:
            if came == self._is_blinded:
                self._is_blinded = not came
                self._tell_change()

    def _sees(self) -> tuple[str, str]:
        """State and reason of a camera that can be read."""
        return ("blinded", NO_ANSWER) if self._is_blinded else self._seen

    def _tell_change(self) -> None:
        """At once, unless the camera cannot be read anyway."""
        state, reason = self._sees()
        if self._read == "live" and state != self._told:
            self._told = state
            self._tell(CameraReport(self._camera, datetime.now(UTC), state, reason, changed=True))


class CameraThreads:
    """`run` until `stop` or the end of the source. What is told goes to `tell`, each analyzed frame to `show`."""

    def __init__(
        self,
        walk: WorkerWalk,
        tell: Callable[[Observation | SceneReport], None],
        show: Callable[[Looked], None],
        media: KeepMedia,
    ) -> None:
        self._walk = walk
        self._tell = tell
        self._show = show
        self._media = media

    def run(self) -> None:
        for looked in walk_source(self._walk):
            for told in looked.all_told:
                self._tell(told)
            self._show(looked)

    def stop(self) -> None:
        self._walk.receive.close()

    def change(self, camera: Camera) -> bool:
        """LIVE_FIELDS are taken over while it runs, tracks and all; anything else is not."""
        if not self._walk.observe.change(camera):
            return False
        self._walk.gate.change(camera)
        self._walk.look.change(camera)
        return True

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        """In a thread of its own: a clip is written once its end has come."""
        threading.Thread(target=lambda: answer(self._media(keep)), name=f"keep {keep.camera}", daemon=True).start()
