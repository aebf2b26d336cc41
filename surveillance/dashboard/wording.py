"""Values on record as people read them: titles, verdicts, reasons and numbers. Templates call these."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from typing import Any

from flask import Flask
from flask_babel.speaklater import LazyString
from markupsafe import Markup

from surveillance.dashboard.clock import moment, parse_time
from surveillance.dashboard.recordings import seconds_of, size_words
from surveillance.dashboard.services import services
from surveillance.storage.queries import Cursor

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class Chip:
    """A word with an icon and a tone; color is never the only sign."""

    word: str | LazyString
    icon: str
    tone: str


VERDICTS = {
    "authorize": Chip("Authorized", "check", "good"),
    "deny": Chip("Denied", "ban", "bad"),
    "alert": Chip("Alert", "warn", "warn"),
    "log": Chip("Logged", "dot", "calm"),
}
STATE = Chip("State", "info", "calm")
CAMERA_STATES = {
    "live": Chip("Live", "check", "good"),
    "lost": Chip("Lost", "ban", "bad"),
    "frozen": Chip("Frozen", "warn", "warn"),
    "blinded": Chip("Blinded", "warn", "warn"),
    "moved": Chip("Moved", "warn", "warn"),
    "disabled": Chip("Rests", "pause", "calm"),
}
NOT_SEEN = Chip("No report", "info", "calm")
ORDERS = {
    "authorize": Chip("Authorize", "check", "good"),
    "deny": Chip("Deny", "ban", "bad"),
    "alert": Chip("Alert", "warn", "warn"),
    "log": Chip("Log", "dot", "calm"),
}
FAMILIES = {
    "sighting.": "Sightings",
    "presence.": "Presence",
    "access.": "Access",
    "door.": "Doors",
    "camera.": "Cameras",
    "health.": "Health",
    "configuration.": "Configuration",
    "user.": "Users",
    "job.": "Jobs",
}
TRUTH = {
    True: Chip("true", "check", "good"),
    False: Chip("false", "cross", "bad"),
    None: Chip("unknown", "question", "warn"),
}
DENIALS = {
    "credential_not_enabled": "The credential is switched off.",
    "credential_not_active": "The credential is not valid yet.",
    "credential_expired": "The credential has expired.",
    "invalid_pin": "The PIN is wrong.",
    "not_permitted_at_this_time": "Not permitted at this time.",
    "unauthorized": "Not authorized.",
    "other": "For another reason.",
    "antipassback_violation": "Already inside: anti-passback.",
}

DEEDS = {"door.open": "Open", "door.lock": "Lock", "door.unlock": "Unlock"}
OUTCOMES = {
    "pending": "waiting to be done",
    "attempting": "under way",
    "done": "done",
    "failed": "failed",
    "unknown": "nobody knows whether it happened",
    "expired": "too late, so not done",
}


def verdict_chip(verdict: str | None) -> Chip:
    return STATE if verdict is None else VERDICTS.get(verdict, STATE)


def camera_chip(state: str | None) -> Chip:
    return NOT_SEEN if state is None else CAMERA_STATES.get(state, Chip(state.capitalize(), "info", "warn"))


def kind_words(kind: str) -> str:
    """`access.not_taken` becomes `Access not taken`; a family such as `access.` becomes its name."""
    if kind in FAMILIES:
        return FAMILIES[kind]
    return kind.replace(".", " ").replace("_", " ").capitalize()


def title(event: Mapping[str, Any]) -> str:
    """What happened, in a few words."""
    area = event["kind"].partition(".")[0]
    if area in ("sighting", "presence"):
        return _seen(event)
    if area == "access":
        who = event["identity"] or event.get("details", {}).get("actor") or "Somebody unknown"
        return f"{who} at {event['door']}"
    if event["kind"] == "rule.tested":
        return "Test event"
    if event["kind"] in ("configuration.mode_changed", "configuration.mode_set"):
        return f"Arming mode {event['kind'].rpartition('_')[2]} to {event['details']['mode']}"
    if event["kind"] == "door.commanded":
        order = event["details"]
        return f"Door {event['door']}: {order['command'].replace('_', ' ')} ordered by {order['actor']}"
    if area in ("camera", "door") and event[area]:
        return f"{area.capitalize()} {event[area]}: {event['kind'].partition('.')[2].replace('_', ' ')}"
    return kind_words(event["kind"])


def _seen(event: Mapping[str, Any]) -> str:
    label = (event["label"] or "something").capitalize()
    where = ", ".join(event["zones"])
    return f"{label} in {where}" if where else f"{label} seen"


def icon_of(event: Mapping[str, Any]) -> str:
    """What stands where an event has no picture."""
    area = event["kind"].partition(".")[0]
    return {"door": "door", "access": "door", "camera": "camera", "sighting": "camera", "presence": "camera"}.get(
        area, "info"
    )


def reasons(event: Mapping[str, Any]) -> list[str]:
    """All reasons as sentences. A bare `other` is left out where a sentence says which."""
    given = event["reasons"]
    said = [DENIALS.get(reason, reason) for reason in given if reason != "other"]
    return said or [DENIALS.get(reason, reason) for reason in given]


def reason_in_short(event: Mapping[str, Any]) -> str:
    """For a list: what was found; of a denial, the first sentence that says more than that it is one."""
    given = event["reasons"]
    if event["kind"].startswith("sighting."):
        return ", ".join(given[:4])
    telling = [reason for reason in given if reason not in ("unauthorized", "other")]
    if not telling:
        return next(iter(reasons(event)), "")
    first = str(telling[0])
    return DENIALS.get(first, first.removeprefix(f"{event['rule']}: "))


def action_words(action: Mapping[str, Any]) -> str:
    """A deed with what became of it."""
    deed = f"{DEEDS.get(action['kind'], 'Tell')} {action['target']}"
    return f"{deed}: {OUTCOMES.get(action['state'], action['state'])}"


def joined_by(text: str) -> str:
    """How a clause joins its parts: `all of` or `any of`; empty for a text that joins none."""
    try:
        match ast.parse(text.strip(), mode="eval").body:
            case ast.BoolOp(op=ast.And()):
                return "all of"
            case ast.BoolOp(op=ast.Or()):
                return "any of"
    except SyntaxError:
        pass
    return ""


def code(text: str) -> Markup:
    """Something to type, set as such within a sentence."""
    return Markup("<code>{}</code>").format(text)


def percent(part: float | None) -> str:
    return "" if part is None else f"{part * 100:.0f} %"


def value_words(value: Any, zone: tzinfo = UTC) -> str:
    """A value on record: sets as a list, numbers short, times in that zone, None as unknown."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {value_words(item, zone)}" for key, item in value.items()) or "none"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(value_words(item, zone) for item in value) or "none"
    text = str(value)
    return moment(text, zone).full if RFC3339.fullmatch(text) else text or "none"


