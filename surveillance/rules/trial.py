"""A rule that is not in force, judged on a moment on record: every clause, and what it would have done there and then.

The facts are those on record with the moment. What nobody asked for then is told from the inputs just before it, and is
unknown where those are no longer kept. Nothing acts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from surveillance.domain.areas import Forgiveness
from surveillance.domain.doors import DoorSensed
from surveillance.domain.site import Site
from surveillance.domain.threats import ThreatOrder
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    Clause,
    DoorReport,
    Input,
    ModeReport,
    Observation,
    SceneReport,
    Tick,
)
from surveillance.rules.book import Rule, Rulebook
from surveillance.rules.condition import Key, key_text
from surveillance.rules.facts import (
    Facts,
    facts_of_camera,
    facts_of_door,
    facts_of_observation,
    facts_of_request,
    facts_of_scene,
)
from surveillance.rules.judge import RuleJudge
from surveillance.rules.memory import Memory
from surveillance.rules.permission import combine, doubts_of
from surveillance.rules.schedules import is_open
from surveillance.rules.settings import RuleSettings
from surveillance.rules.vocabulary import UNKNOWN, Value

NOT_KEPT = "it was not on record with this moment, and the inputs before it are no longer kept"
_CALLED = re.compile(r"(\w+)(\(.*\))")


ASKED_ON = {  # trigger of an event -> triggers whose rules could be asked about the same
    "sighting": frozenset({"sighting", "presence"}),
    "presence": frozenset({"sighting", "presence"}),
    "access": frozenset({"access"}),
    "door": frozenset({"door"}),
    "camera": frozenset({"camera"}),
}
SPAN_S = 60.0  # how many seconds of inputs before a moment are looked at


@dataclass(frozen=True, slots=True)
class Case:
    """One moment on record. `triggers` are those on which it was judged; `facts` as an event holds them.

    `inputs` are what core met just before it, the moment's own input last; none where they are no longer kept.
    """

    at: datetime
    triggers: frozenset[str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    inputs: Sequence[Input] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What the rule says of a case, and what would have come of it.

    `outcome` is alert, log, authorize or deny; silent (it is false), unsure (it cannot be told), off, or
    other_trigger. `because` are the findings that settle it. `before_s`: it would have fired so long before already,
    so it would have been silent now. `together` is the verdict of all rules, with its reasons, where somebody asks.
    """

    outcome: str
    result: bool | None = None
    clause: Clause | None = None
    because: tuple[str, ...] = ()
    doubts: str = ""
    before_s: float | None = None
    together: tuple[str, tuple[str, ...]] | None = None
    has_inputs: bool = False


def case_of_event(event: Mapping[str, Any], inputs: Sequence[Input]) -> Case:
    """The case of an event as the record explains it, and what core met up to it."""
    triggers = ASKED_ON.get(event["trigger"], frozenset())
    return Case(datetime.fromisoformat(event["at"]), triggers, event["facts"], inputs)


def try_rule(
    rule: Rule, case: Case, site: Site, others: Iterable[Rule] = (), settings: RuleSettings | None = None
) -> Trial:
    """Judges the rule on the case; `others` are the rules in force without it."""
    if rule.trigger not in case.triggers:
        return Trial("other_trigger")
    facts = _facts(case, site, settings or RuleSettings())
    result = rule.condition.evaluate(facts)
    clause = rule.condition.explain(facts)
    because = tuple(dict.fromkeys(leaf.found for leaf in rule.condition.because(facts)))
    trial = Trial("silent", result, clause, because, doubts_of(rule, facts), has_inputs=bool(case.inputs))
    if rule.mode == "off":
        return replace(trial, outcome="off")
    if rule.trigger in ("presence", "access"):
        trial = replace(trial, together=_together(rule, case, site, others, facts, settings))
    elif result:
        trial = replace(trial, before_s=_fired_before(rule, case, site, settings))
    if result is None and rule.verdict != "deny":
        return replace(trial, outcome="unsure")
    return trial if result is False else replace(trial, outcome=rule.verdict)


# --- what was known ------------------------------------------------------------------------------------------------


