"""One person on record in every way: shown by name, held nowhere in clear, and erased so that nothing is left."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_samples import NOON, decision, notification, observation, shot
from old_databases import build_old
from sqlalchemy import select, text

from surveillance.app.audit import Look, audit
from surveillance.app.database import back_up_site, restore_site
from surveillance.app.privacy import Erased, erase, export, look_at, settle_erased
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.domain.errors import NotFound, SettingsError, UserMistake
from surveillance.domain.kept import Kept, KeptFile
from surveillance.domain.labels import Pick, Said, subject_of
from surveillance.domain.values import AccessRequest, Clause, Judged, Observation
from surveillance.places import recording_place
from surveillance.settings import Settings
from surveillance.storage.backup import restore
from surveillance.storage.database import open_database, reading, writing
from surveillance.storage.faces import NewFace
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.queries import EventFilter
from surveillance.storage.recordings import Wishes
from surveillance.storage.settings import StorageSettings
from surveillance.storage.site_file import parse_site

WHO = 'Zoë "Zed" Quillfeather'
QUOTE = '\\"'  # within a text in quotes
FACE, SHOT, CLIP = (b"\xff\xd8\xff" + word * 40 for word in (b"enrolled face", b"at the door", b"half a minute"))
SITE = f"""\
cameras: [{{name: front, url: front.mp4}}]
doors: [{{name: main, camera: front}}]
people:
  - {{name: '{WHO}', groups: [staff], credentials: [{{kind: badge, value: 0077123456}}]}}
  - {{name: Ada, groups: [staff]}}
rules:
  - name: late
    on: access
    verdict: deny
    when: "person == '{WHO.replace('"', QUOTE)}' and door == 'main'"
"""


def no_progress(*_: object) -> None: ...


def settings_of(directory: Path, url: str) -> Settings:
    return Settings(data_dir=directory / "data", storage=StorageSettings(url=url))


def lived_in(settings: Settings) -> Store:
    """A site on which that person is on record in every way there is."""
    upgrade_database(settings)
    store = open_store(settings)
    store.site.seed(parse_site(SITE, "site.yaml"))
    store.faces.add(WHO, "model@1", [NewFace(b"\0\0\x80?", FACE, f"{WHO}.jpg")], "ada")
    wishes = Wishes(store.site.read, StorageSettings())
    ledger = SqlLedger(
        store.engine, store.evidence, lambda made: (notification(made),) if made.notify else (), wish=wishes
    )
    clause = Clause(f'person == "{WHO}"', True, f'person = "{WHO}"')
    granted = decision(
        trigger="access", kind="access.granted", verdict="authorize", rule="staff", identity=WHO, door="main",
        reasons=(f"{WHO} may pass the door main",), facts={"person": WHO, "door": "main"}, notify=("ops",),
        judged=(Judged("staff", "authorize", True, clause),), details={"escorted_by": WHO},
    )  # fmt: skip
    request = AccessRequest(
        "request-1", NOON, "main", "front", frozenset({"badge"}), WHO, frozenset({"staff"}), "valid", NOON,
        face=f"the face is that of {WHO}",
    )  # fmt: skip
    seen = observation(identity=WHO, shot=shot(SHOT), attributes={"plate": "AB1", "plate_of": WHO})
    other = decision(id="other-event-1", identity="Ada", camera="front", door="main", track=8)
    ledger([(seen, (granted,)), (request, ()), (observation(track=8, shot=shot()), (other,))])
    name = f"{granted.id}-clip.mp4"
    place = recording_place(settings.data_dir / "media", name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(CLIP)
    file = KeptFile("clip", name, NOON, NOON + timedelta(seconds=8), len(CLIP), hashlib.sha256(CLIP).hexdigest())
    store.recordings.settle(Kept(granted.id, "front", (file,), {"picture": "away"}))
    subject = subject_of("front", 7, seen.started_at)
    store.crops.queue(Pick("uncertain", "front", subject, shot(SHOT), Said("person", 0.5, "embedded"), 7, granted.id))
    store.reviews.review([granted.id], "bob", f"that was {WHO}, I know them")
    store.accounts.tell("user.viewed", {"thing": "person", "name": WHO}, "bob")
    return store


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    return settings_of(tmp_path, database)


def everything(settings: Settings, *more: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte on the disk, and those of a server's rows as a backup holds them."""
    file = settings.data_dir / "whole.db"
    file.unlink(missing_ok=True)
    back_up_site(settings, file, no_progress)
    for folder in (settings.data_dir.parent, *more):
        yield from ((str(path), path.read_bytes()) for path in folder.rglob("*") if path.is_file())


