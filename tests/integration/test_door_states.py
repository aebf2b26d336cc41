"""Controllers tell how doors stand, posted and asked for, over HTTP into a real core: what goes on record of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from door_pages import Pages, controlling, running
from door_site import DoorSite, open_door_site, site_with
from judging import judge
from patience import eventually

from surveillance.actions.door_state import HttpDoorState
from surveillance.app.store import relay_token
from surveillance.demo.controller import DoorController
from surveillance.domain.permissions import Reach
from surveillance.domain.site import Door
from surveillance.domain.values import rfc3339


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[DoorController]:
    with controlling(tmp_path) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, controller: DoorController) -> DoorSite:
    relay = f"http://127.0.0.1:{controller.port}/doors"
    doors = (Door("front", relay=f"{relay}/front", watch="poll"), Door("back", watch="push"))
    return open_door_site(tmp_path, site_with(None, doors=doors))


@pytest.fixture
def pages(site: DoorSite) -> Iterator[Pages]:
    with running(site) as pages:
        yield pages


class Controller:
    """One that posts, with a token for the back door."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        reach = Reach(None, frozenset({"back"}))
        self.token = pages.accounts.create_token("back controller", ["door:state"], reach=reach)

    def post(self, door: str = "back", at: str = "", **told: Any) -> tuple[int, str]:
        body = {"at": at or rfc3339(datetime.now(UTC)), **told}
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.pages.app.test_client().post(f"/api/doors/{door}/state", json=body, headers=headers)
        return answer.status_code, str((answer.json or {}).get("detail", ""))


def test_a_controller_posts_and_each_change_goes_on_record(pages: Pages) -> None:
    back = Controller(pages)
    steps = ({"contact": "closed", "lock": "locked"}, {"exit": True}, {"contact": "open"}, {"contact": "closed"})
    for told in (*steps, {"tamper": True}, {"tamper": False, "fault": "battery low"}):
        assert back.post(**told) == (200, "")
    told = ["exit_requested", "opened", "closed", "tampered", "tamper_ended", "fault"]
    assert eventually(lambda: pages.site.kinds("back") == [f"door.{word}" for word in told]), pages.site.kinds("back")
    shown = pages.site.running.desk.status()["back"]
    known = {"contact": "closed", "lock": "locked", "tamper": False, "fault": "battery low", "doubt": ""}
    assert {key: shown[key] for key in known} == known


def test_what_is_stale_replayed_forged_or_wrong_is_refused_in_one_line_and_changes_nothing(pages: Pages) -> None:
    back = Controller(pages)
    now = datetime.now(UTC)
    first, later = rfc3339(now), rfc3339(now + timedelta(seconds=1))
    assert back.post(at=later, contact="closed") == (200, "")
    assert back.post(at=later, contact="closed") == (200, ""), "the very same message gets its first answer"
    assert back.post(at=first, contact="open") == (
        422,
        "the message is no newer than one before it: each needs a later time",
    )
    assert back.post(at=rfc3339(now - timedelta(hours=1)), contact="open")[0] == 422
    assert "set the controller's clock" in back.post(at="2020-01-01T00:00:00Z", exit=True)[1]
    assert back.post(contact="ajar")[0] == 400
    assert back.post()[0] == 422
    assert back.post("front", contact="open")[0] == 404, "a token reaches its own doors"
    back.token = pages.accounts.create_token("reader", ["access:request"])
    assert back.post(contact="open")[0] == 403
    pages.site.turn()
    assert pages.site.kinds("back") == []


def test_a_message_from_before_the_start_is_not_taken_again(site: DoorSite, tmp_path: Path) -> None:
    told = {"door": "back", "at": rfc3339(datetime.now(UTC)), "contact": "open"}
    again = open_door_site(tmp_path)
    question = again.store.inbox.ask("door.state", told, datetime.now(UTC) + timedelta(seconds=10))
    again.turn()
    assert "no newer than one before it" in again.answer(question)["refused"]


def asked(site: DoorSite) -> None:
    read = HttpDoorState(site.in_force, lambda door: relay_token(site.store.keys, door), site.settings.actions)
    site.running.desk.poll("front", read)
    site.turn()


def test_a_controller_that_is_asked_tells_what_happened_meanwhile(site: DoorSite, controller: DoorController) -> None:
    strike = controller.strikes["front"]
    asked(site)
    for contact in ("open", "closed"):
        strike.contact = contact
        asked(site)
    assert site.kinds("front") == ["door.opened", "door.forced_open", "door.closed", "door.normal"]
    strike.press_exit()
    for contact in ("open", "closed"):
        strike.contact = contact
        asked(site)
    assert site.kinds("front")[4:] == ["door.exit_requested", "door.opened", "door.closed"]


@pytest.mark.parametrize(
    ("misdeed", "why"),
    [
        ("silent", ": it hung up"),
        ("nonsense", "contact: no state is called 'ajar'; there are: closed, open, unknown"),
    ],
)
def test_a_controller_that_cannot_be_asked_leaves_its_door_unknown_and_says_why(
    site: DoorSite, controller: DoorController, misdeed: str, why: str
) -> None:
    asked(site)
    controller.strikes["front"].misdeed = misdeed
    asked(site)
    later = datetime.now(UTC) + timedelta(seconds=11)
    site.running.desk.tick(later)
    site.running.desk.tick(later + timedelta(seconds=1))
    site.turn()
    [event] = [event for event in site.events("door.state_unknown") if event["door"] == "front"]
    assert why in event["reasons"][0]
    assert site.running.desk.status()["front"]["lock"] == "unknown"
    controller.strikes["front"].misdeed = ""
    asked(site)
    assert site.kinds("front") == ["door.state_unknown", "door.state_known"]


def test_a_door_that_is_granted_is_opened_walked_through_and_locked_again_without_an_alarm(
    site: DoorSite, controller: DoorController
) -> None:
    strike = controller.strikes["front"]
    asked(site)
    site.present()
    site.settle()
    strike.contact = "open"
    asked(site)
    strike.contact = "closed"
    asked(site)
    assert site.kinds("front") == ["access.granted", "door.accessed", "door.opened", "door.closed"]
    entries = list(site.store.events.inputs_since(datetime.now(UTC) - timedelta(hours=1)))
    again = judge(site=site.in_force())
    doors = [decision.kind for entry in entries for decision in again(entry) if decision.trigger == "door"]
    assert doors == ["door.accessed", "door.opened", "door.closed"], "a replay says the same"
