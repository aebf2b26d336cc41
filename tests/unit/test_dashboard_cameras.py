"""Cameras on the pages: attached after a trial, changed without showing a password, ordered, removed, drawn on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import SITE, DashboardSite, core_that_answers, now_decision, open_site, token_of
from flask.testing import FlaskClient
from ledger_samples import shot

from surveillance.dashboard import DashboardSettings
from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Line, Zone
from surveillance.domain.permissions import ROLES
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import rfc3339

PICTURE = "/9j/4AAQ"
WELL = {
    "streams": [{"address": "rtsp://***@192.0.2.9/1", "codec": "h264", "width": 1280, "height": 720, "fps": 25.0,
                 "first_picture_s": 0.6, "notes": ["RTSP over TCP"]}],
    "picture": PICTURE,
}  # fmt: skip
ILL = {
    "streams": [{"address": "x", "fault": "192.0.2.9 refused the user name or password", "reason": "wrong_password"}]
}
TYPED = {"name": "shed", "url": "rtsp://192.0.2.9/1", "user": "viewer", "password": "hunter2", "view": "side"}


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


@pytest.fixture
def user(site: DashboardSite) -> FlaskClient:
    return site.user()


def send(client: FlaskClient, path: str, form: Mapping[str, Any], page: str | None = None, **headers: str) -> Any:
    """Fills in the page's form and sends it, as a browser does."""
    shown = client.get(page or path).text
    hidden = dict(re.findall(r'<input type="hidden" name="(version|kept)" value="([^"]*)">', shown))
    return client.post(path, data={"csrf_token": token_of(shown), **hidden, **form}, headers=headers)


# --- attaching -----------------------------------------------------------------------------------------------------


def test_a_camera_is_tried_with_its_picture_and_then_attached(site: DashboardSite, user: FlaskClient) -> None:
    with core_that_answers(site, WELL) as asked:
        tried = send(user, "/add-camera", TYPED | {"do": "test"}).text
    full = "rtsp://viewer:hunter2@192.0.2.9/1"
    assert asked == [{"camera": {"name": "shed", "url": full}, "kind": "camera.test"}]
    for words in (f"data:image/jpeg;base64,{PICTURE}", "1280 × 720", "h264", "25.0 pictures/s", "Add this camera"):
        assert words in tried
    assert site.services.site.version() == 1, "nothing is saved yet"
    assert "hunter2" not in tried
    [kept] = re.findall(r'name="kept" value="([^"]+)"', tried)
    again = {"name": "shed", "url": "rtsp://***@192.0.2.9/1", "kept": kept, "do": "save"}
    answer = send(user, "/add-camera", again)
    assert (answer.status_code, answer.location) == (302, "/cameras/shed?saved=2")
    assert site.services.site.read().camera("shed") == Camera("shed", full)


def test_a_camera_that_gives_no_picture_says_why_and_is_attached_only_all_the_same(
    site: DashboardSite, user: FlaskClient
) -> None:
    with core_that_answers(site, ILL):
        tried = send(user, "/add-camera", TYPED | {"do": "test"}).text
    assert "192.0.2.9 refused the user name or password" in tried
    assert "Add it all the same" in tried
    assert "Add this camera" not in tried


