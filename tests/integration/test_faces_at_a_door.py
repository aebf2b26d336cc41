"""Badge and face at a door, with real parts: photos are enrolled, a clip goes down the worker's walk, core decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import encode_mp4
from door_site import DoorSite, open_door_site, site_with
from face_models import photos_of, take_face_models

from surveillance.access.settings import AccessSettings, FaceMatchSettings
from surveillance.app.doctor import look_at_face_models
from surveillance.app.enrolling import enroll_files, list_faces, rate_of
from surveillance.app.site_edit import edit_site
from surveillance.app.site_faces import SiteFaces
from surveillance.app.tasks import open_face_models
from surveillance.app.worker import build_classifier, build_worker, source_options
from surveillance.cli import main
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Camera, Credential, Door, Person
from surveillance.domain.values import Bgr, CameraReport, Observation
from surveillance.engines.worker import walk_source
from surveillance.ingest.sources import open_source

RULES = """
- name: staff-front
  on: access
  verdict: authorize
  when: door == "front" and "staff" in groups and {"badge", "face"} <= factors
- name: who
  on: sighting
  verdict: log
  when: person != ""
"""
ADA, BOB, STRANGER = 1, 3, 7  # persons of the footage
SECONDS = 3


def visit(footage: Path, to: Path, *persons: int) -> Path:
    """A clip in which these persons' heads go to and fro, side by side, for some seconds."""

    def pictures() -> Iterator[Bgr]:
        heads = [
            cv2.resize(cv2.imread(str(photos_of(footage, person, range(8, 9))[0])), (184, 224)) for person in persons
        ]
        ground = np.random.default_rng(7).integers(90, 140, (45, 80, 3)).astype(np.uint8)
        wall = cv2.resize(ground, (640, 360), interpolation=cv2.INTER_NEAREST)
        for number in range(5 * (SECONDS + 2)):
            picture = wall.copy()
            for place, head in enumerate(heads):
                left = 60 + 280 * place + int(40 * np.sin(number / 2))
                if number >= 5:  # the gate learns the wall first
                    picture[90:314, left : left + 184] = head
            yield picture

    return encode_mp4(to, pictures(), fps=5)


@pytest.fixture
def doorway(footage, tmp_path):
    """A site whose door's camera confirms faces, with Ada and Bob enrolled from photos."""
    camera = Camera("front-cam", "synthetic://front-door", tasks=("faces",), purpose="staff at the front door")
    people = tuple(
        Person(name, frozenset({"staff"}), (Credential("badge", f"{name}-badge".lower()),)) for name in ("Ada", "Bob")
    )
    given = site_with(None, cameras=(camera,), doors=(Door("front", "front-cam"),), people=people, rules=RULES)
    patient = AccessSettings(faces=FaceMatchSettings(window_s=30))  # the walk may take its time here
    site = open_door_site(tmp_path, given, access=patient)
    take_face_models(footage, site.settings.data_dir)
    for name, person in (("Ada", ADA), ("Bob", BOB)):
        done = enroll_files(site.settings, name, photos_of(footage, person, range(1, 3)), [])
        assert (done.count, done.warnings) == (2, ())
    reload(site)
    return site


def reload(site: DoorSite) -> None:
    """What the engine does within a second of an edit."""
    site.in_force.swap(site.store.site.read())


def watch(site: DoorSite, clip: Path) -> list[Observation]:
    """The clip down the real walk of the door's camera, as if it ended now; core hears all that is told."""
    camera = site.store.site.read().camera("front-cam")
    began = datetime.now(UTC) - timedelta(seconds=SECONDS + 1)
    source = open_source(f"file:{clip}", source_options(site.settings, camera, began))
    walk = build_worker(site.settings, camera, source, build_classifier(site.settings), site.running.glimpsed)
    told = [seen for looked in walk_source(walk) for seen in looked.told if seen.change != "left"]
    for seen in told:
        site.running.core.put(seen)
    site.running.core.put(CameraReport("front-cam", datetime.now(UTC), "live"))
    site.turn()
    return told


def ask(site: DoorSite, badge: str) -> dict[str, Any]:
    question = site.present(badge)
    site.settle()
    return site.answer(question)


def test_badge_and_face_open_and_another_persons_face_does_not(doorway, footage, tmp_path):
    watch(doorway, visit(footage, tmp_path / "ada.mp4", ADA))
    granted = ask(doorway, "ada-badge")
    assert granted["verdict"] == "authorize"
    event = doorway.store.events.one(granted["event"])
    assert event["facts"]["factors"] == ["badge", "face"]
    assert event["details"]["face"].startswith("the face at camera front-cam is that of Ada: similarity 0.")

    denied = ask(doorway, "bob-badge")
    assert denied["verdict"] == "deny"
    assert any("the face at camera front-cam is not that of Bob: similarity" in reason for reason in denied["reasons"])
    assert doorway.store.events.one(denied["event"])["facts"]["factors"] == ["badge"]

    with doorway.store.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())
    told = doorway.running.seeing.faces.of("front-cam", datetime.now(UTC))
    embeddings = [seen.embedding for faces in told.values() for seen in faces if seen.embedding]
    assert len(embeddings) >= 3
    assert not any(embedding.hex().upper() in dump.upper() for embedding in embeddings)


