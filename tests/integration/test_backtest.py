"""Backtests on a stored record: what core decided is found again, and only rules that differ make a difference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from judging import NOON, SITE, after, judge, report, request, rule, sight
from ledger_samples import open_desk
from sqlalchemy import update

from surveillance.app.backtesting import backtest_rules
from surveillance.app.store import open_store
from surveillance.cli import cli
from surveillance.domain.errors import RuleError, UserMistake
from surveillance.domain.values import Input, Observation, Tick
from surveillance.rules.backtest import Backtest
from surveillance.rules.book import RuleDocument
from surveillance.settings import Settings
from surveillance.storage import tables
from surveillance.storage.database import writing

SEEN = rule("seen", "sighting", "log", 'label == "person"', cooldown_s=20)
SLOW = rule("slow", "sighting", "alert", 'dwell_in("lawn") >= 5', cooldown_s=3000)
STAFF = rule("staff", "access", "authorize", '"badge" in factors and people == 1')
LIVE = SEEN + SLOW + STAFF
HOUR = timedelta(hours=1)


def seen(second: float, track: int = 1) -> Observation:
    return sight(second, track, camera="front", zones=frozenset({"lawn"}), dwell_s={"lawn": second % 50})


STORY: Sequence[Input] = [
    entry
    for second in range(0, 300)
    for entry in (
        Tick(after(second)),
        report(second),
        *([replace(seen(second), attributes={"plate": "AB"})] if second % 3 else []),
        *([request(second + 0.5)] if second % 50 == 0 else []),
    )
]


@pytest.fixture
def settings(tmp_path: Path, empty_database: str) -> Settings:
    """A site whose last five minutes are on record as LIVE decided them."""
    desk = open_desk(tmp_path, url=empty_database)
    decide = judge(LIVE, settle_s=2.0)
    made = [(entry, decide(entry)) for entry in STORY]
    for start in range(0, len(made), 100):
        desk.ledger(made[start : start + 100])
    settings = Settings(data_dir=tmp_path, storage={"url": empty_database})
    open_store(settings).site.seed(replace(SITE, rules=LIVE))
    return settings


def tried(settings: Settings, rules: str, since: float = -10) -> Backtest:
    store = open_store(settings)
    documents = (RuleDocument(rules, "draft"),)
    return backtest_rules(settings, store, store.site.read(), documents, (after(since), after(400)))


def test_the_rules_in_force_change_nothing_also_in_the_middle(settings: Settings) -> None:
    whole = tried(settings, LIVE)
    assert (whole.differs, whole.inputs) == (0, len(STORY))
    assert {tally.rule: tally.now for tally in whole.tallies} == {"": 1, "seen": 15, "slow": 1, "staff": 5}
    later = tried(settings, LIVE, since=100.2)
    assert later.differs == 0
    assert later.since >= after(100)
    assert {tally.rule: tally.now for tally in later.tallies} == {"seen": 10, "staff": 4}


def test_a_longer_cooldown_fires_less_often_and_at_other_times(settings: Settings) -> None:
    found = tried(settings, SEEN.replace("20", "40") + SLOW + STAFF)
    [seen] = [tally for tally in found.tallies if tally.differs]
    assert (seen.rule, seen.was, seen.now, seen.new, seen.silent) == ("seen", 15, 8, 7, 14)
    events = open_store(settings).events
    told = [events.one(one.event) for one in found.differences if one.event is not None]
    assert [event and event["rule"] for event in told] == 14 * ["seen"]


def test_a_verdict_recorded_late_finds_its_input(settings: Settings) -> None:
    """As after a crash between an input and its decision."""
    events = open_store(settings).events
    rows = events.page(limit=1000)[0]
    with writing(open_store(settings).engine) as connection:
        last, moved = rows[0], rows[10]
        table = tables.event
        connection.execute(update(table).where(table.c.id == moved["id"]).values(seq=last["seq"] + 1))
    assert tried(settings, LIVE).differs == 0


def test_mistakes_are_a_line(settings: Settings) -> None:
    with pytest.raises(UserMistake, match="nothing is on record between 2026-11-20 12:16Z and"):
        tried(settings, LIVE, since=1000)
    with pytest.raises(RuleError, match="draft:1"):
        tried(settings, LIVE + "- {name: x, on: sighting, verdict: alert, when: nonsense}")


def test_the_command_says_the_same(settings: Settings, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(SEEN + STAFF)
    span = ["--since", (NOON - HOUR).isoformat(), "--until", (NOON + HOUR).isoformat()]
    words = ["rules", "backtest", str(draft), *span]
    where = {"SURVEILLANCE__DATA_DIR": str(settings.data_dir), "SURVEILLANCE__STORAGE__URL": settings.storage.url}
    picture = tmp_path / "timeline.svg"
    said = CliRunner().invoke(cli, [*words, "--save", str(picture)], env=where, catch_exceptions=False)
    assert ": 1 difference\n" in said.output
    assert "gone  11-20 12:00:05  slow  front  alert -> nothing  event " in said.output
    assert picture.read_text().startswith("<svg")
    as_json = json.loads(CliRunner().invoke(cli, [*words, "--json"], env=where, catch_exceptions=False).stdout)
    assert (as_json["differs"], [one["rule"] for one in as_json["differences"]]) == (1, ["slow"])
