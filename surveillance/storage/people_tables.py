"""The tables of people: their sealed names, what they present, where they may pass, and faces that confirm them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from surveillance.storage.columns import Id, Json, Moment, Name, ShortWords, Whom, metadata, name_of

person_name = Table(
    "person_name",
    metadata,
    Column("id", Name, primary_key=True, doc="pseudonym by which rows name the person: person: and the name of a key"),
    Column("name", Text, nullable=False, doc="the name, sealed with that key, which is gone once they are erased"),
)

person = Table(
    "person",
    metadata,
    Column("name", Whom(), primary_key=True, doc="the person, by pseudonym"),
    Column("position", Integer, nullable=False, doc="order in lists"),
    Column("groups", Json, nullable=False, doc="groups, JSON list"),
    Column("escort", Name, doc="group of which somebody has to be let in just before; empty for nobody"),
)

credential = Table(
    "credential",
    metadata,
    Column("person", Whom(), name_of("person"), primary_key=True, doc="whose it is, by pseudonym"),
    Column("position", Integer, primary_key=True, autoincrement=False, doc="order in lists"),
    Column("kind", String(20), nullable=False, doc="badge, card, pin, plate, qr, phone, or duress: a second PIN"),
    Column("value", Name, nullable=False, doc="keyed hash of what a reader reads; never the value itself"),
    Column("enabled", Boolean, nullable=False, doc="whether it counts"),
    Column("valid_from", Moment, doc="not before"),
    Column("valid_until", Moment, doc="not after"),
    Index(None, "kind", "value"),
)

access_level = Table(
    "access_level",
    metadata,
    Column("name", Name, primary_key=True, doc="name of the level"),
    Column("position", Integer, nullable=False, doc="order in lists"),
    Column("groups", Json, nullable=False, doc="groups whose people may pass, JSON list"),
    Column("doors", Json, nullable=False, doc="doors that they may pass, JSON list"),
    Column("schedule", Name, doc="schedule during which they may; empty for always"),
    Column("two_persons", Boolean, doc="whether it takes two of them; empty for no"),
    Column("opened_by", Name, doc="group of which somebody must have been let in before; empty for nobody"),
)

face_template = Table(
    "face_template",
    metadata,
    Column("id", Id, primary_key=True, doc="UUIDv7"),
    Column("person", Whom(), nullable=False, index=True, doc="whose face it is, by pseudonym"),
    Column("key", String(32), nullable=False, doc="name of the key of their faces, which goes with the last of them"),
    Column("model", Name, nullable=False, doc="embedding that made it, by name and the digest of its weights"),
    Column("embedding", Text, nullable=False, doc="the face as numbers, sealed with that key"),
    Column("picture", Text, nullable=False, doc="the face itself, 112 x 112 pixels, sealed with that key"),
    Column("source", ShortWords(), nullable=False, doc="the photo's name, or the event whose picture it was"),
    Column("at", Moment, nullable=False, doc="when it was enrolled"),
    Column("author", Name, nullable=False, doc="who enrolled it"),
)
