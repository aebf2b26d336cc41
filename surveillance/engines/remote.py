"""The recognizer in a process of its own, and the way to it: crops go through shared memory, answers come back.

A worker's ask is answered by its deadline or expires there, whatever becomes of the recognizer meanwhile.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from surveillance.domain.errors import Expired, UserMistake
from surveillance.domain.values import Bgr, Classification
from surveillance.engines.link import GONE, Classified, Classify, Open, Wire, call
from surveillance.engines.recognizer import Answer, Ask, SharedRecognizer, Waiting
from surveillance.engines.slots import Place, SlotReader, SlotWriter


class RecognizerDesk:
    """The recognizer's side: `serve` is what a Switchboard runs for each worker."""

    def __init__(
        self,
        recognizer_of: Callable[[str], SharedRecognizer],
        shadow_of: Callable[[str], SharedRecognizer] | None = None,
    ) -> None:
        """`recognizer_of(model)` may take long the first time; it raises UserMistake for a model that cannot be.

        `shadow_of` is the same for candidates, on lines of their own.
        """
        self._recognizer_of = recognizer_of
        self._shadow_of = shadow_of or recognizer_of

    def serve(self, wire: Wire) -> None:
        """Until the worker goes away; its slots go with it."""
        opened: Open = wire.receive()
        slots = SlotReader(opened.slots, opened.count, opened.slot_bytes)
        recognizer_of = self._shadow_of if opened.shadow else self._recognizer_of
        try:
            while True:
                self._take(wire.receive(), slots, wire, recognizer_of)
        finally:
            slots.close()

    def _take(
        self, asked: Classify, slots: SlotReader, wire: Wire, recognizer_of: Callable[[str], SharedRecognizer]
    ) -> None:
        def answer(classified: Answer, refusal: str = "") -> None:
            with suppress(*GONE):  # a worker that is gone needs no answer
                wire.send(Classified(asked.number, classified, refusal))

        try:
            crops = slots.read(asked.place)
            recognizer = recognizer_of(asked.model)
        except Expired:
            answer(None)
        except UserMistake as mistake:
            answer(None, str(mistake))
        else:
            ask = Ask(asked.camera, list(crops), time.monotonic(), asked.deadline_s, asked.urgent, answer)
            recognizer.submit(ask)


class RecognizerLine:
    """A worker's side: connects, and connects again, in a thread of its own until `close`.

    `refused` holds why the model last asked for cannot be used at all; empty while it can. `refusals` has it by model.
    """

    def __init__(
        self, path: Path, secret: bytes, worker: str, slots: SlotWriter, count: int, shadow: bool = False
    ) -> None:
        self._path = path
        self._secret = secret
        self.refused = ""
        self.refusals: dict[str, str] = {}
        self._models: dict[int, str] = {}  # of the asks that wait
        self._opening = Open(worker, slots.path, count, slots.slot_bytes, shadow)
        self._slots = slots
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Callable[[Answer], None]] = {}
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._stopping = threading.Event()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recognizer line", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        if self._wire is not None:
            self._wire.hang_up()
        self._thread.join(1.0)

    def wait_open(self, timeout_s: float) -> bool:
        """True once the recognizer has answered for the first time."""
        return self._opened.wait(timeout_s)

    def ask(self, model: str, camera: str, crops: Sequence[Bgr], within_s: float, urgent: bool) -> Answer:
        """Blocks until answered; None when no answer came in time. Crops are square, of one size."""
        deadline_s = time.monotonic() + within_s
        place = self._slots.fill(crops)
        if place is None:
            return None
        try:
            return self._ask(model, camera, place, deadline_s, urgent)
        finally:
            self._slots.take_back(place)

    def _ask(self, model: str, camera: str, place: Place, deadline_s: float, urgent: bool) -> Answer:
        number, waiting = next(self._numbers), Waiting()
        with self._lock:
            wire = self._wire
            if wire is None:
                return None
            self._waiting[number], self._models[number] = waiting.done, model
        try:
            wire.send(Classify(number, model, camera, place, deadline_s, urgent))
            return waiting.answer_within(max(deadline_s - time.monotonic(), 0.0))
        except GONE:
            return None
        finally:
            with self._lock:
                self._waiting.pop(number, None)
                self._models.pop(number, None)

    def _run(self) -> None:
        while wire := call(self._path, self._secret, self._stopping):
            with suppress(*GONE):
                wire.send(self._opening)
                with self._lock:
                    self._wire = wire
                self._opened.set()
                self._listen(wire)
            with self._lock:
                self._wire = None
                left, self._waiting = self._waiting, {}
            wire.close()
            for done in left.values():  # whoever waits need not wait for the deadline
                done(None)

    def _listen(self, wire: Wire) -> None:
        while True:
            answered: Classified = wire.receive()
            with self._lock:
                done = self._waiting.pop(answered.number, None)
                model = self._models.pop(answered.number, None)
            if model is not None:
                self.refusals[model] = answered.refusal
            self.refused = answered.refusal
            if done is not None:
                done(answered.answer)


@dataclass(frozen=True, slots=True)
class RemoteLane:
    """One camera's way to the recognizer's process; `fit` makes of any crop what the model takes, uint8."""

    line: RecognizerLine
    camera: str
    model: str
    fit: Callable[[Bgr], Bgr]  # (height, width, 3) to (side, side, 3)
    most: int  # crops that one slot can hold
    within_s: float
    answered: Callable[[bool], None]
    urgent: Callable[[], bool]

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        """Raises Expired when no answer came in time."""
        fitted = [self.fit(crop) for crop in crops]
        answers: list[Classification] = []
        for start in range(0, len(fitted), self.most):
            part = self.line.ask(
                self.model, self.camera, fitted[start : start + self.most], self.within_s, self.urgent()
            )
            self.answered(part is not None)
            if part is None:
                why = self.line.refusals.get(self.model)
                raise Expired(why or f"no answer for {self.camera} within {self.within_s} s")
            answers += part
        return tuple(answers)
