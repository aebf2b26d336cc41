"""Questions to the ledger: pages without repetition, filters, and plans that use the indexes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_samples import NOON, decision, observation, open_desk
from sqlalchemy import literal, tuple_

from surveillance.domain.errors import UserMistake
from surveillance.domain.geometry import Box
from surveillance.domain.permissions import Reach
from surveillance.storage.columns import Moment
from surveillance.storage.database import reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.queries import EventFilter, Events
from surveillance.storage.tables import event

SECOND = timedelta(seconds=1)


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


def ids(rows):
    return [row["id"] for row in rows]


def test_pages_meet_every_event_once_newest_first(desk):
    decisions = [decision(at=NOON + SECOND * (number // 3)) for number in range(23)]
    desk.ledger([(observation(), tuple(decisions))])
    events = Events(desk.engine)
    found, sizes, cursor = [], [], None
    while True:
        rows, cursor = events.page(None, cursor, 5)
        found += ids(rows)
        sizes.append(len(rows))
        if cursor is None:
            break
    expected = sorted(((made.at, made.id) for made in decisions), reverse=True)
    assert found == [event_id for _, event_id in expected]
    assert sizes == [5, 5, 5, 5, 3]


def test_a_page_is_not_moved_by_events_that_arrive_meanwhile(desk):
    desk.ledger([(observation(), tuple(decision(at=NOON + SECOND * number) for number in range(4)))])
    events = Events(desk.engine)
    first, cursor = events.page(None, None, 2)
    desk.ledger([(observation(), (decision(at=NOON + SECOND * 60),))])
    second, _ = events.page(None, cursor, 2)
    assert [row["seq"] for row in first + second] == [4, 3, 2, 1]


@pytest.mark.parametrize("text", ["", "1", "x~y", "-1~y", "9" * 40 + "~y"])
def test_a_cursor_that_nobody_wrote_is_the_users_mistake(desk, text):
    with pytest.raises(UserMistake, match="is no place in the event list"):
        Events(desk.engine).page(None, text)


def test_each_filter_narrows(desk):
    plain = decision()
    others = {
        "camera": decision(camera="yard"),
        "kind": decision(kind="sighting.logged"),
        "verdict": decision(verdict="log"),
        "label": decision(label="animal"),
        "rule": decision(rule="other"),
        "door": decision(door="main"),
        "shadow": decision(shadow=True),
    }
    late = decision(at=NOON + SECOND)
    desk.ledger([(observation(), (plain, *others.values(), late))])
    events = Events(desk.engine)
    for name, made in others.items():
        assert ids(events.page(EventFilter(**{name: getattr(made, name)}))[0]) == [made.id], name
    assert ids(events.page(EventFilter(since=NOON + SECOND))[0]) == [late.id]
    assert len(events.page(EventFilter(until=NOON + SECOND))[0]) == 8
    assert len(events.page(EventFilter(shadow=False, kind="sighting."))[0]) == 8
    assert ids(events.after(8)) == [late.id]
    assert events.after(8, wanted=EventFilter(camera="yard")) == []
    assert events.last_seq() == 9


def test_an_empty_ledger_answers_too(desk):
    events = Events(desk.engine)
    assert (events.page(), events.after(0), events.one("x"), events.last_seq()) == (([], None), [], None, 0)


def test_the_path_of_a_track(desk):
    seen = observation()
    moved = replace(observation(at=NOON + SECOND), box=Box(0.2, 0.2, 0.4, 0.9))
    long_ago = observation(at=NOON - timedelta(days=1))
    desk.ledger([(entry, ()) for entry in (long_ago, seen, observation(track=8), moved)])
    path = Events(desk.engine).observations("front", 7, "2026-11-20T12:00:01.000Z")
    assert [(row["at"], row["box"]) for row in path] == [
        ("2026-11-20T12:00:00.123Z", [0.1, 0.2, 0.3, 0.9]),
        ("2026-11-20T12:00:01.123Z", [0.2, 0.2, 0.4, 0.9]),
    ]
    assert path[0] == {
        "at": "2026-11-20T12:00:00.123Z",
        "media_s": 1.5,
        "box": [0.1, 0.2, 0.3, 0.9],
        "zones": ["gate", "yard"],
        "label": "person",
        "confidence": 0.9123,
        "change": "changed",
        "track_s": 5.0,
    }


@pytest.mark.parametrize("column", ["camera", "kind", "verdict"])
def test_pages_are_read_from_an_index_without_sorting(desk, column):
    place = tuple_(literal(NOON, Moment), literal("x"))
    query = (
        event.select()
        .where(event.c[column] == "front", tuple_(event.c.at, event.c.id) < place)
        .order_by(event.c.at.desc(), event.c.id.desc())
        .limit(50)
    )
    text = str(query.compile(desk.engine, compile_kwargs={"literal_binds": True}))
    with reading(desk.engine) as connection:
        if desk.engine.dialect.name == "sqlite":
            plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
            assert f"USING INDEX ix_event_{column}_event_at_event_id ({column}=? AND (at,id)<(?,?))" in plan
            assert "TEMP B-TREE" not in plan
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # which it would prefer while nothing is in it
            plan = " ".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}"))
            assert f"Index Scan Backward using ix_event_{column}_event_at_event_id" in plan
            assert "ROW(at, (id)::text) < ROW(" in plan.partition("Index Cond:")[2]
            assert "Sort" not in plan


def test_what_lies_outside_of_the_reach_is_not_there(desk):
    places = {"yard": ("yard", None), "gate": ("gate", None), "back": (None, "back"), "front": ("yard", "front")}
    made = {name: decision(camera=camera, door=door) for name, (camera, door) in places.items()}
    desk.ledger([(observation(), tuple(made.values()))])
    with writing(desk.engine) as connection:
        note(connection, "configuration.changed", {}, "ada")
    events = Events(desk.engine)
    yard, back = frozenset({"yard"}), frozenset({"back"})
    for reach, seen in (
        (Reach(), ["yard", "gate", "back", "front", None]),
        (Reach(yard), ["yard", "back", "front"]),
        (Reach(yard, back), ["yard", "back"]),
        (Reach(yard, frozenset()), ["yard"]),
        (Reach(frozenset(), back), ["back"]),
        (Reach(None, back), ["yard", "gate", "back"]),
        (Reach(frozenset(), frozenset()), []),
    ):
        wanted = {made[name].id for name in seen if name}
        found = {row["id"] for row in events.page(EventFilter(reach=reach))[0]}
        assert found - wanted == ({events.after(4)[0]["id"]} if None in seen else set())
        assert wanted <= found
        assert {row["id"] for row in events.after(0, wanted=EventFilter(reach=reach))} == found
        assert {each.id for each in made.values() if events.one(each.id, reach)} == wanted


def test_the_audit_holds_what_people_and_programs_did(desk):
    desk.ledger([(observation(), (decision(),))])
    with writing(desk.engine) as connection:
        for actor in ("ada", "bob", "ada"):
            note(connection, "user.viewed", {"thing": "camera"}, actor)
    events = Events(desk.engine)
    rows, _ = events.page(EventFilter(audit=True))
    assert [row["details"]["actor"] for row in rows] == ["ada", "bob", "ada"]
    assert [row["seq"] for row in events.page(EventFilter(audit=True, actor="ada"))[0]] == [4, 2]
