"""Pages of events by any filter: exactly the events that fit, whichever index leads and wherever a budget ends it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from ledger_samples import NOON, decision, observation, open_desk

from surveillance.domain.permissions import Reach
from surveillance.domain.values import rfc3339
from surveillance.storage import event_search
from surveillance.storage.database import reading
from surveillance.storage.event_filter import says
from surveillance.storage.event_search import Budget, Search
from surveillance.storage.queries import EventFilter, Events
from surveillance.storage.reviews import Reviews

MINUTE = timedelta(minutes=1)
KINDS = {
    "sighting.alerted": "alert",
    "sighting.logged": "log",
    "access.denied": "deny",
    "access.granted": "authorize",
    "camera.lost": None,
    "camera.found": None,
    "user.viewed": None,
}
FILTERS = (
    EventFilter(),
    EventFilter(listed=True),
    EventFilter(camera="front"),
    EventFilter(camera="front", listed=True, since=NOON + 20 * MINUTE, until=NOON + 80 * MINUTE),
    EventFilter(kind="camera."),
    EventFilter(kind="sighting.", until=NOON + 50 * MINUTE),
    EventFilter(kind="nothing."),
    EventFilter(verdict="deny", door="side"),
    EventFilter(label="animal", camera="yard", rule="night-yard"),
    EventFilter(rule="nobody"),
    EventFilter(identity="Ada"),
    EventFilter(waiting=True),
    EventFilter(waiting=True, camera="yard"),
    EventFilter(waiting=True, kind="sighting.", verdict="alert"),
    EventFilter(waiting=True, identity="Ada"),
    EventFilter(reviewed=True, listed=True),
    EventFilter(shadow=True),
    EventFilter(words="CAMERA YARD"),
    EventFilter(words='say "x"', camera="front"),
    EventFilter(reach=Reach(frozenset({"yard"}), frozenset({"main"}))),
    EventFilter(waiting=True, grouped=True, reach=Reach(frozenset({"front"}))),
    EventFilter(grouped=True, listed=True),
    EventFilter(grouped=True, waiting=True, camera="front"),
)


@pytest.fixture
def desk(tmp_path, database):
    desk = open_desk(tmp_path, url=database)
    dice = random.Random(7)
    made = [_any(dice) for _ in range(240)]
    desk.ledger([(observation(id=one.subject, at=one.at), (one,)) for one in made])
    Reviews(desk.engine).review([one.id for one in made[::5]], "ada", "seen from camera yard")
    return desk


def _any(dice):
    kind = dice.choice(list(KINDS))
    is_seen = kind.startswith("sighting.")
    is_access = kind.startswith("access.")
    return decision(
        at=NOON + timedelta(seconds=dice.randrange(7200)) // 10 * 10,
        kind=kind,
        verdict=KINDS[kind],
        camera=None if kind == "user.viewed" else dice.choice(["front", "front", "yard"]),
        door=dice.choice(["main", "side"]) if is_access else None,
        label=dice.choice(["person", "animal"]) if is_seen else None,
        rule=dice.choice(["night-yard", "other"]) if is_seen else None,
        identity=dice.choice(["Ada", None]) if is_access else None,
        shadow=is_seen and dice.random() < 0.2,
        reasons=(dice.choice(["near camera yard", 'they say "x"', "nothing"]),),
        zones=(),
    )


def fits(row, wanted, rows):
    """As the filter's own words have it, event by event."""
    exact = ("camera", "verdict", "label", "rule", "door", "identity", "shadow")
    if any(getattr(wanted, name) not in (None, row[name]) for name in exact):
        return False
    if wanted.kind is not None and not (row["kind"] + ".").startswith(wanted.kind):
        return False
    at = datetime.fromisoformat(row["at"])
    if wanted.since is not None and at < datetime.fromisoformat(rfc3339(wanted.since)):
        return False
    if wanted.until is not None and at >= datetime.fromisoformat(rfc3339(wanted.until)):
        return False
    if wanted.reviewed is not None and (row["reviewed_at"] is not None) != wanted.reviewed:
        return False
    if wanted.listed and row["attention"] is None:
        return False
    if wanted.waiting and (row["attention"] != 2 or row["reviewed_at"] is not None):
        return False
    if not wanted.reach.sees(row["camera"], row["door"]):
        return False
    if wanted.words and not says(row, wanted.words):
        return False
    single = replace(wanted, grouped=False)
    return not wanted.grouped or not any(
        other["incident"] == row["incident"] and place(other) > place(row) and fits(other, single, rows)
        for other in rows
        if row["incident"] is not None
    )


