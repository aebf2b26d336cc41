"""Readers and controllers that speak by themselves over a broker: what is asked goes to core through the inbox and is
answered at the reader's own topic; what a controller tells of its door goes to the doors.

Only a message signed with the key of that door's reader or relay counts, at its own topic, near its time, and once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from surveillance.access.told import Freshness, parse_told
from surveillance.app.reader_desk import ReaderPorts
from surveillance.app.store import Store, reader_token, relay_token
from surveillance.domain.devices import MQTT_PORTS, Broker, MqttPlace, parse_mqtt, scheme_of
from surveillance.domain.errors import SettingsError, UserMistake
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import Door
from surveillance.engines.core import told_of_itself
from surveillance.engines.supervise import Supervised
from surveillance.settings import Settings
from surveillance.wires.listening import BrokerListener
from surveillance.wires.signed import Forged, read, sign

PATIENCE_S = 2.0  # a broker that is away for less is no news
WARN_EVERY_S = 60.0
STOP_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ear:
    """Of whom we hear at a topic: the reader of a door ("request"), or its controller ("state")."""

    topic: str
    kind: str
    door: str


@dataclass(slots=True)
class Running:
    """A broker that is listened to."""

    ears: frozenset[Ear]
    listener: BrokerListener
    thread: Supervised
    is_told: bool = False  # that it is away


class MqttReaders:
    """`tick` once a second starts and stops what the site asks for; `close` ends all."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        site: SiteReader,
        core: ReaderPorts,
    ) -> None:
        self._settings = settings
        self._store = store
        self._site = site
        self._core = core
        self._running: dict[Broker, Running] = {}
        self._fresh = Freshness(datetime.now(UTC))
        self._warned_s = -WARN_EVERY_S

    def tick(self) -> None:
        """Listens where the site says so now, and tells of brokers that are away or back."""
        wanted = ears_of(self._site().doors)
        for broker in list(self._running):
            if self._running[broker].ears != wanted.get(broker):
                self._stop(self._running.pop(broker))
        for broker, ears in wanted.items():
            if broker not in self._running:
                self._running[broker] = self._start(broker, ears)
        for broker, running in self._running.items():
            self._look_at(broker, running)

    def close(self) -> None:
        for running in self._running.values():
            self._stop(running)
        self._running.clear()

    def _start(self, broker: Broker, ears: frozenset[Ear]) -> Running:
        listener: BrokerListener
        by_topic: dict[str, list[Ear]] = {}
        for ear in sorted(ears, key=lambda ear: ear.door):
            by_topic.setdefault(ear.topic, []).append(ear)

        def hearing(at: list[Ear]) -> Callable[[bytes], None]:
            return lambda message: self._heard(listener, at, message)

        topics = {topic: hearing(at) for topic, at in by_topic.items()}
        listener = BrokerListener(broker, topics, self._settings.actions.broker_ca_file)
        thread = Supervised(f"mqtt {broker.host}:{broker.port}", listener.run, self._core.failed)
        thread.start()
        return Running(ears, listener, thread)

    def _stop(self, running: Running) -> None:
        running.thread.stop()
        running.listener.stop()
        running.thread.join(STOP_S)

    def _look_at(self, broker: Broker, running: Running) -> None:
        fault, since_s = running.listener.fault, time.monotonic() - running.listener.since_s
        doors = ", ".join(sorted({ear.door for ear in running.ears}))
        if fault and not running.is_told and since_s >= PATIENCE_S:
            running.is_told = True
            self._core.tell(
                told_of_itself("health.degraded", f"{broker}: {fault}; it serves {doors}", component="mqtt")
            )
        elif not fault and running.is_told:
            running.is_told = False
            self._core.tell(
                told_of_itself("health.restored", f"{broker}: works again; it serves {doors}", component="mqtt")
            )

    # --- messages ---

    def _heard(self, listener: BrokerListener, ears: list[Ear], message: bytes) -> None:
        """Called by the broker's thread. Of several doors at one topic, the key tells which is meant."""
        now, refusal = datetime.now(UTC), ""
        for ear in ears:
            try:
                claims = read(self._key_of(ear), ear.topic, message, now)
            except Forged as forged:
                refusal = str(forged)
                continue
            if ear.kind == "request":
                self._take(listener, ear, claims)
            else:
                self._sense(ear, claims, now)
            return
        self._warn(ears[0], refusal)

    def _key_of(self, ear: Ear) -> str:
        return (reader_token if ear.kind == "request" else relay_token)(self._store.keys, ear.door)

    def _take(self, listener: BrokerListener, ear: Ear, claims: Mapping[str, Any]) -> None:
        until = claims.get("exp")
        if isinstance(until, int | float) and datetime.now(UTC).timestamp() > until:
            self._warn(ear, "the reader waits for no answer any more")
            return
        topic, id = f"{ear.topic.removesuffix('/request')}/answer", str(claims["jti"])

        def answer(told: Mapping[str, Any]) -> None:
            listener.tell(topic, sign(self._key_of(ear), topic, id, datetime.now(UTC), told))

        payload = {"request_id": id, "door": ear.door, "factors": claims.get("factors")}
        if not self._core.desk.ask(payload, "mqtt", answer):
            self._warn(ear, "too many wait for an answer")

    def _sense(self, ear: Ear, claims: Mapping[str, Any], now: datetime) -> None:
        """What is no newer than what was told before was held up, or is played again."""
        try:
            told = parse_told(ear.door, now, claims)
            self._fresh.check(ear.door, datetime.fromtimestamp(float(claims["iat"]), UTC), now)
            self._core.sensed(told)
        except UserMistake as mistake:
            self._warn(ear, str(mistake))

    def _warn(self, ear: Ear, reason: str) -> None:
        """Anybody who may publish there can cause it, so it is said once a minute."""
        if time.monotonic() - self._warned_s >= WARN_EVERY_S:
            self._warned_s = time.monotonic()
            log.warning("message refused", extra={"door": ear.door, "topic": ear.topic, "reason": reason})


def ears_of(doors: Iterable[Door]) -> dict[Broker, frozenset[Ear]]:
    """By broker, where the site's readers ask and where its controllers tell how doors stand."""
    found: dict[Broker, set[Ear]] = {}
    for door in doors:
        asks = place_of(door.reader, f"reader of door {door.name!r}")
        if asks is not None:
            found.setdefault(asks.broker, set()).add(Ear(f"{asks.topic}/request", "request", door.name))
        tells = place_of(door.relay, f"relay of door {door.name!r}") if door.watch == "push" else None
        if tells is not None:
            found.setdefault(tells.broker, set()).add(Ear(f"{tells.topic}/state", "state", door.name))
    return {broker: frozenset(ears) for broker, ears in found.items()}


def place_of(address: str | None, what: str) -> MqttPlace | None:
    """None for what speaks no MQTT, or has an address that cannot be used; the site refuses that when it is saved."""
    if address is None or scheme_of(address) not in MQTT_PORTS:
        return None
    try:
        return parse_mqtt(address, what)
    except SettingsError as mistake:
        log.error("address refused", extra={"reason": str(mistake)})
        return None
