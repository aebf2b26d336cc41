"""What events want kept: on record with them, answered once, in step with the files after any crash."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_samples import NOON, Desk, decision, observation, open_desk

from surveillance.domain.errors import NotFound
from surveillance.domain.kept import Keep, Kept, KeptFile
from surveillance.domain.site import Camera, Door, Site
from surveillance.domain.values import Decision
from surveillance.places import recording_place
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.queries import Events
from surveillance.storage.recordings import LOST, Recordings, Wanted, Wishes
from surveillance.storage.settings import StorageSettings

SITE = Site(cameras=(Camera("front", "rtsp://192.0.2.7/"),), doors=(Door("gate", camera="front"), Door("back")))
WISHES = Wishes(lambda: SITE, StorageSettings(clip_before_s=4, clip_after_s=6))


@pytest.fixture
def desk(tmp_path: Path, database: str) -> Desk:
    opened = open_desk(tmp_path, url=database)
    ledger = SqlLedger(opened.engine, opened.evidence, lambda made: (), wish=WISHES)
    return replace(opened, ledger=ledger)


@pytest.fixture
def recordings(desk: Desk) -> Recordings:
    return Recordings(desk.engine, desk.directory / "media")


def alerted(desk: Desk, **other: object) -> Decision:
    made = decision(verdict="alert", camera="front", **other)
    desk.ledger([(observation(), (made,))])
    return made


def written(desk: Desk, name: str, kind: str, data: bytes = b"whole") -> KeptFile:
    place = recording_place(desk.directory / "media", name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return KeptFile(kind, name, NOON, NOON + timedelta(seconds=8), len(data), "5" * 64)


def keep_both(desk: Desk, recordings: Recordings) -> tuple[str, str, str]:
    """An alert whose picture and clip are kept: its id and their names."""
    made = alerted(desk)
    names = f"{made.id}-picture.jpg", f"{made.id}-clip.mp4"
    files = (written(desk, names[0], "picture"), written(desk, names[1], "clip"))
    recordings.settle(Kept(made.id, "front", files))
    return made.id, *names


def states(desk: Desk, event: str) -> list[tuple[str, str, str | None]]:
    told = Events(desk.engine).one(event)
    assert told is not None
    return [(row["kind"], row["state"], row["reason"]) for row in told["recordings"]]


def files(desk: Desk) -> list[str]:
    return sorted(path.name for path in (desk.directory / "media").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("other", "camera"),
    [
        ({"verdict": "alert", "camera": "front"}, "front"),
        ({"verdict": "alert", "camera": "front", "trigger": "camera", "kind": "scene.alerted"}, "front"),
        ({"verdict": "deny", "camera": None, "door": "gate", "trigger": "access"}, "front"),
        ({"verdict": "authorize", "camera": "hall", "door": "gate", "trigger": "access"}, "hall"),
        ({"verdict": "deny", "camera": None, "door": "back", "trigger": "access"}, None),
        ({"verdict": "log", "camera": "front"}, None),
        ({"verdict": None, "camera": "front", "kind": "camera.lost"}, None),
        ({"verdict": "alert", "camera": "front", "trigger": "camera"}, None),
        ({"verdict": "alert", "camera": "front", "shadow": True}, None),
    ],
)
def test_which_events_want_media(other: dict[str, object], camera: str | None) -> None:
    made = decision(**other)
    wanted = Keep(made.id, camera or "", made.at, made.at - timedelta(seconds=4), made.at + timedelta(seconds=6))
    assert WISHES(made) == (None if camera is None else wanted)


def test_a_wish_is_committed_with_its_event_and_answered_once(desk: Desk, recordings: Recordings) -> None:
    made = alerted(desk)
    keep = WISHES(made)
    assert keep is not None
    assert recordings.wanted() == [Wanted(keep, 0)]
    desk.ledger([(observation(), (made,))])  # once more: written once
    recordings.ask([made.id])
    assert recordings.wanted() == [Wanted(keep, 1)]

    picture = written(desk, f"{made.id}-picture.jpg", "picture")
    recordings.settle(Kept(made.id, "front", (picture,), {"clip": "the disk is full"}))
    recordings.settle(Kept(made.id, "front", (), {"picture": "too late", "clip": "too late"}))
    assert recordings.wanted() == []
    told = Events(desk.engine).one(made.id)
    assert told is not None
    assert told["recordings"] == [
        {
            "kind": "picture",
            "name": f"{made.id}-picture.jpg",
            "camera": "front",
            "from": "2026-11-20T12:00:00.123Z",
            "to": "2026-11-20T12:00:08.123Z",
            "size_bytes": 5,
            "sha256": "5" * 64,
            "state": "kept",
            "reason": None,
        },
        {
            "kind": "clip",
            "name": f"{made.id}-clip.mp4",
            "camera": "front",
            "from": "2026-11-20T11:59:56.123Z",
            "to": "2026-11-20T12:00:06.123Z",
            "size_bytes": None,
            "sha256": None,
            "state": "missing",
            "reason": "the disk is full",
        },
    ]
    assert recordings.path(picture.name).read_bytes() == b"whole"
    with pytest.raises(NotFound):
        recordings.path(f"{made.id}-clip.mp4")


def test_where_the_clip_is_settled_only_the_picture_is_still_wanted(desk: Desk, recordings: Recordings) -> None:
    made = alerted(desk)
    recordings.settle(Kept(made.id, "front", (), {"clip": "masks"}))
    assert recordings.wanted() == [Wanted(Keep(made.id, "front", made.at, made.at, made.at), 0)]


def test_without_a_span_there_is_no_clip_to_want(desk: Desk) -> None:
    made = decision(verdict="alert", camera="front")
    wish = Wishes(lambda: SITE, StorageSettings(clip_before_s=0, clip_after_s=0))
    SqlLedger(desk.engine, desk.evidence, lambda made: (), wish=wish)([(observation(), (made,))])
    assert states(desk, made.id) == [("picture", "wanted", None)]


def test_a_file_for_an_event_that_is_gone_goes_too(desk: Desk, recordings: Recordings) -> None:
    made = alerted(desk)
    recordings.forget([made.id])
    stray = written(desk, f"{made.id}-picture.jpg", "picture")
    recordings.settle(Kept(made.id, "front", (stray,)))
    assert files(desk) == []


def test_what_retention_removes_leaves_its_row_and_the_reason(desk: Desk, recordings: Recordings) -> None:
    event, picture, clip = keep_both(desk, recordings)
    assert [(held.name, held.size_bytes) for held in recordings.oldest(9)] == [(clip, 5), (picture, 5)]
    assert recordings.kept_bytes() == 10
    recordings.remove([clip], "kept for 30 days (storage.recording_days)")
    assert states(desk, event) == [
        ("picture", "kept", None),
        ("clip", "missing", "kept for 30 days (storage.recording_days)"),
    ]
    assert (files(desk), recordings.kept_bytes()) == ([picture], 5)
    recordings.forget([event])
    assert (files(desk), states(desk, event)) == ([], [])


def test_the_start_puts_files_and_rows_in_step(desk: Desk, recordings: Recordings) -> None:
    event, picture, clip = keep_both(desk, recordings)
    recordings.path(clip).unlink()
    waiting = alerted(desk)  # its file was written, and its answer never came on record
    written(desk, f"{waiting.id}-picture.jpg", "picture")
    written(desk, "0193aaaa-orphan-clip.mp4", "clip")
    draft = recordings.path(picture).with_name(".17-2.mp4")
    draft.write_bytes(b"half")
    os.utime(draft, (0, 0))
    under_way = recordings.path(picture).with_name(".17-3.mp4")
    under_way.write_bytes(b"half")
    assert recordings.reconcile() == {"orphans": 2, "missing": 1}
    assert states(desk, event) == [("picture", "kept", None), ("clip", "missing", LOST)]
    assert states(desk, waiting.id) == [("picture", "wanted", None), ("clip", "wanted", None)]
    assert files(desk) == sorted([under_way.name, picture, f"{waiting.id}-picture.jpg"])
    assert recordings.reconcile() == {"orphans": 0, "missing": 0}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b-clip.mp4", "0193abcd-clip.mp4\n", ".0193-clip.mp4", "0193abcd-clip.mkv", ""]
)
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    with pytest.raises(NotFound):
        Recordings(desk.engine, tmp_path / "media").path(name)


def test_what_is_kept_of_a_camera_is_found_by_its_time(desk: Desk, recordings: Recordings) -> None:
    _, picture, clip = keep_both(desk, recordings)
    hour = timedelta(hours=1)
    assert [path.name for path in recordings.of_camera("front", NOON - hour, NOON + hour)] == [clip, picture]
    assert recordings.of_camera("front", NOON + hour, NOON + 2 * hour) == []
    assert recordings.of_camera("hall", NOON - hour, NOON + hour) == []
    recordings.path(clip).unlink()
    assert [path.name for path in recordings.of_camera("front", NOON - hour, NOON + hour)] == [picture]
