"""Values on record as people read them: titles, verdicts, reasons and numbers. Templates call these."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from markupsafe import Markup

from surveillance.dashboard.clock import moment
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.recordings import seconds_of, size_words
from surveillance.dashboard.services import services

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
NOT_SEEN = Chip(_l("No report"), "info", "calm")
ORDERS = {
    "authorize": Chip(_l("Authorize"), "check", "good"),
    "deny": Chip(_l("Deny"), "ban", "bad"),
    "alert": Chip(_l("Alert"), "warn", "warn"),
    "log": Chip(_l("Log"), "dot", "calm"),
}
FAMILIES = {
    "sighting.": _l("Sightings"),
    "presence.": _l("Presence"),
    "access.": _l("Access"),
    "door.": _l("Doors"),
    "camera.": _l("Cameras"),
    "health.": _l("Health"),
    "configuration.": _l("Configuration"),
    "user.": _l("Users"),
    "job.": _l("Jobs"),
}
KINDS = {
    kind: words
    for words, kinds in (
        (_l("Alert"), ("sighting.alerted",)),
        (_l("Seen"), ("sighting.logged",)),
        (_l("Presence permitted"), ("presence.authorized",)),
        (_l("Presence denied"), ("presence.denied",)),
        (_l("Access granted"), ("access.granted",)),
        (_l("Access denied"), ("access.denied",)),
        (_l("Access taken"), ("access.taken",)),
        (_l("Access not taken"), ("access.not_taken",)),
        (_l("Tailgating"), ("tailgating.detected",)),
        (_l("Camera lost"), ("camera.lost",)),
        (_l("Camera found"), ("camera.found",)),
        (_l("Camera frozen"), ("camera.frozen",)),
        (_l("Camera blinded"), ("camera.blinded",)),
        (_l("Camera moved"), ("camera.moved",)),
        (_l("Door forced open"), ("door.forced_open",)),
        (_l("Door open too long"), ("door.open_too_long",)),
        (_l("Door locked"), ("door.locked",)),
        (_l("Door unlocked"), ("door.unlocked",)),
        (_l("Door accessed"), ("door.accessed",)),
        (_l("Door locked down"), ("door.locked_down",)),
        (_l("Door: unknown whether it opened"), ("door.open_unknown",)),
        (_l("Door was not opened"), ("door.open_failed", "door.open_expired")),
        (_l("Something fails"), ("health.degraded",)),
        (_l("Works again"), ("health.restored",)),
        (_l("Configuration changed"), ("configuration.changed",)),
        (_l("Configuration rejected"), ("configuration.rejected",)),
        (_l("Arming mode changed"), ("configuration.mode_changed",)),
        (_l("Arming mode set"), ("configuration.mode_set",)),
        (_l("User signed in"), ("user.signed_in",)),
        (_l("User viewed"), ("user.viewed",)),
        (_l("User searched"), ("user.searched",)),
        (_l("User exported"), ("user.exported",)),
        (_l("User reviewed events"), ("user.reviewed",)),
        (_l("User reopened events"), ("user.reopened",)),
        (_l("User corrected a label"), ("user.corrected",)),
        (_l("Job finished"), ("job.finished",)),
        (_l("Job failed"), ("job.failed",)),
    )
    for kind in kinds
}
LABELS = {
    "person": _l("Person"),
    "vehicle": _l("Vehicle"),
    "animal": _l("Animal"),
    "background": _l("Nothing (background)"),
    "unknown": _l("Unknown"),
}
TRUTH = {
    True: Chip(_l("true"), "check", "good"),
    False: Chip(_l("false"), "cross", "bad"),
    None: Chip(_l("unknown"), "question", "warn"),
}
DENIALS = {
    "credential_not_enabled": _l("The credential is switched off."),
    "credential_not_active": _l("The credential is not valid yet."),
    "credential_expired": _l("The credential has expired."),
    "invalid_pin": _l("The PIN is wrong."),
    "not_permitted_at_this_time": _l("Not permitted at this time."),
    "unauthorized": _l("Not authorized."),
    "other": _l("For another reason."),
    "antipassback_violation": _l("Already inside: anti-passback."),
}

DEEDS = {"door.open": _l("Open"), "door.lock": _l("Lock"), "door.unlock": _l("Unlock")}
OUTCOMES = {
    "pending": _l("waiting to be done"),
    "attempting": _l("under way"),
    "done": _l("done"),
    "failed": _l("failed"),
    "unknown": _l("nobody knows whether it happened"),
    "expired": _l("too late, so not done"),
}


def verdict_chip(verdict: str | None) -> Chip:
    return STATE if verdict is None else VERDICTS.get(verdict, STATE)


def camera_chip(state: str | None) -> Chip:
    return NOT_SEEN if state is None else CAMERA_STATES.get(state, Chip(state.capitalize(), "info", "warn"))


def kind_words(kind: str) -> str:
    """`access.not_taken` becomes `Access not taken`; a family such as `access.` becomes its name."""
    known = FAMILIES.get(kind) or KINDS.get(kind)
    return str(known) if known is not None else kind.replace(".", " ").replace("_", " ").capitalize()


def label_words(label: str) -> str:
    """A label as people say it; those of a site's own models as they are."""
    return str(LABELS[label]) if label in LABELS else label.capitalize()


