"""A candidate's votes beside those of the model in use, paired with what people said of the same tracks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_samples import NOON, decision, observation, open_desk, shot

from surveillance.domain.labels import Said
from surveillance.domain.shadow import ShadowVote
from surveillance.domain.values import REJECTED, new_id
from surveillance.storage.crops import Crops
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.labels import Labels
from surveillance.storage.queries import EventFilter, Events
from surveillance.storage.retention import purge
from surveillance.storage.reviews import Reviews
from surveillance.storage.settings import StorageSettings
from surveillance.storage.shadows import LabeledPair, Shadows


def vote(track=7, at=NOON, current="person", candidate="animal", **more):
    values = {
        "id": new_id(),
        "at": at + timedelta(seconds=4),
        "camera": "front",
        "track": track,
        "started_at": at - timedelta(seconds=4),
        "current_model": "old",
        "candidate_model": "new",
        "current": current,
        "current_confidence": 0.8,
        "candidate": candidate,
        "candidate_confidence": 0.7,
        "crops": 9,
    }
    return ShadowVote(**{**values, **more})


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


@pytest.fixture
def shadows(desk):
    return Shadows(desk.engine)


def record(desk, track=7, at=NOON, label="person"):
    made = decision(track=track, at=at, label=label, camera="front")
    desk.ledger([(observation(id=made.subject, track=track, at=at, camera="front"), (made,))])
    return made.id


def kinds(desk):
    page, _ = Events(desk.engine).page(EventFilter(kind="model."))
    return [(row["kind"], row["details"]["model"], row["details"]["actor"]) for row in reversed(page)]


def test_one_candidate_is_in_shadow_at_a_time_and_that_is_on_record(desk, shadows):
    assert shadows.order() is None
    assert shadows.end("ada") is None
    shadows.begin("first", ["front"], "ada")
    began = shadows.begin("new", [], "surveillance")
    to_ms = began.since.replace(microsecond=began.since.microsecond // 1000 * 1000)
    assert shadows.order() == replace(began, since=to_ms)
    assert began.covers("front")
    assert shadows.end("ada").model == "new"
    assert shadows.order() is None
    assert kinds(desk) == [
        ("model.shadow_started", "first", "ada"),
        ("model.shadow_started", "new", "surveillance"),
        ("model.shadow_ended", "new", "ada"),
    ]


def test_a_track_counts_once_a_person_has_said_what_it_is(desk, shadows):
    reviews = Reviews(desk.engine)
    corrected, right, unsaid, unknown = (
        record(desk, track, NOON + timedelta(minutes=track), label)
        for track, label in ((1, "person"), (2, "person"), (3, "person"), (4, REJECTED))
    )
    votes = [vote(track, NOON + timedelta(minutes=track)) for track in (1, 2, 3, 4)]
    shadows.write([*votes, vote(5, candidate="person", candidate_model="other")])
    shadows.write(votes[:2])  # told twice
    reviews.correct(corrected, "animal", "ada")
    reviews.review([right, unknown], "ada")
    assert shadows.pairs("new") == [
        LabeledPair("animal", "person", "animal"),
        LabeledPair("person", "person", "animal"),
    ]
    assert str(shadows.counts("new")) == "4 tracks, 4 told otherwise, 2 with a person's label"
    assert str(shadows.counts("other")) == "1 tracks, 0 told otherwise, 0 with a person's label"
    assert shadows.pairs("new", "old") == shadows.pairs("new")
    assert shadows.pairs("new", "other") == []
    assert unsaid


def test_another_track_of_that_number_is_not_meant(desk, shadows):
    event = record(desk, 7, NOON)
    hour = timedelta(hours=1)
    shadows.write([vote(7, NOON - hour), vote(7, NOON + hour), vote(7, NOON, camera="back")])
    Reviews(desk.engine).correct(event, "animal", "ada")
    assert shadows.pairs("new") == []
    shadows.write([vote(7, NOON)])
    assert len(shadows.pairs("new")) == 1


def test_the_label_of_a_crop_counts_too(desk, shadows):
    crops = Crops(desk.engine, EvidenceStore(desk.directory / "crops"))
    ended = vote(7)
    shadows.write([ended, vote(8)])
    seen = observation(track=7, at=NOON, started_at=ended.started_at)
    name = crops.queue_disagreement(seen, shot(), Said("animal", 0.7, "new"))
    assert shadows.pairs("new") == []
    Labels(desk.engine).say([name], "animal", "ada")
    assert shadows.pairs("new") == [LabeledPair("animal", "person", "animal")]


def test_votes_go_when_observations_do(desk, shadows):
    shadows.write([vote(at=NOON - timedelta(days=40)), vote()])
    now = NOON + timedelta(minutes=1)
    assert purge(desk.engine, desk.evidence, StorageSettings(), now)["shadow_vote"] == 1
    assert shadows.counts("new").tracks == 1
