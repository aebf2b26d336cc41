"""Core and its workers over a real socket: who runs what, what is told arrives once, who leaves is missed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOON, observation
from patience import eventually

from surveillance.domain.errors import ModelError
from surveillance.domain.kept import Keep, Kept
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, CodeSeen, Decision, Glimpse, Input, Observation
from surveillance.engines.crew import Crew
from surveillance.engines.fleet import Fleet, FleetCamera
from surveillance.engines.link import Switchboard, Wire

SECRET = b"known to both"
YARD, FRONT = Camera("yard", "paint://yard"), Camera("front", "paint://front")


class FakeWork:
    """A camera that tells what the test puts in its mouth."""

    def __init__(self, camera: Camera, tell: Callable[[Input], None]) -> None:
        self.camera = camera
        self.tell = tell
        self.changes: list[Camera] = []
        self._stopped = threading.Event()

    def run(self) -> None:
        self._stopped.wait()

    def stop(self) -> None:
        self._stopped.set()

    def change(self, camera: Camera) -> bool:
        self.changes.append(camera)
        return camera.url == self.camera.url

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        answer(Kept(keep.event, keep.camera, missing={"clip": "nothing to keep"}))


class Worker:
    """A crew in a thread, and the works it built."""

    def __init__(self, name: str, core: Path) -> None:
        self.works: dict[str, FakeWork] = {}
        self.measured = 0  # how often it gave a sign of life
        self.crew = Crew(name, self._build, self._measure)
        self._thread = threading.Thread(target=self.crew.run, args=(core, SECRET), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.crew.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def cut(self) -> None:
        """The line breaks as it does when the process is killed."""
        assert self.crew._wire is not None
        self.crew._wire.hang_up()

    def _measure(self) -> dict[str, int]:
        self.measured += 1
        return {}

    def _build(self, camera: Camera, tell: Callable[[Input], None]) -> FakeWork:
        if camera.model == "missing":
            raise ModelError("no model is called 'missing'")
        self.works[camera.name] = FakeWork(camera, tell)
        return self.works[camera.name]


@dataclass
class CoreSide:
    """A fleet behind a socket; inputs are safe once the test says so."""

    path: Path
    notes: list[Decision] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    taken: list[tuple[Input, bool]] = field(default_factory=list)
    unsafe: list[Callable[[], None]] = field(default_factory=list)
    cameras: dict[str, FleetCamera] = field(default_factory=dict)

    listens: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        self.listens.set()
        self.fleet = Fleet(["worker-1", "worker-2"], self.notes.append, failed=self.hear_failure)
        self.switchboard = Switchboard(self.path, SECRET, self.fleet.serve)

    def close(self) -> None:
        self.listens.set()
        self.fleet.close()
        self.switchboard.close()

    def run(self, camera: Camera) -> None:
        self.cameras[camera.name] = self.fleet.camera(camera, self.take)

    def take(self, entry: Input, done: Callable[[], None] | None = None, again: bool = False) -> None:
        self.listens.wait()
        self.taken.append((entry, again))
        if done is not None:
            self.unsafe.append(done)

    def hear_failure(self, component: str, error: str) -> None:
        self.failures.append((component, error))

    def make_safe(self) -> None:
        while self.unsafe:
            self.unsafe.pop(0)()

    def told(self) -> list[Observation]:
        return [entry for entry, _ in self.taken if isinstance(entry, Observation)]

    def reasons(self) -> list[str]:
        return [f"{note.kind} {note.reasons[0]}" for note in self.notes]


@pytest.fixture
def core(tmp_path: Path) -> Iterator[CoreSide]:
    core = CoreSide(tmp_path / "core.sock")
    core.open()
    yield core
    core.close()


@pytest.fixture
def workers(core: CoreSide) -> Iterator[list[Worker]]:
    workers = [Worker(name, core.path) for name in ("worker-1", "worker-2")]
    yield workers
    for worker in workers:
        worker.stop()


def running(workers: list[Worker]) -> list[set[str]]:
    return [set(worker.crew._cameras) for worker in workers]


def test_cameras_are_shared_out_changed_and_taken_back(core: CoreSide, workers: list[Worker]) -> None:
    core.run(YARD)
    core.run(FRONT)
    assert eventually(lambda: running(workers) == [{"yard"}, {"front"}])
    work = workers[0].works["yard"]
    assert core.cameras["yard"].change(replace(YARD, analyze_fps=2.0))
    assert eventually(lambda: work.changes == [replace(YARD, analyze_fps=2.0)])
    core.cameras["yard"].change(replace(YARD, url="paint://elsewhere"))
    assert eventually(lambda: workers[0].works["yard"] is not work), "another address is another work"
    core.cameras["front"].stop()
    assert eventually(lambda: running(workers) == [{"yard"}, set()])


def test_what_is_told_arrives_in_order_and_is_kept_until_safe(core: CoreSide, workers: list[Worker]) -> None:
    core.run(YARD)
    assert eventually(lambda: "yard" in workers[0].works)
    told = [observation(track=number) for number in range(20)]
    for entry in told:
        workers[0].works["yard"].tell(entry)
    assert eventually(lambda: core.told() == told)
    assert len(workers[0].crew.backlog) == 20
    core.make_safe()
    assert eventually(lambda: len(workers[0].crew.backlog) == 0)


def test_what_is_seen_for_the_moment_alone_is_not_kept(core: CoreSide, workers: list[Worker]) -> None:
    heard: list[Glimpse] = []
    core.fleet.listen(heard.append)
    glimpse = CodeSeen("yard", 1, NOON, NOON, "SB1.secret")
    assert eventually(lambda: workers[0].crew._wire is not None)
    workers[0].crew.glimpsed(glimpse)
    assert eventually(lambda: heard == [glimpse])
    assert "secret" not in repr(glimpse)
    assert len(workers[0].crew.backlog) == 0


def test_only_what_lies_before_the_first_unsafe_input_is_let_go(core: CoreSide, workers: list[Worker]) -> None:
    core.run(YARD)
    assert eventually(lambda: "yard" in workers[0].works)
    for number in range(3):
        workers[0].works["yard"].tell(observation(track=number))
    assert eventually(lambda: len(core.unsafe) == 3)
    first, second, third = core.unsafe
    third()
    first()
    assert eventually(lambda: len(workers[0].crew.backlog) == 2)
    second()
    assert eventually(lambda: len(workers[0].crew.backlog) == 0)


def test_a_worker_that_is_cut_off_is_missed_and_sends_again(core: CoreSide, workers: list[Worker]) -> None:
    core.run(YARD)
    assert eventually(lambda: "yard" in workers[0].works)
    entry = observation(track=1)
    workers[0].works["yard"].tell(entry)
    assert eventually(lambda: core.taken == [(entry, False)])
    workers[0].cut()
    assert eventually(lambda: (entry, True) in core.taken)
    blinded = [entry for entry, _ in core.taken if isinstance(entry, CameraReport)]
    assert [(report.state, report.reason, report.changed) for report in blinded] == [
        ("blinded", "worker-1 is gone", True)
    ]
    assert core.reasons() == ["health.degraded worker-1 is gone"]
    assert running(workers)[0] == {"yard"}, "the camera went on meanwhile"


def test_core_started_anew_finds_the_cameras_where_they_run(core: CoreSide, workers: list[Worker]) -> None:
    core.run(FRONT)
    core.run(YARD)
    assert eventually(lambda: running(workers) == [{"front"}, {"yard"}])
    works = [workers[0].works["front"], workers[1].works["yard"]]
    core.close()
    works[1].tell(told := observation(track=7))
    core.open()
    core.run(YARD)  # in another order, so that they would be shared out the other way round
    core.run(FRONT)
    assert eventually(lambda: core.told() == [told])
    assert eventually(lambda: running(workers) == [{"front"}, {"yard"}] and len(core.fleet._wires) == 2)
    assert [workers[0].works["front"], workers[1].works["yard"]] == works, "and none was started anew"


def test_a_camera_that_cannot_be_run_is_told_with_its_reason(core: CoreSide, workers: list[Worker]) -> None:
    core.run(replace(YARD, model="missing"))
    expected = ["health.degraded camera yard: no model is called 'missing'"]
    assert eventually(lambda: core.reasons() == expected)


def test_a_thread_that_failed_while_core_was_away_is_told_once_it_is_back(
    core: CoreSide, workers: list[Worker]
) -> None:
    core.close()
    assert eventually(lambda: workers[0].crew._wire is None)
    workers[0].crew.failed("main stream yard", RuntimeError())
    core.open()
    assert eventually(lambda: core.failures == [("main stream yard", "RuntimeError")])


def test_what_cannot_be_said_does_not_silence_a_worker(core: CoreSide, workers: list[Worker]) -> None:
    core.run(YARD)
    assert eventually(lambda: "yard" in workers[0].works)
    workers[0].crew.glimpsed(CodeSeen("yard", 1, NOON, NOON, lambda: "none that could be sent"))  # type: ignore[arg-type]
    assert eventually(lambda: [component for component, _ in core.failures] == ["tell core"])
    told = observation(track=1)
    workers[0].works["yard"].tell(told)
    assert eventually(lambda: core.told() == [told])


def test_a_wish_to_keep_is_always_answered(core: CoreSide, workers: list[Worker]) -> None:
    answers: list[Kept] = []
    core.run(YARD)
    assert eventually(lambda: "yard" in workers[0].works)
    core.cameras["yard"].keep(Keep("event-1", "yard", NOON, NOON, NOON + timedelta(seconds=1)), answers.append)
    assert eventually(lambda: answers == [Kept("event-1", "yard", missing={"clip": "nothing to keep"})])
    workers[0].stop()
    assert eventually(lambda: "worker-1" not in core.fleet._wires)
    core.cameras["yard"].keep(Keep("event-2", "yard", NOON, NOON, NOON), answers.append)
    assert answers[1].missing["clip"] == "the camera's worker is not there"
    assert core.reasons() == [], "a worker that was told to stop is no fault"


def test_a_worker_is_alive_while_core_takes_nothing(core: CoreSide, workers: list[Worker]) -> None:
    """As when the disk is full: whoever takes it for hung would kill it, and what it keeps would be lost."""
    core.run(YARD)
    assert eventually(lambda: "yard" in workers[0].works)
    core.listens.clear()
    told = [observation(track=number) for number in range(3000)]  # more than a socket holds
    for entry in told:
        workers[0].works["yard"].tell(entry)
    assert eventually(lambda: workers[0].crew.backlog._sent > 0)
    threading.Event().wait(0.5)
    before = workers[0].measured
    assert eventually(lambda: workers[0].measured >= before + 2)
    core.listens.set()
    assert eventually(lambda: core.told() == told)


def test_the_cameras_of_a_worker_that_leaves_are_not_trusted(core: CoreSide, workers: list[Worker]) -> None:
    core.run(YARD)
    assert eventually(lambda: "yard" in workers[0].works)
    workers[0].stop()
    assert eventually(
        lambda: (
            [(entry.state, entry.changed) for entry, _ in core.taken if isinstance(entry, CameraReport)]
            == [("blinded", False)]
        )
    )
    assert core.reasons() == []


def test_a_stranger_is_not_heard(core: CoreSide, tmp_path: Path) -> None:
    stranger = Crew("worker-1", lambda camera, tell: FakeWork(camera, tell))
    thread = threading.Thread(target=stranger.run, args=(core.path, b"a guess"), daemon=True)
    thread.start()
    core.run(YARD)
    threading.Event().wait(0.5)
    assert stranger._wire is None
    stranger.stop()
    thread.join(60)


def test_a_wire_is_closed_once_whoever_sends_is_done() -> None:
    """Else the sender is told something else than that it is over, and does not send again what did not come."""
    begun, released, said = threading.Event(), threading.Event(), list[str]()

    class Slow:
        """A connection in the midst of sending."""

        def send(self, message: object) -> None:
            begun.set()
            released.wait(0.2)
            said.append("sent")

        def fileno(self) -> int:
            raise OSError("there is nothing to hang up")

        def close(self) -> None:
            said.append("closed")
            released.set()

    connection: Any = Slow()
    wire = Wire(connection)
    sender = threading.Thread(target=wire.send, args=("a word",))
    sender.start()
    begun.wait()
    wire.close()
    sender.join()
    assert said == ["sent", "closed"]
