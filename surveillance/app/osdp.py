"""The serial lines of a site: opened here once, for relays and readers alike; what readers read is asked, what devices
tell of their door is told.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from osdp import Event, StatusReportType

from surveillance.access.cards import KeyPad, card_number
from surveillance.app.reader_desk import ReaderPorts
from surveillance.app.store import Store
from surveillance.domain.devices import OsdpPlace, parse_osdp, scheme_of
from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import SettingsError
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import Door
from surveillance.domain.values import new_id
from surveillance.engines.core import told_of_itself
from surveillance.engines.supervise import Supervised
from surveillance.storage.keys import KeyStore
from surveillance.wires.osdp import AWAY_S, LINES, OsdpDevice, OsdpLine

STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Device:
    """A device with the doors that it serves."""

    place: OsdpPlace
    reads_for: str | None = None  # the door at which it is the reader
    tells_of: tuple[str, ...] = ()  # doors of which it is reader or relay
    watched: bool = False


@dataclass(slots=True)
class Running:
    """A line that is open."""

    devices: tuple[Device, ...]
    line: OsdpLine
    thread: Supervised
    keypads: dict[int, KeyPad]
    pressed: dict[int, bool] = field(default_factory=dict)  # the exit button, as it was told last
    told_away: set[int] = field(default_factory=set)


class OsdpDevices:
    """`tick` once a second opens and closes what the site asks for; `close` ends all."""

    def __init__(self, store: Store, site: SiteReader, core: ReaderPorts) -> None:
        self._store = store
        self._site = site
        self._core = core
        self._running: dict[str, Running] = {}

    def tick(self) -> None:
        wanted = devices_of(self._site().doors)
        for path in list(self._running):
            if self._running[path].devices != wanted.get(path):
                self._stop(self._running.pop(path))
        for path, devices in wanted.items():
            if path not in self._running:
                self._running[path] = self._start(path, devices)
        for running in self._running.values():
            self._look_at(running)

    def close(self) -> None:
        for running in self._running.values():
            self._stop(running)
        self._running.clear()

    def _start(self, path: str, devices: tuple[Device, ...]) -> Running:
        told = tuple(
            OsdpDevice(device.place.address, key_of(self._store.keys, device.place), device.watched)
            for device in devices
        )
        by_address = {device.place.address: device for device in devices}
        line = OsdpLine(
            path, devices[0].place.baud, told, lambda address, event: self._heard(running, by_address[address], event)
        )
        thread = Supervised(f"osdp {path}", line.run, self._core.failed)
        running = Running(devices, line, thread, {address: KeyPad() for address in by_address})
        LINES.add(line)
        thread.start()
        return running

    def _stop(self, running: Running) -> None:
        LINES.remove(running.line)
        running.thread.stop()
        running.line.stop()
        running.thread.join(STOP_S)

    def _look_at(self, running: Running) -> None:
        for device in running.devices:
            address = device.place.address
            is_away = running.line.away_s(address) > AWAY_S
            if is_away is (address in running.told_away):
                continue
            serves = ", ".join(device.tells_of)
            if is_away:
                running.told_away.add(address)
                why = running.line.fault or "it does not answer, or has another key"
                reason = f"{device.place}: {why}; it serves {serves}"
                self._core.tell(told_of_itself("health.degraded", reason, component="osdp"))
            else:
                running.told_away.discard(address)
                reason = f"{device.place}: works again; it serves {serves}"
                self._core.tell(told_of_itself("health.restored", reason, component="osdp"))

    # --- what devices send; called by the line's thread ---

    def _heard(self, running: Running, device: Device, event: Mapping[str, Any]) -> None:
        if event["event"] == Event.CardRead:
            self._present(running, device, "card", card_number(bytes(event["data"]), int(event["length"])))
        elif event["event"] == Event.KeyPress:
            for pin in running.keypads[device.place.address].press(bytes(event["data"]), time.monotonic()):
                self._present(running, device, "pin", pin)
        elif event["event"] == Event.Status:
            told = _told(running, device, event)
            if told is not None:
                for door in device.tells_of:
                    self._core.sensed(replace(told, door=door))

    def _present(self, running: Running, device: Device, kind: str, value: str) -> None:
        if device.reads_for is None or not value:
            return
        payload = {"request_id": new_id(), "door": device.reads_for, "factors": [{"kind": kind, "value": value}]}
        address = device.place.address
        self._core.desk.ask(
            payload, "osdp", lambda answer: running.line.show(address, answer.get("verdict") == "authorize")
        )


def _told(running: Running, device: Device, event: Mapping[str, Any]) -> DoorSensed | None:
    """What a status report says of a door, in no door's name yet."""
    report, told = bytes(event["report"]), DoorSensed("", datetime.now(UTC))
    if event["type"] == StatusReportType.Local and len(report) >= 2:
        return replace(told, tamper=bool(report[0]), fault="power failure" if report[1] else "")
    if event["type"] != StatusReportType.Input:
        return None
    place = device.place
    if place.contact is not None and place.contact < len(report):
        told = replace(told, contact="open" if report[place.contact] else "closed")
    if place.exit is not None and place.exit < len(report):
        is_down, was_down = bool(report[place.exit]), running.pressed.get(place.address, False)
        running.pressed[place.address] = is_down
        told = replace(told, exit=is_down and not was_down)
    return told


def key_of(keys: KeyStore, place: OsdpPlace) -> bytes | None:
    """The key of a device's secure channel: its address says one, or it is derived, so that it is nowhere stored."""
    if not place.secure:
        return None
    return place.key or hmac.new(keys.key("osdp"), str(place).encode(), hashlib.sha256).digest()[:16]


def devices_of(doors: Iterable[Door]) -> dict[str, tuple[Device, ...]]:
    """By line, the devices that the site names, each once with all that it is to its doors."""
    found: dict[tuple[str, int], Device] = {}
    for door in doors:
        for address, is_reader in ((door.reader, True), (door.relay, False)):
            place = place_of(address, f"door {door.name!r}")
            if place is None:
                continue
            known = found.get((place.line, place.address), Device(place))
            found[(place.line, place.address)] = replace(
                known,
                place=_merged(known.place, place),
                reads_for=known.reads_for or (door.name if is_reader else None),
                tells_of=tuple(dict.fromkeys((*known.tells_of, door.name))),
                watched=known.watched or door.watch == "push",
            )
    lines: dict[str, tuple[Device, ...]] = {}
    for (path, _), device in sorted(found.items()):
        lines[path] = (*lines.get(path, ()), device)
    return lines


def _merged(known: OsdpPlace, place: OsdpPlace) -> OsdpPlace:
    """One device, named by a reader and a relay: whichever of them says something of it is heard; doubt is secure."""
    return replace(
        known,
        secure=known.secure or place.secure,
        key=known.key or place.key,
        contact=place.contact if known.contact is None else known.contact,
        exit=place.exit if known.exit is None else known.exit,
    )


def place_of(address: str | None, what: str) -> OsdpPlace | None:
    """None for what is no OSDP device; the site refuses a wrong address when it is saved."""
    if address is None or scheme_of(address) != "osdp":
        return None
    try:
        return parse_osdp(address, what)
    except SettingsError:
        return None
