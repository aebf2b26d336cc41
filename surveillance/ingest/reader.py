"""One camera in, its Frames out, for as long as it takes: opens, reads, and tries again with growing waits.

How the camera fares is reported on each change and once a second, so that silence means a stale camera.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import OpenSource, Source, SourceOptions
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Frame
from surveillance.ingest.settings import IngestSettings

log = logging.getLogger(__name__)


class CameraReader:
    """`run` is the body of a thread; `run_once` is one attempt, in the caller's own thread.

    A camera with a sub stream is read from that. With `paced`, a file is played at its own speed.
    """

    def __init__(
        self,
        camera: Camera,
        open_source: OpenSource,
        options: SourceOptions,
        deliver: Callable[[Frame], object],
        report: Callable[[CameraReport], object],
        settings: IngestSettings,
        drops: Callable[[], Mapping[str, int]] = dict,
        paced: bool = False,
    ) -> None:
        self._camera = camera
        self._open_source = open_source
        self._options = options
        self._deliver = deliver
        self._settings = settings
        self._paced = paced
        self._stopping = threading.Event()
        self._source: Source | None = None
        self._health = Health(camera.name, report, drops, settings.report_every_s)
        self._waits = retry_waits(settings)

    def run(self) -> None:
        """Reads until `stop`, or until a file has ended."""
        while not self._stopping.is_set():
            try:
                self.run_once()
                return
            except (SourceError, SourceLost) as error:
                reason, text = error.reason, str(error)
            except Exception as error:
                log.exception("source failed", extra={"camera": self._camera.name})
                reason, text = "unreadable", type(error).__name__
            if self._stopping.is_set():  # a camera that is no longer watched is not lost
                return
            wait_s = next(self._waits)
            if self._health.lost(reason):
                log.warning("camera lost", extra={"camera": self._camera.name, "reason": text})
            self._sit_out(wait_s, reason)

    def run_once(self) -> None:
        """Opens the source and delivers its frames. Raises SourceError or SourceLost; returns when a file ends."""
        source = self._source = self._open_source(self._camera.sub_url or self._camera.url, self._options)
        self._health.opened(source.live)
        try:
            for frame in source.frames():
                if self._stopping.is_set():
                    return
                if self._health.saw(frame):
                    self._waits = retry_waits(self._settings)
                self._hold(frame)
                if self._deliver(frame) is False:  # nobody takes frames any more
                    return
        finally:
            source.close()

    def stop(self) -> None:
        """Ends waiting at once, and reading at the next picture or time limit; nothing is reported any more."""
        self._stopping.set()
        if self._source is not None:
            self._source.close()

    def _hold(self, frame: Frame) -> None:
        if self._paced and frame.media_s is not None:
            self._stopping.wait(max((frame.captured_at - datetime.now(UTC)).total_seconds(), 0.0))

    def _sit_out(self, wait_s: float, reason: str) -> None:
        while wait_s > 0 and not self._stopping.wait(min(wait_s, self._settings.report_every_s)):
            wait_s -= self._settings.report_every_s
            self._health.lost(reason)


class Health:
    """Turns what the reader meets into CameraReports: on change, and every `every_s` while frames come.

    Reports are dated by the host for a live camera and by the frame for a file, whose first frames and end are no
    change of state.
    """

    def __init__(
        self,
        camera: str,
        report: Callable[[CameraReport], object],
        drops: Callable[[], Mapping[str, int]],
        every_s: float,
    ) -> None:
        self._camera = camera
        self._report = report
        self._drops = drops
        self._every = timedelta(seconds=every_s)
        self._state: str | None = None
        self._live = True
        self._frames = 0
        self._told_at: datetime | None = None

    def opened(self, live: bool) -> None:
        self._live = live

    def saw(self, frame: Frame) -> bool:
        """Counts a frame and reports when that is due. True when the camera was not live before."""
        at = datetime.now(UTC) if self._live else frame.captured_at
        self._frames += 1
        found = self._state != "live"
        if found:
            self._told_at = None
        if self._told_at is None:
            changed = found and (self._live or self._state is not None)
            self._tell("live", "", at, 0.0, changed)
        elif (since := abs(at - self._told_at)) >= self._every:  # a clock may have been set back
            self._tell("live", "", at, self._frames / since.total_seconds(), False)
        return found

    def lost(self, reason: str) -> bool:
        """Reports a lost camera. True when it was not lost before."""
        changed = self._state != "lost"
        self._tell("lost", reason, datetime.now(UTC), 0.0, changed)
        return changed

    def _tell(self, state: str, reason: str, at: datetime, fps: float, changed: bool) -> None:
        self._state, self._told_at, self._frames = state, at, 0
        self._report(CameraReport(self._camera, at, state, reason, round(fps, 2), self._drops(), changed))


def retry_waits(settings: IngestSettings, draw: Callable[[], float] = random.SystemRandom().random) -> Iterator[float]:
    """Seconds to wait before each new attempt, for ever; `draw` gives 0..1 for the jitter."""

    def spread(wait_s: float) -> float:
        return wait_s * (1 + settings.retry_jitter * (2 * draw() - 1))

    for wait_s, times in settings.retry_ladder:
        for _ in range(times):
            yield spread(wait_s)
    while True:
        yield spread(settings.retry_at_last_s)