def place(row):
    return row["at"], row["id"]


@pytest.mark.parametrize("budget", [None, Budget(30, 60.0), Budget(10**6, 0.0)], ids=["none", "rows", "seconds"])
def test_every_filter_finds_exactly_what_fits(desk, budget, monkeypatch):
    monkeypatch.setattr(event_search, "FIRST", 12)
    events = Events(desk.engine)
    rows = sorted(events.page(None, None, 1000)[0], key=place, reverse=True)
    assert len(rows) == 240 + 1
    for wanted in FILTERS:
        expected = [row["id"] for row in rows if fits(row, wanted, rows)]
        assert walk(Events(desk.engine, budget), wanted, newer=False) == expected, wanted
        assert walk(Events(desk.engine, budget), wanted, newer=True) == expected[::-1], wanted
        assert events.count(wanted) == len(expected) or wanted.words, wanted


def walk(events, wanted, newer):
    found, cursor = [], None
    while True:
        page = events.find(wanted, cursor, 7, newer)
        found += [row["id"] for row in page.rows]
        assert page.searched_to is None or page.next is not None
        if page.next is None:
            return found
        cursor = page.next


def test_a_search_that_its_budget_ends_says_how_far_it_came(desk, monkeypatch):
    monkeypatch.setattr(event_search, "FIRST", 100)
    rows = sorted(Events(desk.engine).page(None, None, 1000)[0], key=place, reverse=True)
    page = Events(desk.engine, Budget(1, 60.0)).find(EventFilter(words="no such words"))
    assert page.rows == []
    assert rfc3339(page.searched_to) == rows[99]["at"]
    assert page.next is not None


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (EventFilter(camera="front"), "ix_event_camera_event_at_event_id"),
        (EventFilter(kind="camera.lost"), "ix_event_kind_event_at_event_id"),
        (EventFilter(verdict="deny"), "ix_event_verdict_event_at_event_id"),
        (EventFilter(label="animal"), "ix_event_label"),
        (EventFilter(rule="other"), "ix_event_rule"),
        (EventFilter(door="side"), "ix_event_door"),
        (EventFilter(identity="Ada"), "ix_event_identity"),
        (EventFilter(incident="x"), "ix_event_incident"),
        (EventFilter(listed=True), "ix_event_listed"),
        (EventFilter(waiting=True), "ix_event_waiting"),
        *((EventFilter(waiting=True, **{name: "deny"}), f"ix_event_waiting_{name}")
          for name in ("camera", "kind", "verdict", "label", "rule", "door")),
    ],
)  # fmt: skip
def test_each_filter_is_read_from_its_index_in_order(desk, wanted, index):
    """From a place on and since a time: both must be bounds of the index, or deep pages would be slow."""
    with reading(desk.engine) as connection:
        narrowed = replace(wanted, since=NOON)
        search = Search(connection, narrowed)
        stretch = replace(search._stretch, place=event_search.Cursor(NOON + 90 * MINUTE, "x"))
        query = search._select(stretch, None, 50)
        text = str(query.compile(desk.engine, compile_kwargs={"literal_binds": True}))
        if desk.engine.dialect.name == "sqlite":
            plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
            assert f"INDEX {index} (" in plan
            assert "(at,id)<(?,?)" in plan
            assert "at>?" in plan
            assert "TEMP B-TREE" not in plan
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
            plan = " ".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}"))
            assert "Index Scan Backward using ix_event_" in plan
            assert "Sort" not in plan
