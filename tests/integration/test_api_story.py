"""An integrator's first day, over HTTP: a token, events in pages, a camera, and somebody who was quicker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from dashboard_site import DashboardSite, now_decision, open_site
from werkzeug.serving import make_server

from surveillance.dashboard import DashboardSettings
from surveillance.domain.permissions import Reach

CAMERA = {"name": "dock", "url": "rtsp://viewer:swordfish@192.0.2.9/main", "analyze_fps": 4}
RULE = '- name: dock-person\n  on: sighting\n  verdict: alert\n  when: label == "person"\n'


@contextmanager
def served(site: DashboardSite) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    site = open_site(tmp_path, DashboardSettings(page_size=2))
    for track in range(5):
        site.record(now_decision(track=track))
    return site


def program(site: DashboardSite, *scopes: str) -> requests.Session:
    caller = requests.Session()
    caller.headers["Authorization"] = f"Bearer {site.services.accounts.create_token('program', scopes)}"
    return caller


def test_a_program_reads_every_event_once(site: DashboardSite) -> None:
    with served(site) as address, program(site, "events:read") as caller:
        assert requests.get(f"{address}/api/events", timeout=60).status_code == 401
        seen: list[str] = []
        link = "/api/events?verdict=alert"
        while link:
            page: dict[str, Any] = caller.get(address + link, timeout=60).json()
            seen += [event["id"] for event in page["events"]]
            link = page["older"]
        one = caller.get(f"{address}/api/events/{seen[0]}", timeout=60).json()
        refused = caller.get(f"{address}/api/cameras", timeout=60)
    assert len(seen) == len(set(seen)) == 5
    assert [judged["rule"] for judged in one["judged"]]
    assert (refused.status_code, refused.json()["detail"]) == (403, "This token lacks the scope cameras:read.")


def test_a_program_acknowledges_what_waits(site: DashboardSite) -> None:
    with served(site) as address, program(site, "events:write") as caller:
        waiting = caller.get(f"{address}/api/events?waiting=true&limit=200", timeout=60).json()["events"]
        one = waiting[0]["id"]
        seen = caller.post(
            f"{address}/api/event-reviews", json={"events": [one], "comment": "the postman"}, timeout=60
        ).json()
        left = caller.get(f"{address}/api/events?waiting=true&limit=200", timeout=60).json()["events"]
        label = caller.put(f"{address}/api/events/{one}/label", json={"label": "vehicle"}, timeout=60).json()
        again = caller.post(f"{address}/api/event-reopenings", json={"events": [one]}, timeout=60).json()
        nobody = caller.post(f"{address}/api/event-reviews", json={"events": ["e-0"]}, timeout=60)
    assert (seen, again) == ({"changed": 1}, {"changed": 1})
    assert {event["id"] for event in waiting} - {event["id"] for event in left} == {one}
    assert (label["review"], label["reviewed_by"], label["corrected"]) == ("the postman", "program", "vehicle")
    assert nobody.status_code == 404


def test_a_bound_token_finds_its_own_cameras_only(site: DashboardSite) -> None:
    site.record(now_decision(camera="gate", track=9))
    reach = Reach(cameras=frozenset({"gate"}))
    bound = site.services.accounts.create_token("gate", ["events:write", "cameras:write"], reach=reach)
    with served(site) as address, requests.Session() as caller:
        caller.headers["Authorization"] = f"Bearer {bound}"
        events = caller.get(f"{address}/api/events", timeout=60).json()["events"]
        cameras = caller.get(f"{address}/api/cameras", timeout=60).json()["cameras"]
        hidden = [
            caller.get(f"{address}/api/cameras/front", timeout=60).status_code,
            caller.delete(f"{address}/api/cameras/front", timeout=60).status_code,
            caller.post(f"{address}/api/cameras", json=CAMERA, timeout=60).status_code,
        ]
    assert [event["camera"] for event in events] == ["gate"]
    assert [camera["name"] for camera in cameras] == ["gate"]
    assert hidden == [404, 404, 403]


def test_an_edit_from_a_version_that_is_over_is_refused(site: DashboardSite) -> None:
    with served(site) as address, program(site, "cameras:write") as caller:
        before = caller.get(f"{address}/api/cameras", timeout=60).json()["version"]
        made = caller.post(f"{address}/api/cameras?expected_version={before}", json=CAMERA, timeout=60)
        dock = made.json()["camera"]
        at = address + made.headers["Location"]
        state = dock.pop("state")
        edited = caller.put(f"{at}?expected_version={before + 1}", json=dock | {"view": "top"}, timeout=60)
        stale = caller.put(f"{at}?expected_version={before + 1}", json=dock | {"view": "side"}, timeout=60)
        wrong = caller.put(at, json=dock | {"zones": [{"name": "bay", "points": [[0, 0], [1, 1]]}]}, timeout=60)
        gone = caller.delete(f"{at}?expected_version={before + 2}", timeout=60)
        missing = caller.get(at, timeout=60)
    assert (made.status_code, made.headers["Location"], state) == (201, "/api/cameras/dock", None)
    assert (dock["url"], dock["analyze_fps"]) == ("rtsp://***@192.0.2.9/main", 4)
    assert (edited.status_code, edited.json()["camera"]["view"]) == (200, "top")
    assert (stale.status_code, stale.json()["version"]) == (409, before + 2)
    assert "program" in stale.json()["detail"]
    assert (wrong.status_code, wrong.json()["errors"][0]["place"]) == (422, "zones[0].points")
    assert (gone.json(), missing.status_code) == ({"version": before + 3}, 404)
    assert site.services.site.read().camera("dock") is None


def test_a_password_that_is_sent_back_hidden_is_kept(site: DashboardSite) -> None:
    with served(site) as address, program(site, "cameras:write") as caller:
        dock = caller.post(f"{address}/api/cameras", json=CAMERA, timeout=60).json()["camera"]
        del dock["state"]
        elsewhere = dock | {"url": "rtsp://***@203.0.113.7/main"}
        caller.put(f"{address}/api/cameras/dock", json=dock | {"analyze_fps": 2}, timeout=60).raise_for_status()
        stolen = caller.put(f"{address}/api/cameras/dock", json=elsewhere, timeout=60)
        metadata = dock | {"url": "http://169.254.169.254/latest"}
        secrets = caller.put(f"{address}/api/cameras/dock", json=metadata, timeout=60)
        hidden = metadata | {"url": "http://169.254.169.254/***"}
        tried = caller.post(f"{address}/api/camera-tests", json=hidden, timeout=60)
    kept = site.services.site.read().camera("dock")
    assert kept is not None
    assert (kept.url, kept.analyze_fps) == (CAMERA["url"], 2)
    assert (stolen.status_code, secrets.status_code, tried.status_code) == (422, 422, 422)


def test_a_rule_is_checked_added_changed_and_taken_out(site: DashboardSite) -> None:
    with served(site) as address, program(site, "rules:write") as caller:
        bad = caller.post(f"{address}/api/rules", json={"text": RULE.replace("label", "lable")}, timeout=60)
        checked = caller.post(f"{address}/api/rule-drafts/check", json={"text": RULE}, timeout=60).json()
        made = caller.post(f"{address}/api/rules", json={"text": RULE}, timeout=60).json()
        at = f"{address}/api/rules/dock-person"
        shadow = {"text": RULE + "  mode: shadow\n"}
        changed = caller.put(f"{at}?expected_version={made['version']}", json=shadow, timeout=60)
        stale = caller.put(f"{at}?expected_version={made['version']}", json={"text": RULE}, timeout=60)
        history = caller.get(f"{at}/history", timeout=60).json()["texts"]
        gone = caller.delete(at, timeout=60)
    assert (bad.status_code, "lable" in bad.json()["detail"]) == (422, True)
    assert (checked["flaws"], checked["rule"]["name"]) == ([], "dock-person")
    assert (changed.status_code, stale.status_code, gone.status_code) == (200, 409, 200)
    assert ["shadow" in text["text"] for text in history] == [True, False]


def test_people_and_schedules_are_kept_without_their_secrets(site: DashboardSite) -> None:
    with served(site) as address, program(site, "people:write", "site:write") as caller:
        caller.post(f"{address}/api/people", json={"name": "Grace", "groups": ["staff"]}, timeout=60).raise_for_status()
        card = {"kind": "card", "value": "0451"}
        given = caller.post(f"{address}/api/people/Grace/credentials", json=card, timeout=60)
        again = caller.post(f"{address}/api/people/Ada/credentials", json=card, timeout=60)
        list_ = {"csv": "name,kind,value\nGrace,pin,12\n"}
        trial = caller.post(f"{address}/api/people-import/rehearsal", json=list_, timeout=60).json()
        hours = {"time_zone": "Europe/Berlin", "weekly": {"mon": ["08:00-18:00"]}, "holidays": {"2026-12-25": []}}
        saved = caller.put(f"{address}/api/schedules/late", json=hours, timeout=60)
        [held] = caller.get(f"{address}/api/people/Grace", timeout=60).json()["person"]["credentials"]
        without = caller.delete(f"{address}/api/people/Grace/credentials/card/{held['mark']}", timeout=60).json()
    assert (given.status_code, "0451" in given.text) == (200, False)
    assert (again.status_code, "belongs to Grace" in again.json()["detail"]) == (422, True)
    assert ([fault["line"] for fault in trial["faults"]], trial["changes"]) == ([2], [])
    assert saved.json()["schedule"]["holidays"] == {"2026-12-25": []}
    assert without["person"]["credentials"] == []


def test_a_door_is_added_changed_and_removed(site: DashboardSite) -> None:
    with served(site) as address, program(site, "doors:write") as caller:
        side = {"name": "side", "camera": "gate", "relay": "http://relay:swordfish@192.0.2.8/doors/side", "pulse_s": 2}
        made = caller.post(f"{address}/api/doors", json=side, timeout=60)
        shown = made.json()["door"]
        del shown["state"]
        at = f"{address}/api/doors/side"
        edited = caller.put(at, json=shown | {"pulse_s": 4.5}, timeout=60)
        unknown = caller.put(at, json=shown | {"camera": "gaet"}, timeout=60)
        kept = site.services.site.read().door("side")
        gone = caller.delete(at, timeout=60)
    assert (made.status_code, shown["relay"]) == (201, "http://***@192.0.2.8/doors/side")
    assert (edited.status_code, edited.json()["door"]["pulse_s"]) == (200, 4.5)
    assert (unknown.status_code, "gate" in unknown.json()["detail"]) == (422, True)
    assert kept is not None
    assert kept.relay == side["relay"]
    assert (gone.status_code, site.services.site.read().door("side")) == (200, None)


def test_a_door_that_core_does_not_watch_is_not_commanded(site: DashboardSite) -> None:
    site.applied["heartbeat_age_s"] = None
    with served(site) as address, program(site, "doors:command") as caller:
        order = {"command": "lock", "doors": ["front"], "reason": "a drill"}
        silent = caller.post(f"{address}/api/door-commands", json=order, timeout=60)
        release = caller.post(f"{address}/api/door-releases", json={"doors": ["front"], "reason": "over"}, timeout=60)
    assert (silent.status_code, "nothing was done" in silent.json()["detail"]) == (503, True)
    assert (release.status_code, release.json()["detail"]) == (403, "This token lacks the scope site:threat.")
