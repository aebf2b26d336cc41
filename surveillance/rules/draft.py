"""One rule's text while it is written: its rule, all that is wrong with it at its place, and what is odd about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from surveillance.domain.errors import RuleError
from surveillance.domain.site import Site
from surveillance.rules.book import Rule, RuleDocument, read_rules
from surveillance.rules.contradictions import never_true
from surveillance.rules.fields import Flaw, span
from surveillance.rules.levels import hints
from surveillance.rules.source import read_source
from surveillance.rules.vocabulary import LABELS

ORIGIN = "rule"
BEFORE, SHOWN = 30, 60  # characters of a line that are shown before a place, and in all


@dataclass(frozen=True, slots=True)
class Draft:
    """`rule` is None while there are `flaws`. `doubts` keep nobody from saving it."""

    text: str
    rule: Rule | None
    flaws: tuple[Flaw, ...] = ()
    doubts: tuple[Flaw, ...] = ()


def read_draft(
    text: str, site: Site | None = None, taken: Collection[str] = (), labels: Collection[str] = LABELS
) -> Draft:
    """Reads and checks one rule. `taken` are the names of other rules."""
    rules, faults = read_rules([RuleDocument(text, ORIGIN)], site, labels)
    if not faults and len(rules) != 1:
        faults = [Flaw(ORIGIN, 1, "write one rule here; there is none" if not rules else _TOO_MANY.format(len(rules)))]
    if not faults and rules[0].name in taken:
        faults = [_flaw(text, rules[0], "name", "another rule has this name")]
    if faults:
        return Draft(text, None, tuple(sorted(faults, key=lambda flaw: (flaw.start, flaw.end))))
    doubts = tuple(_flaw(text, rules[0], key, message) for key, message in _doubts(rules[0], site))
    return Draft(text, rules[0], (), doubts)


_TOO_MANY = "write one rule here; there are {}"


def pointed(text: str, flaw: Flaw) -> str:
    """The line of the flaw and carets under its place; empty where it has none."""
    if not flaw.line or flaw.end <= flaw.start:
        return ""
    first = text.rfind("\n", 0, flaw.start) + 1
    line = text[first:].partition("\n")[0]
    column = flaw.start - first
    cut = max(column - BEFORE, 0)
    width = max(min(flaw.end - flaw.start, len(line) - column), 1)
    return f"{line[cut : cut + SHOWN]}\n{' ' * (column - cut)}{'^' * width}"


def _flaw(text: str, rule: Rule, key: str, message: str) -> Flaw:
    start, end, line = 0, 0, 1
    try:
        source = read_source(text)
    except RuleError:  # an alias, say: said without a place
        return Flaw(ORIGIN, line, message, start, end, rule.name, key)
    if key in source.places:
        start, end = span(text, source.places[key][1])
        line = text.count("\n", 0, start) + 1
    return Flaw(ORIGIN, line, message, start, end, rule.name, key)


# --- what is odd ---------------------------------------------------------------------------------------------------


def _doubts(rule: Rule, site: Site | None) -> Iterator[tuple[str, str]]:
    """(key, what to think about) of a rule without a flaw."""
    reason = never_true(rule.condition, site)
    if reason:
        yield "when", f"this can never be true: {reason}"
    if rule.camera_only:
        yield "camera_only", "what a camera sees alone opens this door: no badge, card or PIN is needed"
    if site is None:
        return
    for key in sorted(key[1] for key in rule.condition.keys if key[0] == "schedule"):
        schedule = next((known for known in site.schedules if known.name == key), None)
        if schedule is not None and not any([*schedule.weekly.values(), *schedule.holidays.values()]):
            yield "when", f"schedule {key} is never open: it has no windows"
    if "permitted" in rule.condition.keys:
        yield from (("when", hint) for hint in hints(site))
    if rule.trigger == "presence" and not any(zone.restricted for camera in site.cameras for zone in camera.zones):
        yield "on", "no zone is restricted, so nobody ever asks for permission by being there"
    asks_camera = any(key == "people" or key[0] == "count" for key in rule.condition.keys)
    if rule.trigger == "access" and asks_camera:
        blind = sorted(door.name for door in site.doors if door.camera is None)
        if blind:
            yield "when", f"nobody can count people at a door without a camera ({', '.join(blind)}): unknown there"
