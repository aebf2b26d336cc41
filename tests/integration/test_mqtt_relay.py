"""Doors behind a real broker: at most once, by nobody but us, answered by nobody but the controller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from broker import MqttBroker, running_broker
from door_site import open_door_site, site_with
from wired import TOKEN

from surveillance.actions.mqtt import MqttRelay
from surveillance.actions.settings import ActionSettings
from surveillance.app.store import relay_token
from surveillance.demo.mqtt_devices import MqttController
from surveillance.domain.errors import ActionFailed
from surveillance.domain.site import Door, Site
from surveillance.domain.values import Action
from surveillance.wires.signed import sign

SETTINGS = ActionSettings(relay_connect_timeout_s=10.0, relay_timeout_s=10.0)
IN_VAIN_S = 0.5  # how long an answer is waited for that does not come


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MqttBroker]:
    with running_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def relay_to(url: str, **more: object) -> MqttRelay:
    settings = SETTINGS.model_copy(update=more)
    return MqttRelay(lambda: Site(doors=(Door("front", relay=url),)), lambda door: TOKEN, settings)


def order(key: str = "e1", within_s: float = 60.0) -> Action:
    return Action("a1", key, "door.open", "front", datetime.now(UTC) + timedelta(seconds=within_s), key=key)


def test_a_key_opens_once_and_a_deadline_is_the_devices_to_judge_too(broker: MqttBroker) -> None:
    url = broker.url("doors/front")
    with MqttController(url, TOKEN) as controller:
        relay = relay_to(url)
        relay(order("e1"))
        with pytest.raises(ActionFailed, match="this key was used before") as caught:
            relay(order("e1"))
        late = MqttRelay(
            lambda: Site(doors=(Door("front", relay=url),)),
            lambda door: TOKEN,
            SETTINGS,
            now=lambda: datetime.now(UTC) - timedelta(seconds=5),  # our clock is slow, so that it is sent too late
        )
        with pytest.raises(ActionFailed, match="the deadline has passed"):
            late(order("e2", within_s=-1))
        assert (controller.strike.pulses, caught.value.certain) == (1, True)


def test_what_is_past_its_deadline_is_not_sent(broker: MqttBroker) -> None:
    url = broker.url("doors/front")
    with MqttController(url, TOKEN) as controller, pytest.raises(ActionFailed, match="deadline passed") as caught:
        relay_to(url)(order(within_s=-0.1))
    assert (caught.value.certain, controller.orders) == (True, [])


def test_no_broker_keeps_an_order_for_a_controller_that_comes_later(broker: MqttBroker) -> None:
    url = broker.url("doors/late")
    with pytest.raises(ActionFailed, match="it may have been done") as caught:
        relay_to(url, relay_timeout_s=IN_VAIN_S)(order("e1"))
    with MqttController(url, TOKEN) as controller:
        relay_to(url)(order("e2"))  # by then an order that was kept would have come
    assert (caught.value.certain, [told["jti"] for told in controller.orders]) == (False, ["e2"])


@pytest.mark.parametrize(
    ("key", "topic", "jti", "age_s"),
    [
        ("00" * 32, "outcome", "e1", 0),  # somebody else's key
        (TOKEN, "order", "e1", 0),  # our own order, sent back
        (TOKEN, "outcome", "e0", 0),  # of another deed
        (TOKEN, "outcome", "e1", 60),  # of another day
    ],
)
def test_an_answer_that_is_not_the_controllers_to_this_order_counts_for_nothing(
    broker: MqttBroker, key: str, topic: str, jti: str, age_s: float
) -> None:
    url = broker.url("doors/front")
    forged = sign(key, f"doors/front/{topic}", jti, datetime.now(UTC) - timedelta(seconds=age_s), {"outcome": "done"})

    class Impostor(MqttController):
        def heard(self, claims: dict[str, object]) -> None:
            self._client.publish("doors/front/outcome", forged, qos=0)
            self._client.publish("doors/front/outcome", b"[" * 5000, qos=0)

    with Impostor(url, TOKEN), pytest.raises(ActionFailed, match="it may have been done") as caught:
        relay_to(url, relay_timeout_s=IN_VAIN_S)(order("e1"))
    assert caught.value.certain is False


def test_an_order_that_we_did_not_sign_moves_nothing(broker: MqttBroker) -> None:
    url = broker.url("doors/front")
    with MqttController(url, "00" * 32) as controller, pytest.raises(ActionFailed):
        relay_to(url, relay_timeout_s=IN_VAIN_S)(order())
    assert (controller.orders, controller.strike.pulses) == ([], 0)


def test_over_tls_only_a_broker_whose_signer_is_trusted_is_told(broker: MqttBroker) -> None:
    url = broker.tls_url("doors/front")
    with MqttController(url, TOKEN, ca_file=broker.ca_file) as controller:
        relay_to(url, broker_ca_file=broker.ca_file)(order("e1"))
        with pytest.raises(ActionFailed, match="cannot connect") as caught:
            relay_to(url)(order("e2"))
    assert (caught.value.certain, controller.strike.pulses) == (True, 1)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mqtt://door:wrong@127.0.0.1:{port}/doors/front", "refused"),
        ("mqtt://127.0.0.1:{port}/doors/front", "refused"),
        ("mqtt://169.254.169.254/doors/front", "link-local"),
        ("mqtt://metadata.google.internal/doors/front", "hands out secrets"),
        ("mqtt://127.0.0.1:{port}/", "needs a topic"),
    ],
)
def test_a_broker_that_refuses_or_must_not_be_spoken_to_is_a_certain_failure(
    broker: MqttBroker, url: str, why: str
) -> None:
    with pytest.raises(ActionFailed, match=why) as caught:
        relay_to(url.format(port=broker.port))(order())
    assert (caught.value.certain, "wrong" in str(caught.value)) == (True, False)


def test_a_broker_that_dies_after_the_order_leaves_the_door_unknown(tmp_path: Path) -> None:
    with running_broker(tmp_path) as broker:

        class Cut(MqttController):
            def heard(self, claims: dict[str, object]) -> None:
                broker.stop()

        url = broker.url("doors/front")
        with Cut(url, TOKEN), pytest.raises(ActionFailed, match="it may have been done") as caught:
            relay_to(url, relay_timeout_s=5.0)(order())
    assert caught.value.certain is False


def test_a_badge_opens_a_door_behind_a_broker_once(broker: MqttBroker, tmp_path: Path) -> None:
    """Story: Ada's badge pulses the strike; while the broker is away the door stays shut and the record says so."""
    url = broker.url("doors/front")
    base = site_with(None)
    place = open_door_site(tmp_path, replace(base, doors=(Door("front", relay=url), Door("back"))))
    with MqttController(url, relay_token(place.store.keys, "front")) as controller:
        question = place.present()
        place.settle()
        assert (place.answer(question)["verdict"], place.mode(), controller.strike.pulses) == (
            "authorize",
            "accessed",
            1,
        )
    broker.stop()
    place.present()
    place.settle()
    assert [event["reasons"][0].partition(": ")[2] for event in place.events("door.open_failed")] == [
        f"mqtt://127.0.0.1:{broker.port}: cannot connect (Connection refused)"
    ]
    broker.start()
    with MqttController(url, relay_token(place.store.keys, "front")) as controller:
        place.present()
        place.settle()
        assert (controller.strike.pulses, place.doors.state("front").mode) == (1, "accessed")
