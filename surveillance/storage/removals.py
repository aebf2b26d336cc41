"""What the chain says that went by rule: rows and files deleted by retention, links that later ones stand in for."""

from __future__ import annotations

import json
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, select

from surveillance.storage.tables import chain


@dataclass(frozen=True, slots=True, order=True)
class Gone:
    """A span of links with what of them is gone: `rows`, `files` or `settled`."""

    first: int
    last: int
    what: str
    why: str


class Removals:
    """Known spans, read on as links are added. Belongs to one thread."""

    def __init__(self) -> None:
        self._rows: list[Gone] = []  # whose rows are gone; spans of one kind never overlap
        self._files: list[Gone] = []
        self._read_to = 0

    def read(self, connection: Connection) -> None:
        """What was added since the last time. One that cannot be read is told of by its own link."""
        removed = select(chain.c.seq, chain.c.payload).where(chain.c.payload.is_not(None), chain.c.kind == "removed")
        rows = connection.execute(removed.where(chain.c.seq > self._read_to).order_by(chain.c.seq)).all()
        for row in rows:
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                told = json.loads(row.payload)
                for what, spans in ((what, told[what]) for what in ("rows", "settled", "files") if what in told):
                    fresh = [Gone(int(first), int(last), what, str(told["why"])) for first, last in spans]
                    (self._files if what == "files" else self._rows).extend(fresh)
            self._read_to = row.seq
        if rows:
            self._rows.sort()
            self._files.sort()

    def of(self, link: int) -> Gone | None:
        """What of that link is gone: its row, else its file; None where all should be there."""
        return _found(self._rows, link) or _found(self._files, link)


def _found(spans: list[Gone], link: int) -> Gone | None:
    at = bisect_right(spans, link, key=lambda gone: gone.first) - 1
    return spans[at] if at >= 0 and spans[at].last >= link else None