def test_a_script_is_given_the_trial_alone(site: DashboardSite, user: FlaskClient) -> None:
    with core_that_answers(site, WELL):
        answer = send(user, "/add-camera", TYPED | {"do": "test"}, **{"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<div id="trial"')
    assert "<html" not in answer.text


def test_nothing_is_tried_while_the_service_is_silent(site: DashboardSite, user: FlaskClient) -> None:
    site.applied["heartbeat_age_s"] = 20.0
    assert "The service does not run" in send(user, "/add-camera", TYPED | {"do": "test"}).text


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"name": ""}, "is no name"),
        ({"name": "front", "do": "save"}, "there is a camera"),
        ({"url": ""}, "is empty"),
        ({"url": "clips/yard.mp4"}, "a file is no camera"),
        ({"url": "file:///etc/passwd"}, "file:// is no camera"),
        ({"url": "concat:a.mp4"}, "a file is no camera"),
        ({"url": "rtsp://127.0.0.1/1"}, "is this machine"),
        ({"url": "http://169.254.169.254/latest"}, "link-local or metadata"),
        ({"url": "rtsp://***@192.0.2.9/1", "user": "", "password": ""}, "the database keeps nothing"),
        ({"analyze_fps": "0"}, "must be greater than 0"),
        ({"sensitivity": "200"}, "must be less than or equal to 100"),
        ({"min_confidence": "1.5"}, "must be less than 1"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_no_password_comes_back(
    site: DashboardSite, user: FlaskClient, typed: dict[str, str], fault: str
) -> None:
    answer = send(user, "/add-camera", TYPED | {"do": "test"} | typed)
    assert answer.status_code == 400
    assert fault in answer.text.replace("&#39;", "'")
    assert 'class="fault"' in answer.text or "form-error" in answer.text
    assert "hunter2" not in answer.text
    assert site.services.site.version() == 1


def test_this_machine_may_be_a_camera_where_the_settings_say_so(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(allow_loopback=True))
    answer = send(site.user(), "/add-camera", {"name": "here", "url": "rtsp://127.0.0.1:8554/1", "do": "save"})
    assert answer.status_code == 302


# --- changing ------------------------------------------------------------------------------------------------------


def test_an_edit_keeps_the_password_that_the_page_never_had(site: DashboardSite, user: FlaskClient) -> None:
    page = user.get("/cameras/front/edit").text
    assert 'value="rtsp://***@192.0.2.4/main"' in page
    assert ">hidden" not in page
    form = {
        "name": "front",
        "url": "rtsp://***@192.0.2.4/other",
        "sub_url": "rtsp://192.0.2.4/sub",
        "sensitivity": "60",
    }
    answer = send(user, "/cameras/front/edit", form | {"min_confidence": "0.6", "do": "save"})
    assert answer.location == "/cameras/front?saved=2"
    assert site.services.site.read().camera("front") == replace(
        SITE.cameras[0],
        url="rtsp://viewer:hidden@192.0.2.4/other",
        sub_url="rtsp://viewer:hidden@192.0.2.4/sub",
        sensitivity=60,
        min_confidence=0.6,
    )


def test_a_kept_password_goes_to_no_other_host(site: DashboardSite, user: FlaskClient) -> None:
    form = {"name": "front", "url": "rtsp://***@192.0.2.66/main", "do": "save"}
    answer = send(user, "/cameras/front/edit", form)
    assert answer.status_code == 400
    assert "keeps a password for the address it belongs to" in answer.text
    with core_that_answers(site, WELL) as asked:
        send(user, "/cameras/front/edit", form | {"do": "test"})
    assert asked == []


def test_doors_follow_a_camera_to_its_new_name(site: DashboardSite, user: FlaskClient) -> None:
    answer = send(user, "/cameras/front/edit", {"name": "porch", "url": "rtsp://***@192.0.2.4/main", "do": "save"})
    assert answer.location == "/cameras/porch?saved=2"
    after = site.services.site.read()
    assert after.doors[0].camera == "porch"
    assert after.cameras[0].zones == SITE.cameras[0].zones


def test_an_edit_of_what_somebody_else_changed_is_refused_with_a_way_to_look_again(
    site: DashboardSite, user: FlaskClient
) -> None:
    form = {"name": "front", "url": "rtsp://***@192.0.2.4/main", "analyze_fps": "2", "do": "save"}
    site.services.site.save(replace(site.services.site.read(), people=()), "grace")
    answer = send(user, "/cameras/front/edit", form | {"version": "1"})
    assert answer.status_code == 409
    assert "grace edited the site meanwhile" in answer.text
    assert site.services.site.read().camera("front") == SITE.cameras[0]


def test_a_page_says_when_a_version_is_in_force_and_how_long_that_took(site: DashboardSite, user: FlaskClient) -> None:
    assert send(user, "/cameras/gate/enabled", {"enabled": "no"}, "/cameras/gate").location == "/cameras/gate?saved=2"
    assert "takes it up in a moment" in user.get("/applied/2").text
    site.applied |= {"configuration_version": 2, "applied_at": rfc3339(datetime.now(UTC))}
    assert re.search(r"Version 2 is applied, \d+\.\d s after it was saved", user.get("/applied/2").text)
    site.applied["configuration_version"] = 3
    assert "Version 2 is applied." in user.get("/applied/2").text
    assert "Rests" in user.get("/cameras").text


def test_cameras_are_put_in_another_order(site: DashboardSite, user: FlaskClient) -> None:
    send(user, "/order-cameras", {"name": "gate", "by": "up"})
    assert [camera.name for camera in site.services.site.read().cameras] == ["gate", "front"]


def test_a_camera_is_removed_and_its_door_stays(site: DashboardSite, user: FlaskClient) -> None:
    page = user.get("/cameras/front/remove").text
    assert "It looks at: front" in page
    assert send(user, "/cameras/front/remove", {}).status_code == 400
    answer = send(user, "/cameras/front/remove", {"doors": "yes"})
    assert (answer.status_code, answer.location) == (302, "/cameras")
    after = site.services.site.read()
    assert ([camera.name for camera in after.cameras], after.doors[0].camera) == (["gate"], None)


def test_a_camera_that_a_rule_names_is_not_removed(tmp_path: Path) -> None:
    def check(before: Site, after: Site) -> None:
        if not after.camera("front"):
            raise SettingsError("a rule names what this takes away: database:2: rule night-yard: no such zone")

    site = open_site(tmp_path, check=check)
    page = site.user().get("/cameras/front/remove").text
    assert "rule night-yard" in page
    assert "Remove</button>" not in page
    assert send(site.user(), "/cameras/front/remove", {"doors": "yes"}, "/cameras/gate/remove").status_code == 400


# --- drawing -------------------------------------------------------------------------------------------------------


def shapes(*rows: tuple[str, str, str, str]) -> dict[str, list[str]]:
    kinds, names, points, restricted = zip(*rows, strict=True)
    return {"kind": [*kinds], "shape": [*names], "points": [*points], "restricted": [*restricted]}


def test_what_is_drawn_is_saved_as_one_version(site: DashboardSite, user: FlaskClient) -> None:
    page = user.get("/cameras/front/zones").text
    assert 'value="0.1,0.5 0.9,0.5 0.9,1"' in page
    drawn = shapes(
        ("zone", "yard", "0.1,0.5 0.9,0.5 0.9,1", "no"),
        ("line", "step", "0,0.5 1,0.5", "no"),
        ("mask", "", "0,0 0.1,0 0.1,0.1", "no"),
        ("zone", "store", "0,0 0.5,0 0.5,0.5", "yes"),
    )
    assert send(user, "/cameras/front/zones", drawn).location == "/cameras/front?saved=2"
    camera = site.services.site.read().camera("front")
    assert camera is not None
    assert camera.zones == (
        Zone("yard", ((0.1, 0.5), (0.9, 0.5), (0.9, 1.0))),
        Zone("store", ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)), restricted=True),
    )
    assert camera.lines == (Line("step", (0.0, 0.5), (1.0, 0.5)),)
    assert camera.masks == (((0.0, 0.0), (0.1, 0.0), (0.1, 0.1)),)
    assert camera.url == SITE.cameras[0].url
    assert [edit.change for edit in site.services.site.history(1)] == [
        "camera front changed (zone yard, line threshold, zone store, line step, mask 1)"
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (("zone", "bow", "0,0 1,1 1,0 0,1", "no"), "its edges cross or enclose nothing"),
        (("zone", "two", "0,0 1,1", "no"), "needs at least 3 points (there are 2)"),
        (("zone", "far", "0,0 2,0 2,2", "no"), "is outside the picture"),
        (("zone", "a/b", "0,0 1,0 1,1", "no"), "is no name"),
        (("line", "dot", "0,0 0,0", "no"), "is where the line starts"),
        (("line", "long", "0,0 1,0 1,1", "no"), "needs 2 points, start and end (there are 3)"),
        (("mask", "", "hello", "no"), "is no point"),
        (("mask", "", "", "no"), "there are no points"),
    ],
)
def test_a_shape_that_cannot_be_is_told_where_it_is(
    site: DashboardSite, user: FlaskClient, row: tuple[str, str, str, str], fault: str
) -> None:
    answer = send(user, "/cameras/front/zones", shapes(("zone", "yard", "0,0 1,0 1,1", "no"), row))
    assert answer.status_code == 400
    items = answer.text.split('<li class="shape"')
    assert fault in items[2].replace("&#39;", "'")
    assert 'role="alert" hidden' in items[1]
    assert row[2] in items[2]
    assert site.services.site.version() == 1


