"""Tells the judge which mode the site is in: when it changes, when the service starts, and once an hour."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from surveillance.domain.errors import RecordFailed
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import ModeOrder
from surveillance.domain.values import ModeReport
from surveillance.jobs.table import Done
from surveillance.rules.arming import mode_at

RETELL = timedelta(hours=1)  # so that stored inputs of any hour say in which mode they were judged


class Arming:
    """The arming job. The server's clock decides; a person's order comes first."""

    def __init__(
        self,
        site: SiteReader,
        read_order: Callable[[], ModeOrder | None],
        put: Callable[[ModeReport], None],
        fallback: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._site = site
        self._read_order = read_order
        self._put = put
        self._fallback = fallback
        self._clock = clock
        self._order: ModeOrder | None = None
        self._told: ModeReport | None = None

    def __call__(self) -> Done:
        """While the database is away the last known order counts."""
        with suppress(RecordFailed):
            self._order = self._read_order()
        report = mode_at(self._clock(), self._site(), self._order, self._fallback)
        told = self._told
        if told is None or told.mode != report.mode or abs(report.at - told.at) >= RETELL:
            self._told = report
            self._put(report)
        return Done(f"{report.mode}: {report.reason}")
