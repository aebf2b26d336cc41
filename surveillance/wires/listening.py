"""Topics of a broker are listened at for as long as the site names them; a broker that is lost is waited for.

A message goes to whoever listens at its topic. Each broker has a thread, which connects anew by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage

from surveillance.domain.devices import Broker
from surveillance.wires.broker import KEEPALIVE_S, build_client

CONNECT_S = 3.0
AGAIN_S = (1, 2)  # the first wait before a broker is tried again, and the longest

Hear = Callable[[bytes], None]  # called by the broker's thread; must not block, nor raise


class BrokerListener:
    """Listens at the topics of one broker: `run` until `stop`. `tell` publishes, and may be called by any thread."""

    def __init__(self, broker: Broker, topics: Mapping[str, Hear], ca_file: Path | None) -> None:
        self.broker = broker
        self.topics = dict(topics)
        self.fault = "not connected yet"  # why nothing is heard; empty while all is
        self.since_s = time.monotonic()  # of the fault, or of its end
        self._is_stopping = False
        self._client = client = build_client(broker, ca_file, CONNECT_S)
        client.reconnect_delay_set(*AGAIN_S)
        client.on_connect = self._connected
        client.on_connect_fail = lambda client, data: self._stands(f"cannot connect ({self._client.reason})")
        client.on_disconnect = lambda client, data, flags, code, more: self._stands(f"lost ({code})")
        client.on_subscribe = self._subscribed
        client.on_message = self._heard

    def run(self) -> None:
        """Returns after `stop`."""
        self._client.connect_async(self.broker.host, self.broker.port, KEEPALIVE_S)
        self._client.loop_forever(timeout=0.5, retry_first_connection=True)

    def stop(self) -> None:
        self._is_stopping = True
        self._client.disconnect()

    def tell(self, topic: str, message: bytes) -> None:
        """Sent once, or not at all where the broker is away."""
        self._client.publish(topic, message, qos=0, retain=False)

    def _connected(self, client: Client, data: Any, flags: Any, code: Any, more: Any) -> None:
        if self._is_stopping:
            client.disconnect()
        elif code.is_failure:
            self._stands(f"refused ({code})")
        else:
            client.subscribe([(topic, 0) for topic in self.topics])

    def _subscribed(self, client: Client, data: Any, mid: int, codes: list[Any], more: Any) -> None:
        refused = [topic for topic, code in zip(self.topics, codes, strict=False) if code.is_failure]
        self._stands(f"does not let us listen at {', '.join(refused)}" if refused else "")

    def _heard(self, client: Client, data: Any, message: MQTTMessage) -> None:
        hear = self.topics.get(message.topic)
        if hear is not None and not message.retain:
            hear(bytes(message.payload))

    def _stands(self, fault: str) -> None:
        if bool(fault) != bool(self.fault):
            self.since_s = time.monotonic()
        self.fault = fault
