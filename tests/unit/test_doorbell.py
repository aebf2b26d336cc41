"""Whoever asks core rings: core comes at once though it looks seldom, and a bell that nobody hears harms nobody."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from surveillance.engines.doorbell import Doorbell, ring
from tests.fakes import MemoryInbox, MemoryLedger
from tests.patience import eventually
from tests.unit.test_core import asking, core_with


def test_a_ring_is_heard_until_the_bell_is_closed(tmp_path: Path) -> None:
    place, heard = tmp_path / "bell", threading.Event()
    ring(place)  # nobody listens yet
    bell = Doorbell(place, heard.set)
    ring(place)
    assert heard.wait(60)
    bell.close()
    ring(place)
    assert not place.exists()


def test_a_core_that_hears_the_bell_answers_when_it_is_rung(tmp_path: Path) -> None:
    inbox = MemoryInbox()
    core = core_with(MemoryLedger(), inbox)
    core.hears = True
    bell = Doorbell(tmp_path / "bell", core.rung)
    thread = threading.Thread(target=core.run)
    thread.start()
    assert eventually(lambda: core.turned_at_s < time.monotonic() - 0.02)  # it rests
    inbox.asked.append(asking("front"))
    ring(tmp_path / "bell")
    assert eventually(lambda: bool(inbox.answers))
    core.stop()
    thread.join(60)
    bell.close()
    assert inbox.answers["ask-1"]["verdict"] == "authorize"