def test_a_door_says_that_the_models_are_missing_and_goes_on_once_they_are_there(doorway, footage, tmp_path):
    models = doorway.settings.data_dir / "models"
    models.rename(tmp_path / "elsewhere")
    open_face_models.cache_clear()
    reload(doorway)
    told = watch(doorway, visit(footage, tmp_path / "ada.mp4", ADA))
    assert "no face embedding is here: `surveillance models pull sface`" in str(told[-1].attributes["face_seen"])
    denied = ask(doorway, "ada-badge")
    assert any("no face embedding is here" in reason for reason in denied["reasons"])
    [degraded] = doorway.events("health.degraded")
    assert degraded["reasons"][0].startswith("camera front-cam tells of no faces: no face embedding is here")
    assert [finding.level for finding in look_at_face_models(doorway.settings)] == ["fail", "fail"]
    (tmp_path / "elsewhere").rename(models)
    doorway.in_force.look_again()
    assert [finding.level for finding in look_at_face_models(doorway.settings)] == ["ok", "ok"]
    watch(doorway, tmp_path / "ada.mp4")
    assert ask(doorway, "ada-badge")["verdict"] == "authorize"


def test_two_people_at_the_door_are_doubt(doorway, footage, tmp_path):
    watch(doorway, visit(footage, tmp_path / "two.mp4", ADA, STRANGER))
    denied = ask(doorway, "ada-badge")
    assert denied["verdict"] == "deny"
    assert any("camera front-cam saw the face of Ada and another one beside it" in each for each in denied["reasons"])


def test_who_is_removed_is_confirmed_no_more(doorway, footage, tmp_path, monkeypatch, capsys):
    watch(doorway, visit(footage, tmp_path / "ada.mp4", ADA))
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(doorway.settings.data_dir))
    assert rate_of(doorway.settings)["rate"] == pytest.approx(1 - (1 - 0.000286) ** 4)
    with pytest.raises(SystemExit):
        main(["people", "face", "remove", "Ada", "--all"])
    reload(doorway)
    assert [face.person for face in list_faces(doorway.settings, None)] == ["Bob", "Bob"]
    denied = ask(doorway, "ada-badge")
    assert any("no face of Ada is enrolled" in reason for reason in denied["reasons"])


def test_who_it_is_is_told_only_where_that_was_asked_for(doorway, footage, tmp_path):
    told = watch(doorway, visit(footage, tmp_path / "ada.mp4", ADA))
    assert told[-1].attributes["face_seen"] is True
    assert doorway.events("sighting.logged") == []
    edit_site(doorway.settings, lambda site: replace(site, cameras=(replace(site.cameras[0], tasks=("identify",)),)))
    reload(doorway)
    watch(doorway, tmp_path / "ada.mp4")
    assert {event["identity"] for event in doorway.events("sighting.logged")} == {"Ada"}


def test_the_dashboard_looks_at_photos_in_a_process_of_its_own(doorway, footage):
    faces = SiteFaces(doorway.settings, doorway.store.faces)
    assert faces.missing() == ""
    photo = photos_of(footage, ADA, range(6, 7))[0].read_bytes()
    done = faces.add("Ada", [(photo, "ada.pgm")], "eve")
    assert (done.count, done.warnings) == (1, ())
    assert faces.picture("Ada", faces.of("Ada")[-1].id).startswith(b"\xff\xd8")
    with pytest.raises(SettingsError, match=r"nothing\.jpg: it is no picture that can be read"):
        faces.add("Ada", [(b"GIF89a", "nothing.jpg")], "eve")


def test_a_photo_that_would_not_do_is_refused_and_a_known_face_is_noted(doorway, footage, tmp_path):
    both = np.hstack(
        [cv2.imread(str(path)) for person in (ADA, BOB) for path in photos_of(footage, person, range(1, 2))]
    )
    cv2.imwrite(str(tmp_path / "both.png"), both)
    blurred = cv2.GaussianBlur(cv2.imread(str(photos_of(footage, ADA, range(1, 2))[0])), (0, 0), 3)
    cv2.imwrite(str(tmp_path / "blurred.png"), blurred)
    (tmp_path / "text.png").write_text("no picture")
    told = []
    for file in ("both.png", "blurred.png", "text.png"):
        with pytest.raises(SettingsError) as refused:
            enroll_files(doorway.settings, "Bob", [*photos_of(footage, BOB, range(4, 5)), tmp_path / file], [])
        told.append(str(refused.value).partition(":")[2].partition(":")[0].strip())
    assert told == [
        "it shows 2 faces; take a photo of one person alone",
        "the face is blurred",
        "it is no picture that can be read",
    ]
    assert len(list_faces(doorway.settings, "Bob")) == 2
    done = enroll_files(doorway.settings, "Bob", photos_of(footage, ADA, range(6, 7)), [])
    assert "this face is Ada's already" in done.warnings[0]
    assert "this face is not like the other faces of Bob" in done.warnings[1]
