"""Areas and the threat level on the pages, over a real core: asked first, with a reason, by whoever may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard_site import token_of
from door_pages import Pages, controlling, running
from door_site import open_door_site, site_with
from patience import eventually

from surveillance.demo.controller import DoorController
from surveillance.domain.site import Door


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[DoorController]:
    with controlling(tmp_path) as running:
        yield running


@pytest.fixture
def pages(tmp_path: Path, controller: DoorController) -> Iterator[Pages]:
    relay = f"http://127.0.0.1:{controller.port}/doors"
    doors = (
        Door("front", relay=f"{relay}/front", to_area="hall", antipassback="hard"),
        Door("back", relay=f"{relay}/back", from_area="hall", lockdown_exempt=True),
    )
    with running(open_door_site(tmp_path, site_with(None, doors=doors))) as pages:
        yield pages


def entered(pages: Pages) -> None:
    question = pages.site.present()
    assert eventually(lambda: pages.site.store.inbox.answer_of(question) is not None)


def test_a_guard_sees_who_is_where_and_forgives_with_a_reason(pages: Pages) -> None:
    guard = pages.user("guard")
    assert "Nobody by record." in guard.get("/areas").text
    entered(pages)
    page = guard.get("/areas").text
    assert "1 person" in page
    assert "Ada" in page
    assert "/doors/front" in page
    asked = guard.get("/forgive?person=Ada").text
    assert "Forgive Ada?" in asked
    silent = guard.post("/forgive", data={"csrf_token": token_of(asked), "person": "Ada", "reason": "  "}).text
    assert "Say why; it goes on record." in silent
    given = {"csrf_token": token_of(asked), "person": "Ada", "reason": "left by the window"}
    assert "Ada is forgiven. It is on record." in guard.post("/forgive", data=given, follow_redirects=True).text
    [event] = pages.site.events("area.forgiven")
    assert (event["identity"], event["details"]["actor"]) == ("Ada", "guard")
    assert guard.get("/api/areas").json == {"areas": [{"name": "hall", "people": []}]}
    assert "forgave where somebody was by record" in pages.user().get("/audit").text
    installer = pages.user("installer")
    assert installer.get("/areas").status_code == installer.get("/forgive").status_code == 403


def test_a_guard_locks_the_site_down_and_only_who_releases_doors_ends_it(pages: Pages) -> None:
    guard, operator = pages.user("guard"), pages.user("operator")
    assert "Threat level: normal" in guard.get("/doors").text
    asked = guard.get("/threat/lockdown").text
    assert "Locked down at once, until another level is set: front." in asked
    page = pages.give(guard, "/threat/lockdown", reason="an intruder")
    assert "The threat level is lockdown. It is on record." in page
    assert "an intruder" in page
    assert (pages.site.mode("front"), pages.site.mode("back")) == ("locked_down", "locked")
    assert guard.get("/threat/normal").status_code == 403
    assert guard.get("/threat/severe").status_code == 404
    assert "Released, each as it was before: front." in operator.get("/threat/normal").text
    assert "The threat level is normal." in pages.give(operator, "/threat/normal", reason="all clear")
    assert eventually(lambda: pages.site.mode("front") == "locked")
    told = operator.get("/api/threat").json
    assert (told["level"], told["by"], told["reason"], told["doors"]) == ("normal", "operator", "all clear", [])
