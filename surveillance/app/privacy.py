"""What is held of one person: shown, handed over, or erased so that no backup can bring it back."""

from __future__ import annotations

import json
import mmap
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from surveillance.access import people as edits
from surveillance.app.site_edit import author, edit_site, open_site
from surveillance.app.store import BACKUPS, Store, open_store
from surveillance.domain.errors import NotFound, SettingsError, UserMistake
from surveillance.domain.values import rfc3339
from surveillance.settings import Settings
from surveillance.storage.database import scour
from surveillance.storage.sealing import seal_names
from surveillance.storage.spool import NAME as SPOOL
from surveillance.storage.subject import Held, find_person, held_of, rules_naming, take_away, told_of

Progress = Callable[[str, int, int], None]
README = """\
What is held of {name}
written {at}

held.json    everything on record that names this person: events with their explanations, requests at doors, sightings,
             edits, reviews and rules, groups and credentials. Of what a reader reads only a keyed hash is kept.
faces/       enrolled faces
pictures/    pictures and clips kept with those events
crops/       pictures kept to train the site's models
"""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What erasing somebody would take away, and what it cannot reach."""

    held: Held
    groups: tuple[str, ...]
    in_site: bool
    rules: tuple[str, ...]  # live ones that name them, which is in the way
    files: tuple[Path, ...]  # outside of the record, that hold the name in clear


@dataclass(frozen=True, slots=True)
class Erased:
    """What was taken away. `rewritten` rows had the name in clear."""

    outlook: Outlook
    rewritten: int


def look_at(settings: Settings, who: str) -> Outlook:
    """Everything held of a person. Changes nothing. Raises NotFound."""
    store = open_site(settings)
    pseudonym, name = find_person(store.engine, who)
    held = held_of(store.engine, pseudonym)
    person = next((known for known in store.site.read().people if known.name == name), None)
    groups = () if person is None else tuple(sorted(person.groups))
    rules = tuple(rules_naming(store.engine, pseudonym))
    return Outlook(held, groups, person is not None, rules, tuple(_in_clear(settings, name)))


def is_known(settings: Settings, who: str) -> bool:
    """Whether that is the name or pseudonym of somebody on record."""
    try:
        find_person(open_site(settings).engine, who)
    except NotFound:
        return False
    return True


def erase(settings: Settings, who: str, by: str | None = None, progress: Progress = lambda *_: None) -> Erased:
    """Erases a person: credentials, faces, pictures and clips that show them, and the key of their name. On record.

    Raises NotFound, SettingsError while a live rule names them, UserMistake while records wait outside the database.
    """
    store, outlook = open_site(settings), look_at(settings, who)
    held, by = outlook.held, by or author()
    if (settings.data_dir / "spool" / SPOOL).exists():
        raise UserMistake(
            "records wait outside the database, and may name this person: start the service, and erase once they are in"
        )
    rewritten = seal_names(store.engine, progress)
    if outlook.in_site:
        edit_site(settings, lambda site: edits.removed(site, held.name), by)
    details = {"thing": "person", "name": held.pseudonym, "count": held.files}
    store.accounts.tell("user.erased", details, by)
    _take_away(store, held)
    if rewritten:
        scour(store.engine)
    return Erased(outlook, rewritten)


def settle_erased(settings: Settings) -> int:
    """Takes away again what a restored backup brought back of people who were erased; of how many."""
    store, brought = open_store(settings), 0
    for key in sorted(store.keys.people.erased()):
        store.keys.people.erase(key)  # as an older copy of the keys may hold it
        try:
            pseudonym, _ = find_person(store.engine, f"person:{key}")
        except NotFound:
            continue
        held = held_of(store.engine, pseudonym)
        if held.credentials or held.faces or held.files:
            _take_away(store, held)
            brought += 1
    return brought


def export(settings: Settings, who: str, file: Path, by: str | None = None) -> Outlook:
    """Everything held of a person as a ZIP, whole or not at all; the export is on record. Raises NotFound."""
    draft = file.with_name(f".{file.name}.part")
    try:
        with draft.open("wb") as out:
            outlook = export_into(settings, who, out, by)
        draft.replace(file)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return outlook


def export_into(settings: Settings, who: str, out: IO[bytes], by: str | None = None) -> Outlook:
    """The same into an open file."""
    outlook = look_at(settings, who)
    write_subject(settings, outlook, out)
    details = {"thing": "person", "name": outlook.held.name, "count": outlook.held.files}
    open_site(settings).accounts.tell("user.exported", details, by or author())
    return outlook


def write_subject(settings: Settings, outlook: Outlook, out: IO[bytes]) -> None:
    """The ZIP itself. Says in `held.json` which pictures are named and not there."""
    store, held = open_site(settings), outlook.held
    page: dict[str, Any] = {"name": held.name, "pseudonym": held.pseudonym, "groups": list(outlook.groups)}
    page["credentials"] = _credentials(store, held.name)
    page["faces"] = [
        {"id": face.id, "source": face.source, "at": rfc3339(face.at), "by": face.author, "model": face.model}
        for face in store.faces.list_faces(held.name)
    ]
    page |= dict(told_of(store.engine, held))
    missing: list[str] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for face in page["faces"]:
            bundle.writestr(f"faces/{face['id']}.jpg", store.faces.picture(held.name, face["id"]))
        for place, path in _pictures(store, held):
            try:
                bundle.write(path, place, zipfile.ZIP_STORED)
            except OSError:
                missing.append(place)
        page["missing"] = missing
        bundle.writestr("held.json", json.dumps(page, indent=1, ensure_ascii=False))
        bundle.writestr("README.txt", README.format(name=held.name, at=rfc3339(datetime.now(UTC))))


def _take_away(store: Store, held: Held) -> None:
    store.crops.drop(held.crops)
    take_away(store.engine, store.keys, held, store.evidence, store.recordings)


def _credentials(store: Store, name: str) -> list[dict[str, Any]]:
    for person in store.site.read().people:
        if person.name == name:
            return [
                {
                    "kind": item.kind,
                    "hash": item.value,
                    "enabled": item.enabled,
                    "valid_from": None if item.valid_from is None else rfc3339(item.valid_from),
                    "valid_until": None if item.valid_until is None else rfc3339(item.valid_until),
                }
                for item in person.credentials
            ]
    return []


def _pictures(store: Store, held: Held) -> list[tuple[str, Path]]:
    return [
        *((f"pictures/{name}", store.evidence.path(name)) for name in held.pictures),
        *((f"pictures/{name}", store.recordings.place(name)) for name in held.clips),
        *((f"crops/{id}.jpg", store.crops.path(id)) for id in held.crops),
    ]


def _in_clear(settings: Settings, name: str) -> list[Path]:
    """Backups from before names were sealed, and rule files, that hold the name as it is."""
    rules = settings.rules_dir
    files = [*(settings.data_dir / BACKUPS).glob("*.db"), *(rules.glob("*.y*ml") if rules is not None else ())]
    return [file for file in sorted(files) if _holds(file, name.encode())]


def _holds(file: Path, text: bytes) -> bool:
    if file.stat().st_size == 0:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(text) >= 0
