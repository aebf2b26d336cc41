"""Recorded observations in, tracks that a person should label out: those in doubt at their end, and some by lot.

It decides from what core has on record anyway; the pictures are written by a thread of its own, so that nothing that
is decided ever waits for them. What comes faster than they can be written is left out and counted.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from surveillance.domain import ports
from surveillance.domain.errors import RecordFailed
from surveillance.domain.labels import Pick, Said, subject_of
from surveillance.domain.ports import JudgedInput
from surveillance.domain.values import BACKGROUND, OBJECT_LABELS, REJECTED, Event, Observation, Shot
from surveillance.engines.supervise import Supervised

ENDED = 256  # tracks whose last word and best shot are remembered after their end
TRACKS = 512  # live tracks whose best shot is remembered
WAITING = 64  # picks that wait to be written
STOP_S = 1.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Life:
    """What is remembered of a live track."""

    shot: Shot | None = None
    event: str | None = None


class Picker:
    """Which of the tracks that core records become picks. Belongs to core's thread."""

    def __init__(self, uncertain_below: float, sampled_share: float) -> None:
        self._uncertain_below = uncertain_below
        self._sampled_share = sampled_share
        self._lives: OrderedDict[tuple[str, int], Life] = OrderedDict()
        self._ended: OrderedDict[str, tuple[Observation, Shot]] = OrderedDict()  # by subject

    def __call__(self, judged: Sequence[JudgedInput]) -> list[Pick]:
        """The tracks that ended here and are worth a label."""
        picks = []
        for entry, decisions in judged:
            if isinstance(entry, Observation):
                life = self._follow(entry)
                life.event = next((one.id for one in decisions if one.track == entry.track), life.event)
                if entry.change == "left":
                    del self._lives[(entry.camera, entry.track)]
                    pick = self._pick(entry, life)
                    picks += [pick] if pick else []
        return picks

    def shown(self, subject: str) -> tuple[Observation, Shot] | None:
        """The last word on a track that ended lately, and its best shot. May be asked by any thread."""
        return self._ended.get(subject)

    def _follow(self, seen: Observation) -> Life:
        key = (seen.camera, seen.track)
        if seen.change == "appeared":
            self._lives.pop(key, None)  # after a restart, track numbers begin again
        life = self._lives.setdefault(key, Life())
        self._lives.move_to_end(key)
        life.shot = seen.shot or life.shot
        while len(self._lives) > TRACKS:
            self._lives.popitem(last=False)
        return life

    def _pick(self, seen: Observation, life: Life) -> Pick | None:
        if life.shot is None:
            return None
        subject = subject_of(seen.camera, seen.track, seen.started_at)
        self._ended[subject] = seen, life.shot
        while len(self._ended) > ENDED:
            self._ended.popitem(last=False)
        why = self._why(seen)
        if why is None:
            return None
        said = Said(seen.label, seen.confidence, seen.model)
        return Pick(why, seen.camera, subject, life.shot, said, seen.track, life.event)

    def _why(self, seen: Observation) -> str | None:
        if seen.label in OBJECT_LABELS:  # no model named it
            return None
        if seen.label == REJECTED or (seen.label != BACKGROUND and seen.confidence < self._uncertain_below):
            return "uncertain"
        return "sampled" if _lot(seen.id) < self._sampled_share else None


class PickingRecord:
    """The record step, which also hands picks to `write` once their inputs are on record; `start`, then `stop`."""

    def __init__(
        self,
        record: ports.Record,
        pick: Callable[[Sequence[JudgedInput]], Sequence[Pick]],
        write: Callable[[Pick], object],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._record = record
        self._pick = pick
        self._write = write
        self._picks: queue.Queue[Pick | None] = queue.Queue(WAITING)  # None: `stop` was called
        self._stopping = threading.Event()
        self._thread = Supervised("picking", self._run, failed)
        self._started = False
        self.left_out = 0

    def __call__(self, judged: Sequence[JudgedInput]) -> tuple[Event, ...]:
        events = self._record(judged)
        for pick in self._pick(judged):
            try:
                self._picks.put_nowait(pick)
            except queue.Full:
                self.left_out += 1
        return events

    def start(self) -> None:
        self._started = True
        self._thread.start()

    def stop(self) -> None:
        """Writes what waits, for a second at most."""
        self._stopping.set()
        with suppress(queue.Full):  # then it does not wait for any
            self._picks.put_nowait(None)
        self._thread.stop()
        if self._started:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._picks.empty()):
            pick = self._picks.get()
            if pick is None:
                continue
            try:
                self._write(pick)
            except (RecordFailed, OSError) as error:
                log.warning("crop not kept", extra={"camera": pick.camera, "reason": str(error)})


def _lot(observation_id: str) -> float:
    """0..1, evenly spread, the same for the same observation."""
    return int.from_bytes(hashlib.sha256(observation_id.encode()).digest()[:6]) / 2**48
