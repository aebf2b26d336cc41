"""The doors: how each stands, what happened there, and commands to them, each with a reason and on record."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from surveillance.access.doors import TRANSITIONS
from surveillance.access.orders import ORDERS, refused
from surveillance.dashboard import cameras, threat, trail
from surveillance.dashboard.asking import ask_core
from surveillance.dashboard.door_itself import TEST_CHIPS, TEST_STEPS, DoorItself
from surveillance.dashboard.guards import actor, needs, see_door
from surveillance.dashboard.health import pulse
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.dashboard.wording import Chip
from surveillance.domain.site import Camera, Door
from surveillance.storage.queries import EventFilter

pages = Blueprint("doors", __name__)
RELEASE = "lock_down_release"
ANSWER_S = 5.0
SHOWN_S = 1.5  # how long it waits for core to tell how a door stands after it; told every second
OUTCOME_S = 2.5  # how long a page waits to tell what became of a deed
RECENT = 8

MODES = {
    "locked": Chip(_l("Locked"), "lock", "calm"),
    "unlocked": Chip(_l("Unlocked"), "unlock", "warn"),
    "accessed": Chip(_l("Open for a moment"), "unlock", "good"),
    "blocked": Chip(_l("Blocked"), "ban", "bad"),
    "locked_down": Chip(_l("Locked down"), "ban", "bad"),
    "locked_open": Chip(_l("Held open"), "unlock", "warn"),
    "double_locked": Chip(_l("Double locked"), "lock", "calm"),
    "unknown": Chip(_l("Unknown"), "question", "warn"),
}
ALARMS = {
    "normal": Chip(_l("No alarm"), "check", "calm"),
    "forced_open": Chip(_l("Forced open"), "warn", "bad"),
    "open_too_long": Chip(_l("Open too long"), "warn", "warn"),
}
NO_ALARM_KNOWN = Chip(_l("Alarm unknown"), "question", "warn")
RELAYS = {
    "none": Chip(_l("No relay"), "info", "calm"),
    "idle": Chip(_l("Relay not asked yet"), "info", "calm"),
    "ok": Chip(_l("Relay answers"), "check", "good"),
    "failing": Chip(_l("Relay refuses or is away"), "ban", "bad"),
    "unknown": Chip(_l("Relay unclear"), "question", "warn"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command as people read it: on its button, as the question before it is given, and what it means."""

    word: Any
    question: Any
    meaning: Any
    icon: str
    is_grave: bool = False


