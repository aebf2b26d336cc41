"""A camera's tasks by name: what each tells of a track beside its label, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from surveillance.app.detectors import detector_of
from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.ports import Task
from surveillance.domain.site import Camera
from surveillance.domain.values import Glimpse
from surveillance.rules.vocabulary import WORDS
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.perception.describe import Describer

Tell = Callable[[Glimpse], None]
BuildTask = Callable[[Settings, Camera, Tell], Task]  # raises ModelError or NotFound for a model that is missing


def build_plates(settings: Settings, camera: Camera, tell: Tell) -> Task:
    from surveillance.perception.plate_task import PlateTask
    from surveillance.perception.read import text_reader

    return PlateTask(text_reader())


def build_behavior(settings: Settings, camera: Camera, tell: Tell) -> Task:
    from surveillance.perception.behavior import BehaviorTask

    return BehaviorTask(settings.perception.behavior, camera.view)


def build_kind(settings: Settings, camera: Camera, tell: Tell) -> Task:
    from surveillance.perception.kind_task import KindTask

    return KindTask(detector_of(settings).see)


TASKS: Mapping[str, BuildTask] = {  # each name stands in domain.site.CAMERA_TASKS too
    "plates": build_plates,
    "behavior": build_behavior,
    "kind": build_kind,
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
        try:
            built.append(tasks[name](settings, camera, tell))
        except (ModelError, NotFound) as fault:
            words = tuple(word.name for word in WORDS.values() if word.task == name)
            built.append(MissingTask(words, str(fault)))
    return Describer(built)
