"""Retention: what is old goes with all that belongs to it; numbers go on where they were."""

from __future__ import annotations

from datetime import timedelta

from ledger_samples import NOON, decision, observation, open_desk, shot
from sqlalchemy import func, select

from surveillance.domain.values import Tick
from surveillance.storage.database import reading
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.queries import Events
from surveillance.storage.retention import purge
from surveillance.storage.settings import StorageSettings
from surveillance.storage.tables import evidence

DAY = timedelta(days=1)


def test_what_is_old_goes_with_all_that_belongs_to_it(tmp_path, database):
    desk = open_desk(tmp_path, url=database)
    old, fresh = decision(at=NOON - 11 * DAY, notify=("ops",)), decision(notify=("ops",))
    [gone, kept] = desk.ledger(
        [
            (observation(at=NOON - 4 * DAY, shot=shot()), (old,)),
            (observation(at=NOON - 2 * DAY), (fresh,)),
            (Tick(NOON - 4 * DAY), ()),
        ]
    )
    settings = StorageSettings(event_days=10, observation_days=3)
    assert purge(desk.engine, desk.evidence, settings, NOON) == {
        "event": 1,
        "observation": 1,
        "input": 1,
        "inbox": 0,
        "shadow_vote": 0,
    }
    assert [row["id"] for row in Events(desk.engine).page()[0]] == [fresh.id]
    assert [action.event for action in SqlOutbox(desk.engine).due(NOON)] == [fresh.id]
    assert not desk.evidence.path(gone.evidence).exists()
    assert desk.evidence.path(kept.evidence).exists()
    with reading(desk.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(evidence)) == 1
    assert len(list(Events(desk.engine).inputs_since(NOON - 9 * DAY))) == 1
    assert [written.seq for written in desk.ledger([(observation(), (decision(),))])] == [3]
    assert purge(desk.engine, desk.evidence, settings, NOON) == {
        "event": 0,
        "observation": 0,
        "input": 0,
        "inbox": 0,
        "shadow_vote": 0,
    }