def test_two_zones_of_one_name_and_somebody_elses_edit_are_told(site: DashboardSite, user: FlaskClient) -> None:
    twice = shapes(("zone", "yard", "0,0 1,0 1,1", "no"), ("zone", "yard", "0,0 1,0 1,1", "no"))
    assert "there are two of zone" in send(user, "/cameras/front/zones", twice).text
    site.services.site.save(replace(site.services.site.read(), people=()), "grace")
    late = send(user, "/cameras/front/zones", shapes(("zone", "new", "0,0 1,0 1,1", "no")) | {"version": "1"})
    assert late.status_code == 409
    assert "grace edited the site meanwhile" in late.text
    assert 'value="new"' in late.text, "what was drawn is not lost"


def test_no_shape_at_all_is_a_camera_without_shapes(site: DashboardSite, user: FlaskClient) -> None:
    assert send(user, "/cameras/front/zones", {}).status_code == 302
    camera = site.services.site.read().camera("front")
    assert camera is not None
    assert (camera.zones, camera.lines, camera.masks) == ((), (), ())


# --- pictures and states -------------------------------------------------------------------------------------------


def test_a_still_is_live_else_the_last_one_kept(site: DashboardSite, user: FlaskClient) -> None:
    assert user.get("/cameras/front/still.jpg").status_code == 204
    site.record(now_decision(camera="front"), shot())
    with user.get("/cameras/front/still.jpg") as kept:
        assert (kept.status_code, kept.mimetype) == (200, "image/jpeg")
    site.live.watch("front", "full")
    site.live.show("front", lambda: {"number": 1}, lambda size: b"fresh")
    assert user.get("/cameras/front/still.jpg").data == b"fresh"


