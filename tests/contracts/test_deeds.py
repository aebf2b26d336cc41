"""What every deed promises, whoever wrote it: it does one action, or raises ActionFailed; built by its entry point."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from broker import MqttBroker, running_broker
from listener import listening
from ports import free_port
from wired import DONE, REFUSED, SILENT, TOKEN, Ordered, Wire, http_wire, mqtt_wire, osdp_wire

from surveillance import plugins
from surveillance.actions.notifiers import Notifiers
from surveillance.actions.relays import PATHS
from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import ActionFailed, NotFound
from surveillance.domain.ports import Deed
from surveillance.domain.site import Door, NotifyTarget, Site
from surveillance.domain.values import Action, rfc3339

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()
EVENT = {"id": "e1", "at": "2026-11-21T08:00:00.000Z", "kind": "sighting.alerted", "label": "person", "zones": ["yard"]}
TELL = Action("a2", "e1", "notify", "ops", AT + timedelta(hours=1), key="k2", payload=EVENT)
PATIENT = ActionSettings(relay_connect_timeout_s=5.0, relay_timeout_s=10.0)
IMPATIENT = ActionSettings(relay_connect_timeout_s=5.0, relay_timeout_s=0.5)
ORDERS = ("door.open", "door.lock", "door.unlock")
NOTIFIERS, RELAYS = ("log", "mqtt", "webhook"), ("http", "mqtt", "osdp")


def test_the_shipped_deeds_are_registered() -> None:
    assert (set(plugins.names("actions")), set(plugins.names("relays"))) == ({*NOTIFIERS}, {*RELAYS})


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MqttBroker]:
    with running_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


# --- doors ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=RELAYS)
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Wire:
    if request.param == "mqtt":
        return mqtt_wire(request.getfixturevalue("broker"))
    return osdp_wire(tmp_path) if request.param == "osdp" else http_wire(tmp_path)


def relay(wire: Wire, url: str, settings: ActionSettings = PATIENT) -> Deed:
    site = Site(doors=(Door("front", relay=url),))
    deed: Deed = plugins.load("relays", wire.name)(lambda: site, {"front": TOKEN}.__getitem__, settings)
    return deed


def order(kind: str = "door.open", within_s: float = 20) -> Action:
    deadline = datetime.now(UTC) + timedelta(seconds=within_s)
    return Action("a1", "e1", kind, "front", deadline, key="e1", payload={"pulse_s": 3.0})


@pytest.mark.parametrize("kind", ORDERS)
def test_a_relay_does_an_order_and_carries_what_it_asks(wire: Wire, kind: str) -> None:
    action = order(kind)
    with wire.controller(DONE) as controller:
        deed: Callable[[Action], object] = relay(wire, controller.url)
        assert deed(action) is None
    told = ("e1", rfc3339(action.deadline)) if wire.has_keys else ("", "")
    assert controller.ordered == [Ordered(PATHS[kind], 3.0 if kind == "door.open" else None, *told)]


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize(("answer", "certain"), [(REFUSED, True), (SILENT, False)])
def test_a_relay_says_whether_the_door_may_have_moved(wire: Wire, kind: str, answer: str, certain: bool) -> None:
    with wire.controller(answer) as controller, pytest.raises(ActionFailed) as caught:
        relay(wire, controller.url, IMPATIENT if answer == SILENT else PATIENT)(order(kind))
    assert (caught.value.certain, len(controller.ordered)) == (certain, 1)


def test_a_controller_that_is_not_there_is_a_certain_failure(wire: Wire) -> None:
    with pytest.raises(ActionFailed) as caught:
        relay(wire, wire.absent)(order())
    assert (caught.value.certain, "\n" in str(caught.value), TOKEN in str(caught.value)) == (True, False, False)


# --- people --------------------------------------------------------------------------------------------------------


def notifier(kind: str, url: str, secret: str | None = SECRET) -> Deed:
    deed: Deed = plugins.load("actions", kind)(NotifyTarget("ops", kind, url, secret), ActionSettings())
    return deed


@pytest.mark.parametrize("kind", NOTIFIERS)
def test_a_notifier_tells_and_returns_nothing(kind: str, request: pytest.FixtureRequest) -> None:
    with listening(200) as listener:
        url = request.getfixturevalue("broker").url("alerts") if kind == "mqtt" else listener.url
        deed: Callable[[Action], object] = notifier(kind, url)
        assert (deed(TELL), deed(TELL)) == (None, None)
        assert len(listener.received) in (0, 2)


@pytest.mark.parametrize("kind", ["mqtt", "webhook"])
def test_who_cannot_be_told_is_a_certain_failure(kind: str) -> None:
    scheme = "mqtt" if kind == "mqtt" else "http"
    with pytest.raises(ActionFailed) as caught:
        notifier(kind, f"{scheme}://127.0.0.1:{free_port()}/alerts")(TELL)
    assert (caught.value.certain, "\n" in str(caught.value)) == (True, False)


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
    find = Notifiers(lambda: Site(notify=tuple(targets.values())), ActionSettings())
    first = find("ops")
    assert find("ops") is first
    targets["ops"] = NotifyTarget("ops", "webhook", "https://example.org/hook", SECRET)
    assert type(find("ops")) is not type(first)
    with pytest.raises(NotFound, match="no notify target is called 'night'; there are: ops"):
        find("night")
