"""What every deed promises, whoever wrote it: it does one action, or raises ActionFailed; built by its entry point."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from listener import DROP, closed_port, listening

from surveillance import plugins
from surveillance.actions.notifiers import Notifiers
from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import ActionFailed, NotFound
from surveillance.domain.ports import Deed
from surveillance.domain.site import Door, NotifyTarget, Site
from surveillance.domain.values import Action

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()
EVENT = {"id": "e1", "at": "2026-11-21T08:00:00.000Z", "kind": "sighting.alerted", "label": "person", "zones": ["yard"]}
TELL = Action("a2", "e1", "notify", "ops", AT + timedelta(hours=1), key="k2", payload=EVENT)
OPEN = Action("a1", "e1", "door.open", "front", AT + timedelta(seconds=2), key="e1", payload={"pulse_s": 3.0})
SETTINGS = ActionSettings()


def notifier(kind: str, url: str) -> Deed:
    deed: Deed = plugins.load("actions", kind)(NotifyTarget("ops", kind, url, SECRET), SETTINGS)
    return deed


def relay(kind: str, url: str) -> Deed:
    site = Site(doors=(Door("front", relay=url),))
    deed: Deed = plugins.load("relays", kind)(lambda: site, lambda door: "token", SETTINGS)
    return deed


BUILT = [(name, notifier, TELL) for name in plugins.names("actions")]
BUILT += [
    (name, relay, replace(OPEN, kind=kind))
    for name in plugins.names("relays")
    for kind in ("door.open", "door.lock", "door.unlock")
]
Build = Callable[[str, str], Deed]


def test_the_shipped_deeds_are_registered() -> None:
    assert {"log", "webhook", "http"} <= {name for name, _, _ in BUILT}


@pytest.mark.parametrize(("kind", "build", "action"), BUILT)
def test_it_does_an_action_and_returns_nothing(kind: str, build: Build, action: Action) -> None:
    with listening(200) as listener:
        deed: Callable[[Action], object] = build(kind, listener.url)
        assert (deed(action), deed(action)) == (None, None)
        assert len(listener.received) in (0, 2)


@pytest.mark.parametrize(("kind", "build", "action"), [built for built in BUILT if built[0] != "log"])
def test_what_is_not_there_is_a_certain_failure(kind: str, build: Build, action: Action) -> None:
    with pytest.raises(ActionFailed) as caught:
        build(kind, f"http://127.0.0.1:{closed_port()}")(action)
    assert (caught.value.certain, "\n" in str(caught.value)) == (True, False)


AT_DOORS = [built for built in BUILT if built[2].kind != "notify"]


@pytest.mark.parametrize(("kind", "build", "action"), AT_DOORS)
@pytest.mark.parametrize(("answer", "certain"), [(401, True), (409, True), (307, True), (500, False), (DROP, False)])
def test_a_relay_says_whether_the_door_may_have_moved(
    kind: str, build: Build, action: Action, answer: int, certain: bool
) -> None:
    with listening(answer) as controller:
        with pytest.raises(ActionFailed) as caught:
            build(kind, controller.url)(action)
        assert (caught.value.certain, len(controller.received)) == (certain, 1)


@pytest.mark.parametrize(("kind", "build", "action"), AT_DOORS)
def test_a_relay_carries_key_and_deadline_and_its_own_token(kind: str, build: Build, action: Action) -> None:
    with listening(200) as controller:
        build(kind, controller.url)(action)
    (received,) = controller.received
    body = json.loads(received.body)
    assert (body["key"], body["deadline"]) == ("e1", "2026-11-21T08:00:02.000Z")
    assert ("pulse_s" in body) == (action.kind == "door.open"), "only a pulse ends by itself"
    assert received.headers["authorization"] == "Bearer token"


def test_the_log_tells_an_event_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    forged = Action("a2", "e1", "notify", "ops", AT, "k2", {**EVENT, "identity": "Ada\nops: door.opened"})
    with caplog.at_level(logging.WARNING, logger="surveillance.alerts"):
        notifier("log", "")(forged)
    assert caplog.messages == [
        "ops: sighting.alerted at 2026-11-21T08:00:00.000Z label=person"
        " identity=Ada\\nops: door.opened zones=yard event=e1 text=Alert: Person in yard"
    ]


def test_a_target_is_built_once_and_again_when_it_was_edited() -> None:
    targets = {"ops": NotifyTarget("ops", "log")}
    find = Notifiers(lambda: Site(notify=tuple(targets.values())), SETTINGS)
    first = find("ops")
    assert find("ops") is first
    targets["ops"] = NotifyTarget("ops", "webhook", "https://example.org/hook", SECRET)
    assert type(find("ops")) is not type(first)
    with pytest.raises(NotFound, match="no notify target is called 'night'; there are: ops"):
        find("night")