def test_a_look_is_what_was_seen_with_its_picture_once(site: DashboardSite, user: FlaskClient) -> None:
    assert user.get("/cameras/front/look?preview=1").status_code == 204
    assert site.live.is_watched("front", "preview")
    site.live.show("front", lambda: {"preview": {"50": []}}, lambda size: b"jpeg")
    answer = user.get("/cameras/front/look")
    told = int.from_bytes(answer.data[:4], "big")
    assert (json.loads(answer.data[8 : 8 + told]), answer.data[8 + told :]) == ({"preview": {"50": []}}, b"jpeg")
    assert user.get(f"/cameras/front/look?after={answer.headers['X-Shown']}").status_code == 204


def test_states_refresh_in_parts(site: DashboardSite, user: FlaskClient) -> None:
    since = "2026-11-25T12:00:00.000Z"
    site.applied["cameras"] = {
        "front": {"state": "live", "since": since, "reason": "", "fps": 4.9, "drops": {"busy": 3}},
        "gate": {"state": "lost", "since": since, "reason": "timeout", "fps": 0.0, "drops": {}},
    }
    parts = user.get("/camera-states").text
    for words in ('id="state-1"', "4.9 pictures/s analyzed", 'id="state-2"', "Lost", "since 13:00:00", "no answer"):
        assert words in parts
    one = user.get("/cameras/front/state").text
    for words in ("4.9 of 5.0 pictures/s", "3: a newer picture came first", "sensitivity 50"):
        assert words in one


# --- the search ----------------------------------------------------------------------------------------------------

DEVICES = {"devices": [{"name": "Dome", "address": "192.0.2.4", "hardware": "D4", "service": "http://192.0.2.4/onvif"}]}
OFFER = {
    "maker": "Acme", "model": "Dome", "firmware": "1", "main": "rtsp://192.0.2.4/1", "sub": "rtsp://192.0.2.4/2",
    "notes": [],
    "profiles": [
        {"name": f"p{n}", "url": f"rtsp://192.0.2.4/{n}", "codec": "H264", "width": 640, "height": 360, "fps": 25.0}
        for n in (1, 2)
    ],
}  # fmt: skip


def test_a_device_found_fills_the_form_and_its_password_stays_sealed(site: DashboardSite, user: FlaskClient) -> None:
    with core_that_answers(site, DEVICES):
        found = send(user, "/search-cameras", {}).text
    assert "Dome" in found
    assert "attached as front" in found
    login = {"service": "http://192.0.2.4/onvif", "name": "Dome", "user": "viewer", "password": "hunter2"}
    with core_that_answers(site, OFFER) as asked:
        offer = send(user, "/search-cameras/device", login, "/search-cameras").text
    assert asked[0]["password"] == "hunter2"
    assert "hunter2" not in offer
    [kept] = re.findall(r'name="kept" value="([^"]+)"', offer)
    chosen = {"name": "Dome", "url": "rtsp://***@192.0.2.4/1", "sub_url": "rtsp://***@192.0.2.4/2", "kept": kept}
    form = send(user, "/add-camera", chosen | {"do": "fill"}).text
    assert 'value="rtsp://***@192.0.2.4/2"' in form
    [kept] = re.findall(r'name="kept" value="([^"]+)"', form)
    send(user, "/add-camera", chosen | {"kept": kept, "do": "save"})
    assert site.services.site.read().camera("Dome") == Camera(
        "Dome", "rtsp://viewer:hunter2@192.0.2.4/1", sub_url="rtsp://viewer:hunter2@192.0.2.4/2"
    )


def test_a_search_that_finds_nothing_says_what_to_look_at(site: DashboardSite, user: FlaskClient) -> None:
    with core_that_answers(site, {"devices": []}):
        assert "No camera answered." in send(user, "/search-cameras", {}).text


# --- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_only_who_sets_up_may_edit(site: DashboardSite, role: str, sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in(site, role)
    may = role in ("installer", "administrator")
    for path in ("/add-camera", "/search-cameras", "/order-cameras", "/cameras/front/edit", "/cameras/front/zones"):
        assert client.get(path).status_code == (200 if may else 403), path
    assert ("Add a camera" in client.get("/cameras").text) == may


@pytest.fixture
def sign_in() -> Callable[[DashboardSite, str], FlaskClient]:
    def signed_in(site: DashboardSite, role: str) -> FlaskClient:
        site.services.accounts.add(f"a-{role}", role, "correct horse")
        client = site.visitor()
        page = client.get("/sign-in").text
        form = {"csrf_token": token_of(page), "name": f"a-{role}", "password": "correct horse"}
        assert client.post("/sign-in", data=form).status_code == 302
        return client

    return signed_in
