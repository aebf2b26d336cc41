"""Runs a camera's tasks: what each knows of the tracks of a frame; what it cannot tell is a doubt with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from surveillance.domain.errors import SurveillanceError
from surveillance.domain.ports import Task
from surveillance.domain.values import Attribute, Attributes, Doubt, Frame, Track


class Describer:
    """Implements domain.ports.Describe over any tasks."""

    def __init__(self, tasks: Sequence[Task] = ()) -> None:
        self._tasks = tasks

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        """By track; the words of all tasks together."""
        described: dict[int, dict[str, Attribute]] = {}
        for task in self._tasks:
            try:
                said = task(frame, tracks)
            except SurveillanceError as fault:
                said = in_doubt(task.words, str(fault), tracks)
            for track, attributes in said.items():
                described.setdefault(track, {}).update(attributes)
        return described


class MissingTask:
    """A task that could not be built: a doubt about all that it would tell."""

    def __init__(self, words: tuple[str, ...], reason: str) -> None:
        self.words = words
        self._reason = reason

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        return in_doubt(self.words, self._reason, tracks)


def in_doubt(words: Sequence[str], reason: str, tracks: Sequence[Track]) -> dict[int, Attributes]:
    return {track.id: dict.fromkeys(words, Doubt(reason)) for track in tracks if track.confirmed}
