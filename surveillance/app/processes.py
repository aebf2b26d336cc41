"""The processes of a running site, each started by `surveillance run` and ended with it.

python -m surveillance.app.processes core              desk, judge, record, dispatch
python -m surveillance.app.processes recognizer        crops in, classifications out, for all workers
python -m surveillance.app.processes worker worker-1   the cameras that core assigns to it
python -m surveillance.app.web 127.0.0.1:8080          the dashboard

Each reads its settings as JSON from its standard input, so that no password shows in a list of processes.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from surveillance.app.runtime import runtime_dir
from surveillance.domain.errors import SurveillanceError, UserMistake
from surveillance.domain.ports import Classifier
from surveillance.domain.site import Camera
from surveillance.domain.values import Bgr
from surveillance.engines.children import PARENT, Child, beat_file
from surveillance.engines.figures import Figures
from surveillance.engines.link import Switchboard
from surveillance.engines.measured import ProcessFigures
from surveillance.logs import configure_logs
from surveillance.settings import PREFIX, Settings
from surveillance.storage.keys import KeyStore

if TYPE_CHECKING:
    from surveillance.engines.crew import Crew
    from surveillance.engines.remote import RecognizerLine
    from surveillance.engines.slots import SlotWriter

log = logging.getLogger(__name__)

BEAT_S = 1.0
CORE_STUCK_S = 10.0
BATCH_STUCK_S = 20.0
READY_S = 15.0  # how long a worker waits for the recognizer's model before it starts its cameras without
CORE, RECOGNIZER = "core.sock", "recognizer.sock"


def children_of(settings: Settings) -> list[Child]:
    """The processes of a site besides the dashboard."""
    module = "surveillance.app.processes"
    workers = [Child(name, module, ("worker", name)) for name in settings.engine.worker_names]
    core = Child("core", module, ("core",), stage=2)  # it still records what the workers told last
    return [core, Child("recognizer", module, ("recognizer",), stage=1), *workers]


def handed_over(settings: Settings) -> bytes:
    """What a child reads first."""
    return settings.model_dump_json().encode()


def take_settings() -> Settings:
    """The settings that the parent handed over; whatever the environment says is in them already."""
    values = json.loads(sys.stdin.buffer.read())
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[variable]
    return Settings(**values)


def end_with_parent() -> None:
    """Asks Linux to end this process when the one that started it is gone, even killed (prctl, PR_SET_PDEATHSIG).

    Raises SystemExit when that is gone already: nobody would end this process any more.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    parent = os.environ.pop(PARENT, None)
    if parent is not None and os.getppid() != int(parent):
        raise SystemExit("the service that started this process is gone")


