"""Finds conditions that can never be true: words that are asked to be two things at once, zones of another camera.

Sound, not complete: what it names is never true, what it does not name may still never be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product

from surveillance.domain.site import Camera, Site
from surveillance.rules.condition import Both, Comparison, Condition, Either, Key, Node, Not, Truth, key_text, shown
from surveillance.rules.vocabulary import NUMBER, SET, TEXT, WORDS

MAX_WAYS = 200
Way = tuple[tuple[Comparison | Truth, bool], ...]  # leaves that must hold together, as written or not
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "in": "not in", "not in": "in"}


def never_true(condition: Condition, site: Site | None = None) -> str:
    """Why it can never be true; empty where it may be, or where that takes too long to tell."""
    ways = _ways(condition.root, True)
    if ways is None:
        return ""
    reasons = [_clash(way, site) for way in ways]
    return reasons[0] if reasons and all(reasons) else ""


def _ways(node: Node, as_written: bool) -> list[Way] | None:
    """Every set of leaves with which the node is true; None for too many."""
    match node:
        case Not(part=part):
            return _ways(part, not as_written)
        case Both(parts=parts) | Either(parts=parts):
            found = [_ways(part, as_written) for part in parts]
            known = [ways for ways in found if ways is not None]
            if len(known) < len(found):
                return None
            if isinstance(node, Both) is not as_written:
                joined = [way for ways in known for way in ways]
                return joined if len(joined) <= MAX_WAYS else None
            if math.prod(map(len, known)) > MAX_WAYS:
                return None
            return [tuple(leaf for way in ways for leaf in way) for ways in product(*known)]
        case _:
            return [((node, as_written),)]


@dataclass(slots=True)
class _Asked:
    """What one way asks of one word."""

    texts: frozenset[str] | None = None  # a text must be one of these
    not_texts: set[str] = field(default_factory=set)
    has: set[str] = field(default_factory=set)  # a set must hold these
    has_not: set[str] = field(default_factory=set)
    only: frozenset[str] | None = None
    low: tuple[float, bool] = (0.0, False)  # a number must be so much, or (True) more; no word is below 0
    high: tuple[float, bool] = (math.inf, False)
    truths: set[bool] = field(default_factory=set)

    def clash(self, name: str) -> str:
        """Why no value will do."""
        if self.texts is not None and not self.texts - self.not_texts:
            return f"{name} would have to be two things at once"
        if self.has & self.has_not:
            return f"{name} would have to hold {shown(min(self.has & self.has_not))} and not hold it"
        if self.only is not None and self.has - self.only:
            return f"{name} would have to hold {shown(min(self.has - self.only))} and not hold it"
        if self.low[0] > self.high[0] or (self.low[0] == self.high[0] and (self.low[1] or self.high[1])):
            return f"no number is {_bound(self.low, '>')} and {_bound(self.high, '<')}, as {name} would have to be"
        return f"{name} would have to be true and false" if len(self.truths) > 1 else ""


def _bound(bound: tuple[float, bool], sign: str) -> str:
    return f"{sign}{'' if bound[1] else '='} {bound[0]:g}"


def _clash(way: Way, site: Site | None) -> str:
    asked: dict[Key, _Asked] = {}
    for leaf, as_written in way:
        if isinstance(leaf, Truth):
            if leaf.operand.key is None:
                if bool(leaf.operand.literal) is not as_written:
                    return f"{leaf.text} is never {'true' if as_written else 'false'}"
            else:
                asked.setdefault(leaf.operand.key, _Asked()).truths.add(as_written)
        else:
            _ask(asked, leaf, as_written)
    for key, wanted in asked.items():
        found = wanted.clash(key_text(key))
        if found:
            return found
    return _misplaced(asked, site) if site is not None else ""


def _ask(asked: dict[Key, _Asked], leaf: Comparison, as_written: bool) -> None:
    left, op, right = leaf.left, leaf.op, leaf.right
    if op in ("in", "not in") and left.key is None and right.key is not None:
        item = str(left.literal)
        wanted = asked.setdefault(right.key, _Asked())
        (wanted.has if (op == "in") is as_written else wanted.has_not).add(item)
        return
    if left.key is None:
        left, op, right = right, _MIRRORED.get(op, op), left
    if left.key is None or right.key is not None:
        return  # two words, or two literals
    wanted, literal = asked.setdefault(left.key, _Asked()), right.literal
    type = WORDS[left.key if isinstance(left.key, str) else left.key[0]].type
    if type == SET and isinstance(literal, frozenset):
        _ask_set(wanted, op if as_written else "", literal)
    op = op if as_written else _OPPOSITE[op]
    if type == NUMBER and isinstance(literal, float):
        _ask_number(wanted, op, literal)
    elif type == TEXT:
        _ask_text(wanted, op, literal if isinstance(literal, frozenset) else frozenset({str(literal)}))


def _ask_text(wanted: _Asked, op: str, texts: frozenset[str]) -> None:
    if op in ("==", "in"):
        wanted.texts = texts if wanted.texts is None else wanted.texts & texts
    else:
        wanted.not_texts |= texts


def _ask_set(wanted: _Asked, op: str, items: frozenset[str]) -> None:
    """The opposite of a comparison of sets asks nothing that could clash here."""
    if op in (">=", ">", "=="):
        wanted.has |= items
    if op in ("<=", "<", "=="):
        wanted.only = items if wanted.only is None else wanted.only & items


def _ask_number(wanted: _Asked, op: str, number: float) -> None:
    if op in (">", ">=", "=="):
        wanted.low = max(wanted.low, (number, op == ">"))
    if op in ("<", "<=", "=="):
        bound = (number, op == "<")
        if number < wanted.high[0] or (number == wanted.high[0] and op == "<"):
            wanted.high = bound


# --- what the site makes impossible --------------------------------------------------------------------------------


def _misplaced(asked: dict[Key, _Asked], site: Site) -> str:
    """A zone or line of other cameras than the ones that the condition names."""
    named = asked["camera"].texts if "camera" in asked else None
    if named is None:
        return ""
    cameras = [camera for camera in site.cameras if camera.name in named - asked["camera"].not_texts]
    if not cameras:
        return ""
    for key, wanted in asked.items():
        for zone in _zones_asked(key, wanted):
            if not any(zone in (known.name for known in camera.zones) for camera in cameras):
                return f"{_called(cameras)} has no zone {shown(zone)}"
        if key == "crossed":
            ways = {f"{line.name}:{way}" for camera in cameras for line in camera.lines for way in ("in", "out")}
            for crossing in sorted(wanted.has - ways):
                return f"{_called(cameras)} has no line {shown(crossing.rpartition(':')[0])}"
    return ""


def _zones_asked(key: Key, wanted: _Asked) -> Iterable[str]:
    """The zones that must exist at the camera for the word to be what it is asked to be."""
    if key == "zones":
        return sorted(wanted.has)
    needs_some = wanted.low > (0.0, False)
    match key:
        case ("dwell_in", zone) if needs_some:
            return (zone,)
        case ("count", _, zone) if needs_some:
            return (zone,)
    return ()


def _called(cameras: list[Camera]) -> str:
    return f"camera {cameras[0].name}" if len(cameras) == 1 else "none of these cameras"
