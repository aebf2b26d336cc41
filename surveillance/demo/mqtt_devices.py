"""A simulated door controller and a simulated badge reader that speak MQTT, as docs/access.md describes them."""

from __future__ import annotations

import argparse
import queue
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from surveillance.demo.strike import LONGEST_PULSE_S, RefusalError, Strike
from surveillance.domain.devices import MqttPlace, parse_mqtt
from surveillance.wires.broker import build_client
from surveillance.wires.signed import Forged, read, sign

CONNECT_S = 5.0
ANSWER_S = 5.0


class _Device:
    """Connected to its broker in a `with`, listening at one topic. It knows nobody but who has its token."""

    def __init__(self, place: MqttPlace, listens: str, token: str, ca_file: Path | None) -> None:
        self.place = place
        self._listens = f"{place.topic}/{listens}"
        self._token = token
        self._subscribed = threading.Event()
        self._client = build_client(place.broker, ca_file, CONNECT_S)
        self._client.on_connect = lambda client, *_: client.subscribe(self._listens, qos=0)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda client, data, message: self._hear(bytes(message.payload))

    def __enter__(self) -> Self:
        self._client.connect(self.place.broker.host, self.place.broker.port)
        self._client.loop_start()
        if not self._subscribed.wait(CONNECT_S):
            raise OSError(f"{self.place.broker} does not let this device listen at {self._listens}")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def tell(self, topic: str, id: str, claims: Mapping[str, Any]) -> bytes:
        """Publishes at a topic of this device, and returns the message."""
        message = sign(self._token, f"{self.place.topic}/{topic}", id, datetime.now(UTC), claims)
        self._client.publish(f"{self.place.topic}/{topic}", message, qos=0, retain=False)
        return message

    def _hear(self, message: bytes) -> None:
        with suppress(Forged):
            self.heard(read(self._token, self._listens, message, datetime.now(UTC)))

    def heard(self, claims: dict[str, Any]) -> None:
        raise NotImplementedError


class MqttController(_Device):
    """Obeys orders at `<topic>/order` and answers each at `<topic>/outcome`; a pulse ends by its own timer.

    `answers` may stand in for the strike: claims of the order in, claims of the answer out, None for silence.
    """

    def __init__(
        self,
        relay: str,
        token: str,
        answers: Callable[[dict[str, Any]], Mapping[str, Any] | None] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        super().__init__(parse_mqtt(relay, "the relay's address"), "order", token, ca_file)
        self.strike = Strike(self.place.topic.rpartition("/")[2])
        self.orders: list[dict[str, Any]] = []
        self._answers = answers or self._obey

    def heard(self, claims: dict[str, Any]) -> None:
        self.orders.append(claims)
        answer = self._answers(claims)
        if answer is not None:
            self.tell("outcome", claims["jti"], answer)

    def _obey(self, claims: dict[str, Any]) -> Mapping[str, Any]:
        try:
            deadline, now = datetime.fromtimestamp(float(claims["exp"]), UTC), datetime.now(UTC)
            if claims["order"] == "pulse":
                self.strike.pulse(float(claims["pulse_s"]), claims["jti"], deadline, now)
            elif claims["order"] in ("lock", "unlock"):
                self.strike.hold(claims["order"] == "unlock", claims["jti"], deadline, now)
            else:
                return {"outcome": "failed", "reason": "the order is not known here"}
        except RefusalError as refusal:
            return {"outcome": "failed", "reason": str(refusal)}
        except (KeyError, TypeError, ValueError, OverflowError):
            return {"outcome": "failed", "reason": f"needs order, exp and, of a pulse, at most {LONGEST_PULSE_S:g} s"}
        return {"outcome": "done"}


@dataclass
class Presented:
    """What a reader published, and what it was answered: None where no answer came."""

    message: bytes
    answer: dict[str, Any] | None = field(default=None)


class MqttReader(_Device):
    """Presents factors at `<topic>/request` and hears the answer at `<topic>/answer`."""

    def __init__(self, reader: str, token: str, ca_file: Path | None = None) -> None:
        super().__init__(parse_mqtt(reader, "the reader's address"), "answer", token, ca_file)
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def heard(self, claims: dict[str, Any]) -> None:
        self._answers.put(claims)

    def present(self, value: str, kind: str = "badge", id: str = "", wait_s: float = ANSWER_S) -> Presented:
        """Holds a badge, or another kind of factor, to this reader."""
        id = id or str(uuid.uuid4())
        presented = Presented(self.tell("request", id, {"factors": [{"kind": kind, "value": value}]}))
        with suppress(queue.Empty):
            while presented.answer is None or presented.answer["jti"] != id:
                presented.answer = self._answers.get(timeout=wait_s)
        return presented

    def replay(self, message: bytes) -> None:
        """Publishes a message again, as whoever listens at the broker could."""
        self._client.publish(f"{self.place.topic}/request", message, qos=0)


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m surveillance.demo.mqtt_devices controller ADDRESS --token T`, `... reader ADDRESS --token T BADGE`."""
    parser = argparse.ArgumentParser(prog="python -m surveillance.demo.mqtt_devices", description=__doc__)
    parser.add_argument("device", choices=("controller", "reader"))
    parser.add_argument("address", help="mqtt://user:password@broker/topic, as the site says it")
    parser.add_argument("value", nargs="?", default="demo-grace", help="the badge that the reader reads")
    parser.add_argument("--token", required=True)
    parser.add_argument("--ca-file", type=Path)
    asked = parser.parse_args(arguments)
    if asked.device == "reader":
        with MqttReader(asked.address, asked.token, asked.ca_file) as reader:
            print(reader.present(asked.value).answer or "no answer: the door stays shut")  # noqa: T201
        return
    with MqttController(asked.address, asked.token, ca_file=asked.ca_file) as controller, suppress(KeyboardInterrupt):
        while True:
            print(controller.strike.state(), flush=True)  # noqa: T201
            controller.tell("state", str(uuid.uuid4()), controller.strike.told())
            threading.Event().wait(2)


if __name__ == "__main__":
    main()
