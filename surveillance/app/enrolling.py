"""Enrolls faces: from photos and from pictures of events, refused where a picture would not do, and sealed at once.

A picture is looked at in this process for the command line, and in one of its own for the dashboard, whose process
loads no model and shall not end by what somebody uploads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surveillance.access.faces import Gallery, likeness
from surveillance.access.people import person_of
from surveillance.app.site_edit import author, open_site
from surveillance.app.store import Store
from surveillance.app.tasks import open_face_models
from surveillance.domain.errors import NotFound, SettingsError, UserMistake
from surveillance.domain.faces import Vectors, vectors_of
from surveillance.domain.geometry import WHOLE, Box
from surveillance.engines.children import PARENT
from surveillance.settings import PREFIX, Settings
from surveillance.storage.faces import EnrolledFace, NewFace

if TYPE_CHECKING:
    from surveillance.perception.cards import ModelCard

LOOK_S = 30.0
AROUND = 0.25  # of an event's box: it may cut a head
MOST_FACES = 20  # of a person


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture to enroll from, and where in it the person is. `source` names it."""

    data: bytes = field(repr=False)
    source: str
    box: Box = WHOLE


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of it: the configuration's version, and what a person should know all the same."""

    version: int
    count: int
    warnings: tuple[str, ...]


LookAt = Callable[[Settings, Photo], NewFace]  # raises SettingsError for a photo that does not do


def enroll(settings: Settings, name: str, photos: Sequence[Photo], look: LookAt, by: str | None = None) -> Enrolled:
    """Enrolls one face of each photo, all or none.

    Raises NotFound for nobody of that name, SettingsError for a photo that would not do, which it names.
    """
    store = open_site(settings)
    person_of(store.site.read(), name)
    model, gallery = gallery_of(settings, store)
    there = sum(face.person == name for face in store.faces.list_faces(name))
    if there + len(photos) > MOST_FACES:
        raise SettingsError(f"{name} has {there} faces; at most {MOST_FACES} are kept: remove some first")
    faces = [look(settings, photo) for photo in photos]
    warnings: list[str] = []
    for face in faces:
        warnings += warnings_of(name, face, gallery)
        gallery = gallery.with_face(name, face.embedding)
    version = store.faces.add(name, model, faces, by or author())
    return Enrolled(version, len(faces), tuple(warnings))


def warnings_of(name: str, face: NewFace, gallery: Gallery) -> list[str]:
    """What is odd about a face: it is somebody else's already, or not like this person's others."""
    if gallery.figures is None:
        return []
    limit = gallery.figures.threshold
    like = dict(likeness(face.embedding, gallery))
    words = [
        f"{face.source}: this face is {other}'s already (similarity {similarity:.2f})"
        for other, similarity in sorted(like.items(), key=lambda pair: -pair[1])
        if other != name and similarity >= limit
    ]
    if name in like and like[name] < limit:
        words.append(f"{face.source}: this face is not like the other faces of {name} (similarity {like[name]:.2f})")
    return words


def look_here(settings: Settings, photo: Photo) -> NewFace:
    """Looks at a photo in this process. Raises SettingsError, ModelError or NotFound."""
    from surveillance.perception.enroll import face_to_enroll

    try:
        models = open_face_models(settings.perception.faces.model_dump_json(), settings.model_dirs)
        face = face_to_enroll(photo.data, photo.box, models)
    except SettingsError as fault:
        raise SettingsError(f"{photo.source}: {fault}") from None
    return NewFace(face.embedding, face.picture, photo.source)


def look_elsewhere(settings: Settings, photo: Photo) -> NewFace:
    """Looks at a photo in a process of its own. Raises SettingsError, also where that ends without an answer."""
    asked = {
        "faces": settings.perception.faces.model_dump(mode="json"),
        "data_dir": str(settings.data_dir.resolve()),
        "photo": b64encode(photo.data).decode(),
        "source": photo.source,
        "box": [photo.box.x1, photo.box.y1, photo.box.x2, photo.box.y2],
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "surveillance.app.face_child"],
            input=json.dumps(asked).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {PARENT: str(os.getpid())},
            timeout=LOOK_S,
            check=False,
        )
        told = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        raise SettingsError(f"{photo.source}: it cannot be decoded") from None
    if "fault" in told:
        raise SettingsError(told["fault"])
    return NewFace(b64decode(told["embedding"]), b64decode(told["picture"]), photo.source)


