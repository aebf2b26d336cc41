"""The audit: who did or looked at what, when, and from where; filtered, paged, and exported as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _

from surveillance.dashboard import deeds, trail
from surveillance.dashboard.clock import parse_since
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.dashboard.streams import Streams
from surveillance.storage.queries import EventFilter

pages = Blueprint("audit", __name__)
FAMILIES = ("user.signed_in", "user.viewed", "user.searched", "user.exported", "user.reviewed", "user.", "door.",
            "area.", "threat.", "model.", "configuration.")  # fmt: skip
COLUMNS = ("at", "who", "from", "kind", "details", "event")
BATCH = 500
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # by which a cell begins that a spreadsheet would run
deeds.register(pages)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What is shown. `words` go into links."""

    words: dict[str, Any]
    since: datetime | None = None
    until: datetime | None = None

    def stored(self) -> EventFilter:
        words = self.words
        return EventFilter(
            audit=True, actor=words.get("who"), kind=words.get("kind"), since=self.since, until=self.until
        )


@pages.get("/audit")
@needs("audit.view")
def listing() -> str:
    wanted = parse_filter(request.args)
    rows, older = services().events.page(wanted.stored(), request.args.get("before"), services().settings.page_size)
    names = {user.name for user in services().accounts.list_users()} | {row["details"]["actor"] for row in rows}
    return render_template(
        "audit.html",
        rows=rows,
        older=url_for("audit.listing", **wanted.words, before=older) if older else None,
        filter=wanted,
        people=sorted(names),
        kinds=FAMILIES,
        is_first="before" not in request.args,
        audited=services().proofs.last_audit(),
    )


@pages.get("/audit.csv")
@needs("audit.view")
def export() -> Response:
    """All that the filter leaves, as CSV; which is on record itself."""
    wanted = parse_filter(request.args)
    streams: Streams = current_app.extensions["streams"]
    if not streams.enter():
        abort(503, _("Too many answers are open at once. Try again in a moment."))
    trail.exported("audit", " ".join(f"{name}={word}" for name, word in wanted.words.items()) or "all")
    answer = Response(stream_with_context(lines_of(wanted.stored())), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = "attachment; filename=audit.csv"
    answer.call_on_close(streams.leave)
    return answer


def lines_of(wanted: EventFilter) -> Iterator[str]:
    """The lines of the file, newest first, a batch of events at a time."""
    yield as_line(COLUMNS)
    before: str | None = None
    while True:
        rows, before = services().events.page(wanted, before, BATCH)
        for row in rows:
            details = row["details"]
            rest = {name: value for name, value in details.items() if name not in deeds.SHOWN_APART}
            told = json.dumps(rest, ensure_ascii=False) if rest else ""
            yield as_line((row["at"], details["actor"], details.get("from", ""), row["kind"], told, row["id"]))
        if before is None:
            return


def as_line(cells: tuple[Any, ...]) -> str:
    """One line of CSV (RFC 4180). What a spreadsheet would run as a formula is kept from it by a quote."""
    line = io.StringIO()
    csv.writer(line).writerow([f"'{cell}" if str(cell).startswith(FORMULAS) else cell for cell in cells])
    return line.getvalue()


def parse_filter(args: Mapping[str, str]) -> AuditFilter:
    """From a URL's query; words that mean nothing are dropped."""
    words = {name: args[name].strip()[:200] for name in ("who", "kind", "since", "until") if args.get(name, "").strip()}
    times: dict[str, datetime | None] = {}
    for name in ("since", "until"):
        times[name] = parse_since(words[name], datetime.now(UTC)) if name in words else None
        if times[name] is None:
            words.pop(name, None)
    return AuditFilter(words, times["since"], times["until"])