def has_picture(event: Mapping[str, Any]) -> bool:
    """Whether the event's picture is still kept."""
    if not event["evidence"]:
        return False
    try:
        return services().evidence.path(event["evidence"]).is_file()
    except ValueError:
        return False


def cursor_from(event: Mapping[str, Any]) -> str:
    """Where a page starts that goes on from this event. Its time is on record more finely than in JSON, so the page
    may begin with this event again, but leaves none out.
    """
    return str(Cursor(parse_time(event["at"]) + timedelta(milliseconds=1), event["id"]))


def points(path: list[tuple[float, float]]) -> str:
    """SVG points in the overlay's 1600 x 900 units."""
    return " ".join(f"{x * 1600:.1f},{y * 900:.1f}" for x, y in path)


def register(app: Flask) -> None:
    """Makes these available to templates."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        kind_words=kind_words,
        title_of=title,
        reasons_of=reasons,
        reason_in_short=reason_in_short,
        code=code,
        percent=percent,
        joined_by=joined_by,
        action_words=action_words,
        icon_of=icon_of,
        value_words=value_words,
        points=points,
        moment=moment,
        size_words=size_words,
        seconds_of=seconds_of,
    )
    app.jinja_env.globals.update(
        verdict_chip=verdict_chip,
        camera_chip=camera_chip,
        order_chip=lambda verdict: ORDERS.get(verdict, STATE),
        truth_chip=lambda result: TRUTH[result],
        has_picture=has_picture,
        cursor_from=cursor_from,
    )