def until_told(stop: Callable[[], None]) -> None:
    """`stop` is called on SIGTERM. Ctrl-C in a terminal is the parent's to hear."""
    signal.signal(signal.SIGTERM, lambda *_: stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_core(settings: Settings) -> int:
    """Desk, judge, record and dispatch; cameras are worked by the workers that call."""
    from surveillance.app.engine import running_engine
    from surveillance.app.store import open_store
    from surveillance.engines.core import Core
    from surveillance.engines.fleet import Fleet

    stopping = threading.Event()
    until_told(stopping.set)
    store, figures = open_store(settings, existing=True), Figures()
    figures.before_telling(ProcessFigures("core", figures))
    fleets: list[Fleet] = []

    def build_place(core: Core) -> Fleet:
        fleets.append(Fleet(settings.engine.worker_names, core.tell, figures.absorb, core.failed_elsewhere))
        return fleets[0]

    with running_engine(settings, store, build_place, figures) as engine:
        switchboard = Switchboard(runtime_dir(settings) / CORE, link_secret(settings), fleets[0].serve)
        beats = beating(settings, "core")
        while not stopping.wait(BEAT_S):
            if engine.core_age_s() < CORE_STUCK_S:  # else the thread that judges hangs
                beats()
        fleets[0].close()
        switchboard.close()
    return 0


def run_recognizer(settings: Settings) -> int:
    """Classifies for all workers. Ends with 1 when a model fails, and is started anew."""
    from surveillance.app.measuring import keep_writing
    from surveillance.app.worker import Recognizers
    from surveillance.engines.remote import RecognizerDesk

    stopping = threading.Event()
    until_told(stopping.set)
    failures: list[str] = []

    def failed(name: str, error: Exception) -> None:
        failures.append(f"{name}: {error}")
        stopping.set()

    figures = Figures()
    figures.before_telling(ProcessFigures("recognizer", figures))
    recognizers = Recognizers(settings, failed, figures, are_fitted=True)
    recognizers.of(None)  # before anybody is served
    keep_writing(settings, figures)
    desk = RecognizerDesk(recognizers.of, recognizers.candidate)
    switchboard = Switchboard(runtime_dir(settings) / RECOGNIZER, link_secret(settings), desk.serve)
    beats = beating(settings, "recognizer")
    while not stopping.wait(BEAT_S):
        if recognizers.busy_s() < BATCH_STUCK_S:
            beats()
    switchboard.close()
    recognizers.close()
    return 1 if failures else 0


def run_worker(settings: Settings, name: str) -> int:
    """Runs the cameras that core assigns."""
    from surveillance.app.second_opinion import SecondOpinion
    from surveillance.app.worker import CameraBuilder, build_shadow
    from surveillance.engines.backlog import Backlog
    from surveillance.engines.crew import Crew
    from surveillance.engines.remote import RecognizerLine, RemoteLane
    from surveillance.engines.supervise import WallClock

    engine, directory, secret = settings.engine, runtime_dir(settings), link_secret(settings)
    slots = open_slots(settings, name)
    line = RecognizerLine(directory / RECOGNIZER, secret, name, slots, engine.slots)

    def lane_of(camera: Camera, answered: Callable[[bool], None]) -> Classifier:
        model, side, fit = fitting(settings, camera.model)
        most = engine.slot_bytes // (side * side * 3)
        urgent = partial(is_urgent, camera.name)
        return RemoteLane(line, camera.name, model, fit, most, engine.answer_within_s, answered, urgent)

    def is_urgent(camera: str) -> bool:
        return camera in crew.urgent

    figures, backlog, clock = Figures(), Backlog(engine.backlog), WallClock()
    second = SecondOpinion(engine, name, directory / RECOGNIZER, secret, lambda model: fitting(settings, model))
    shadow = build_shadow(settings, second.lane, lambda told: crew.compared(told), figures)

    def measure() -> None:
        figures.set("queue_length", len(backlog), queue="backlog", process=name)
        figures.count_to("inputs_dropped", backlog.dropped, reason="backlog_full")

    def failed(name: str, error: Exception) -> None:
        crew.failed(name, error)

    def told() -> Mapping[str, Any]:  # asked once a second, by the thread that keeps the cameras
        beats()
        if clock.was_set_back():
            log.warning("clock set back, tracks begin anew")
            crew.stop()  # and is started again: nothing here can be compared with what comes now
        return figures.as_json()

    beats = beating(settings, name)
    figures.before_telling(measure)
    figures.before_telling(ProcessFigures(name, figures))
    crew = Crew(
        name,
        CameraBuilder(settings, lane_of, shadow, failed, figures, lambda seen: crew.glimpsed(seen), is_urgent),
        told,
        backlog,
        shadow.change,
    )
    until_told(crew.stop)
    try:
        await_recognizer(line, crew)
        crew.run(directory / CORE, secret)
    finally:
        shadow.close()
        second.close()
        line.close()
        slots.close()
    return 0


def open_slots(settings: Settings, name: str) -> SlotWriter:
    """Where this worker puts crops for the recognizer."""
    from surveillance.engines.slots import SlotWriter

    directory, engine = runtime_dir(settings), settings.engine
    for left in directory.glob(f"slots-{name}-*"):  # by a run of this worker that was killed
        left.unlink(missing_ok=True)
    return SlotWriter(directory / f"slots-{name}-{os.getpid()}", engine.slots, engine.slot_bytes)


def await_recognizer(line: RecognizerLine, crew: Crew) -> None:
    """For a while: else every start would tell of cameras that get no answer."""
    ends_s = time.monotonic() + READY_S
    while not crew.is_stopping and time.monotonic() < ends_s and not line.wait_open(BEAT_S / 5):
        pass


def beating(settings: Settings, name: str) -> Callable[[], None]:
    """The sign of life that whoever keeps the processes alive looks for."""
    file = beat_file(runtime_dir(settings), name)

    def beat() -> None:
        with suppress(OSError):  # the directory goes when the service ends
            file.touch()

    return beat


def fitting(settings: Settings, model: str | None) -> tuple[str, int, Callable[[Bgr], Bgr]]:
    """A model's name, its input's side in pixels, and what makes such an input of a crop. Raises NotFound."""
    from surveillance.perception import registry
    from surveillance.perception.cards import find_card

    card = find_card(model or settings.perception.model, settings.model_dirs)
    shape = card.input
    return card.name, shape.size, lambda crop: registry.fit_crop(crop, shape.size, shape.fit, shape.resize)


def link_secret(settings: Settings) -> bytes:
    """By which the processes of one site know each other."""
    return KeyStore(settings.data_dir / "keys").key("link")


def main(arguments: list[str]) -> int:
    """One line for what is expected to go wrong: exit code 2 for what a person must put right, else 1."""
    end_with_parent()
    settings = take_settings()
    configure_logs(settings.log, arguments[-1])
    kind, *rest = arguments
    try:
        if kind == "core":
            return run_core(settings)
        if kind == "recognizer":
            return run_recognizer(settings)
        return run_worker(settings, *rest)
    except SurveillanceError as error:
        log.error("cannot go on", extra={"reason": str(error)})
        return 2 if isinstance(error, UserMistake) else 1


if __name__ == "__main__":
    code = main(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # all is closed by now; taking torch down in an orderly way takes seconds
