"""Rules that most sites want, each a few blanks to fill in; a filled one is the text of one rule, with a comment.

A template offers only what the site has, and says what is missing. Its conditions have rows in the form.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from surveillance.domain.site import Site
from surveillance.domain.suggest import no_such
from surveillance.rules.choices import PLACE_MARK, TASK, choices_of, lacking
from surveillance.rules.clauses import Clause, Group, write_clauses
from surveillance.rules.form import bracketed
from surveillance.rules.source import scalar_text
from surveillance.translations.words import N_

MAX_NAME = 64
WRITTEN = ("seconds", "flag", "state")  # kinds of which a site has no list
HIDDEN_STATES = ("blinded", "frozen", "lost", "moved")
_TO_WRITE = {"seconds": "write a number of seconds", "state": "write the state"}
Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Blank:
    """One thing to fill in. `kind` names what there is to choose from; seconds are written, a flag is yes or empty.

    A camera_TASK is a camera that has that task on.
    """

    key: str
    kind: str  # place | scene | camera | camera_TASK | schedule | door | door_with_camera | group | target, or WRITTEN
    label: str
    required: bool = True
    default: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """`sentence` says what a rule made from it does; `comment` says it of the filled values."""

    key: str
    title: str
    sentence: str
    blanks: tuple[Blank, ...]
    verdict: str
    on: str
    condition: Callable[[Values], Group]
    comment: Callable[[Values], str]
    more: Callable[[Values], Mapping[str, str]] = field(default=lambda values: {})


@dataclass(frozen=True, slots=True)
class Offer:
    """A template at a site: what each blank can be, as (value, shown), and the kinds that the site lacks."""

    template: Template
    choices: Mapping[str, tuple[tuple[str, str], ...]]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """The rule's name and text; empty while `faults` (blank -> what is wrong) has any."""

    name: str = ""
    text: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)


def offers(site: Site) -> tuple[Offer, ...]:
    """Every template at that site."""
    return tuple(offer_template(template, site) for template in TEMPLATES.values())


def offer_template(template: Template, site: Site) -> Offer:
    choices = {blank.key: choices_of(blank.kind, site) for blank in template.blanks}
    needed = [
        blank for blank in template.blanks if (blank.required and blank.kind not in WRITTEN) or blank.kind == "camera"
    ]
    missing = dict.fromkeys(kind for blank in needed if not choices[blank.key] for kind in lacking(blank.kind, site))
    return Offer(template, choices, tuple(missing))


def fill_template(
    template: Template, given: Values, site: Site, taken: Collection[str] = (), say: Callable[[str], str] = str
) -> Filled:
    """The rule for those values; blanks that are left out have their default. `taken` are the names in use.

    `say` puts the comment into the language of who makes the rule.
    """
    values = {blank.key: given.get(blank.key, blank.default).strip() for blank in template.blanks}
    faults = dict(_faults(template, values, site))
    if faults:
        return Filled(faults=faults)
    about = values.get("place", values.get("scene", "")).rpartition(PLACE_MARK)[2]
    about = about or values.get("door") or values.get("camera", "")
    name = free_name("-".join(filter(None, (template.key, about))), taken)
    pairs = {
        "name": scalar_text(name),
        "on": template.on,
        "verdict": template.verdict,
        "when": scalar_text(bracketed(write_clauses(template.condition(values)))),
        **template.more(values),
    }
    if values.get("notify"):
        pairs["notify"] = f"[{scalar_text(values['notify'], in_flow=True)}]"
    lines = [f"{key}: {text}" for key, text in pairs.items()]
    comment = textwrap.fill(say(template.comment(values)), 100, initial_indent="# ", subsequent_indent="# ")
    return Filled(name, f"{comment}\n- " + "\n  ".join(lines) + "\n")


def free_name(wish: str, taken: Collection[str]) -> str:
    """The name, with a number behind it where it is taken."""
    wish, number = wish[:MAX_NAME].strip(), 1
    name = wish
    while name in taken:
        number += 1
        name = f"{wish[: MAX_NAME - 5].strip()}-{number}"
    return name


# --- checking ------------------------------------------------------------------------------------------------------


