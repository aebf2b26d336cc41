"""Arming in a site file and in the database, and the mode among the stored inputs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from ledger_samples import NOON, decision, observation, open_desk

from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Arming, ModeOrder
from surveillance.domain.values import ModeReport, Tick
from surveillance.storage.database import open_database
from surveillance.storage.keys import KeyStore
from surveillance.storage.mode_orders import ModeOrders
from surveillance.storage.queries import Events
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.site_file import parse_site

SITE = """
schedules:
  night: {time_zone: UTC, weekly: {mon: ["22:00-06:00"]}}
  week-end: {time_zone: UTC, weekly: {sat: ["00:00-24:00"]}}
arming:
  default: disarmed
  modes: {armed: week-end, asleep: night, away: week-end}
"""


def test_arming_keeps_its_order_through_file_and_database(database: str, tmp_path: Path) -> None:
    site = parse_site(SITE, "site.yaml")
    arming = Arming("disarmed", (("armed", "week-end"), ("asleep", "night"), ("away", "week-end")))
    assert site.arming == arming
    engine = open_database(database)
    stored = SqlSite(engine, KeyStore(tmp_path / "keys"))
    stored.seed(site)
    assert stored.read().arming == arming
    assert parse_site("", "empty.yaml").arming is None
    engine.dispose()


@pytest.mark.parametrize(
    ("arming", "fault"),
    [
        ("{default: disarmed, modes: {x: nigth}}", "arming.modes.x: unknown schedule 'nigth'; did you mean 'night'?"),
        ("{default: disarmed, modes: {auto: night}}", "arming.modes.auto: auto means that the schedules decide"),
        ("{modes: {armed: night}}", "arming.default: is missing; write it"),
        ("{default: disarmed, mode: {armed: night}}", "arming.mode: unknown key; did you mean 'modes'?"),
        ("{default: '!'}", "arming.default: '!' is no name"),
    ],
)  # fmt: skip
def test_a_faulty_arming_is_told_with_its_place(arming: str, fault: str) -> None:
    text = f'schedules:\n  night: {{time_zone: UTC, weekly: {{mon: ["22:00-06:00"]}}}}\narming: {arming}\n'
    with pytest.raises(SettingsError) as caught:
        parse_site(text, "site.yaml")
    assert str(caught.value).startswith("site.yaml:3: ")
    assert fault in str(caught.value)


def test_the_mode_is_an_input_among_the_others(database: str, tmp_path: Path) -> None:
    desk = open_desk(tmp_path, url=database)
    armed = ModeReport(NOON, "armed", "schedule night is open")
    disarmed = ModeReport(NOON + timedelta(hours=1), "a mode with a rather long name", "set by hand", "ada")
    seen = observation(at=NOON + timedelta(minutes=1))
    changed = decision(kind="configuration.mode_changed", camera=None, track=None)
    story = [(armed, ()), (seen, ()), (disarmed, (changed,)), (Tick(NOON), ())]
    desk.ledger(story)
    desk.ledger(story[2:3])  # written twice, it is there once
    events = Events(desk.engine)
    assert list(events.inputs_since(NOON)) == [armed, seen, disarmed, Tick(NOON)]
    assert events.last_mode() == [disarmed]
    assert events.last_mode(within=1) == []
    desk.engine.dispose()


def test_an_order_is_kept_and_on_record(database: str) -> None:
    engine = open_database(database)
    orders = ModeOrders(engine)
    assert orders.read() is None
    held = ModeOrder("armed", "ada", NOON.replace(microsecond=0), NOON.replace(microsecond=0) + timedelta(hours=2))
    orders.give(ModeOrder("disarmed", "bob", NOON.replace(microsecond=0)))
    orders.give(held)
    assert orders.read() == held
    orders.take_back("ada")
    assert orders.read() is None
    told = [(event["kind"], event["details"]) for event in reversed(Events(engine).page()[0])]
    assert told == [
        ("configuration.mode_set", {"actor": "bob", "mode": "disarmed"}),
        ("configuration.mode_set", {"actor": "ada", "mode": "armed", "until": "2026-11-20T14:00:00.000Z"}),
        ("configuration.mode_set", {"actor": "ada", "mode": "auto"}),
    ]
    engine.dispose()
