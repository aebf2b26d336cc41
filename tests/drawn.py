"""Drawn pictures go down the real walk; only the model is a stand-in that knows blocks from ground."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from moving import frame_of, seen

from surveillance.domain.ports import Follow, Task
from surveillance.domain.site import Camera
from surveillance.domain.values import Bgr, Classification, Frame, Gray, Observation
from surveillance.engines.worker import walk_source
from surveillance.ingest.gate import MotionGate
from surveillance.perception.describe import Describer
from surveillance.perception.observe import Observer
from surveillance.perception.propose import MotionProposer
from surveillance.perception.recognize import Recognizer
from surveillance.perception.scenes import SceneWatcher
from surveillance.perception.track import VoteTracker
from surveillance.walk import WorkerWalk

STEP_S = 0.2


def knows_blocks(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
    """In any light a block is twice as bright as the darkest ground around it."""
    bright = [np.percentile(crop, 80) > 1.9 * np.percentile(crop, 2) for crop in crops]
    return tuple(seen("person" if is_block else "background") for is_block in bright)


class Drawn:
    """A source of drawn pictures."""

    live = False

    def __init__(self, seconds: float, draw: Callable[[float], Gray]) -> None:
        self.duration_s: float | None = seconds
        self._draw = draw

    def frames(self) -> Iterator[Frame]:
        for number in range(round((self.duration_s or 0) / STEP_S)):
            yield frame_of(self._draw(number * STEP_S), number * STEP_S, number)

    def close(self) -> None:
        return


def watch(
    seconds: float, draw: Callable[[float], Gray], tasks: Sequence[Task] = (), follow: Follow | None = None
) -> list[Observation]:
    """Everything that camera `yard` tells of its tracks."""
    camera = Camera("yard", "file:drawn")
    walk = WorkerWalk(
        Drawn(seconds, draw),
        MotionGate(),
        MotionProposer(),
        Recognizer(knows_blocks),
        follow or VoteTracker("yard"),
        Describer(tasks),
        Observer(camera),
        SceneWatcher(camera),
    )
    return [observation for looked in walk_source(walk) for observation in looked.told]
