"""The whole service on real RTSP cameras gives the same kinds of events as `watch` gives on their films."""

from __future__ import annotations

from pathlib import Path

import pytest
from patience import eventually
from ports import free_port
from services import lacking

from surveillance.app.service import RunningSite, running_site
from surveillance.app.watch import WatchOrder, watch
from surveillance.bench.rtsp_server import Mount, RtspServer, is_installed
from surveillance.dashboard import DashboardSettings
from surveillance.engines.settings import EngineSettings
from surveillance.settings import Settings
from surveillance.storage.queries import EventFilter

FILMS = {"visitors": "one-by-one-person-detection.mp4", "street": "car-detection.mp4", "square": "vtest_480x360.mp4"}
RULES = """
- {name: seen, on: sighting, verdict: log, when: track_s >= 3}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_same_kinds_of_events_as_on_the_files(footage: Path, tmp_path: Path) -> None:
    if not is_installed():
        lacking("an RTSP server")
    films = {name: footage / "video" / film for name, film in FILMS.items()}
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    settings = Settings(
        data_dir=tmp_path / "data",
        dashboard=DashboardSettings(port=free_port()),
        engine=EngineSettings(kind="processes", answer_within_s=5.0),
    )
    expected = {
        name: {(event.decision.kind, event.decision.label) for event in watch(settings, WatchOrder(str(film), rules))}
        for name, film in films.items()
    }
    with RtspServer({f"/{name}": Mount([film]) for name, film in films.items()}) as server:
        site = tmp_path / "site.yaml"
        cameras = "".join(f"  - {{name: {name}, url: '{server.address(f'/{name}')}'}}\n" for name in films)
        site.write_text(f"cameras:\n{cameras}rules:\n{RULES}", encoding="utf-8")
        with running_site(settings, site, lambda line: None) as running:
            assert eventually(lambda: told(running, films) == expected, 240), (told(running, films), expected)


def told(running: RunningSite, cameras: dict[str, Path]) -> dict[str, set[tuple[str, str | None]]]:
    """What was logged of each camera so far, by kind and label."""
    found: dict[str, set[tuple[str, str | None]]] = {name: set() for name in cameras}
    for event in running.store.events.page(EventFilter(kind="sighting.logged"), None, 500)[0]:
        found[event["camera"]].add((event["kind"], event["label"]))
    return found
