"""Enrolled faces: readable only with their person's key, gone for good with it, from every copy of the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from surveillance.access.people import removed
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.site import Person, Site
from surveillance.domain.values import AccessRequest
from surveillance.storage.backup import back_up
from surveillance.storage.database import open_database, open_file, reading, upgrade, writing
from surveillance.storage.faces import Faces, NewFace
from surveillance.storage.keys import KeyStore
from surveillance.storage.rows import input_of, input_row
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.tables import face_template

VECTOR, PICTURE = b"\x01\x02\x03\x04" * 128, b"\xff\xd8 a face"


@pytest.fixture
def engine(empty_database):
    engine = open_database(empty_database)
    upgrade(engine)
    return engine


@pytest.fixture
def keys(tmp_path):
    return KeyStore(tmp_path / "keys")


@pytest.fixture
def faces(engine, keys):
    SqlSite(engine, keys).seed(Site(people=(Person("Ada"), Person("Bob"))))
    faces = Faces(engine, keys)
    faces.add(
        "Ada", "net@1", [NewFace(VECTOR, PICTURE, "ada-1.jpg"), NewFace(VECTOR[::-1], PICTURE, "ada-2.jpg")], "eve"
    )
    faces.add("Bob", "net@1", [NewFace(VECTOR, PICTURE, "bob.jpg")], "eve")
    return faces


def key_files(keys):
    return sorted(path.name for path in keys.people._directory.glob("*.key"))


def test_a_face_lies_sealed_and_each_change_is_a_version(engine, keys, faces):
    with reading(engine) as connection:
        rows = connection.execute(face_template.select()).all()
    told = " ".join(str(value) for row in rows for value in row)
    assert PICTURE.decode("latin-1") not in told
    assert faces.embeddings("net@1") == {"Ada": [VECTOR, VECTOR[::-1]], "Bob": [VECTOR]}
    assert faces.embeddings("net@2") == {}
    assert [(face.person, face.source, face.author) for face in faces.list_faces()] == [
        ("Ada", "ada-1.jpg", "eve"),
        ("Ada", "ada-2.jpg", "eve"),
        ("Bob", "bob.jpg", "eve"),
    ]
    assert faces.picture("Ada", faces.list_faces("Ada")[0].id) == PICTURE
    assert len({row.key for row in rows}) == len(key_files(keys)) == 2
    site = SqlSite(engine, keys)
    assert [edit.change for edit in site.history(2)] == ["face enrolled: Bob", "face enrolled: Ada"]
    with pytest.raises(NotFound, match="no person is called 'Adda'"):
        faces.add("Adda", "net@1", [NewFace(VECTOR, PICTURE, "x")], "eve")


def test_a_removed_person_is_gone_from_the_backup_too(engine, keys, faces, tmp_path):
    if engine.dialect.name == "postgresql":
        pytest.skip("a dump is no database that can be opened")
    backup = back_up(engine, tmp_path / "backup.db").file
    site = SqlSite(engine, keys)
    site.save(removed(site.read(), "Ada"), "eve")
    assert faces.embeddings("net@1") == {"Bob": [VECTOR]}
    copy = Faces(open_file(backup), keys)
    assert [face.person for face in copy.list_faces()] == ["Ada", "Ada", "Bob"]
    assert copy.embeddings("net@1") == {"Bob": [VECTOR]}
    with pytest.raises(NotFound):
        copy.picture("Ada", copy.list_faces("Ada")[0].id)
    assert len(key_files(keys)) == 1


def test_other_edits_of_people_keep_the_faces(engine, keys, faces):
    site = SqlSite(engine, keys)
    people = tuple(replace(person, groups=frozenset({"staff"})) for person in site.read().people)
    site.save(replace(site.read(), people=people), "eve")
    assert faces.embeddings("net@1") == {"Ada": [VECTOR, VECTOR[::-1]], "Bob": [VECTOR]}


def test_the_key_goes_with_the_last_face(keys, faces):
    first, second = faces.list_faces("Ada")
    before = faces.mark()
    faces.remove("Ada", "eve", first.id)
    assert faces.mark() != before == (3, before[1])
    assert len(key_files(keys)) == 2
    faces.remove("Ada", "eve", second.id)
    assert len(key_files(keys)) == 1
    with pytest.raises(NotFound, match="no face of Ada is enrolled"):
        faces.remove("Ada", "eve")
    with pytest.raises(NotFound, match="with the id"):
        faces.remove("Bob", "eve", first.id)


def test_a_face_cannot_be_given_to_somebody_else_in_the_database(engine, keys, faces):
    with writing(engine) as connection:
        connection.execute(face_template.update().where(face_template.c.person == "Ada").values(person="Bob"))
    assert faces.embeddings("net@1") == {"Bob": [VECTOR]}


def test_a_persons_key_is_erased_not_only_unlinked(keys):
    name = keys.people.make()
    file = keys.people._directory / f"{name}.key"
    twin = file.with_name("twin")
    twin.hardlink_to(file)
    sealed = keys.people.seal(name, b"a face")
    assert keys.people.open(name, sealed) == b"a face"
    assert file.stat().st_mode & 0o777 == 0o600
    keys.people.erase(name)
    keys.people.erase(name)
    assert twin.read_bytes() == bytes(32)
    assert keys.people.open(name, sealed) is None
    with pytest.raises(SettingsError, match="is gone: remove the faces and enroll them anew"):
        keys.people.seal(name, b"a face")


def test_what_came_of_the_face_is_stored_with_the_request():
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    factors = frozenset({"badge", "face"})
    request = AccessRequest("r", noon, "front", "cam", factors, "Ada", frozenset(), "valid", noon, face="that of Ada")
    assert input_of(input_row(request, 1)) == request
