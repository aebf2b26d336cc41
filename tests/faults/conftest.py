"""One site for all faults of a module, started once and ended with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faulty_site import FaultySite, blank, started
from painted_site import plugged_in

from surveillance.app.processes import RECOGNIZER, link_secret
from surveillance.app.runtime import runtime_dir
from surveillance.engines.remote import RecognizerLine
from surveillance.engines.slots import SlotWriter
from surveillance.settings import Settings


@pytest.fixture(scope="module")
def faulty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultySite]:
    with started(tmp_path_factory.mktemp("faults")) as site:
        yield site


@pytest.fixture
def ask_recognizer(faulty_site: FaultySite, tmp_path: Path) -> Iterator[Callable[[], bool]]:
    """Whether the recognizer answers a worker now."""
    settings: Settings = faulty_site.running.settings
    slots = SlotWriter(tmp_path / "slots", 2, 64 * 64 * 3)
    with plugged_in():
        path = runtime_dir(settings) / RECOGNIZER
        line = RecognizerLine(path, link_secret(settings), "probe", slots, 2)
        yield lambda: line.ask("painted", "probe", [blank()], 5.0, False) is not None
        line.close()
    slots.close()
