"""Inline and processes are one product: the same recorded inputs leave the same decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from clips import make_mp4
from painted_site import painted_settings, running_painted, status_of
from patience import eventually

from surveillance.app.service import RunningSite
from surveillance.domain.site import Camera
from surveillance.domain.values import Observation
from surveillance.storage.queries import EventFilter

SITE = """
cameras:
  - name: yard
    url: "{clip}"
    zones:
      - {{name: right, points: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]], restricted: true}}
    lines:
      - {{name: middle, start: [0.5, 0], end: [0.5, 1]}}
rules:
  - {{name: seen, on: sighting, verdict: log, when: label == "person", cooldown_s: 600}}
  - {{name: crossed, on: sighting, verdict: alert, when: '"middle:in" in crossed or "middle:out" in crossed'}}
"""
PAINTED = """
cameras:
  - {name: yard, url: "paint://yard?period=3"}
rules:
  - {name: seen, on: sighting, verdict: log, when: label == "person"}
"""
KINDS = ("inline", "processes")


def decided(running: RunningSite) -> list[tuple[Any, ...]]:
    """What the film led to, without what differs by nature (ids, times of day)."""
    page, _ = running.store.events.page(EventFilter(camera="yard"), None, 200)
    told = ("media_s", "kind", "verdict", "rule", "label", "zones", "track", "reasons")
    return sorted(tuple(str(event[key]) for key in told) for event in page if event["media_s"] is not None)


def watched(kind: str, folder: Path) -> list[tuple[Any, ...]]:
    """All decisions of a site that watched the film to its end."""
    clip = make_mp4(folder / "film.mp4", 150)
    began = datetime.now(UTC)
    with running_painted(painted_settings(folder, kind=kind), SITE.format(clip=clip)) as running:

        def is_over() -> bool:
            seen = running.store.events.inputs_since(began)
            return sum(isinstance(entry, Observation) and entry.change == "left" for entry in seen) >= 2

        assert eventually(is_over), list(running.store.events.inputs_since(began))
        return decided(running)


def test_inline_and_processes_decide_alike(tmp_path: Path) -> None:
    found = {}
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        found[kind] = watched(kind, tmp_path / kind)
    assert {row[1] for row in found["inline"]} == {"sighting.logged", "sighting.alerted", "presence.denied"}
    assert found["inline"] == found["processes"]


@pytest.mark.parametrize("kind", KINDS)
def test_edits_apply_without_a_restart(kind: str, tmp_path: Path) -> None:
    """Cameras and rules come and go within the running site, whichever way it runs."""
    with running_painted(painted_settings(tmp_path, kind=kind), PAINTED) as running:
        site = running.store.site
        assert eventually(lambda: set(status_of(running).get("cameras", {})) == {"yard"})
        both = (*site.read().cameras, Camera("front", "paint://front?period=6"))
        site.save(replace(site.read(), cameras=both), "test")
        assert eventually(lambda: live_cameras(running) == {"yard", "front"})
        assert eventually(lambda: "front" in {event["camera"] for event in sightings(running)}, 60)
        site.save(replace(site.read(), cameras=both[1:]), "test")
        assert eventually(lambda: set(status_of(running)["cameras"]) == {"front"})
        assert status_of(running)["configuration_version"] == site.version() == 3


def live_cameras(running: RunningSite) -> set[str]:
    cameras = status_of(running).get("cameras", {})
    return {name for name, told in cameras.items() if told["state"] == "live"}


def sightings(running: RunningSite) -> list[dict[str, Any]]:
    return running.store.events.page(EventFilter(kind="sighting.logged"), None, 200)[0]
