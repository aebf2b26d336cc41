"""The site engine: what is configured runs, what is edited is replaced, what is broken changes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes import NOON, MemoryInbox, MemoryLedger, as_presented, grant_all, nothing_due, observation, request_of
from patience import eventually

from surveillance.domain.errors import ModelError, RecordFailed, RuleError
from surveillance.domain.kept import Keep, Kept
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Action, CameraReport, Input
from surveillance.engines.core import Core, told_of_itself
from surveillance.engines.site import SiteEngine, SiteParts
from surveillance.engines.supervise import Supervised
from surveillance.walk import CoreWalk

YARD, FRONT = Camera("yard", "synthetic://yard"), Camera("front", "synthetic://front-door")


class FakeCamera:
    """Tells one report and one observation, then waits to be stopped."""

    def __init__(self, camera: Camera, tell: Callable[[Input], None]) -> None:
        self.camera = camera
        self._tell = tell
        self._stopped = threading.Event()

    def run(self) -> None:
        self._tell(CameraReport(self.camera.name, NOON, "live", fps=5.0))
        self._tell(observation(camera=self.camera.name))
        self._stopped.wait()

    def stop(self) -> None:
        self._stopped.set()

    def change(self, camera: Camera) -> bool:
        return False

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        answer(Kept(keep.event, self.camera.name))


class FakeSite:
    """A configuration that a test edits, and an engine over it."""

    def __init__(self) -> None:
        self.site = Site(version=1, cameras=(YARD, FRONT))
        self.fault: Exception | None = None
        self.away = False
        self.running: dict[str, FakeCamera] = {}
        self.built: list[str] = []
        self.status: Mapping[str, Any] = {}
        self.ledger = MemoryLedger()
        core = Core(CoreWalk(request_of, grant_all, self.ledger, nothing_due), MemoryInbox(), as_presented)
        parts = SiteParts(
            version=lambda: (self.site.version, self.fault),
            read=lambda: self.site,
            swap=self._swap,
            camera=self._camera,
            dispatch=lambda now: (),
            tick=lambda now: None,
            after=self._after,
            close=lambda: None,
        )
        self.engine = SiteEngine(core, parts, self._publish)

    def edit(self, *cameras: Camera) -> None:
        self.site = replace(self.site, version=self.site.version + 1, cameras=cameras)

    def kinds(self) -> list[str]:
        return [event.decision.kind for event in self.ledger.events]

    def _swap(self, site: Site) -> None:
        if self.fault:
            raise self.fault

    def _camera(self, camera: Camera, tell: Callable[[Input], None]) -> FakeCamera:
        if camera.model == "missing":
            raise ModelError("no model is called 'missing'")
        self.built.append(camera.name)
        self.running[camera.name] = FakeCamera(camera, tell)
        return self.running[camera.name]

    def _after(self, became: tuple[Action, ...]) -> None:
        raise AssertionError("nothing is due")

    def _publish(self, status: Mapping[str, Any]) -> None:
        if self.away:
            raise RecordFailed("the database is away")
        self.status = status


@pytest.fixture
def site() -> Iterator[FakeSite]:
    site = FakeSite()
    site.engine.start()
    yield site
    site.engine.stop()


def test_every_camera_runs_and_its_state_is_published(site: FakeSite) -> None:
    assert eventually(lambda: len(site.ledger.events) == 2)
    site.engine.turn()
    seen = {"state": "live", "since": "2026-11-21T12:00:00.000Z", "reason": "", "fps": 5.0, "drops": {}, "scenes": {}}
    assert site.status["configuration_version"] == 1
    assert site.status["cameras"] == {"yard": seen, "front": seen}


def test_a_state_is_told_with_since_when(site: FakeSite) -> None:
    assert eventually(lambda: len(site.ledger.events) == 2)
    later = {second: NOON + timedelta(seconds=second) for second in (1, 2, 3)}
    for second, state in ((1, "live"), (2, "lost"), (3, "lost")):
        site.engine._take(CameraReport("yard", later[second], state))
    site.engine.turn()
    told = site.status["cameras"]
    assert {name: (camera["state"], camera["since"]) for name, camera in told.items() if name == "yard"} == {
        "yard": ("lost", "2026-11-21T12:00:02.000Z")
    }


def test_a_database_that_is_away_is_no_fault_of_the_engine(site: FakeSite) -> None:
    assert eventually(lambda: len(site.ledger.events) == 2)
    site.away = True
    site.engine.turn()
    site.away = False
    site.engine.turn()
    assert site.status["configuration_version"] == 1
    assert "health.degraded" not in site.kinds()


def test_only_what_was_edited_is_replaced(site: FakeSite) -> None:
    site.edit(YARD, replace(FRONT, analyze_fps=2.0))
    site.engine.turn()
    assert site.built == ["yard", "front", "front"] or site.built == ["front", "yard", "front"]
    site.edit(YARD)
    site.engine.turn()
    assert site.running["front"]._stopped.is_set()
    assert not site.running["yard"]._stopped.is_set()
    assert site.status["configuration_version"] == 3


def test_a_broken_rulebook_is_told_and_holds_up_no_camera(site: FakeSite) -> None:
    site.fault = RuleError(["rules.yaml:4: there is no word 'lable' here"])
    site.edit(YARD)
    site.engine.turn()
    assert site.status["configuration_version"] == 1
    assert "lable" in site.status["rule_fault"]
    assert site.running["front"]._stopped.is_set(), "removed is removed"
    assert not site.running["yard"]._stopped.is_set()
    assert eventually(lambda: "configuration.rejected" in site.kinds())


def test_a_camera_that_cannot_be_built_is_told_and_holds_up_no_other(site: FakeSite) -> None:
    site.edit(YARD, FRONT, Camera("gate", "synthetic://garden", model="missing"), Camera("hall", "synthetic://yard"))
    site.engine.turn()
    assert "hall" in site.built
    assert eventually(lambda: "health.degraded" in site.kinds())


def test_supervised_work_is_started_again_after_a_failure() -> None:
    failures: list[str] = []
    done = threading.Event()

    def work() -> None:
        if not failures:
            raise RuntimeError("out of memory")
        done.set()

    thread = Supervised("worker", work, lambda name, error: failures.append(f"{name}: {error}"))
    thread.start()
    assert done.wait(60)
    assert thread.join(60)
    assert failures == ["worker: out of memory"]


def test_a_thread_whose_failure_cannot_be_told_is_started_again_all_the_same() -> None:
    runs: list[str] = []
    done = threading.Event()

    def work() -> None:
        runs.append("run")
        if len(runs) == 1:
            raise RuntimeError("out of memory")
        done.set()

    def cannot_tell(name: str, error: Exception) -> None:
        raise RuntimeError("no memory for that either")

    thread = Supervised("worker", work, cannot_tell)
    thread.start()
    assert done.wait(60)
    assert thread.join(60)


def test_nobody_begins_deeds_any_more_when_the_last_ones_are_awaited() -> None:
    site, begun, released, said = FakeSite(), threading.Event(), threading.Event(), list[str]()

    def dispatch(now: datetime) -> tuple[Action, ...]:
        begun.set()
        released.wait(0.2)
        said.append("begun")
        return ()

    def close() -> None:
        said.append("awaited")
        released.set()

    site.engine.parts = replace(site.engine.parts, dispatch=dispatch, close=close)
    site.engine.start()
    begun.wait()
    site.engine.stop()
    assert said[-1] == "awaited"


def test_what_the_last_deeds_came_to_is_still_recorded() -> None:
    site = FakeSite()

    def close() -> None:
        time.sleep(0.1)
        site.engine.core.tell(told_of_itself("door.open_unknown", "the relay did not answer"))

    site.engine.parts = replace(site.engine.parts, close=close)
    site.engine.start()
    site.engine.stop()
    assert "door.open_unknown" in site.kinds()
