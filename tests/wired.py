"""Door controllers that answer as told, one for each wire, for tests that every relay must pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broker import MqttBroker
from listener import DROP, listening
from patience import eventually
from ports import free_port

from surveillance.demo.mqtt_devices import MqttController
from surveillance.demo.osdp_device import REFUSE, OsdpDeviceSimulator
from surveillance.demo.osdp_device import SILENT as SWALLOW
from surveillance.domain.devices import parse_osdp
from surveillance.domain.values import rfc3339
from surveillance.engines.supervise import Supervised
from surveillance.wires.osdp import LINES, OsdpDevice, OsdpLine

DONE, REFUSED, SILENT = "done", "refused", "silent"
TOKEN = "f0" * 32  # as long as a real one


@dataclass(frozen=True)
class Ordered:
    """What a controller was told. `key` and `deadline` are empty where the wire carries none."""

    order: str  # pulse | lock | unlock
    pulse_s: float | None
    key: str = ""
    deadline: str = ""


@dataclass
class Told:
    url: str
    ordered: list[Ordered] = field(default_factory=list)


@dataclass(frozen=True)
class Wire:
    """`controller(answer)` is one that answers DONE, REFUSED or not at all; at `absent` there is none."""

    name: str
    controller: Callable[[str], AbstractContextManager[Told]]
    absent: str
    has_keys: bool = True


def http_wire(directory: Path) -> Wire:
    @contextmanager
    def controller(answer: str) -> Iterator[Told]:
        with listening({DONE: 200, REFUSED: 409, SILENT: DROP}[answer]) as listener:
            told = Told(listener.url)
            yield told
            for received in listener.received:
                assert received.headers["authorization"] == f"Bearer {TOKEN}"
                body = json.loads(received.body)
                order = received.path.rpartition("/")[2]
                told.ordered.append(Ordered(order, body.get("pulse_s"), body["key"], body["deadline"]))

    return Wire("http", controller, f"http://127.0.0.1:{free_port()}")


def mqtt_wire(broker: MqttBroker) -> Wire:
    """The controller trusts nothing that is not signed with the token, so an order that it heard was."""
    answers = {DONE: {"outcome": "done"}, REFUSED: {"outcome": "failed", "reason": "key used before"}, SILENT: None}

    @contextmanager
    def controller(answer: str) -> Iterator[Told]:
        told = Told(broker.url("doors/front"))
        with MqttController(told.url, TOKEN, lambda claims: answers[answer]) as device:
            yield told
            assert eventually(lambda: bool(device.orders)), "it may hear of an order after nobody waits any more"
            for claims in device.orders:
                deadline = rfc3339(datetime.fromtimestamp(claims["exp"], UTC))
                told.ordered.append(Ordered(claims["order"], claims.get("pulse_s"), claims["jti"], deadline))

    return Wire("mqtt", controller, f"mqtt://127.0.0.1:{free_port()}/doors/front")


OSDP_KEY = bytes(range(16))


@contextmanager
def osdp_line(
    device: OsdpDeviceSimulator, key: bytes | None = OSDP_KEY, is_found: bool = True, **more: Any
) -> Iterator[OsdpLine]:
    """The line of a simulated device, open in this process, with the device found; or tried to, where it cannot be."""
    path = parse_osdp(device.url, "the device").line
    heard = more.pop("heard", lambda address, event: None)
    line = OsdpLine(path, 9600, (OsdpDevice(device.address, key, **more),), heard)
    thread = Supervised("line", line.run, lambda name, error: None)
    thread.start()
    LINES.add(line)
    try:
        assert eventually(lambda: not line.away_s(device.address), within_s=30 if is_found else 2) is is_found
        yield line
    finally:
        LINES.remove(line)
        thread.stop()
        line.stop()
        assert thread.join(30)


def osdp_wire(directory: Path) -> Wire:
    """OSDP carries no key and no deadline; what is not answered is taken off the line."""
    behaves = {DONE: "", REFUSED: REFUSE, SILENT: SWALLOW}

    @contextmanager
    def controller(answer: str) -> Iterator[Told]:
        with OsdpDeviceSimulator(OSDP_KEY, behaves=behaves[answer]) as device, osdp_line(device):
            told = Told(device.url)
            yield told
            assert eventually(lambda: bool(device.orders))
            for order in device.orders:
                name = {5: "pulse", 2: "unlock", 1: "lock"}[order["control_code"]]
                told.ordered.append(Ordered(name, order["timer_count"] / 10 if name == "pulse" else None))

    return Wire("osdp", controller, "osdp:///dev/ttyUSB99?address=1", has_keys=False)
