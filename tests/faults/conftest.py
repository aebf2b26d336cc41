"""One site for all faults of a module, started once and ended with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fault_figures import gather, table
from faulty_site import SITE, FaultySite, blank, keep_asking
from painted_site import painted_settings, plugged_in, running_painted
from patience import eventually

from surveillance import places
from surveillance.app.processes import RECOGNIZER, link_secret
from surveillance.app.runtime import runtime_dir
from surveillance.app.store import open_store, relay_token, upgrade_database
from surveillance.demo.controller import DoorController
from surveillance.engines.remote import RecognizerLine
from surveillance.engines.slots import SlotWriter
from surveillance.settings import Settings


@pytest.fixture(scope="module")
def faulty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultySite]:
    folder = tmp_path_factory.mktemp("faults")
    settings = painted_settings(folder)
    settings = settings.model_copy(update={"perception": settings.perception.model_copy(update={"model": "painted"})})
    whole = (places.shipped("config") / "models" / "embedded.yaml").read_text(encoding="utf-8")
    (settings.data_dir / "models").mkdir(parents=True)
    (settings.data_dir / "models" / "painted.yaml").write_text(whole.replace("name: embedded", "name: painted", 1))
    upgrade_database(settings)
    store = open_store(settings)
    token = store.accounts.create_token("reader", ["access:request"])
    began = datetime.now(UTC)
    with (
        DoorController(["back"], relay_token(store.keys, "back")) as back,
        DoorController(["side"], relay_token(store.keys, "side")) as side,
        running_painted(settings, SITE.format(relay=back.relay_url("back"), side=side.relay_url("side"))) as running,
    ):
        site = FaultySite(running, (back, side), token, began)
        assert eventually(lambda: len(site.told_of_tracks()) >= 2)
        stopping = threading.Event()
        reader = threading.Thread(target=lambda: keep_asking(site, stopping), daemon=True)
        reader.start()
        yield site
        stopping.set()
        reader.join(10)
        gather(site.recovered_s)
        print(f"\n{table(site.recovered_s)}")


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
