"""What is kept of events survives the death of core and of the camera's worker, or is told to be missing."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clips import make_mp4
from painted_site import painted_settings, running_painted
from patience import eventually
from services import lacking

from surveillance.app.service import RunningSite
from surveillance.bench.rtsp_server import RtspServer, is_installed
from surveillance.storage.queries import EventFilter
from surveillance.storage.settings import StorageSettings

SITE = """
cameras:
  - {{name: yard, url: "{url}"}}
rules:
  - {{name: seen, on: sighting, verdict: alert, when: label == "person", cooldown_s: 2}}
"""
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """A site with one real RTSP camera, past which a red block goes."""
    if not is_installed():
        lacking("an RTSP server (gst-rtsp-server)")
    folder = tmp_path_factory.mktemp("recordings")
    storage = StorageSettings(clip_before_s=2, clip_after_s=4)
    settings = painted_settings(folder, workers=1).model_copy(update={"storage": storage})
    with (
        RtspServer(make_mp4(folder / "clip.mp4", frames=250)) as server,
        running_painted(settings, SITE.format(url=server.url)) as running,
    ):
        yield running


def alerts(site: RunningSite) -> list[str]:
    page, _ = site.store.events.page(EventFilter(kind="sighting.alerted"), None, 500)
    return [event["id"] for event in page]


def recordings(site: RunningSite, event: str) -> list[dict[str, Any]]:
    told = site.store.events.one(event)
    assert told is not None
    found: list[dict[str, Any]] = told["recordings"]
    return found


def states(site: RunningSite, event: str) -> set[str]:
    return {row["state"] for row in recordings(site, event)}


def fresh(site: RunningSite) -> str:
    """An alert whose clip has not ended yet, already asked of the worker."""
    known = set(alerts(site))
    assert eventually(lambda: set(alerts(site)) - known != set(), 60)
    event = next(id for id in alerts(site) if id not in known)
    assert eventually(lambda: any(w.keep.event == event and w.asked for w in site.store.recordings.wanted()), 20)
    return event


def kill(site: RunningSite, name: str) -> None:
    pid = site.children.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: site.children.pid(name) not in (None, pid), 30)


def are_whole(site: RunningSite, event: str) -> bool:
    """Both files are kept, and are what their rows say."""
    for row in recordings(site, event):
        data = site.store.recordings.path(row["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (row["size_bytes"], row["sha256"])
    return {row["kind"] for row in recordings(site, event)} == {"picture", "clip"}


def test_an_alert_keeps_its_picture_and_clip(site: RunningSite) -> None:
    event = fresh(site)
    assert eventually(lambda: states(site, event) == {"kept"}, 60), recordings(site, event)
    assert are_whole(site, event)


def test_a_killed_core_asks_again_and_the_ring_still_holds_it(site: RunningSite) -> None:
    event = fresh(site)
    kill(site, "core")
    assert eventually(lambda: "wanted" not in states(site, event), 90), recordings(site, event)
    assert states(site, event) == {"kept"}, recordings(site, event)
    assert are_whole(site, event)


def test_what_a_killed_worker_held_is_told_to_be_missing(site: RunningSite) -> None:
    event = fresh(site)
    kill(site, "worker-1")
    assert eventually(lambda: "wanted" not in states(site, event), 120), recordings(site, event)
    assert all(row["reason"] for row in recordings(site, event) if row["state"] == "missing")
    after = fresh(site)
    assert eventually(lambda: states(site, after) == {"kept"}, 60), recordings(site, after)


def test_no_file_is_left_without_a_row(site: RunningSite) -> None:
    media: Path = site.settings.data_dir / "media"
    written = {path.name for path in media.rglob("*.*") if path.is_file() and not path.name.startswith(".")}
    named = {row["name"] for event in alerts(site) for row in recordings(site, event)}  # read later: it has them all
    assert written
    assert written <= named
