"""How long a camera's worker waits for its answer, with a stub for a model: 4 ms, and 1 ms more for each crop.

Eight cameras ask five times a second, then as often as one after the other could just be served, then anew as soon as
they are answered. Ours is asked in the same process and across the hop to a recognizer's process; beside it the same
stub serves one crop at a time, as is often done.
`python -m surveillance.bench.handoff FOLDER` is that process.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tqdm import tqdm

from surveillance.bench.machine import facts_of_machine, load_now
from surveillance.domain.errors import Expired
from surveillance.domain.ports import Classifier
from surveillance.domain.values import Bgr, Classification
from surveillance.engines.link import Switchboard
from surveillance.engines.recognizer import SharedRecognizer
from surveillance.engines.remote import RecognizerDesk, RecognizerLine, RemoteLane
from surveillance.engines.slots import SlotWriter
from surveillance.walk import RecognizerWalk

CAMERAS = 8
PACES: Mapping[str, float] = {"calm": 40.0, "brisk": 181.0, "ceaseless": 0.0}  # asks a second of all; 0: at once
BASE_S, EACH_S = 0.004, 0.001
SIDE, MODEL = 64, "stub"
SECRET = b"of a bench"  # between two processes that live as long as it
ANSWER_WITHIN_S = 1.0
SEEN = Classification("person", 1.0, {"person": 1.0}, MODEL)
Lanes = Sequence[Classifier]


def stub(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
    """Waits as a model on an accelerator lets its caller wait."""
    time.sleep(BASE_S + EACH_S * len(crops))
    return (SEEN,) * len(crops)


def measure(seconds: float, rounds: int) -> dict[str, Any]:
    """By pace and way: p50_ms, p95_ms, p99_ms of all rounds, and how many asks were answered a second."""
    load = load_now()
    with shared_here() as here, across_processes() as across, one_at_a_time() as serial:
        ways: dict[str, Lanes] = {"ours": across, "ours_in_one_process": here, "one_at_a_time": serial}
        found: dict[str, dict[str, list[float]]] = {pace: {way: [] for way in ways} for pace in PACES}
        for number in tqdm(range(rounds), unit="round", disable=None, leave=False):
            for pace, per_s in PACES.items():
                for way, lanes in ways.items():
                    found[pace][way] += asked(lanes, seconds, per_s, number)
    told = {
        pace: {
            way: percentiles(waits) | {"per_s": round(len(waits) / rounds / seconds)} for way, waits in by_way.items()
        }
        for pace, by_way in found.items()
    }
    ours = {f"handoff_{pace}_p95_ms": told[pace]["ours"]["p95_ms"] for pace in PACES}
    return {"machine": facts_of_machine(load), "cameras": CAMERAS, "paces": told} | ours


def percentiles(waits_s: Sequence[float]) -> dict[str, float]:
    """p50_ms, p95_ms and p99_ms."""
    values = np.percentile(np.array(waits_s) * 1000, (50, 95, 99))
    return {name: round(float(value), 1) for name, value in zip(("p50_ms", "p95_ms", "p99_ms"), values, strict=True)}


def asked(lanes: Lanes, seconds: float, per_s: float, seed: int) -> list[float]:
    """Each lane is asked for one crop at a time, at even pace from a moment of its own; how long each answer took.

    An ask that comes late because the one before was not answered yet has waited since it was due.
    """
    dice, step_s = random.Random(seed), CAMERAS / per_s if per_s else 0.0  # noqa: S311 (the same phases in every run)
    crop = [np.zeros((SIDE, SIDE, 3), np.uint8)]
    began_s = time.monotonic() + 0.05
    waits: list[float] = []

    def ask(lane: Classifier, due_s: float) -> None:
        while due_s < began_s + seconds:
            time.sleep(max(due_s - time.monotonic(), 0.0))
            with suppress(Expired):  # it has waited long enough to show
                lane(crop)
            now_s = time.monotonic()
            waits.append(now_s - due_s)
            due_s = due_s + step_s if per_s else now_s

    threads = [threading.Thread(target=ask, args=(lane, began_s + dice.random() * step_s)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waits


# --- the ways ------------------------------------------------------------------------------------------------------


@contextmanager
def shared_here() -> Iterator[Lanes]:
    """Ours, all in this process."""
    with running_recognizer() as recognizer:
        yield [recognizer.lane(f"camera-{number}") for number in range(CAMERAS)]


@contextmanager
def running_recognizer() -> Iterator[SharedRecognizer]:
    recognizer = SharedRecognizer(RecognizerWalk(stub), deadline_s=ANSWER_WITHIN_S)
    thread = threading.Thread(target=recognizer.run, daemon=True)
    thread.start()
    try:
        yield recognizer
    finally:
        recognizer.stop()
        thread.join()


@contextmanager
def across_processes() -> Iterator[Lanes]:
    """Ours, with the recognizer in a process of its own: crops go through shared memory."""
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        server = subprocess.Popen([sys.executable, "-m", "surveillance.bench.handoff", name], stdin=subprocess.PIPE)
        slots = SlotWriter(folder / "slots", 32, CAMERAS * SIDE * SIDE * 3)
        line = RecognizerLine(folder / "line", SECRET, "worker", slots, 32)
        try:
            if not line.wait_open(30.0):
                raise RuntimeError("the recognizer's process did not answer")
            yield [_remote(line, number) for number in range(CAMERAS)]
        finally:
            line.close()
            slots.close()
            server.kill()
            server.communicate()


def _remote(line: RecognizerLine, number: int) -> RemoteLane:
    fit: Callable[[Bgr], Bgr] = lambda crop: crop  # noqa: E731
    return RemoteLane(
        line, f"camera-{number}", MODEL, fit, 1, ANSWER_WITHIN_S, answered=lambda came: None, urgent=lambda: False
    )


@contextmanager
def one_at_a_time() -> Iterator[Lanes]:
    """The same stub behind a lock."""
    lock = threading.Lock()

    def serve(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        with lock:
            return stub(crops)

    yield [serve] * CAMERAS


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people."""
    yield f"{figures['machine']['told']}; {figures['cameras']} cameras, one crop at a time"
    for pace, ways in figures["paces"].items():
        for way, told in ways.items():
            waits = "  ".join(f"{name} {told[f'{name}_ms']:6.1f}" for name in ("p50", "p95", "p99"))
            yield f"{pace:10} {way.replace('_', ' '):20} {waits} ms, {told['per_s']} answers a second"


def serve(folder: Path) -> None:
    """The recognizer's process, until whoever started it is gone."""
    with running_recognizer() as recognizer:
        Switchboard(folder / "line", SECRET, RecognizerDesk(lambda model: recognizer).serve)
        sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
