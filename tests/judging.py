"""A small site, and short ways to tell a judge a story: seconds after noon stand for times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from fakes import observation

from surveillance.domain.errors import RuleError
from surveillance.domain.geometry import Line, Zone
from surveillance.domain.site import Camera, Door, NotifyTarget, Person, Site, parse_schedule
from surveillance.domain.values import AccessRequest, CameraReport, Decision, DoorReport, Input, Observation
from surveillance.rules.book import Rulebook, RuleDocument, parse_rulebook
from surveillance.rules.condition import Condition
from surveillance.rules.judge import RuleJudge
from surveillance.rules.language import caret, read_condition
from surveillance.rules.settings import RuleSettings
from surveillance.rules.vocabulary import Names

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))

SITE = Site(
    version=7,
    cameras=(
        Camera("yard", "synthetic://yard", zones=(Zone("lawn", SQUARE), Zone("store", SQUARE, restricted=True))),
        Camera("front", "synthetic://front", lines=(Line("gate", (0.0, 0.5), (1.0, 0.5)),)),
    ),
    doors=(Door("front", "front"), Door("soft", "front", on_camera_stale="badge_only"), Door("back")),
    people=(Person("Ada", frozenset({"staff"})), Person("Grace", frozenset({"guards", "staff"}))),
    schedules=(
        parse_schedule(
            "office-hours", {"time_zone": "UTC", "weekly": {"mon": ["08:00-18:00"], "fri": ["08:00-18:00"]}}
        ),
        parse_schedule("night", {"time_zone": "UTC", "weekly": {"fri": ["22:00-06:00"]}}),
    ),
    notify=(NotifyTarget("ops", "log"), NotifyTarget("boss", "log")),
)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def book(rules: str, site: Site | None = SITE, version: int = 1) -> Rulebook:
    return parse_rulebook([RuleDocument(rules, "rules.yaml")], site, version)


def parse_condition(text: str, trigger: str, names: Names | None = None) -> Condition:
    """One condition by itself. Raises RuleError with every fault, each with a caret under its place."""
    condition, faults = read_condition(text, trigger, names or Names())
    if condition is None:
        raise RuleError([f"column {fault.start + 1}: {fault.message}\n{caret(text, fault)}" for fault in faults])
    return condition


def rule(name: str, on: str, verdict: str, when: str, **more: Any) -> str:
    lines = [f"- name: {name}", f"  on: {on}", f"  verdict: {verdict}", f"  when: ({when})"]
    return "\n".join([*lines, *(f"  {key}: {value}" for key, value in more.items())]) + "\n"


def judge(*rules: str, site: Site = SITE, **settings: Any) -> RuleJudge:
    ids = count(1)
    return RuleJudge(
        book("".join(rules), site), site, RuleSettings(**{"settle_s": 0, **settings}), lambda: f"id-{next(ids)}"
    )


def sight(second: float, track: int = 1, label: str = "person", change: str = "heartbeat", **more: Any) -> Observation:
    """A track of camera yard that began at noon."""
    values = {"id": f"seen-{track}-{second:g}", "change": change, "track_s": second, "started_at": NOON}
    return observation(track, label, after(second), **{**values, **more})


def report(second: float, camera: str = "front", state: str = "live", **more: Any) -> CameraReport:
    return CameraReport(camera, after(second), state, **more)


def request(second: float = 1.0, door: str = "front", **more: Any) -> AccessRequest:
    """Ada of the staff with a valid badge."""
    values: dict[str, Any] = {
        "id": f"request-{second:g}",
        "at": after(second),
        "door": door,
        "camera": next(known.camera for known in SITE.doors if known.name == door),
        "factors": frozenset({"badge"}),
        "person": "Ada",
        "groups": frozenset({"staff"}),
        "credential": "valid",
        "deadline": after(second + 2),
    }
    return AccessRequest(**{**values, **more})


def door_report(second: float, door: str = "front", mode: str = "locked", alarm: str = "normal") -> DoorReport:
    return DoorReport(door, after(second), mode, alarm)


def decide(judged_by: RuleJudge, inputs: Iterable[Input]) -> list[Decision]:
    return [decision for entry in inputs for decision in judged_by(entry)]


def told(decisions: Iterable[Decision]) -> list[tuple[str, str | None]]:
    """Each decision as (kind, rule)."""
    return [(decision.kind, decision.rule) for decision in decisions]