def where(settings: Settings, *texts: bytes) -> set[str]:
    """The files that hold any of these."""
    return {Path(path).name for path, data in everything(settings) if any(text in data for text in texts)}


def spellings(name: str) -> tuple[bytes, ...]:
    return tuple({name.encode(), json.dumps(name)[1:-1].encode(), json.dumps(name, ensure_ascii=False)[1:-1].encode()})


def test_names_are_nowhere_in_clear_and_everything_is_found_by_them(settings: Settings) -> None:
    store = lived_in(settings)
    assert where(settings, *spellings(WHO), b"Quillfeather") == set()
    assert [person.name for person in store.site.read().people] == [WHO, "Ada"]
    [row] = store.events.page(EventFilter(identity=WHO))[0]
    assert (row["identity"], row["reasons"], row["door"]) == (WHO, [f"{WHO} may pass the door main"], "main")
    assert row["review"] == f"that was {WHO}, I know them"
    told = store.events.one(row["id"])
    assert told is not None
    assert told["judged"][0]["clause"]["found"] == f'person = "{WHO}"'
    assert told["facts"] == {"person": WHO, "door": "main"}
    for words in ("quillfeather", f"{WHO} may pass", "i know them"):
        assert row["id"] in [found["id"] for found in store.events.page(EventFilter(words=words))[0]]
    assert store.site.history(1)[0].change == f"face enrolled: {WHO}"
    assert f"person == '{WHO.replace(chr(34), QUOTE)}' and" in store.site.read().rules
    again = open_store(settings)  # another process
    met = [entry for entry in again.events.inputs_since(NOON - timedelta(days=1)) if isinstance(entry, Observation)]
    assert [(entry.identity, entry.attributes.get("plate_of")) for entry in met][:1] == [(WHO, WHO)]
    assert [face.person for face in again.faces.list_faces()] == [WHO]
    assert again.events.page(EventFilter(identity=WHO))[0] == [row]
    assert audit(settings, Look(), no_progress).faults == []


def test_a_subject_gets_everything_held_on_them(settings: Settings, tmp_path: Path) -> None:
    lived_in(settings)
    export(settings, WHO, tmp_path / "zed.zip", "bob")
    with zipfile.ZipFile(tmp_path / "zed.zip") as bundle:
        held = json.loads(bundle.read("held.json"))
        files = {name: bundle.read(name) for name in bundle.namelist()}
    assert {part: len(held[part]) for part in ("credentials", "faces", "requests", "observations", "reviews")} == {
        "credentials": 1, "faces": 1, "requests": 1, "observations": 1, "reviews": 1,
    }  # fmt: skip
    assert {row["kind"] for row in held["events"]} == {
        "access.granted", "configuration.changed", "user.reviewed", "user.viewed",
    }  # fmt: skip
    assert sorted(data for name, data in files.items() if name.endswith((".jpg", ".mp4"))) == sorted(
        [FACE, SHOT, SHOT, CLIP]
    )
    assert held["missing"] == []
    assert WHO in files["README.txt"].decode()
    assert "Ada" not in json.dumps(held)


def gone(settings: Settings, done: Erased) -> None:
    """Nothing on the disk or in the rows says who it was, or shows them."""
    assert where(settings, *spellings(WHO), b"Quillfeather", FACE, SHOT, CLIP) == set()
    assert audit(settings, Look(), no_progress).faults == []
    store = open_store(settings)
    nobody = f"erased person {done.outlook.held.pseudonym.removeprefix('person:')[:8]}"
    [row] = store.events.page(EventFilter(identity=nobody))[0]
    assert (row["identity"], row["reasons"]) == (nobody, [f"{nobody} may pass the door main"])
    assert store.faces.list_faces() == []
    texts = [one.text for one in store.site.rule_history("late")]
    assert any(f"person == '{nobody}' and door == 'main'" in one for one in texts)
    assert all(not person.credentials for person in store.site.read().people if person.name != "Ada")


