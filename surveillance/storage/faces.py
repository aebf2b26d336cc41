"""Enrolled faces, each sealed with its person's key: who erases the key has erased the face, in every backup too.

Every change is one version of the configuration, so that core takes it up as it does any edit.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, delete, func, insert, select

from surveillance.domain.errors import NotFound
from surveillance.domain.suggest import no_such
from surveillance.domain.values import new_id
from surveillance.storage.configuration import stamp
from surveillance.storage.database import EDIT_MS, reading, writing
from surveillance.storage.keys import KeyStore
from surveillance.storage.tables import face_template, person


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to enroll: its embedding as float32 bytes, itself as JPEG, and where it is from."""

    embedding: bytes = field(repr=False)
    picture: bytes = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class EnrolledFace:
    """An enrolled face without what is sealed."""

    id: str
    person: str
    model: str
    source: str
    at: datetime
    author: str


class Faces:
    """Reads and edits who is enrolled. Safe to share between threads."""

    def __init__(self, engine: Engine, keys: KeyStore) -> None:
        self._engine = engine
        self._keys = keys.people

    def add(self, name: str, model: str, faces: Sequence[NewFace], author: str) -> int:
        """Enrolls faces of a person, as one version, and returns that. Raises NotFound for nobody of that name."""
        with writing(self._engine, lock_ms=EDIT_MS) as connection:
            _refuse_unknown(connection, name)
            mine = select(face_template.c.key).where(face_template.c.person == name)
            key = connection.scalars(mine).first() or self._keys.make()
            now = datetime.now(UTC)
            rows = [
                {
                    "id": new_id(),
                    "person": name,
                    "key": key,
                    "model": model,
                    "embedding": self._keys.seal(key, _packed(name, face.embedding)),
                    "picture": self._keys.seal(key, face.picture),
                    "source": face.source[:100],
                    "at": now,
                    "author": author,
                }
                for face in faces
            ]
            connection.execute(insert(face_template), rows)
            return stamp(connection, author, f"face enrolled: {name}")

    def remove(self, name: str, author: str, id: str | None = None) -> int:
        """Removes one face of a person, or all; with the last one goes the key. Raises NotFound where there is none."""
        mine = face_template.c.person == name
        with writing(self._engine, lock_ms=EDIT_MS) as connection:
            wanted = mine if id is None else mine & (face_template.c.id == id)
            keys = set(connection.scalars(select(face_template.c.key).where(wanted)))
            if not keys:
                what = (
                    f"no face of {name} is enrolled" if id is None else f"{name} has no face with the id {id} any more"
                )
                raise NotFound(what)
            connection.execute(delete(face_template).where(wanted))
            version = stamp(connection, author, f"face removed: {name}")
            if not connection.scalar(select(func.count()).select_from(face_template).where(mine)):
                for key in keys:
                    self._keys.erase(key)
            return version

    def list_faces(self, name: str | None = None) -> list[EnrolledFace]:
        """Everybody's, or one person's, oldest first."""
        columns = [face_template.c[each] for each in ("id", "person", "model", "source", "at", "author")]
        query = select(*columns)
        if name is not None:
            query = query.where(face_template.c.person == name)
        with reading(self._engine) as connection:
            found = [EnrolledFace(*row) for row in connection.execute(query)]
        return sorted(found, key=lambda face: (face.person, face.at, face.source, face.id))

    def mark(self) -> tuple[int, str | None]:
        """Another one after every change."""
        with reading(self._engine) as connection:
            found = connection.execute(select(func.count(), func.max(face_template.c.id))).one()
        return int(found[0]), found[1]

    def picture(self, name: str, id: str) -> bytes:
        """The enrolled face as JPEG. Raises NotFound where it is gone, or its key is erased."""
        wanted = (face_template.c.id == id) & (face_template.c.person == name)
        with reading(self._engine) as connection:
            row = connection.execute(select(face_template.c.key, face_template.c.picture).where(wanted)).one_or_none()
        opened = None if row is None else self._keys.open(row.key, row.picture)
        if opened is None:
            raise NotFound(f"{name} has no face with the id {id} any more")
        return opened

    def embeddings(self, model: str) -> dict[str, list[bytes]]:
        """Every person's faces by that model, opened; one whose key is erased is left out."""
        columns = (face_template.c.person, face_template.c.key, face_template.c.embedding)
        query = (
            select(*columns)
            .where(face_template.c.model == model)
            .order_by(face_template.c.at, face_template.c.source, face_template.c.id)
        )
        found: dict[str, list[bytes]] = {}
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        for row in rows:
            opened = self._keys.open(row.key, row.embedding)
            whose, embedding = (None, b"") if opened is None else _unpacked(opened)
            if whose == row.person:  # a row that was moved to another person counts for nobody
                found.setdefault(row.person, []).append(embedding)
        return dict(sorted(found.items()))


def forget_faces(connection: Connection, names: Collection[str]) -> set[str]:
    """In the transaction that removes these persons: their faces go. Returns their keys, to be erased last of all."""
    theirs = face_template.c.person.in_(sorted(names))
    doomed = set(connection.scalars(select(face_template.c.key).where(theirs)))
    connection.execute(delete(face_template).where(theirs))
    return doomed


def _refuse_unknown(connection: Connection, name: str) -> None:
    names = set(connection.scalars(select(person.c.name)))
    if name not in names:
        raise NotFound(no_such("person", name, names))


def _packed(name: str, embedding: bytes) -> bytes:
    """Sealed together with its owner, so that nobody's face can be given to somebody else in the database."""
    return json.dumps({"person": name, "embedding": b64encode(embedding).decode()}).encode()


def _unpacked(data: bytes) -> tuple[str, bytes]:
    page = json.loads(data)
    return page["person"], b64decode(page["embedding"])
