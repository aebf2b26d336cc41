"""The labeling inbox on both databases: what is queued within bounds, what people say, and what goes in time."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from ledger_samples import JPEG, NOON, decision, observation, open_desk, shot

from surveillance.domain.errors import UserMistake
from surveillance.domain.labels import Pick, Said, subject_of
from surveillance.domain.permissions import Reach
from surveillance.domain.values import Shot
from surveillance.storage.crops import CorrectedCrops, CropFiles, Crops
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.labels import CropFilter, Labels, Progress
from surveillance.storage.queries import EventFilter, Events
from surveillance.storage.reviews import Reviews
from surveillance.storage.settings import LabelingSettings

SAID = Said("person", 0.61, "embedded")


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


def crops_of(desk, **settings):
    return Crops(desk.engine, EvidenceStore(desk.directory / "crops"), LabelingSettings(**settings))


def pick(number, camera="front", why="uncertain", said=SAID, days=0, **other):
    at = NOON + timedelta(days=days, seconds=number)
    taken = Shot(JPEG + bytes([number]), shot().box, at)
    return Pick(why, camera, subject_of(camera, number, at), taken, said, number, **other)


def test_a_track_is_queued_once_with_its_picture(desk):
    crops, labels = crops_of(desk), Labels(desk.engine)
    name = crops.queue(pick(1))
    assert crops.queue(pick(1, why="sampled")) is None
    [found] = labels.page()
    assert (found.id, found.why, found.guess, found.confidence, found.model, found.camera, found.track) == (
        name, "uncertain", "person", 0.61, "embedded", "front", 1,
    )  # fmt: skip
    assert (found.box, found.at, found.aspect) == (shot().box, NOON + timedelta(seconds=1), 1.0)
    assert crops.path(name).read_bytes() == JPEG + b"\x01"
    assert found.sha256 == hashlib.sha256(JPEG + b"\x01").hexdigest()


def test_what_two_models_disagree_on_is_queued_with_both(desk):
    crops_of(desk).queue_disagreement(observation(track=9), shot(), Said("vehicle", 0.81, "candidate"))
    [found] = Labels(desk.engine).page()
    assert (found.why, found.guess, found.model) == ("disagreed", "person", "embedded")
    assert (found.other_guess, found.other_confidence, found.other_model) == ("vehicle", 0.81, "candidate")


def test_the_oldest_without_a_label_fall_out_of_a_full_day_and_a_full_camera(desk):
    crops, labels = crops_of(desk, camera_day_max=3, camera_max=4), Labels(desk.engine)
    first = [crops.queue(pick(number)) for number in range(3)]
    labels.say(first[:1], "person", "ada")
    for number in range(3, 6):
        crops.queue(pick(number))
    other = crops.queue(pick(9, camera="gate"))
    assert [found.track for found in labels.page(CropFilter(camera="front"))] == [3, 4, 5]
    assert [found.track for found in labels.page(CropFilter(waiting=False))] == [0]
    assert not crops.path(first[1]).exists()
    for number in range(10, 12):
        crops.queue(pick(number, days=1))
    assert [found.track for found in labels.page(CropFilter(camera="front"))] == [4, 5, 10, 11]
    assert labels.page(CropFilter(camera="gate"))[0].id == other


def test_people_say_what_it_is_skip_and_take_back_what_they_said_last(desk):
    crops, labels = crops_of(desk), Labels(desk.engine)
    names = [crops.queue(pick(number)) for number in range(4)]
    assert labels.say(names[:2], " person ", "ada") == 2
    assert labels.say([names[2], "nowhere"], None, "ada") == 1
    assert labels.say(names[3:], "fox", "bob") == 1
    assert labels.progress(CropFilter()) == Progress(waiting=0, labeled=3, skipped=1)
    assert labels.used() == ["fox", "person"]
    assert labels.last("ada").id == names[2]
    assert [labels.undo("ada") for _ in range(3)] == [[names[2]], names[:2], []]
    assert [found.id for found in labels.page()] == names[:3]
    assert [(found.id, found.label) for found in labels.labeled()] == [(names[3], "fox")]
    noted = [(row["kind"], row["details"]) for row in Events(desk.engine).page(EventFilter(kind="user."))[0]][::-1]
    assert noted == [
        ("user.labeled", {"actor": "ada", "crops": names[:2], "label": "person"}),
        ("user.labeled", {"actor": "ada", "crops": [names[2]], "label": None}),
        ("user.labeled", {"actor": "bob", "crops": [names[3]], "label": "fox"}),
        ("user.unlabeled", {"actor": "ada", "crops": [names[2]]}),
        ("user.unlabeled", {"actor": "ada", "crops": names[:2]}),
    ]


@pytest.mark.parametrize("text", ["", " ", "../person", "a/b", ".hidden", "unknown", "x" * 61, "a\nb\x00"])
def test_not_every_text_is_a_label(desk, text):
    name = crops_of(desk).queue(pick(1))
    with pytest.raises(UserMistake):
        Labels(desk.engine).say([name], text, "ada")
    assert Labels(desk.engine).used() == []


def test_filters_and_reach_narrow_what_is_shown(desk):
    crops, labels = crops_of(desk), Labels(desk.engine)
    crops.queue(pick(1))
    crops.queue(pick(2, camera="gate", why="sampled", said=Said("vehicle", 0.99, "embedded")))
    crops.queue(pick(3, why="sampled"))

    def tracks(**wanted):
        return [found.track for found in labels.page(CropFilter(**wanted))]

    assert tracks(why="sampled") == [2, 3]
    assert tracks(camera="gate") == [2]
    assert tracks(guess="person") == [1, 3]
    assert tracks(reach=Reach(frozenset({"gate"}), None)) == [2]
    assert labels.guesses(CropFilter()) == {"person": 2, "vehicle": 1}
    first = labels.page(limit=1)[0]
    assert [found.track for found in labels.page(after=first.id)] == [2, 3]
    assert labels.those([first.id], Reach(frozenset({"gate"}), None)) == []


def test_a_corrected_event_is_labeled_at_once_with_its_picture(desk):
    crops, labels = crops_of(desk), Labels(desk.engine)
    reviews = Reviews(desk.engine, CorrectedCrops(crops, desk.evidence))
    seen, made = observation(change="appeared", shot=shot()), decision()
    desk.ledger([(seen, (made,))])
    reviews.correct(made.id, "animal", "ada")
    [found] = labels.labeled()
    assert (found.why, found.event, found.label, found.labeled_by) == ("corrected", made.id, "animal", "ada")
    assert (found.guess, found.confidence, found.model) == ("person", 0.912345, "embedded")
    assert (found.subject, found.box) == (subject_of("front", 7, seen.started_at), shot().box)
    assert crops.path(found.id).read_bytes() == JPEG
    assert labels.undo("ada") == []
    reviews.correct(made.id, "person", "bob")  # a person says that the model was right
    assert [(one.id, one.label, one.labeled_by) for one in labels.labeled()] == [(found.id, "person", "bob")]


def test_a_correction_labels_the_same_picture_that_waits(desk):
    crops, labels = crops_of(desk), Labels(desk.engine)
    seen, made = observation(change="appeared", shot=shot()), decision()
    desk.ledger([(seen, (made,))])
    waiting = crops.queue(Pick("uncertain", "front", subject_of("front", 7, seen.started_at), shot(), SAID, 7))
    Reviews(desk.engine, CorrectedCrops(crops, desk.evidence)).correct(made.id, "animal", "ada")
    assert [(found.id, found.why) for found in labels.labeled()] == [(waiting, "corrected")]
    assert labels.page() == []


def test_an_event_without_a_picture_leaves_no_crop_and_a_wrong_label_no_correction(desk):
    crops = crops_of(desk)
    reviews = Reviews(desk.engine, CorrectedCrops(crops, desk.evidence))
    [made, gone] = [decision(track=number) for number in (1, 2)]
    desk.ledger([(observation(track=1), (made,)), (observation(track=2, change="appeared", shot=shot()), (gone,))])
    desk.evidence.remove(desk.engine, [f"{gone.id}.jpg"], "older than 90 days")
    reviews.correct(made.id, "animal", "ada")
    reviews.correct(gone.id, "animal", "ada")
    with pytest.raises(UserMistake, match="letters, digits"):
        reviews.correct(made.id, "a/b", "ada")
    assert list(Labels(desk.engine).labeled()) == []
    assert Events(desk.engine).one(made.id)["corrected"] == "animal"


def test_files_without_a_row_and_rows_without_a_file_go_at_the_start(desk):
    crops, labels = crops_of(desk), Labels(desk.engine)
    kept, lost = crops.queue(pick(1)), crops.queue(pick(2))
    crops.path(lost).unlink()
    assert crops.reconcile() == {"orphans": 0, "missing": 1}
    assert [found.id for found in labels.page()] == [kept]


def test_those_that_wait_and_those_with_a_label_are_kept_apart(desk):
    crops, labels = crops_of(desk), Labels(desk.engine)
    names = [crops.queue(pick(number, days=number)) for number in range(3)]
    labels.say(names[1:2], "person", "ada")
    waiting, labeled = (CropFiles(desk.engine, crops, which) for which in (False, True))
    assert [file.name for file in waiting.oldest(9)] == [names[0], names[2]]
    assert [file.name for file in waiting.oldest(9, NOON + timedelta(days=1))] == [names[0]]
    assert [file.name for file in labeled.oldest(9)] == [names[1]]
    assert labeled.kept_bytes() == len(JPEG) + 1
    waiting.remove([names[0]], "old")
    assert not crops.path(names[0]).exists()
