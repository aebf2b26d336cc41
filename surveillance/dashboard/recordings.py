"""The picture at full size and the clip of an event: how its page tells of them, and the files themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from babel.numbers import format_decimal
from flask import Blueprint, abort, request, send_file
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as AnyResponse

from surveillance.dashboard import trail
from surveillance.dashboard.clock import parse_time
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.services import services
from surveillance.domain.errors import NotFound

pages = Blueprint("recordings", __name__)
TYPES = {".jpg": "image/jpeg", ".mp4": "video/mp4"}
NOUNS = {"picture": _l("full picture"), "clip": _l("clip")}
SIZES = ("bytes", "KB", "MB", "GB")


@dataclass(frozen=True, slots=True)
class Media:
    """What is there of an event: rows of what is kept, what is being kept, and what is not, with the reason."""

    picture: Mapping[str, Any] | None
    clip: Mapping[str, Any] | None
    wanted: str  # `full picture and clip`, or empty
    missing: tuple[tuple[str, str], ...]  # (`full picture and no clip`, why)


@pages.get("/recordings/<name>")
@needs("events.view")
def one(name: str) -> AnyResponse:
    """The file, whole or the range that is asked for; with `download`, to take along."""
    try:
        place = services().recordings.path(name)
    except NotFound:
        abort(404, _("This recording is no longer kept."))
    who, takes_along = actor(), "download" in request.args
    if takes_along and not who.may("footage.export"):
        abort(403, _("Your role does not include taking footage out of the system."))
    if not who.reach.is_whole and services().events.one(name.rpartition("-")[0], who.reach) is None:
        abort(404, _("This recording is no longer kept."))
    (trail.exported if takes_along else trail.viewed)("recording", name)
    return send_file(place.resolve(), mimetype=TYPES[place.suffix], conditional=True, as_attachment=takes_along)


def media_of(event: Mapping[str, Any]) -> Media:
    """The event's recordings, sorted by what became of them."""
    rows = {row["kind"]: row for row in event["recordings"]}
    gone = {kind: _("its file is gone") for kind, row in rows.items() if row["state"] == "kept" and not _is_there(row)}
    kept = {kind: row for kind, row in rows.items() if row["state"] == "kept" and kind not in gone}
    wanted = [str(NOUNS[kind]) for kind, row in rows.items() if row["state"] == "wanted"]
    reasons: dict[str, list[str]] = {}
    for kind, row in rows.items():
        why = gone.get(kind, row["reason"] if row["state"] == "missing" else None)
        if why is not None:
            reasons.setdefault(why, []).append(str(NOUNS[kind]))
    missing = tuple((_(" and no ").join(nouns), why) for why, nouns in reasons.items())
    return Media(kept.get("picture"), kept.get("clip"), _(" and ").join(wanted), missing)


def size_words(size_bytes: int) -> str:
    """`1.4 MB`, or `1,4 MB` where that is how numbers are written."""
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit < len(SIZES) - 1:
        size, unit = size / 1000, unit + 1
    number = format_decimal(size, "0" if unit == 0 or size >= 10 else "0.0", locale=get_locale() or "en")
    return f"{number} {SIZES[unit]}"


def seconds_of(row: Mapping[str, Any]) -> str:
    """How long it is: `11 s`."""
    return f"{round((parse_time(row['to']) - parse_time(row['from'])) / timedelta(seconds=1))} s"


def _is_there(row: Mapping[str, Any]) -> bool:
    try:
        services().recordings.path(row["name"])
    except NotFound:
        return False
    return True
