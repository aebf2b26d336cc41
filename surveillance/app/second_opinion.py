"""A worker's way to candidates in the recognizer's process: a line and slots of its own, made when first needed.

What candidates take of it is lost to nobody: the crops of models in use have their own slots.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from surveillance.domain.errors import Expired, ModelError
from surveillance.domain.ports import Classifier
from surveillance.domain.values import Bgr, Classification
from surveillance.engines.remote import RecognizerLine, RemoteLane
from surveillance.engines.settings import EngineSettings
from surveillance.engines.slots import SlotWriter

SLOTS = 2
Fitting = tuple[str, int, Callable[[Bgr], Bgr]]  # a model's name, the side of its input, what makes one of a crop


class SecondOpinion:
    """`lane(model, camera)` is what a Shadow asks. Belongs to its thread, but for `close`."""

    def __init__(
        self, engine: EngineSettings, worker: str, recognizer: Path, secret: bytes, fitting: Callable[[str], Fitting]
    ) -> None:
        self._engine = engine
        self._worker = worker
        self._recognizer = recognizer
        self._secret = secret
        self._fitting = fitting
        self._line: RecognizerLine | None = None
        self._slots: SlotWriter | None = None

    def lane(self, model: str, camera: str) -> Classifier:
        """Raises NotFound for a model without a card."""
        name, side, fit = self._fitting(model)
        line, engine = self._open(), self._engine
        most = max(engine.slot_bytes // (side * side * 3), 1)
        lane = RemoteLane(
            line, camera, name, fit, most, engine.answer_within_s, lambda came: None, urgent=lambda: False
        )
        return CandidateLane(lane, line)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        if self._slots is not None:
            self._slots.close()

    def _open(self) -> RecognizerLine:
        if self._line is None:
            place = self._recognizer.with_name(f"slots-{self._worker}-{os.getpid()}-candidates")
            self._slots = SlotWriter(place, SLOTS, self._engine.slot_bytes)
            self._line = RecognizerLine(self._recognizer, self._secret, self._worker, self._slots, SLOTS, shadow=True)
        return self._line


@dataclass(frozen=True, slots=True)
class CandidateLane:
    """Says why where the recognizer refuses a candidate, instead of that no answer came."""

    lane: RemoteLane
    line: RecognizerLine

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        """Raises ModelError for a candidate that cannot be used, Expired when no answer came in time."""
        try:
            return self.lane(crops)
        except Expired as late:
            if self.line.refused:
                raise ModelError(self.line.refused) from late
            raise