def test_who_is_erased_is_gone_from_database_files_and_backups(settings: Settings, tmp_path: Path) -> None:
    store = lived_in(settings)
    backup = back_up_site(settings, None, no_progress).file
    pictures = tmp_path / "kept elsewhere"  # a copy of the pictures, which a restore puts back
    for folder in ("evidence", "media", "crops"):
        for path in (settings.data_dir / folder).rglob("*"):
            if path.is_file():
                place = pictures / path.relative_to(settings.data_dir)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(path.read_bytes())
    outlook = look_at(settings, WHO)
    assert (outlook.groups, outlook.in_site, outlook.rules, outlook.files) == (("staff",), True, ("late",), ())
    held = outlook.held
    assert (held.credentials, held.faces, held.observations, held.files) == (1, 1, 1, 3)
    with pytest.raises(SettingsError, match="a rule names what this takes away"):
        erase(settings, WHO)
    store.site.remove_rule("late", "ada")
    other = store.events.page(EventFilter(identity="Ada"))[0]
    done = erase(settings, outlook.held.pseudonym, "bob")
    assert done.rewritten == 0
    assert store.events.page(EventFilter(identity="Ada"))[0] == other  # nobody else is touched
    assert store.evidence.read(other[0]["evidence"]) == shot().jpeg
    for path in sorted(pictures.rglob("*")):  # the copies go where they came from, and away from here
        if path.is_file():
            path.replace(settings.data_dir / path.relative_to(pictures))
    if settings.database_url.startswith("sqlite"):
        restore_site(settings, backup, False, no_progress)
        restored = settings
    else:  # into a database of its own, as a server's must be empty
        url = f"sqlite:///{settings.data_dir / 'restored.db'}"
        restore(open_database(url), backup)
        restored = settings_of(tmp_path, url)
        assert settle_erased(restored) == 1
    with suppress(FileNotFoundError):
        (settings.data_dir / "whole.db").unlink()
    gone(restored, done)
    with pytest.raises(NotFound):
        look_at(restored, WHO)


def test_somebody_of_the_same_name_is_somebody_else(settings: Settings) -> None:
    store = lived_in(settings)
    store.site.remove_rule("late", "ada")
    first = erase(settings, WHO).outlook.held.pseudonym
    site = store.site.read()
    store.site.save(replace(site, people=(*site.people, replace(site.people[0], name=WHO))), "ada")
    assert look_at(settings, WHO).held.events == ()
    assert look_at(settings, first).held.events != ()
    gone(settings, erase(settings, first))


def test_names_from_before_they_were_sealed_are_sealed_by_the_upgrade(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f"sqlite:///{tmp_path / 'site.db'}")
    engine = open_database(settings.database_url)
    build_old(engine, "0023")
    with writing(engine) as connection:
        connection.execute(
            text("UPDATE event SET identity = 'Ada', payload = :payload"),
            {"payload": b'{"identity":"Ada","reasons":["Ada may pass"],"kind":"sighting.alerted"}'},
        )
        connection.execute(text("UPDATE camera SET url = '', sub_url = NULL"))
        connection.execute(text("DELETE FROM door"))
    engine.dispose()
    said: list[str] = []
    upgrade_database(settings, said.append, backup=False)
    assert said == ["names of people are sealed now (4 rows); backups from before still hold them in clear"]
    data = (tmp_path / "site.db").read_bytes() + (tmp_path / "site.db-wal").read_bytes()
    assert b"Ada" not in re.sub(rb"sealed:[\w=-]+", b"", data)  # whose letters are drawn by lot
    store = open_store(settings)
    with reading(store.engine) as connection:
        assert connection.execute(select(text("name FROM person"))).scalar_one().startswith("person:")
    [row] = store.events.page(EventFilter(identity="Ada"))[0]
    assert row["reasons"] == ["Ada may pass"]


def test_nobody_is_erased_while_records_wait_outside(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f"sqlite:///{tmp_path / 'site.db'}")
    lived_in(settings)
    (settings.data_dir / "spool").mkdir()
    (settings.data_dir / "spool" / "judged.jsonl").write_bytes(b"")
    with pytest.raises(UserMistake, match="records wait outside the database"):
        erase(settings, WHO)
    with pytest.raises(NotFound, match="did you mean"):
        look_at(settings, "Adaa")
