"""What people say of events: facts beside the payload, on record, one transaction for many."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_samples import NOON, decision, observation, open_desk, shot
from sqlalchemy import select

from surveillance.domain.errors import NotFound
from surveillance.domain.values import CameraReport
from surveillance.storage.database import reading
from surveillance.storage.queries import EventFilter, Events
from surveillance.storage.retention import purge
from surveillance.storage.reviews import Reviews
from surveillance.storage.settings import StorageSettings
from surveillance.storage.tables import event, review

WAITING = EventFilter(waiting=True)


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


@pytest.fixture
def reviews(desk):
    return Reviews(desk.engine)


def record(desk, *decisions, picture=None):
    desk.ledger([(observation(id=made.subject, shot=picture), (made,)) for made in decisions])
    return [made.id for made in decisions]


def waiting(desk):
    return [row["id"] for row in Events(desk.engine).page(WAITING)[0]]


def payloads(desk):
    with reading(desk.engine) as connection:
        return dict(
            connection.execute(select(event.c.id, event.c.payload).where(event.c.kind.like("sighting.%"))).all()
        )


def test_the_inbox_holds_what_wants_eyes_and_nobody_reviewed(desk):
    [alert, _, _, denied] = record(
        desk,
        decision(),
        decision(kind="sighting.logged", verdict="log"),
        decision(shadow=True),
        decision(kind="access.denied", verdict="deny", at=NOON + timedelta(seconds=1)),
    )
    lost = decision(kind="camera.lost", verdict=None, rule=None, at=NOON + timedelta(seconds=2))
    desk.ledger([(CameraReport("front", lost.at, "lost", changed=True), (lost,))])
    assert waiting(desk) == [lost.id, denied, alert]
    assert Events(desk.engine).count(WAITING) == 3
    assert Events(desk.engine).count(WAITING, most=2) == 2
    assert len(Events(desk.engine).page(EventFilter(listed=True))[0]) == 5


def test_many_are_reviewed_at_once_and_each_word_is_on_record(desk, reviews):
    ids = record(desk, *(decision(at=NOON + timedelta(seconds=number)) for number in range(3)))
    before = payloads(desk)
    assert reviews.review(ids[:2], "ada", "a fox") == 2
    assert reviews.review(ids, "bob") == 1  # what ada reviewed stays hers
    assert waiting(desk) == []
    assert reviews.reopen(ids[1:], "bob") == 2
    assert waiting(desk) == [ids[2], ids[1]]
    events = Events(desk.engine)
    [row] = events.page(EventFilter(reviewed=True, kind="sighting."))[0]
    assert (row["id"], row["reviewed_by"], row["review"]) == (ids[0], "ada", "a fox")
    assert [(said["act"], said["actor"], said["comment"]) for said in reviews.of(ids[1])] == [
        ("reviewed", "ada", "a fox"),
        ("reopened", "bob", None),
    ]
    noted = [(row["kind"], row["details"]) for row in events.page(EventFilter(kind="user."))[0]][::-1]
    assert noted == [
        ("user.reviewed", {"actor": "ada", "events": ids[:2], "review": "a fox"}),
        ("user.reviewed", {"actor": "bob", "events": ids[2:], "review": ""}),
        ("user.reopened", {"actor": "bob", "events": ids[1:]}),
    ]
    assert payloads(desk) == before


def test_a_comment_may_be_added_later(desk, reviews):
    [made] = record(desk, decision())
    reviews.review([made], "ada")
    reviews.review([made], "bob", "the neighbour")
    told = Events(desk.engine).one(made)
    assert (told["reviewed_by"], told["review"]) == ("bob", "the neighbour")
    assert [said["comment"] for said in reviews.of(made)] == [None, "the neighbour"]


def test_what_is_not_on_record_cannot_be_reviewed(desk, reviews):
    for act in (lambda: reviews.review(["nowhere"], "ada"), lambda: reviews.reopen(["nowhere"], "ada"),
                lambda: reviews.correct("nowhere", "animal", "ada")):  # fmt: skip
        with pytest.raises(NotFound, match="no event nowhere is on record"):
            act()


def test_a_corrected_label_is_kept_for_training_with_its_picture(desk, reviews):
    [made] = record(desk, decision(), picture=shot())
    [without] = record(desk, decision(label="vehicle", track=8))
    before = payloads(desk)
    reviews.correct(made, "vehicle", "ada")
    reviews.correct(made, "animal", "ada")
    reviews.correct(made, "animal", "bob")  # says nothing new
    reviews.correct(without, "background", "ada")
    told = Events(desk.engine).one(made)
    assert (told["label"], told["corrected"]) == ("person", "animal")
    [learned] = reviews.corrections()
    assert (learned.event, learned.evidence, learned.label_before, learned.label, learned.actor) == (
        made, f"{made}.jpg", "vehicle", "animal", "ada",
    )  # fmt: skip
    assert len(reviews.of(made)) == 2
    reviews.correct(made, "person", "ada")
    assert Events(desk.engine).one(made)["corrected"] is None
    assert payloads(desk) == before


def test_words_go_with_their_event(desk, reviews):
    [made] = record(desk, decision())
    reviews.review([made], "ada", "a fox")
    purge(desk.engine, desk.evidence, StorageSettings(event_days=30), NOON + timedelta(days=31))
    with reading(desk.engine) as connection:
        assert connection.execute(select(review)).all() == []


# --- incidents -----------------------------------------------------------------------------------------------------


def seen(seconds, camera="front", **other):
    return decision(camera=camera, at=NOON + timedelta(seconds=seconds), **other)


def incidents(desk, ids):
    rows = {row["id"]: row["incident"] for row in Events(desk.engine).page(None, None, 500)[0]}
    return [rows[name] for name in ids]


def test_what_happens_at_one_place_without_a_long_pause_is_one_incident(desk):
    made = [seen(0), seen(60), seen(60, "yard"), seen(170), seen(291), seen(300, "yard", door="side")]
    ids = record(desk, *made[:3]) + record(desk, *made[3:])
    first, yard, later, side = ids[0], ids[2], ids[4], ids[5]
    assert incidents(desk, ids) == [first, first, yard, first, later, side]


def test_an_incident_ends_after_a_quarter_of_an_hour(desk):
    ids = record(desk, *(seen(90 * number) for number in range(12)))
    assert incidents(desk, ids) == [ids[0]] * 11 + [ids[11]]


def test_a_late_event_joins_the_incident_of_its_time(desk):
    early, far = record(desk, seen(0), seen(3600))
    [late] = record(desk, seen(30))
    [before] = record(desk, seen(-90))
    assert incidents(desk, [early, far, late, before]) == [early, far, early, early]


def test_a_door_without_a_camera_is_a_place_and_what_has_none_stands_alone(desk):
    at_door = [
        decision(kind=kind, camera=camera, door="front", verdict=None, at=NOON + timedelta(seconds=number))
        for number, (kind, camera) in enumerate((("door.accessed", "yard"), ("door.open_unknown", None)))
    ]
    system = decision(kind="health.degraded", camera=None, verdict=None)
    noted = decision(kind="user.viewed", verdict=None)
    ids = record(desk, *at_door, system, noted)
    assert incidents(desk, ids) == [ids[0], ids[0], None, None]


def test_grouped_shows_the_newest_event_of_each_incident_that_fits(desk):
    made = [seen(0), seen(10, verdict="log", kind="sighting.logged"), seen(20, "yard"), seen(900)]
    ids = record(desk, *made)
    system = record(desk, *(decision(kind="health.degraded", camera=None, verdict=None) for _ in range(2)))
    events = Events(desk.engine)
    everything = EventFilter(grouped=True, listed=True)
    shown = [row["id"] for row in events.page(everything)[0]]
    assert shown == [ids[3], ids[2], ids[1], *sorted(system, reverse=True)]
    alerts = EventFilter(grouped=True, verdict="alert")
    assert [row["id"] for row in events.page(alerts)[0]] == [ids[3], ids[2], ids[0]]
    assert events.incident_sizes([ids[0], ids[2]], EventFilter(listed=True)) == {ids[0]: 2, ids[2]: 1}
    assert [row["id"] for row in events.page(EventFilter(incident=ids[0]))[0]] == [ids[1], ids[0]]
