"""Values on record as people read them: titles, verdicts, reasons and numbers. Templates call these."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from babel.numbers import format_decimal, format_percent
from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from markupsafe import Markup

from surveillance.dashboard.clock import moment
from surveillance.dashboard.languages import in_own_words, language
from surveillance.dashboard.recordings import seconds_of, size_words
from surveillance.dashboard.services import services
from surveillance.translations import details
from surveillance.translations import events as spoken

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class Chip:
    """A word with an icon and a tone; color is never the only sign."""

    word: str | LazyString
    icon: str
    tone: str


VERDICTS = {
    "authorize": Chip(_l("Authorized"), "check", "good"),
    "deny": Chip(_l("Denied"), "ban", "bad"),
    "alert": Chip(_l("Alert"), "warn", "warn"),
    "log": Chip(_l("Logged"), "dot", "calm"),
}
STATE = Chip(_l("State"), "info", "calm")
CAMERA_STATES = {
    "live": Chip(_l("Live"), "check", "good"),
    "lost": Chip(_l("Lost"), "ban", "bad"),
    "frozen": Chip(_l("Frozen"), "warn", "warn"),
    "blinded": Chip(_l("Blinded"), "warn", "warn"),
    "moved": Chip(_l("Moved"), "warn", "warn"),
    "disabled": Chip(_l("Rests"), "pause", "calm"),
}
UNTOLD = Chip(_l("not known yet"), "info", "calm")
UNKNOWN = Chip(_l("unknown"), "question", "warn")
NOT_SEEN = Chip(_l("No report"), "info", "calm")
ORDERS = {
    "authorize": Chip(_l("Authorize"), "check", "good"),
    "deny": Chip(_l("Deny"), "ban", "bad"),
    "alert": Chip(_l("Alert"), "warn", "warn"),
    "log": Chip(_l("Log"), "dot", "calm"),
}
TRUTH = {
    True: Chip(_l("true"), "check", "good"),
    False: Chip(_l("false"), "cross", "bad"),
    None: Chip(_l("unknown"), "question", "warn"),
}
DEEDS = {"door.open": _l("Open"), "door.lock": _l("Lock"), "door.unlock": _l("Unlock")}


def verdict_chip(verdict: str | None) -> Chip:
    return STATE if verdict is None else VERDICTS.get(verdict, STATE)


def camera_chip(state: str | None) -> Chip:
    return NOT_SEEN if state is None else CAMERA_STATES.get(state, Chip(state.capitalize(), "info", "warn"))


def scene_chip(told: Mapping[str, Any] | None) -> Chip:
    """The state of a scene as core last heard of it."""
    if told is None:
        return UNTOLD
    return UNKNOWN if told["doubt"] else Chip(told["state"], "eye", "calm")


def kind_words(kind: str) -> str:
    return spoken.kind_words(kind, language())


def key_words(key: str) -> str:
    return details.key_words(key, language())


def label_words(label: str) -> str:
    return spoken.label_words(label, language())


def title(event: Mapping[str, Any]) -> str:
    """What happened, in a few words."""
    return spoken.title(event, language())


def icon_of(event: Mapping[str, Any]) -> str:
    """What stands where an event has no picture."""
    area = event["kind"].partition(".")[0]
    cameras = dict.fromkeys(("camera", "sighting", "presence", "scene"), "camera")
    return {"door": "door", "access": "door", **cameras}.get(area, "info")


def reasons(event: Mapping[str, Any]) -> list[str]:
    return spoken.reasons(event, language())


def reason_in_short(event: Mapping[str, Any]) -> str:
    """For a list: what was found; of a denial, the first sentence that says more than that it is one."""
    given = event["reasons"]
    if event["kind"].startswith(("sighting.", "scene.")):
        return ", ".join(given[:4])
    telling = [reason for reason in given if reason not in ("unauthorized", "other")]
    if not telling:
        return next(iter(reasons(event)), "")
    return reason_words(str(telling[0]).removeprefix(f"{event['rule']}: "))


def action_words(action: Mapping[str, Any]) -> str:
    """A deed with what became of it."""
    deed = DEEDS.get(action["kind"], _l("Tell"))
    outcome = detail_words(action["state"], "state")
    return f"{deed} {action['target']}: {outcome}"


def review_words(entry: Mapping[str, Any]) -> str:
    """What a person said of an event."""
    if entry["act"] == "corrected":
        before = label_words(entry["label_before"]) if entry["label_before"] else _("no label")
        label = label_words(entry["label"])
        return _("%(name)s: %(label)s, not %(before)s", name=entry["actor"], label=label, before=before)
    if entry["act"] == "reopened":
        return _("%(name)s opened it again", name=entry["actor"])
    return _("%(name)s reviewed it", name=entry["actor"])


def joined_by(text: str) -> str:
    """How a clause joins its parts: `all of` or `any of`; empty for a text that joins none."""
    try:
        match ast.parse(text.strip(), mode="eval").body:
            case ast.BoolOp(op=ast.And()):
                return _("all of")
            case ast.BoolOp(op=ast.Or()):
                return _("any of")
    except SyntaxError:
        pass
    return ""


def code(text: str) -> Markup:
    """Something to type, set as such within a sentence."""
    return Markup("<code>{}</code>").format(text)


def percent(part: float | None) -> str:
    return "" if part is None else format_percent(part, locale=language())


def detail_words(value: Any, key: str, zone: tzinfo = UTC) -> str:
    """The value of a detail of an event, which its key may have words for."""
    word = details.value_word(key, value, language()) if isinstance(value, str) else value
    return word if word != value else value_words(value, zone)


def reason_words(reason: str) -> str:
    return spoken.reason_words(reason, language())


def tenths(number: float) -> str:
    """`4.8`, or `4,8` where that is how numbers are written."""
    return format_decimal(number, "0.0", locale=language())


def value_words(value: Any, zone: tzinfo = UTC) -> str:
    """A value on record: sets as a list, numbers short, times in that zone, None as unknown.

    Numbers keep the point that they have in rules, where readers will write them.
    """
    if value is None:
        return _("unknown")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {value_words(item, zone)}" for key, item in value.items()) or _("none")
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(value_words(item, zone) for item in value) or _("none")
    text = str(value)
    return moment(text, zone).full if RFC3339.fullmatch(text) else in_own_words(text) or _("none")


def has_picture(event: Mapping[str, Any]) -> bool:
    """Whether the event's picture is still kept."""
    if not event["evidence"]:
        return False
    try:
        return services().evidence.path(event["evidence"]).is_file()
    except ValueError:
        return False


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each name with itself, as options of a field."""
    return [(name, name) for name in names]


def label_pairs(labels: Sequence[str]) -> list[tuple[str, str]]:
    """Each label with its word."""
    return [(label, label_words(label)) for label in labels]


def points(path: list[tuple[float, float]]) -> str:
    """SVG points in the overlay's 1600 x 900 units."""
    return " ".join(f"{x * 1600:.1f},{y * 900:.1f}" for x, y in path)


def register(app: Flask) -> None:
    """Makes these available to templates."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        kind_words=kind_words,
        key_words=key_words,
        detail_words=detail_words,
        reason_words=reason_words,
        label_words=label_words,
        review_words=review_words,
        pairs=pairs,
        label_pairs=label_pairs,
        title_of=title,
        reasons_of=reasons,
        reason_in_short=reason_in_short,
        code=code,
        percent=percent,
        tenths=tenths,
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
        scene_chip=scene_chip,
        order_chip=lambda verdict: ORDERS.get(verdict, STATE),
        truth_chip=lambda result: TRUTH[result],
        has_picture=has_picture,
    )