COMMANDS = {
    "open": Command(
        _l("Open once"),
        _l("Open %(doors)s once?"),
        _l("The relay unlocks for a moment and locks again by its own timer."),
        "unlock",
    ),
    "unlock": Command(
        _l("Unlock"),
        _l("Unlock %(doors)s?"),
        _l("Anybody can pass until somebody locks again."),
        "unlock",
    ),
    "lock": Command(
        _l("Lock"),
        _l("Lock %(doors)s?"),
        _l("Who is permitted can still pass with a badge."),
        "lock",
    ),
    "block": Command(
        _l("Block"),
        _l("Block %(doors)s?"),
        _l("Locked, and no badge opens until somebody locks or unlocks by hand."),
        "ban",
        is_grave=True,
    ),
    "lock_down": Command(
        _l("Lock down"),
        _l("Lock down %(doors)s?"),
        _l("Locked at once, and nothing opens until the lockdown is released. It outlasts a restart."),
        "ban",
        is_grave=True,
    ),
    RELEASE: Command(
        _l("Release the lockdown"),
        _l("Release the lockdown of %(doors)s?"),
        _l("Badges open again; until one does, everything stays locked."),
        "unlock",
        is_grave=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """One door as a page shows it. Nothing is known of it while core is silent."""

    door: Door
    mode: str
    alarm: str | None
    since: str | None
    relay: str
    relay_reason: str
    camera_state: str | None
    last: Mapping[str, Any] | None  # the newest request at it
    itself: DoorItself

    @property
    def tone(self) -> str:
        """Of the whole tile: the gravest there is."""
        if self.itself.alarms or self.alarm not in ("normal", None):
            return "bad"
        return "warn" if self.itself.is_unknown else self.chip.tone

    @property
    def chip(self) -> Chip:
        return MODES.get(self.mode, MODES["unknown"])

    @property
    def alarm_chip(self) -> Chip:
        return NO_ALARM_KNOWN if self.alarm is None else ALARMS.get(self.alarm, NO_ALARM_KNOWN)

    @property
    def relay_chip(self) -> Chip:
        return RELAYS[self.relay]


# --- looking --------------------------------------------------------------------------------------------------------


@pages.get("/doors")
@needs("doors.view")
def listing() -> str:
    doors = [standing(door) for door in reached()]
    level = threat.chip_of(threat.in_force().level)
    return render_template(
        "doors.html", doors=doors, threat=level, any_locked_down=any(one.mode == "locked_down" for one in doors)
    )


@pages.get("/doors/<name>")
@needs("doors.view")
def one(name: str) -> str:
    door = find(name)
    trail.viewed("door", name)
    rows, _older = services().events.page(EventFilter(door=name, reach=actor().reach), None, RECENT)
    now = standing(door)
    return render_template(
        "door.html",
        door=door,
        now=now,
        rows=rows,
        commands=commands_at(now),
        words=COMMANDS,
        camera=camera_at(door),
        tested=last_test(name),
        test_steps=TEST_STEPS,
        test_chips=TEST_CHIPS,
    )


def last_test(name: str) -> Mapping[str, Any] | None:
    """The event of the last test of that door."""
    rows, _older = services().events.page(EventFilter(kind="door.tested", door=name), None, 1)
    return rows[0] if rows else None


def camera_at(door: Door) -> Camera | None:
    """The camera that looks at the door, for whoever may see its pictures."""
    if door.camera is None or not actor().may("cameras.view") or not actor().reach.sees_camera(door.camera):
        return None
    return services().site.read().camera(door.camera)


def standing(door: Door) -> Standing:
    told: Mapping[str, Any] = (services().applied().get("doors") or {}).get(door.name, {}) if pulse().beats else {}
    relay: Mapping[str, Any] = told.get("relay") or {"state": "idle"}
    asked, _older = services().events.page(EventFilter(kind="access.", door=door.name), None, RECENT)
    return Standing(
        door=door,
        mode=told.get("mode", "unknown"),
        alarm=told.get("alarm"),
        since=told.get("since"),
        relay="none" if door.relay is None else str(relay["state"]),
        relay_reason=str(relay.get("reason", "")),
        camera_state=cameras.states().get(door.camera, {}).get("state") if door.camera else None,
        last=next((row for row in asked if row["verdict"]), None),
        itself=DoorItself(told, door.watch != "no"),
    )


def commands_at(now: Standing) -> list[str]:
    """The commands that the door obeys as it stands and that whoever asks may give."""
    known = [command for command in ORDERS if not refused(now.door, now.mode, command)]
    return [command for command in known if actor().may(permission_of(command)) and not is_idle(now.mode, command)]


def is_idle(mode: str, command: str) -> bool:
    """Whether the command would change nothing."""
    return {"lock": "locked", "unlock": "unlocked", "block": "blocked", "lock_down": "locked_down"}.get(command) == mode


def permission_of(command: str) -> str:
    return "doors.release" if command == RELEASE else "doors.command"


def reached() -> list[Door]:
    """The doors that whoever asks reaches."""
    return [door for door in services().site.read().doors if actor().reach.sees_door(door.name)]


def find(name: str) -> Door:
    see_door(name)
    door = services().site.read().door(name)
    if door is None:
        abort(404, _("No door is called %(name)s.", name=repr(name)))
    return door


# --- commanding -----------------------------------------------------------------------------------------------------


@pages.get("/door-commands/<command>")
@needs("doors.command")
def confirm(command: str) -> str:
    """Asks before a command is given, and for its reason."""
    return question_about(plain(command), chosen(request.args.getlist("door")))


@pages.post("/door-commands/<command>")
@needs("doors.command")
def give(command: str) -> str | Response:
    return given(plain(command), chosen(request.form.getlist("door")))


@pages.get("/door-release")
@needs("doors.release")
def confirm_release() -> str:
    return question_about(RELEASE, chosen(request.args.getlist("door")))


@pages.post("/door-release")
@needs("doors.release")
def release() -> str | Response:
    return given(RELEASE, chosen(request.form.getlist("door")))


def plain(command: str) -> str:
    """Any command but the release, which is another permission."""
    if command not in ORDERS or command == RELEASE:
        abort(404, _("There is no such command."))
    return command


def chosen(names: Sequence[str]) -> list[Door]:
    """Those doors; without a name all that whoever asks reaches."""
    return [find(name) for name in dict.fromkeys(names)] if names else reached()


def question_about(command: str, doors: Sequence[Door], fault: str = "", reason: str = "") -> str:
    everything = len(doors) == len(services().site.read().doors) > 1
    return render_template(
        "door_command.html",
        command=command,
        words=COMMANDS[command],
        doors=doors,
        named=_("all doors") if everything else ", ".join(door.name for door in doors),
        now={door.name: standing(door) for door in doors},
        key=str(uuid4()),
        fault=fault,
        reason=reason,
    )


def given(command: str, doors: Sequence[Door]) -> str | Response:
    """Gives the command and says what came of it; without a reason, asks again."""
    reason = " ".join(request.form.get("reason", "").split())
    if not reason:
        return question_about(command, doors, _("Say why; it goes on record."))
    answer = order(command, doors, reason)
    events: Mapping[str, str] = answer.get("recorded") or {}
    recorded = {door.name: events[door.name] for door in doors if door.name in events}
    if recorded:
        tell_outcomes(command, outcomes(recorded))
        await_shown(command, recorded)
    if answer.get("refused"):
        flash(in_own_words(str(answer["refused"])), "error")
    if len(doors) == 1:
        return redirect(url_for("doors.one", name=doors[0].name))
    return redirect(url_for("doors.listing"))


def order(command: str, doors: Sequence[Door], reason: str) -> Mapping[str, Any]:
    """Core's answer: {"recorded": {door: event}, "refused": why others did not obey}."""
    silent = {
        "refused": _("Core did not answer in time, so nothing was done. Try again when the page shows it running.")
    }
    if not pulse().beats:
        return silent
    who = actor()
    asked = {
        "doors": [door.name for door in doors],
        "command": command,
        "by": who.name,
        "address": who.address,
        "reason": reason,
    }
    key = request.form.get("key", "")[:64]
    return ask_core("door.command", asked, ANSWER_S, silent, key=f"{who.name}:{command}:{key}"[:180] if key else None)


def outcomes(recorded: Mapping[str, str]) -> dict[str, str]:
    """What became of the deed at each door by now: done, failed, unknown, expired, or still under way."""
    ends_s = time.monotonic() + OUTCOME_S
    while True:
        states = {door: deed_of(event) for door, event in recorded.items()}
        if not set(states.values()) & {"pending", "attempting"} or time.monotonic() > ends_s:
            return states
        time.sleep(0.1)


def await_shown(command: str, doors: Collection[str]) -> None:
    """Until core has told how these doors stand now, so that the page that follows does not show them as before."""
    shown = {*TRANSITIONS[ORDERS[command]].values(), "unknown"}
    ends_s = time.monotonic() + SHOWN_S
    while time.monotonic() < ends_s:
        told = services().applied().get("doors") or {}
        if all(told.get(door, {}).get("mode") in shown for door in doors):
            return
        time.sleep(0.1)


def deed_of(event_id: str) -> str:
    event = services().events.one(event_id) or {}
    deeds = [action for action in event.get("actions", []) if action["kind"].startswith("door.")]
    return str(deeds[0]["state"]) if deeds else "done"


def tell_outcomes(command: str, states: Mapping[str, str]) -> None:
    """One sentence for the doors with the same outcome."""
    word = str(COMMANDS[command].word)
    for state in dict.fromkeys(states.values()):
        doors = ", ".join(door for door, found in states.items() if found == state)
        if state == "done":
            flash(_("%(command)s: %(doors)s. It is on record.", command=word, doors=doors))
        elif state in ("pending", "attempting"):
            flash(_("%(command)s: %(doors)s. On record; the relay has not answered yet.", command=word, doors=doors))
        elif state == "unknown":
            told = _(
                "%(command)s: %(doors)s. The relay gave no clear answer: look at the door.", command=word, doors=doors
            )
            flash(told, "error")
        else:
            told = _("%(command)s: %(doors)s. The relay did not do it: look at the door.", command=word, doors=doors)
            flash(told, "error")
