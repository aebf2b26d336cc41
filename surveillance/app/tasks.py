"""A camera's tasks by name: what each tells of a track beside its label, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from surveillance.app.detectors import detector_of
from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.ports import Task
from surveillance.domain.site import FACES, IDENTIFY, OBJECTS, Camera
from surveillance.domain.values import Glimpse
from surveillance.rules.vocabulary import WORDS
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.perception.describe import Describer
    from surveillance.perception.face_models import FaceModels

Tell = Callable[[Glimpse], None]
BuildTask = Callable[[Settings, Camera, Tell], Task]  # raises ModelError or NotFound for a model that is missing


def build_plates(settings: Settings, camera: Camera, tell: Tell) -> Task:
    from surveillance.perception.plate_task import PlateTask
    from surveillance.perception.read import text_reader

    return PlateTask(text_reader())


def build_behavior(settings: Settings, camera: Camera, tell: Tell) -> Task:
    from surveillance.perception.behavior import BehaviorTask

    return BehaviorTask(settings.perception.behavior, camera.view)


def build_objects(settings: Settings, camera: Camera, tell: Tell) -> Task:
    """Names what the camera's tracker follows beside its own tracks: see `app.worker`."""
    from surveillance.perception.objects import ObjectTask

    return ObjectTask()


def build_kind(settings: Settings, camera: Camera, tell: Tell) -> Task:
    from surveillance.perception.kind_task import KindTask

    return KindTask(detector_of(settings).see)


def build_faces(settings: Settings, camera: Camera, tell: Tell) -> Task:
    """Goes on without models, and looks for them now and then."""
    from surveillance.perception.face_watch import FaceTask, FaceWatch

    faces = settings.perception.faces

    def watch() -> FaceWatch:
        return FaceWatch(camera.name, open_face_models(faces.model_dump_json(), settings.model_dirs), tell, faces)

    return FaceTask(camera.name, watch, tell)


@lru_cache(maxsize=2)
def open_face_models(settings: str, folders: tuple[Path, ...]) -> FaceModels:
    """By the settings of faces as JSON; opened once for all cameras of a process. Raises ModelError or NotFound."""
    from surveillance.perception.face_models import open_faces
    from surveillance.perception.settings import FaceSettings

    return open_faces(FaceSettings.model_validate_json(settings), folders)


def build_text(settings: Settings, camera: Camera, tell: Tell) -> Task:
    from surveillance.perception.read import text_reader
    from surveillance.perception.text_task import TextTask

    return TextTask(text_reader())


def build_badges(settings: Settings, camera: Camera, tell: Tell) -> Task:
    from surveillance.perception.codes import CodeTask

    return CodeTask(tell)


TASKS: Mapping[str, BuildTask] = {  # each name stands in domain.site.CAMERA_TASKS too
    "plates": build_plates,
    "text": build_text,
    "behavior": build_behavior,
    OBJECTS: build_objects,
    "kind": build_kind,
    FACES: build_faces,
    IDENTIFY: build_faces,
    "badges": build_badges,
}


def build_describer(
    settings: Settings, camera: Camera, tell: Tell, tasks: Mapping[str, BuildTask] = TASKS
) -> Describer:
    """The camera's tasks. One whose model is missing doubts all that it would tell; the camera goes on without it.

    `tell` hears what they see for the moment alone.
    """
    from surveillance.perception.describe import Describer, MissingTask

    built: list[Task] = []
    for name in camera.tasks:
        if name == IDENTIFY and FACES in camera.tasks:
            continue  # one look does for both
        try:
            built.append(tasks[name](settings, camera, tell))
        except (ModelError, NotFound) as fault:
            words = tuple(word.name for word in WORDS.values() if word.task == name)
            built.append(MissingTask(words, str(fault)))
    return Describer(built)