def _faults(template: Template, values: Values, site: Site) -> Iterator[tuple[str, str]]:
    for blank in template.blanks:
        value = values[blank.key]
        if not value:
            if blank.required:
                yield blank.key, _TO_WRITE.get(blank.kind, "choose one")
        elif blank.kind == "seconds":
            if not _is_span(value):
                yield blank.key, f"{value!r} is no number of seconds from 0 to a day"
        elif '"' in value and "'" in value:
            yield blank.key, "a name with both kinds of quotes cannot stand in a condition"
        elif blank.kind not in WRITTEN:
            known = dict(choices_of(blank.kind, site))
            if value not in known:
                what = "camera" if blank.kind.startswith(TASK) else blank.kind.replace("_", " ")
                yield blank.key, no_such(what, value, known)
    door = site.door(values.get("door", ""))
    if values.get("alone") and door is not None and door.camera is None:
        yield "alone", f"door {door.name} has no camera that could count people"


def _is_span(text: str) -> bool:
    try:
        return 0 <= float(text) <= 86400 and math.isfinite(float(text))
    except ValueError:
        return False


# --- the templates -------------------------------------------------------------------------------------------------

_PLACE = Blank("place", "place", N_("Where"))
_WHO_MOVES = Blank("camera", "camera_behavior", N_("Camera"))
_WHAT_LIES = Blank("camera", "camera_objects", N_("Camera"))
_TELL = Blank("notify", "target", N_("Tell"), required=False, hint="Without one the alert shows on the dashboard only.")
_WHEN = Blank("schedule", "schedule", "Only while this schedule is open", required=False)


def _inside(label: str, values: Values) -> Group:
    """That label in the zone for those seconds, and within the schedule where one is given."""
    camera, _, zone = values["place"].partition(PLACE_MARK)
    return Group(
        "all",
        (
            Clause("camera", (), "is", (camera,)),
            Clause("label", (), "is", (label,)),
            Clause("zones", (), "has", (zone,)),
            Clause("dwell_in", (zone,), ">=", (values["seconds"],)),
            *_within(values),
        ),
    )


def _within(values: Values) -> tuple[Clause, ...]:
    schedule = values.get("schedule")
    return (Clause("schedule", (schedule,), "is true"),) if schedule else ()


def _somebody(values: Values, *clauses: Clause) -> Group:
    """A person before that camera, of whom more holds, and within the schedule where one is given."""
    who = (Clause("camera", (), "is", (values["camera"],)), Clause("label", (), "is", ("person",)))
    return Group("all", (*who, *clauses, *_within(values)))


def _thing(became: str, values: Values, *clauses: Clause) -> Group:
    """What somebody left or took away before that camera, and within the schedule where one is given."""
    what = (Clause("camera", (), "is", (values["camera"],)), Clause("object", (), "is", (became,)))
    return Group("all", (*what, *clauses, *_within(values)))


_CARRIED = Group("any", (Clause("factors", (), "has", ("badge",)), Clause("factors", (), "has", ("card",))))


def _at_door(values: Values, *more: Clause) -> Group:
    """A carried factor of somebody of that group."""
    who = Clause("groups", (), "has", (values["group"],))
    return Group("all", (Clause("door", (), "is", (values["door"],)), who, _CARRIED, *more, *_within(values)))


def _permitted(values: Values) -> Group:
    pin = (Clause("factors", (), "has", ("pin",)),) if values["pin"] else ()
    return Group("all", (Clause("permitted", (), "is true"), _CARRIED, *pin))


def _staff(values: Values) -> Group:
    alone = (Clause("people", (), "==", ("1",)),) if values["alone"] else ()
    return _at_door(values, *alone)


def _covered(values: Values) -> Group:
    hidden = Clause("camera_state", (), "is one of", HIDDEN_STATES)
    return Group("all", (*((Clause("camera", (), "is", (values["camera"],)),) if values["camera"] else ()), hidden))


def _stays(values: Values) -> Group:
    """The scene in that state for those seconds, and outside of the schedule where one is given."""
    camera, _, scene = values["scene"].partition(PLACE_MARK)
    closed = (Clause("schedule", (values["schedule"],), "is false"),) if values.get("schedule") else ()
    return Group(
        "all",
        (
            Clause("camera", (), "is", (camera,)),
            Clause("scene", (scene,), "is", (values["state"],)),
            Clause("scene_s", (scene,), ">=", (values["seconds"],)),
            *closed,
        ),
    )


