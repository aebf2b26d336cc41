"""A process that hangs is not dead, and nobody is let in on what it should have said; when it goes on, all goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from faulty_site import FaultySite
from patience import eventually

pytestmark = pytest.mark.timeout(300)


@contextmanager
def hung(site: FaultySite, name: str) -> Iterator[None]:
    """Stopped for less than it takes to be killed for it."""
    pid = site.running.children.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_door_stays_shut_while_its_cameras_worker_hangs(faulty_site: FaultySite) -> None:
    assert eventually(lambda: faulty_site.badge("side") == "authorize"), "its camera sees"
    with hung(faulty_site, worker_of_the_yard(faulty_site)):
        assert eventually(lambda: faulty_site.badge("side") == "deny", 25)
        assert eventually(lambda: faulty_site.badge("back") == "authorize", 10), (
            "a door without a camera is not concerned"
        )
    assert eventually(lambda: faulty_site.badge("side") == "authorize", 120)
    faulty_site.check()


def test_a_door_stays_shut_while_the_recognizer_hangs(faulty_site: FaultySite) -> None:
    assert eventually(lambda: faulty_site.badge("side") == "authorize")
    with hung(faulty_site, "recognizer"):
        assert eventually(lambda: faulty_site.badge("side") == "deny", 25)
    assert eventually(lambda: faulty_site.badge("side") == "authorize", 120)
    faulty_site.check()


def test_nobody_is_let_in_while_core_hangs(faulty_site: FaultySite) -> None:
    with hung(faulty_site, "core"):
        assert {faulty_site.badge("back") for _ in range(3)} == {"deny"}
    assert eventually(lambda: faulty_site.badge("back") == "authorize", 120)
    faulty_site.check()


def worker_of_the_yard(site: FaultySite) -> str:
    """Cameras are shared out in turn, the yard first."""
    return site.running.settings.engine.worker_names[0]
