"""Readers that ask a whole running engine over a real broker: answered once, in time, to whoever has the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from broker import MqttBroker, running_broker
from door_site import PATIENT, RULES
from fakes import NoCameras
from patience import eventually

from surveillance.app.engine import running_engine
from surveillance.app.store import Store, open_store, reader_token, relay_token, upgrade_database
from surveillance.demo.mqtt_devices import MqttController, MqttReader
from surveillance.domain.site import Credential, Door, Person, Site
from surveillance.settings import Settings
from surveillance.storage.queries import EventFilter
from surveillance.wires.signed import sign


@dataclass
class BrokeredSite:
    """A running site: Ada of the staff may pass the front door, whose reader and controller speak MQTT."""

    broker: MqttBroker
    store: Store

    def kinds(self) -> list[str]:
        rows, _ = self.store.events.page(EventFilter(), None, 200)
        return [str(row["kind"]) for row in sorted(rows, key=lambda row: row["seq"])]

    def reader(self, key: str = "") -> MqttReader:
        return MqttReader(self.broker.url("doors/front"), key or reader_token(self.store.keys, "front"))

    def controller(self) -> MqttController:
        return MqttController(self.broker.url("doors/front"), relay_token(self.store.keys, "front"))


@contextmanager
def brokered_site(directory: Path) -> Iterator[BrokeredSite]:
    with running_broker(directory) as broker:
        url = broker.url("doors/front")
        doors = (Door("front", reader=url, relay=url, watch="push"), Door("back"))
        people = (Person("Ada", frozenset({"staff"}), (Credential("badge", "ada-badge"),)),)
        settings = Settings(data_dir=directory / "data", actions=PATIENT)
        upgrade_database(settings)
        store = open_store(settings)
        store.site.seed(Site(doors=doors, people=people, rules=RULES))
        with running_engine(settings, store, lambda core: NoCameras()):
            yield BrokeredSite(broker, store)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokeredSite]:
    with brokered_site(tmp_path_factory.mktemp("site")) as running, running.reader() as reader:
        assert eventually(lambda: reader.present("nobody", wait_s=0.5).answer is not None), "core listens"
        yield running


def test_a_badge_opens_and_a_stranger_does_not(site: BrokeredSite) -> None:
    with site.controller() as controller, site.reader() as reader:
        granted, denied = reader.present("ada-badge").answer, reader.present("stolen").answer
        assert eventually(lambda: controller.strike.pulses == 1)
    assert granted is not None
    assert denied is not None
    assert (granted["verdict"], denied["verdict"]) == ("authorize", "deny")
    assert [site.store.events.one(told["event"])["kind"] for told in (granted, denied)] == [
        "access.granted",
        "access.denied",
    ]
    assert set(granted) == {"aud", "jti", "iat", "verdict", "reasons", "event", "expires_at"}


def test_a_request_played_again_opens_nothing_and_gets_the_first_answer(site: BrokeredSite) -> None:
    before = site.kinds().count("access.granted")
    with site.controller() as controller, site.reader() as reader:
        first = reader.present("ada-badge", id="r-1")
        reader.replay(first.message)
        again = reader.present("stolen", id="r-1").answer  # the same request, whatever it says now
        assert eventually(lambda: controller.strike.pulses >= 1)
        assert first.answer is not None
        assert again is not None
        assert (again["event"], controller.strike.pulses) == (first.answer["event"], 1)
    assert site.kinds().count("access.granted") == before + 1


@pytest.mark.parametrize(
    "case", ["another's key", "the relay's key", "an old one", "a late one", "another topic", "no token", "a huge one"]
)
def test_a_request_that_the_reader_did_not_make_just_now_is_not_answered(site: BrokeredSite, case: str) -> None:
    now, key, topic = datetime.now(UTC), reader_token(site.store.keys, "front"), "doors/front/request"
    claims = {"factors": [{"kind": "badge", "value": "ada-badge"}]}
    forged = {
        "another's key": sign(reader_token(site.store.keys, "back"), topic, "f", now, claims),
        "the relay's key": sign(relay_token(site.store.keys, "front"), topic, "f", now, claims),
        "an old one": sign(key, topic, "f", now - timedelta(seconds=30), claims),
        "a late one": sign(key, topic, "f", now, {**claims, "exp": (now - timedelta(seconds=1)).timestamp()}),
        "another topic": sign(key, "doors/back/request", "f", now, claims),
        "no token": b"[" * 4000,
        "a huge one": sign(key, topic, "f", now, {**claims, "more": "x" * 9000}),
    }[case]
    before = site.kinds().count("access.granted")
    with site.reader() as reader:
        reader.replay(forged)
        assert reader.present("nobody").answer is not None  # it was heard after the forged one
    assert site.kinds().count("access.granted") == before


def test_what_is_no_request_is_denied_in_one_line_that_repeats_no_value(site: BrokeredSite) -> None:
    with site.reader() as reader:
        answer = reader.present("ada-badge", kind="retina").answer
    assert answer is not None
    assert (answer["verdict"], answer["event"]) == ("deny", None)
    assert answer["reasons"][0].startswith("factors[0].kind: no kind of factor is called 'retina'")


def test_a_controller_tells_how_its_door_stands_over_the_broker(site: BrokeredSite) -> None:
    with site.controller() as controller:
        controller.tell("state", "s-1", {"contact": "closed", "lock": "locked"})
        forged = sign("00" * 32, "doors/front/state", "s-2", datetime.now(UTC), {"tamper": True})
        controller._client.publish("doors/front/state", forged, qos=0)
        controller.tell("state", "s-3", {"contact": "open"})
        assert eventually(lambda: "door.opened" in site.kinds())
    assert "door.tampered" not in site.kinds()


def test_a_broker_that_is_cut_is_told_once_and_found_again(tmp_path: Path) -> None:
    with brokered_site(tmp_path) as site:
        with site.reader() as reader:
            assert eventually(lambda: reader.present("nobody", wait_s=0.5).answer is not None)
        site.broker.stop()
        assert eventually(lambda: "health.degraded" in site.kinds())
        site.broker.start()
        assert eventually(lambda: "health.restored" in site.kinds())
        with site.reader() as reader:
            answer = reader.present("nobody").answer
        assert answer is not None
        assert (site.kinds().count("health.degraded"), answer["verdict"]) == (1, "deny")


def test_who_listens_follows_the_site_while_it_runs(site: BrokeredSite) -> None:
    known = site.store.site.read()
    moved = replace(known.doors[1], reader=site.broker.url("doors/back"))
    site.store.site.save(replace(known, doors=(known.doors[0], moved)), "ada")
    with MqttReader(site.broker.url("doors/back"), reader_token(site.store.keys, "back")) as reader:
        assert eventually(lambda: reader.present("ada-badge", wait_s=0.5).answer is not None)