def _facts(case: Case, site: Site, settings: RuleSettings) -> Facts:
    """What is on record, and behind it what the inputs tell."""
    known = {parse_key(text): _value(value) for text, value in case.facts.items()}
    replayed = _replayed(case.inputs, site, settings)

    def produce(key: Key, doubts: dict[Key, str]) -> Value:
        if replayed is not None:
            value = replayed[key]
            if value is UNKNOWN:
                doubts[key] = replayed.doubts.get(key, NOT_KEPT)
            return value
        if isinstance(key, tuple) and key[0] == "schedule":
            schedule = next((known for known in site.schedules if known.name == key[1]), None)
            if schedule is not None:
                return is_open(schedule, case.at)
        doubts[key] = f"{key_text(key)}: {NOT_KEPT}"
        return UNKNOWN

    facts = Facts(known, produce)
    facts.doubts = {key: f"{key_text(key)} was unknown then" for key, value in known.items() if value is UNKNOWN}
    return facts


def _replayed(inputs: Sequence[Input], site: Site, settings: RuleSettings) -> Facts | None:
    """The facts of the last input, by what a judge would remember of those before it."""
    if not inputs:
        return None
    memory = Memory(settings)
    for entry in inputs:
        _hear(memory, entry)
    match inputs[-1]:
        case Observation() as seen:
            return facts_of_observation(seen, memory, site)
        case AccessRequest() as request:
            return facts_of_request(request, memory, site, max(request.at, memory.ticked_at or request.at))
        case CameraReport() as report:
            return facts_of_camera(report, memory, site)
        case SceneReport() as report:
            return facts_of_scene(report, memory, site)
        case DoorReport() | DoorSensed() as told:
            return facts_of_door(told, memory, site)
    return None


def _hear(memory: Memory, entry: Input) -> None:
    match entry:
        case Observation():
            memory.hear_observation(entry)
        case CameraReport():
            memory.hear_camera(entry)
        case SceneReport():
            memory.hear_scene(entry)
        case DoorReport():
            memory.hear_door(entry)
        case DoorSensed():
            memory.hear_sensed(entry)
        case ModeReport():
            memory.hear_mode(entry)
        case Forgiveness():
            memory.places.forgive(entry)
        case ThreatOrder():
            memory.hear_threat(entry)
        case Tick():
            memory.ticked_at = entry.at


def parse_key(text: str) -> Key:
    """`people`, or `count("person", "yard")` as facts on record write it."""
    called = _CALLED.fullmatch(text)
    if called is None:
        return text
    try:
        given = ast.literal_eval(called[2])
    except (ValueError, SyntaxError):
        return text
    return (called[1], *(given if isinstance(given, tuple) else (given,)))


def _value(value: Any) -> Value:
    if value is None:
        return UNKNOWN
    if isinstance(value, list):
        return frozenset(map(str, value))
    return value if isinstance(value, str | bool) else float(value)


# --- what would have come of it ------------------------------------------------------------------------------------


def _together(
    rule: Rule, case: Case, site: Site, others: Iterable[Rule], facts: Facts, settings: RuleSettings | None
) -> tuple[str, tuple[str, ...]]:
    """What all rules say of the request; with the inputs also what denies it whatever the rules say."""
    rules = [other for other in others if other.name != rule.name and other.mode != "off"]
    if rule.trigger == "access" and case.inputs:
        judge = RuleJudge(Rulebook(0, (*rules, rule)), site, settings)
        judge.recall(case.inputs[:-1])
        made = next((made for made in judge(case.inputs[-1]) if made.kind.startswith("access.")), None)
        if made is not None and made.verdict is not None:
            return made.verdict, made.reasons
    permission = combine([other for other in (*rules, rule) if other.trigger == rule.trigger], facts)
    return permission.verdict, permission.reasons


def _fired_before(rule: Rule, case: Case, site: Site, settings: RuleSettings | None) -> float | None:
    """How long before the case the rule had fired, where that keeps it silent at the case."""
    if not case.inputs:
        return None
    judge = RuleJudge(Rulebook(0, (rule,)), site, settings)
    fired: list[datetime] = []
    for entry in case.inputs[:-1]:
        fired += [made.at for made in judge(entry) if made.rule == rule.name]
    fires_now = any(made.rule == rule.name for made in judge(case.inputs[-1]))
    return None if fires_now or not fired else (case.at - max(fired)).total_seconds()
