"""People go through doors that lead from one area into another: on record, remembered, forgiven, asked about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from door_site import RULES, DoorSite, open_door_site, site_with
from patience import eventually
from sqlalchemy import delete

from surveillance.app.areas import FORGIVE, whereabouts
from surveillance.app.backtesting import backtest_rules, last_days
from surveillance.app.rulebook import rule_documents
from surveillance.app.simulation import Asked, simulate
from surveillance.domain.doors import DoorSensed
from surveillance.domain.site import Door
from surveillance.domain.values import rfc3339
from surveillance.storage import tables
from surveillance.storage.database import writing

DOORS = (
    Door("front", to_area="hall", antipassback="hard"),
    Door("back", from_area="hall", antipassback="hard"),
)


@pytest.fixture
def site(tmp_path: Path) -> DoorSite:
    return open_door_site(tmp_path, site_with(None, doors=DOORS))


def verdict(site: DoorSite, door: str) -> str:
    question = site.present(door=door)
    assert eventually(lambda: answered(site, question), 60)
    return str(site.answer(question)["verdict"])


def forgiven(site: DoorSite, person: str | None, **more: Any) -> dict[str, Any]:
    payload = {"person": person, "by": "grace", "address": "192.0.2.4", "reason": "left by the window", **more}
    question = site.store.inbox.ask(FORGIVE, payload, datetime.now(UTC) + timedelta(seconds=10))
    site.settle()
    return site.answer(question)


def test_who_is_inside_is_known_after_a_restart_though_rules_and_inputs_are_gone(
    site: DoorSite, tmp_path: Path
) -> None:
    assert [verdict(site, "front"), verdict(site, "front")] == ["authorize", "deny"]
    assert site.events("access.denied")[0]["reasons"][0] == "antipassback_violation"
    site.store.site.save_rules([("staff", RULES.strip().replace('"staff"', '"guards"') + "\n")], "ada")
    with writing(site.store.engine) as connection:
        connection.execute(delete(tables.input_))
    again = open_door_site(tmp_path)
    [(area, place)] = [(area, found["Ada"]) for area, found in whereabouts(again.settings).items()]
    assert (area, rfc3339(place.since)) == ("hall", site.events("access.granted")[0]["at"])
    assert verdict(again, "front") == "deny"
    assert "antipassback_violation" in again.events("access.denied")[-1]["reasons"]


def test_whoever_is_forgiven_may_come_in_again_and_that_is_on_record(site: DoorSite, tmp_path: Path) -> None:
    verdict(site, "front")
    answer = forgiven(site, "Ada")
    [event] = site.events("area.forgiven")
    assert answer == {"event": event["id"]}
    assert (event["identity"], event["reasons"]) == ("Ada", ["left by the window"])
    assert (event["details"]["actor"], event["details"]["from"]) == ("grace", "192.0.2.4")
    again = open_door_site(tmp_path)
    assert whereabouts(again.settings) == {"hall": {}}
    assert [verdict(again, "front"), verdict(again, "front")] == ["authorize", "deny"]
    forgiven(again, None)
    assert verdict(again, "front") == "authorize"
    assert forgiven(again, "Adda") == {"refused": "no person is called 'Adda'; did you mean 'Ada'?"}
    assert forgiven(again, "Ada", reason=" ") == {"refused": "a reason is missing: it goes on record with the command"}


def test_an_airlock_opens_one_door_at_a_time_for_badges_and_operators(tmp_path: Path) -> None:
    doors = tuple(
        replace(door, relay="http://127.0.0.1:9/d", interlock="airlock", antipassback="off") for door in DOORS
    )
    site = open_door_site(tmp_path, site_with(None, doors=doors))
    site.running.desk.hear(DoorSensed("back", datetime.now(UTC), contact="open"))
    question = site.present(door="front")
    site.turn()
    assert site.answer(question)["reasons"] == ["other", "interlock airlock: door back is open"]
    assert site.ordered("unlock", "front") == {"refused": "interlock airlock: door back is open"}
    assert set(site.ordered("lock_down", "front")["recorded"]) == {"front"}


def test_whoever_was_let_in_at_a_door_that_did_not_open_has_gone_nowhere(tmp_path: Path) -> None:
    doors = (replace(DOORS[0], relay="http://127.0.0.1:9/doors/front"), DOORS[1])
    site = open_door_site(tmp_path, site_with(None, doors=doors))
    assert verdict(site, "front") == "authorize"
    site.settle()
    assert site.kinds("front")[-1] == "door.open_failed"
    [event] = site.events("area.forgiven")
    assert (event["identity"], event["details"]["actor"]) == ("Ada", "system")
    assert event["reasons"] == ["door front was not opened"]
    assert whereabouts(site.settings) == {"hall": {}}
    assert verdict(site, "front") == "authorize"


def test_a_grant_that_cannot_be_recorded_leaves_one_where_one_was(
    site: DoorSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(site.store.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE outbox RENAME TO outbox_away")
        connection.exec_driver_sql("ALTER TABLE event RENAME TO event_away")
    question = site.present(door="front")
    site.turn()
    with writing(site.store.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE outbox_away RENAME TO outbox")
        connection.exec_driver_sql("ALTER TABLE event_away RENAME TO event")
    assert eventually(lambda: answered(site, question), 60)
    assert site.answer(question)["reasons"] == ["other: the decision could not be recorded"]
    assert verdict(site, "front") == "authorize"


def answered(site: DoorSite, question: str) -> bool:
    site.turn()
    return site.store.inbox.answer_of(question) is not None


def test_the_same_is_found_when_it_is_judged_again(site: DoorSite) -> None:
    for door in ("front", "front", "back", "back", "front"):
        verdict(site, door)
    kept = site.store.site.read()
    documents = rule_documents(site.settings, kept)
    since, until = last_days(1)
    result = backtest_rules(site.settings, site.store, kept, documents, (since, until))
    assert (result.differs, sum(tally.now for tally in result.tallies)) == (0, 5)
    middle = datetime.fromisoformat(site.events("access.denied")[0]["at"]) + timedelta(milliseconds=1)
    told = [next(simulate(site.settings, [Asked("Ada", "front", at)]))[1] for at in (middle, datetime.now(UTC))]
    assert [(one["verdict"], one["reasons"][0]) for one in told] == [("deny", "antipassback_violation")] * 2
    assert json.dumps(told)
    brief = site.settings.rules.model_copy(update={"forgive_after_h": 1e-6})
    forgotten = site.settings.model_copy(update={"rules": brief})
    assert next(simulate(forgotten, [Asked("Ada", "front", datetime.now(UTC))]))[1]["verdict"] == "authorize"
