"""A camera's main stream into its packet ring, never decoded, beside the sub stream that is analyzed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace

from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import OpenSource, Source, SourceOptions
from surveillance.domain.site import Camera
from surveillance.ingest.reader import retry_waits
from surveillance.ingest.ring import PacketRing
from surveillance.ingest.settings import IngestSettings

log = logging.getLogger(__name__)


class MainStreamReader:
    """`run` is the body of a thread: it opens the stream, and tries again with growing waits, until `stop`."""

    def __init__(
        self,
        camera: Camera,
        open_source: OpenSource,
        options: SourceOptions,
        ring: PacketRing,
        settings: IngestSettings,
    ) -> None:
        self._camera = camera
        self._open_source = open_source
        self._options = replace(options, packets=ring, decode=False)
        self._ring = ring
        self._settings = settings
        self._stopping = threading.Event()
        self._source: Source | None = None

    def run(self) -> None:
        waits = retry_waits(self._settings)
        told = ""
        while not self._stopping.is_set():
            before_s = self._newest_s()
            try:
                self._read()
                return
            except (SourceError, SourceLost) as error:
                if self._newest_s() != before_s:
                    waits, told = retry_waits(self._settings), ""
                if error.reason != told:
                    log.warning("main stream lost", extra={"camera": self._camera.name, "reason": str(error)})
                told = error.reason
            self._wait(waits)

    def stop(self) -> None:
        self._stopping.set()
        if self._source is not None:
            self._source.close()

    def _read(self) -> None:
        """Until the stream ends. A file would run ahead of its sub stream, so none is read."""
        source = self._open_source(self._camera.url, self._options)
        if not source.live:
            return
        self._source = source
        try:
            for _ in source.frames():
                if self._stopping.is_set():
                    return
        finally:
            source.close()

    def _newest_s(self) -> float | None:
        span_s = self._ring.span_s
        return span_s[1] if span_s else None

    def _wait(self, waits: Iterator[float]) -> None:
        self._stopping.wait(next(waits))