def enroll_files(settings: Settings, name: str, files: Sequence[Path], events: Sequence[str]) -> Enrolled:
    """Enrolls from photos on the disk and from pictures of events. Raises also for a file that cannot be read."""
    store = open_site(settings)
    photos = [photo_of_file(file) for file in files] + [photo_of_event(store, id) for id in events]
    return enroll(settings, name, photos, look_here)


def photo_of_file(file: Path) -> Photo:
    try:
        return Photo(file.read_bytes(), file.name)
    except OSError as error:
        raise SettingsError(f"the photo {file} cannot be read: {error.strerror}; check the path") from error


def list_faces(settings: Settings, name: str | None) -> list[EnrolledFace]:
    """Raises NotFound for nobody of that name."""
    store = open_site(settings)
    if name is not None:
        person_of(store.site.read(), name)
    return store.faces.list_faces(name)


def remove_faces(settings: Settings, name: str, id: str | None, by: str | None = None) -> int:
    """One face of a person, or all. Returns the configuration's version; raises NotFound."""
    return open_site(settings).faces.remove(name, by or author(), id)


def rate_of(settings: Settings) -> dict[str, Any]:
    """How often a stranger is taken for somebody enrolled, and what that rests on. Raises NotFound or ModelError."""
    gallery = gallery_of(settings, open_site(settings))[1]
    told: dict[str, Any] = {"persons": len(gallery.templates), "faces": gallery.size, "model": gallery.model}
    figures = gallery.figures
    if figures is None:
        return told | dict.fromkeys(("far", "threshold", "far_1_to_1", "threshold_1_to_1", "pairs", "source", "rate"))
    return told | {
        "far": figures.identify_far,
        "threshold": figures.identify_threshold,
        "far_1_to_1": figures.far,
        "threshold_1_to_1": figures.threshold,
        "pairs": figures.pairs,
        "source": figures.source,
        "rate": figures.false_identifications(gallery.size),
    }


def photo_of_event(store: Store, id: str) -> Photo:
    """The picture of an event, at full size where that is kept, and where in it its subject is. Raises NotFound."""
    event = store.events.one(id)
    if event is None:
        raise NotFound(f"no event has the id {id!r}; `surveillance events list` shows those there are")
    full = next((row for row in event["recordings"] if row["kind"] == "picture" and row["state"] == "kept"), None)
    edges = event["box"] if full else event["evidence_box"] or event["box"]
    box = Box(*edges).grown(AROUND) if edges else WHOLE
    if full is not None:
        return Photo(store.recordings.path(full["name"]).read_bytes(), f"event {id}", box)
    if not event["evidence"]:
        raise NotFound(f"event {id} has no picture")
    return Photo(store.evidence.read(event["evidence"]), f"event {id}", box)


# --- who is enrolled -----------------------------------------------------------------------------------------------


def embedding_card(settings: Settings) -> ModelCard:
    """The embedding in use. Raises NotFound."""
    from surveillance.perception.cards import FACE_EMBEDDING
    from surveillance.perception.face_models import chosen_card

    return chosen_card(FACE_EMBEDDING, settings.perception.faces.embedding, settings.model_dirs)


def gallery_of(settings: Settings, store: Store) -> tuple[str, Gallery]:
    """The embedding in use by name and digest, and everybody's faces by it. Raises NotFound or ModelError."""
    from surveillance.perception.face_models import figures_of, model_id

    card = embedding_card(settings)
    model = model_id(card)
    return model, Gallery(templates_of(store, model), figures_of(card), card.name)


class KnownFaces:
    """The gallery as core compares with it: templates are opened anew only where somebody changed them.

    Without a model, or with a key that cannot be read, it is empty and says why.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._mark: tuple[str, object] | None = None
        self._templates: dict[str, Vectors] = {}

    def __call__(self) -> Gallery:
        """Raises RecordFailed while the database is away."""
        from surveillance.perception.face_models import figures_of, model_id

        try:
            card = embedding_card(self._settings)
            mark = model_id(card), self._store.faces.mark()
            if mark != self._mark:
                self._templates, self._mark = templates_of(self._store, mark[0]), mark
            return Gallery(self._templates, figures_of(card), card.name)
        except UserMistake as fault:
            return Gallery(fault=str(fault))


def templates_of(store: Store, model: str) -> dict[str, Vectors]:
    return {name: vectors_of(vectors) for name, vectors in store.faces.embeddings(model).items()}