def _where(values: Values) -> str:
    camera, _, zone = values["place"].partition(PLACE_MARK)
    return f"zone {zone} of camera {camera}"


def _hours(values: Values) -> str:
    return f" while schedule {values['schedule']} is open" if values.get("schedule") else ""


def _but_not(values: Values) -> str:
    return f" while schedule {values['schedule']} is closed" if values.get("schedule") else ""


def _told(values: Values) -> str:
    return f", and {values['notify']} is told" if values.get("notify") else ""


TEMPLATES: Mapping[str, Template] = {
    template.key: template
    for template in (
        Template(
            key="intruder",
            title="Intruder at night",
            sentence="Alert when a person stands in a zone while a schedule, such as the night, is open.",
            blanks=(
                _PLACE,
                Blank("schedule", "schedule", "While this schedule is open"),
                Blank("seconds", "seconds", "For at least (seconds)", default="2"),
                _TELL,
            ),
            on="sighting",
            verdict="alert",
            condition=lambda values: _inside("person", values),
            comment=lambda values: (
                f"A person in {_where(values)} for {values['seconds']} s{_hours(values)}: "
                f"alert, at most once in two minutes{_told(values)}."
            ),
            more=lambda values: {"cooldown_s": "120"},
        ),
        Template(
            key="loitering",
            title=N_("Loitering"),
            sentence="Alert when a person stays in a zone for long.",
            blanks=(_PLACE, Blank("seconds", "seconds", "For at least (seconds)", default="60"), _WHEN, _TELL),
            on="sighting",
            verdict="alert",
            condition=lambda values: _inside("person", values),
            comment=lambda values: (
                f"A person who stays in {_where(values)} for {values['seconds']} s{_hours(values)}: "
                f"alert, every five minutes while it lasts{_told(values)}."
            ),
            more=lambda values: {"cooldown_s": "300", "per": "track"},
        ),
        Template(
            key="staying",
            title="Staying about one place",
            sentence="Alert when a person stays about one place for long, wherever in the picture that is.",
            blanks=(_WHO_MOVES, Blank("seconds", "seconds", "For at least (seconds)", default="120"), _WHEN, _TELL),
            on="sighting",
            verdict="alert",
            condition=lambda values: _somebody(values, Clause("loiter_s", (), ">=", (values["seconds"],))),
            comment=lambda values: (
                f"A person who stays about one place before camera {values['camera']} for {values['seconds']} s"
                f"{_hours(values)}: alert, every five minutes while it lasts{_told(values)}."
            ),
            more=lambda values: {"cooldown_s": "300", "per": "track"},
        ),
        Template(
            key="running",
            title="Running at night",
            sentence="Alert when a person runs while a schedule, such as the night, is open. Experimental.",
            blanks=(_WHO_MOVES, Blank("schedule", "schedule", "While this schedule is open"), _TELL),
            on="sighting",
            verdict="alert",
            condition=lambda values: _somebody(values, Clause("running", (), "is true")),
            comment=lambda values: (
                f"A person who runs before camera {values['camera']}{_hours(values)}: "
                f"alert, at most once in two minutes{_told(values)}. Experimental."
            ),
            more=lambda values: {"cooldown_s": "120"},
        ),
        Template(
            key="fallen",
            title="Someone fell",
            sentence="Alert when a person who stood falls and stays down. Experimental: no life may rest on it.",
            blanks=(_WHO_MOVES, _WHEN, _TELL),
            on="sighting",
            verdict="alert",
            condition=lambda values: _somebody(values, Clause("fallen", (), "is true")),
            comment=lambda values: (
                f"A person who fell before camera {values['camera']}{_hours(values)}: "
                f"alert, once for each{_told(values)}. Experimental: no life may rest on it."
            ),
        ),
        Template(
            key="left-behind",
            title="Something left behind",
            sentence="Alert when something lies for long that somebody put down and went away from.",
            blanks=(_WHAT_LIES, Blank("seconds", "seconds", "For at least (seconds)", default="30"), _WHEN, _TELL),
            on="sighting",
            verdict="alert",
            condition=lambda values: _thing("left", values, Clause("track_s", (), ">=", (values["seconds"],))),
            comment=lambda values: (
                f"Something that lies before camera {values['camera']} for {values['seconds']} s after somebody left it"
                f"{_hours(values)}: alert, once for each{_told(values)}."
            ),
        ),
        Template(
            key="taken-away",
            title="Something taken away",
            sentence="Alert when something is gone that was always there, and somebody was there when it went.",
            blanks=(_WHAT_LIES, _WHEN, _TELL),
            on="sighting",
            verdict="alert",
            condition=lambda values: _thing("removed", values),
            comment=lambda values: (
                f"Something that somebody took away before camera {values['camera']}{_hours(values)}: "
                f"alert, once for each{_told(values)}."
            ),
        ),
        Template(
            key="staff-door",
            title="Staff door",
            sentence="Open a door for the badge or card of a member of a group.",
            blanks=(
                Blank("door", "door", "Door"),
                Blank("group", "group", "For members of"),
                Blank("alone", "flag", "Only when the door's camera sees exactly one person", required=False),
                _WHEN,
            ),
            on="access",
            verdict="authorize",
            condition=_staff,
            comment=lambda values: (
                f"Door {values['door']} opens for a badge or card of group {values['group']}"
                f"{', for one person at a time' if values['alone'] else ''}{_hours(values)}."
            ),
        ),
        Template(
            key="by-levels",
            title="Doors by access levels",
            sentence="Open every door for the badge or card of whom an access level lets pass there and then.",
            blanks=(Blank("pin", "flag", "Only with a PIN beside it", required=False),),
            on="access",
            verdict="authorize",
            condition=_permitted,
            comment=lambda values: (
                f"Doors open for a badge or card{' with a PIN' if values['pin'] else ''}, by the access levels."
            ),
        ),
        Template(
            key="vehicle-gate",
            title="Vehicle gate",
            sentence="Open a gate for the badge or card of a member of a group while its camera sees a vehicle.",
            blanks=(Blank("door", "door_with_camera", "Gate"), Blank("group", "group", "For members of"), _WHEN),
            on="access",
            verdict="authorize",
            condition=lambda values: _at_door(values, Clause("count", ("vehicle",), ">=", ("1",))),
            comment=lambda values: (
                f"Gate {values['door']} opens for a badge or card of group {values['group']} "
                f"when its camera sees a vehicle{_hours(values)}."
            ),
        ),
        Template(
            key="camera-covered",
            title="Camera covered",
            sentence="Alert when a camera is covered, turned away, frozen or lost.",
            blanks=(
                Blank("camera", "camera", "Camera", required=False, hint="Left empty, every camera."),
                Blank("seconds", "seconds", "At most once in (seconds)", default="600"),
                _TELL,
            ),
            on="camera",
            verdict="alert",
            condition=_covered,
            comment=lambda values: (
                f"{'Camera ' + values['camera'] if values['camera'] else 'A camera'} that is covered, turned away, "
                f"frozen or lost: alert{_told(values)}."
            ),
            more=lambda values: {"cooldown_s": values["seconds"]},
        ),
        Template(
            key="left-open",
            title="Gate left open",
            sentence="Alert when a scene, such as a gate, stays in a state for long, and again while it lasts.",
            blanks=(
                Blank("scene", "scene", "Scene"),
                Blank("state", "state", "In this state", default="open", hint="A label of the scene's model."),
                Blank("seconds", "seconds", "For at least (seconds)", default="300"),
                Blank("schedule", "schedule", "But not while this schedule is open", required=False),
                _TELL,
            ),
            on="camera",
            verdict="alert",
            condition=_stays,
            comment=lambda values: (
                f"{values['scene'].rpartition(PLACE_MARK)[2]} is {values['state']} for {values['seconds']} s"
                f"{_but_not(values)}: alert, every ten minutes while it lasts{_told(values)}."
            ),
            more=lambda values: {"cooldown_s": "600"},
        ),
        Template(
            key="delivery",
            title=N_("Delivery"),
            sentence="Put on record when a vehicle stops in a zone, and tell somebody.",
            blanks=(_PLACE, Blank("seconds", "seconds", "For at least (seconds)", default="20"), _WHEN, _TELL),
            on="sighting",
            verdict="log",
            condition=lambda values: _inside("vehicle", values),
            comment=lambda values: (
                f"A vehicle that stops in {_where(values)} for {values['seconds']} s{_hours(values)}: "
                f"on record, at most once in ten minutes{_told(values)}."
            ),
            more=lambda values: {"cooldown_s": "600"},
        ),
    )
}
