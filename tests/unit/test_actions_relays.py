"""The relay against a real controller's socket: pulse, refusal, silence, and what each says about the door."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from listener import DRIP, DROP, HANG, listening
from ports import free_port

from surveillance.actions.relays import HttpRelay
from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import ActionFailed
from surveillance.domain.site import Door, Site
from surveillance.domain.values import Action

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PATIENT = ActionSettings(relay_connect_timeout_s=5.0, relay_timeout_s=10.0)
IMPATIENT = ActionSettings(relay_connect_timeout_s=5.0, relay_timeout_s=0.3)
OPEN = Action("a1", "e1", "door.open", "front", AT, key="e1")


def relay_to(url: str | None, settings: ActionSettings = PATIENT) -> HttpRelay:
    site = Site(doors=(Door("front", relay=url, pulse_s=3.0),))
    return HttpRelay(lambda: site, lambda door: f"token-of-{door}", settings)


def test_a_pulse_carries_time_key_deadline_and_token() -> None:
    with listening(200) as controller:
        relay_to(f"{controller.url}/doors/front/")(OPEN)
    (received,) = controller.received
    assert received.path == "/doors/front/pulse"
    assert received.headers["authorization"] == "Bearer token-of-front"
    assert json.loads(received.body) == {"pulse_s": 3.0, "key": "e1", "deadline": "2026-11-21T08:00:00.000Z"}


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 409, 410])
def test_a_refusal_is_certain_and_a_redirect_is_not_followed(status: int) -> None:
    with listening(200) as elsewhere, listening(status, location=f"{elsewhere.url}/doors/front/pulse") as controller:
        with pytest.raises(ActionFailed, match=f"refused with {status}") as caught:
            relay_to(controller.url)(OPEN)
        assert (caught.value.certain, len(controller.received), elsewhere.received) == (True, 1, [])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (HANG, "no answer within 0.3 s"),
        (DRIP, "no answer within 0.3 s"),
        (DROP, "it may have been done"),
        (500, "answered 500"),
    ],
)
def test_after_the_request_was_sent_nothing_is_certain(answer: int, why: str) -> None:
    with listening(answer) as controller:
        with pytest.raises(ActionFailed, match=why) as caught:
            relay_to(controller.url, IMPATIENT if answer in (HANG, DRIP) else PATIENT)(OPEN)
        assert controller.arrived.wait(60)
        assert (caught.value.certain, len(controller.received)) == (False, 1)


@pytest.mark.parametrize(
    "url", [None, "http://127.0.0.1:CLOSED", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/", "http://[bad"]
)
def test_what_was_never_sent_is_certain(url: str | None) -> None:
    with pytest.raises(ActionFailed) as caught:
        relay_to(url and url.replace("CLOSED", str(free_port())))(OPEN)
    assert caught.value.certain
    assert "token-of" not in str(caught.value)


def test_proxies_from_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(200) as proxy, listening(200) as controller:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        relay_to(controller.url)(OPEN)
        assert (len(controller.received), proxy.received) == (1, [])
