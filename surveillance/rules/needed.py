"""What somebody who was denied would have needed, from the clauses on record: true whatever the rules are by now.

Every deny rule that was true or unknown should have been false, and one of the authorize rules true. Of parts of which
any would do, the one that lacked least is named; clauses are taken to have nothing to do with each other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STANDING = frozenset(  # ONVIF words that no rule can outweigh
    {
        "credential_not_enabled",
        "credential_not_active",
        "credential_expired",
        "invalid_pin",
        "antipassback_violation",
    }
)
_OF_RULES = (("deny", "rule"), ("no", "authorize"), ("there", "is"))  # how reasons begin that come of rules


@dataclass(frozen=True, slots=True)
class Wish:
    """One clause that should have been true, or (`holds` False) false; and what was found instead."""

    text: str
    found: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Way:
    """What one rule would have needed: to be true for one that authorizes, to be false for one that denies."""

    rule: str
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class Needed:
    """All of `standing` gone and all of `stops` false, and any of `ways`, the shortest first."""

    standing: tuple[str, ...]  # reasons that stood whatever the rules said
    stops: tuple[Way, ...]
    ways: tuple[Way, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "standing": list(self.standing),
            "stops": [_way_json(way) for way in self.stops],
            "ways": [_way_json(way) for way in self.ways],
        }


def _way_json(way: Way) -> dict[str, Any]:
    wishes = [{"text": wish.text, "found": wish.found, "holds": wish.holds} for wish in way.wishes]
    return {"rule": way.rule, "wishes": wishes}


def needed_of(event: Mapping[str, Any]) -> Needed | None:
    """Of an event as the record explains it; None for one that is no denial of a request."""
    if event["verdict"] != "deny" or event.get("trigger") not in ("access", "presence"):
        return None
    judged = [each for each in event["judged"] if not each["note"]]  # shadows never counted
    standing = [reason for reason in event["reasons"] if _stands(reason)]
    stops = [each for each in judged if each["verdict"] == "deny" and each["result"] is not False]
    grants = [each for each in judged if each["verdict"] == "authorize" and each["result"] is not True]
    ways = [_way(each, True) for each in grants]
    return Needed(
        tuple(standing),
        tuple(_way(each, False) for each in stops),
        tuple(sorted((way for way in ways if not _is_elsewhere(way)), key=lambda way: len(way.wishes))),
    )


def _stands(reason: str) -> bool:
    words = tuple(reason.split()[:2])
    return reason in STANDING or (len(words) > 1 and words not in _OF_RULES)


def _is_elsewhere(way: Way) -> bool:
    """A rule for another door is no way through this one."""
    return any(wish.holds and wish.found.startswith("door = ") for wish in way.wishes)


def _way(judged: Mapping[str, Any], wanted: bool) -> Way:
    return Way(judged["rule"], tuple(dict.fromkeys(_wishes(judged["clause"], wanted))))


def _wishes(clause: Mapping[str, Any], wanted: bool) -> Sequence[Wish]:
    """The fewest clauses that would have had to be otherwise for this one to be as `wanted`."""
    if clause["result"] is wanted:
        return ()
    children: Sequence[Mapping[str, Any]] = clause["children"]
    if not children:
        return (Wish(clause["text"], clause["found"], wanted),)
    if len(children) == 1:  # not
        return _wishes(children[0], not wanted)
    each = [_wishes(child, wanted) for child in children]
    if _needs_all(clause["text"]) is wanted:
        return _joined(each)
    return min(each, key=len)


def _needs_all(text: str) -> bool:
    """Whether a clause of several parts joins them by `and`."""
    body = ast.parse(text.strip(), mode="eval").body
    return isinstance(body, ast.BoolOp) and isinstance(body.op, ast.And)


def _joined(parts: Iterable[Sequence[Wish]]) -> Sequence[Wish]:
    return [wish for part in parts for wish in part]
