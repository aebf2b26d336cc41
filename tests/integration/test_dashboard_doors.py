"""The door pages over a real core: commands with reason and confirmation, what came of them, and who may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dashboard_site import token_of
from door_pages import Pages, controlling, running
from door_site import open_door_site, site_with
from listener import DROP, listening
from patience import eventually

from surveillance.demo.controller import DoorController
from surveillance.domain.doors import DoorSensed
from surveillance.domain.permissions import Reach


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[DoorController]:
    with controlling(tmp_path) as running:
        yield running


@pytest.fixture
def pages(tmp_path: Path, controller: DoorController) -> Iterator[Pages]:
    site = open_door_site(tmp_path, site_with(f"http://127.0.0.1:{controller.port}"))
    with running(site) as pages:
        yield pages


def test_a_guard_opens_a_door_once_with_a_reason_and_reads_what_came_of_it(
    pages: Pages, controller: DoorController
) -> None:
    client = pages.user("guard")
    page = pages.give(client, "/door-commands/open?door=front", reason="  a   parcel ")
    assert "Open once: front. It is on record." in page
    assert eventually(lambda: controller.strikes["front"].pulses == 1)
    [event] = pages.site.events("access.granted")
    assert event["reasons"] == ["a parcel"]
    assert (event["details"]["actor"], event["details"]["from"]) == ("guard", "127.0.0.1")
    assert "guard" in client.get("/doors").text, "the tile names who asked last"


def test_all_doors_are_locked_down_and_only_who_may_releases_them(pages: Pages) -> None:
    guard = pages.user("guard")
    page = pages.give(guard, "/door-commands/lock_down")
    assert "Lock down: front, back. It is on record." in page
    assert {pages.site.mode("front"), pages.site.mode("back")} == {"locked_down"}
    assert guard.get("/door-release").status_code == 403
    assert guard.get("/door-commands/lock_down_release").status_code == 404
    assert "Release the lockdown" not in guard.get("/doors").text
    assert "and only its release ends that" in pages.give(guard, "/door-commands/open?door=front")
    page = pages.give(pages.user("operator"), "/door-release?door=front")
    assert "Release the lockdown: front. It is on record." in page
    assert (pages.site.mode("front"), pages.site.mode("back")) == ("locked", "locked_down")


def test_a_command_without_reason_is_asked_again_and_nothing_happens(pages: Pages) -> None:
    page = pages.give(pages.user("guard"), "/door-commands/lock_down?door=front", reason="   ")
    assert "Say why; it goes on record." in page
    assert pages.site.mode() == "locked"


def test_a_command_that_is_sent_twice_is_given_once(pages: Pages, controller: DoorController) -> None:
    client = pages.user("guard")
    page = client.get("/door-commands/open?door=front").text
    key = page.partition('name="key" value="')[2].partition('"')[0]
    given = {"csrf_token": token_of(page), "key": key, "door": "front", "reason": "a drill"}
    for _ in range(2):
        assert client.post("/door-commands/open", data=given).status_code == 302
    assert (controller.strikes["front"].pulses, len(pages.site.events("access.granted"))) == (1, 1)


def test_a_command_from_a_foreign_page_is_refused(pages: Pages, controller: DoorController) -> None:
    client = pages.user("guard")
    answer = client.post("/door-commands/open", data={"door": "front", "reason": "a drill"})
    assert (answer.status_code, controller.strikes["front"].pulses) == (400, 0)
    assert pages.app.test_client().post("/door-commands/open", data={"door": "front"}).status_code in (302, 401)


def test_while_core_is_silent_a_command_is_refused_and_every_door_is_unknown(pages: Pages) -> None:
    client = pages.user("guard")
    pages.status["heartbeat_age_s"] = 60.0
    page = pages.give(client, "/door-commands/lock_down?door=front")
    assert "Core did not answer in time, so nothing was done." in page
    assert pages.site.mode() == "locked"
    assert client.get("/doors").text.count("Unknown") >= 2


def test_a_relay_that_gives_no_clear_answer_is_said_so(tmp_path: Path) -> None:
    with listening(DROP) as relay, running(open_door_site(tmp_path, site_with(relay.url))) as pages:
        client = pages.user("guard")
        page = pages.give(client, "/door-commands/unlock?door=front")
        assert "Unlock: front. The relay gave no clear answer: look at the door." in page
        assert "Relay unclear" in client.get("/doors/front").text
        assert pages.site.mode() == "unknown"


@pytest.mark.parametrize(("role", "sees"), [("viewer", False), ("installer", True)])
def test_who_may_not_command_is_shown_no_command(pages: Pages, role: str, sees: bool) -> None:
    client = pages.user(role)
    assert client.get("/doors").status_code == (200 if sees else 403)
    assert client.get("/door-commands/open?door=front").status_code == 403
    assert "Open once" not in client.get("/doors/front").text


def test_who_reaches_one_door_commands_that_one_only(pages: Pages) -> None:
    guard = pages.user("guard")
    pages.accounts.set("guard", "admin", reach=Reach(doors=frozenset({"front"})))
    assert guard.get("/doors/back").status_code == 404
    assert guard.get("/door-commands/open?door=back").status_code == 404
    assert "back" not in guard.get("/doors").text
    pages.give(guard, "/door-commands/lock_down")
    assert (pages.site.mode("front"), pages.site.mode("back")) == ("locked_down", "locked")


def test_a_door_is_added_edited_and_removed(pages: Pages) -> None:
    client = pages.user("installer")
    page = client.get("/door-setup").text
    given = {
        "csrf_token": token_of(page),
        "version": "1",
        "name": "side",
        "camera": "hall",
        "relay": "",
        "pulse_s": "2",
    }
    page = client.post("/door-setup", data=given | {"on_camera_stale": "badge_only"}, follow_redirects=True).text
    assert "Door side is saved." in page
    door = pages.site.store.site.read().door("side")
    assert door is not None
    assert (door.camera, door.pulse_s, door.on_camera_stale, door.relay) == ("hall", 2.0, "badge_only", None)
    page = client.post("/door-setup/side", data=given | {"version": "2", "pulse_s": "900", "relay": "10.0.0.5"}).text
    assert "less than or equal to 60" in page
    assert "is no address" in page or "http" in page
    page = client.post("/door-setup", data=given | {"version": "2"}).text
    assert "there is a door &#39;side&#39; already" in page
    page = client.post("/door-setup/side", data=given | {"version": "1"}).text
    assert "edited the site meanwhile" in page
    client.post("/door-setup/side/remove", data={"csrf_token": given["csrf_token"]})
    assert pages.site.store.site.read().door("side") is None


def test_a_relay_keeps_the_password_that_the_page_does_not_show(pages: Pages) -> None:
    client = pages.user("installer")
    given = {"csrf_token": token_of(client.get("/door-setup").text), "name": "side", "pulse_s": "2"}
    client.post("/door-setup", data=given | {"relay": "http://10.9.9.5/doors/side?token=secret"})
    page = client.get("/door-setup/side").text
    assert "secret" not in page
    client.post("/door-setup/side", data=given | {"relay": "http://10.9.9.5/doors/side?token=***", "pulse_s": "4"})
    door = pages.site.store.site.read().door("side")
    assert door is not None
    assert (door.relay, door.pulse_s) == ("http://10.9.9.5/doors/side?token=secret", 4.0)


def test_a_tile_shows_how_the_door_itself_stands_and_since_when(pages: Pages) -> None:
    now = datetime.now(UTC)
    pages.site.running.desk.hear(DoorSensed("front", now, "closed", "locked", False, ""))
    pages.site.running.desk.hear(DoorSensed("front", now, "open", tamper=True, fault="battery low"))
    page = pages.user().get("/doors").text
    told = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in re.findall(r"<div><dt>.*?</div>", page, re.S)]
    clock = now.strftime("%H:%M:%S")
    for row in (f"Door Open since {clock}", f"Lock Locked since {clock}", f"Fault battery low since {clock}"):
        assert row in told
    assert page.count("tone-edge-bad") == 1
    assert "Forced open" in page
    shown = pages.user().get("/api/doors/front").json["door"]["state"]
    assert (shown["contact"], shown["tamper"], sorted(shown["known_since"])) == (
        "open",
        True,
        ["contact", "fault", "lock", "tamper"],
    )
    pages.status["heartbeat_age_s"] = 60
    assert "Forced open" not in pages.user().get("/doors").text, "while core is silent nothing is known"
