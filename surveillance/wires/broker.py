"""Connections to MQTT brokers (MQTT 5): one for a single exchange, and a client for whoever stays connected.

They go only where `domain.addresses` lets them, also when a connection is made anew; proxies are ignored.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from surveillance.domain.addresses import connect
from surveillance.domain.devices import Broker
from surveillance.domain.errors import AddressRefused, SurveillanceError

KEEPALIVE_S = 20
_LOOK_S = 0.05


class BrokerAway(SurveillanceError):  # noqa: N818  named as what happened
    """A broker that cannot be reached, refuses us, or was lost."""


class GuardedClient(mqtt.Client):
    """Connects where the guard of addresses lets it, by TLS where `context` is given."""

    context: ssl.SSLContext | None = None
    reason = ""  # why the last connection failed

    def _create_socket_connection(self) -> socket.socket:
        try:
            sock = connect(self._host, self._port, self._connect_timeout, "the broker's address")
            return sock if self.context is None else self.context.wrap_socket(sock, server_hostname=self._host)
        except (OSError, AddressRefused) as error:
            self.reason = reason_of(error)
            raise OSError(self.reason) from error  # which the client takes for an address that does not answer


def build_client(broker: Broker, ca_file: Path | None, connect_timeout_s: float) -> GuardedClient:
    """A client that is not connected yet; the broker gives it its id and keeps nothing of it."""
    client = GuardedClient(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect_timeout = connect_timeout_s
    client.suppress_exceptions = True  # ours never raise; a fault of one must not end the client's thread
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    if broker.tls:
        client.context = ssl.create_default_context(cafile=ca_file)
    return client


class Exchange:
    """One connection, driven by the thread that uses it. Every method raises BrokerAway."""

    def __init__(self, broker: Broker, ca_file: Path | None, connect_timeout_s: float) -> None:
        self._broker = broker
        self._ends_s = time.monotonic() + connect_timeout_s
        self._answered: set[str] = set()  # what the broker has answered: connect, or the number of a packet
        self._refused = ""
        self._heard: deque[bytes] = deque()
        self._client = build_client(broker, ca_file, connect_timeout_s)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda client, data, mid, codes, more: self._settled(mid, codes[0])
        self._client.on_publish = lambda client, data, mid, code, more: self._settled(mid, code)
        self._client.on_message = lambda client, data, message: self._heard.append(bytes(message.payload))
        try:
            self._client.connect(broker.host, broker.port, KEEPALIVE_S)
        except (OSError, ValueError) as error:  # ValueError: a host that no packet can name
            raise BrokerAway(f"{broker}: cannot connect ({reason_of(error)})") from error
        self._until("connect", self._ends_s)

    def listen(self, topic: str) -> None:
        """Messages there are heard from when this returns."""
        _, mid = self._client.subscribe(topic, qos=0)
        self._until(str(mid), self._ends_s)

    def tell(self, topic: str, message: bytes, lives_s: int) -> None:
        """Sent at most once, kept by no broker: QoS 0, not retained, gone after `lives_s`."""
        told = Properties(PacketTypes.PUBLISH)
        told.MessageExpiryInterval = lives_s
        self._publish(topic, message, 0, told)

    def assure(self, topic: str, message: bytes, content_type: str, timeout_s: float) -> None:
        """Returns when the broker has taken it (QoS 1)."""
        told = Properties(PacketTypes.PUBLISH)
        told.ContentType = content_type
        mid = self._publish(topic, message, 1, told)
        self._until(str(mid), time.monotonic() + timeout_s)

    def hear(self, ends_s: float) -> bytes | None:
        """The next message, or None when none came until then."""
        while not self._heard and time.monotonic() < ends_s:
            self._turn()
        return self._heard.popleft() if self._heard else None

    def close(self) -> None:
        self._client.disconnect()

    def _publish(self, topic: str, message: bytes, qos: int, told: Properties) -> int:
        sent = self._client.publish(topic, message, qos=qos, retain=False, properties=told)
        if sent.rc != mqtt.MQTT_ERR_SUCCESS:
            raise BrokerAway(f"{self._broker}: {mqtt.error_string(sent.rc)}")
        return sent.mid

    def _until(self, what: str, ends_s: float) -> None:
        while what not in self._answered:
            if time.monotonic() > ends_s:
                raise BrokerAway(f"{self._broker}: no answer in time")
            self._turn()

    def _turn(self) -> None:
        code = self._client.loop(_LOOK_S)
        if self._refused:
            raise BrokerAway(f"{self._broker}: {self._refused}")
        if code != mqtt.MQTT_ERR_SUCCESS:
            raise BrokerAway(f"{self._broker}: {mqtt.error_string(code)}")

    def _connected(self, client: Any, data: Any, flags: Any, code: Any, more: Any) -> None:
        self._settled("connect", code)

    def _settled(self, what: str | int, code: Any) -> None:
        if code.is_failure:
            self._refused = f"refused ({code})"
        self._answered.add(str(what))


@contextmanager
def exchange(broker: Broker, ca_file: Path | None, connect_timeout_s: float) -> Iterator[Exchange]:
    """A connection for the length of the block. Raises BrokerAway."""
    opened = Exchange(broker, ca_file, connect_timeout_s)
    try:
        yield opened
    finally:
        opened.close()


def reason_of(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
