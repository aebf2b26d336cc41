"""What a person orders at doors, read from a question to core: checked, bounded, legal as each door stands, or refused.

Raises UserMistake with the one sentence that the person reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surveillance.access.doors import TRANSITIONS, allows
from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Door
from surveillance.domain.suggest import no_such

ORDERS: Mapping[str, str] = {  # what a person may order -> the transition it asks for
    "open": "access",
    "lock": "lock",
    "unlock": "unlock",
    "block": "block",
    "lock_down": "lock_down",
    "lock_down_release": "lock_down_release",
}
SECURING = ("block", "lock_down")  # take effect before they are on record; whatever opens comes after
LONGEST_REASON = 200
MOST_DOORS = 1000


@dataclass(frozen=True, slots=True)
class Ask:
    """One command for one door or several: by whom, from where and why."""

    doors: tuple[str, ...]
    command: str
    by: str
    reason: str
    address: str = ""


def parse_ask(payload: Mapping[str, Any]) -> Ask:
    """The payload of a question of kind door.command:

    {"doors": ["front"], "command": "lock_down", "by": "ada", "address": "192.0.2.4", "reason": "drill"}
    """
    doors = payload.get("doors")
    if not isinstance(doors, list) or not doors or not all(isinstance(door, str) for door in doors):
        raise UserMistake("name at least one door")
    if len(doors) > MOST_DOORS:
        raise UserMistake(f"{len(doors)} doors are too many for one command; at most {MOST_DOORS} are accepted")
    command = payload.get("command")
    if not isinstance(command, str) or command not in ORDERS:
        raise UserMistake(no_such("door command", str(command), ORDERS))
    return Ask(
        doors=tuple(dict.fromkeys(doors)),
        command=command,
        by=words_of(payload.get("by"), "who orders it"),
        reason=words_of(payload.get("reason"), "a reason"),
        address=str(payload.get("address") or "")[:64],
    )


def words_of(value: object, what: str) -> str:
    """A name or reason that goes on record. Raises UserMistake where there is none, or too much of it."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text:
        raise UserMistake(f"{what} is missing: it goes on record with the command")
    if len(text) > LONGEST_REASON or not text.isprintable():
        raise UserMistake(f"{what} may have at most {LONGEST_REASON} printable characters")
    return text


def refused(door: Door, mode: str, command: str) -> str:
    """Why that door, in that mode, does not obey; empty where it does."""
    if door.relay is None and command in ("open", "lock", "unlock"):
        return f"door {door.name} has no relay, so nothing can {command} it"
    if not allows(mode, ORDERS[command]):
        return f"door {door.name} is {mode.replace('_', ' ')}, {_way_out(mode, command)}"
    return ""


def _way_out(mode: str, command: str) -> str:
    if command == "lock_down_release":
        return "so there is no lockdown to release"
    if mode == "locked_down":
        return "and only its release ends that"
    if mode == "locked_open":
        return "and only its release ends that"
    ways = [word.replace("_", " ") for word in ORDERS if TRANSITIONS[ORDERS[word]].get(mode, mode) != mode]
    return f"and does not obey {command.replace('_', ' ')}; it obeys {', '.join(ways)}"


def in_words(refusals: Sequence[str]) -> str:
    """Several refusals as one sentence."""
    return "; ".join(refusals)