def title(event: Mapping[str, Any]) -> str:
    """What happened, in a few words."""
    area = event["kind"].partition(".")[0]
    if area in ("sighting", "presence"):
        return _seen(event)
    if area == "access":
        who = event["identity"] or event.get("details", {}).get("actor") or _("Somebody unknown")
        return _("%(who)s at %(door)s", who=who, door=event["door"])
    if event["kind"] == "rule.tested":
        return _("Test event")
    if event["kind"] == "door.commanded":
        order = event["details"]
        command = order["command"].replace("_", " ")
        return _(
            "Door %(door)s: %(command)s ordered by %(actor)s", door=event["door"], command=command, actor=order["actor"]
        )
    if event["kind"] in ("configuration.mode_changed", "configuration.mode_set"):
        return _("%(what)s: %(mode)s", what=kind_words(event["kind"]), mode=event["details"]["mode"])
    if area in ("camera", "door") and event[area]:
        return f"{kind_words(event['kind'])}: {event[area]}"
    return kind_words(event["kind"])


def _seen(event: Mapping[str, Any]) -> str:
    label = label_words(event["label"]) if event["label"] else _("Something")
    where = ", ".join(event["zones"])
    return _("%(label)s in %(zones)s", label=label, zones=where) if where else _("%(label)s seen", label=label)


def icon_of(event: Mapping[str, Any]) -> str:
    """What stands where an event has no picture."""
    area = event["kind"].partition(".")[0]
    return {"door": "door", "access": "door", "camera": "camera", "sighting": "camera", "presence": "camera"}.get(
        area, "info"
    )


def reasons(event: Mapping[str, Any]) -> list[str]:
    """All reasons as sentences. A bare `other` is left out where a sentence says which."""
    given = event["reasons"]
    telling = [_reason(reason) for reason in given if reason != "other"]
    return telling or [_reason(reason) for reason in given]


def _reason(reason: str) -> str:
    return str(DENIALS[reason]) if reason in DENIALS else in_own_words(reason)


def reason_in_short(event: Mapping[str, Any]) -> str:
    """For a list: what was found; of a denial, the first sentence that says more than that it is one."""
    given = event["reasons"]
    if event["kind"].startswith("sighting."):
        return ", ".join(given[:4])
    telling = [reason for reason in given if reason not in ("unauthorized", "other")]
    if not telling:
        return next(iter(reasons(event)), "")
    return _reason(str(telling[0]).removeprefix(f"{event['rule']}: "))


def action_words(action: Mapping[str, Any]) -> str:
    """A deed with what became of it."""
    deed = DEEDS.get(action["kind"], _l("Tell"))
    outcome = OUTCOMES.get(action["state"], action["state"])
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
    return "" if part is None else f"{part * 100:.0f} %"


def value_words(value: Any, zone: tzinfo = UTC) -> str:
    """A value on record: sets as a list, numbers short, times in that zone, None as unknown."""
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
    return moment(text, zone).full if RFC3339.fullmatch(text) else text or _("none")


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
        label_words=label_words,
        review_words=review_words,
        pairs=pairs,
        label_pairs=label_pairs,
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
    )
