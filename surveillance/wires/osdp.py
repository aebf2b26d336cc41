"""Devices on a serial line by OSDP (SIA's Open Supervised Device Protocol): outputs are ordered, cards and keys heard.

One thread drives a line. An order that got no answer takes the line down and up anew, so that nothing that waits on it
is done later; so does a device that fell silent, which the library would else leave alone for minutes.
"""

from __future__ import annotations

import os
import termios
import threading
import time
import tty
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import osdp_sys
from osdp import (
    Capability,
    Channel,
    Command,
    CommandLEDColor,
    CompletionStatus,
    Event,
    EventNotification,
    LibFlag,
    LogLevel,
    PDInfo,
    StatusReportType,
)

from surveillance.domain.errors import ActionFailed

START, REPLY = 0x53, 0x80  # how a frame begins, and what marks the address of one that answers
TURN_S = 0.01
AWAY_S = 3.0  # a device that is silent for so long is away; how long a line that is broken rests
AGAIN_S = (3.0, 5.0, 10.0, 20.0)  # the waits between attempts to find what is away
ASK_EVERY_S = 4.0  # how often a device that is watched is asked how it stands
ANSWERED_S = 0.1  # a device that spoke so lately has answered; one that did not, was waited for in vain

Heard = Callable[[int, Mapping[str, Any]], None]  # address, what it sent; called by the line's thread; must not block


@dataclass(frozen=True, slots=True)
class OsdpDevice:
    """A device of a line. `key` is None only where its door says so; `watched` is asked how it stands."""

    address: int
    key: bytes | None = field(repr=False)
    watched: bool = False


@dataclass(slots=True)
class Order:
    """An order under way: set when the library says how it ended."""

    place: int
    ended: threading.Event = field(default_factory=threading.Event)
    status: int | None = None
    is_answered: bool = False  # by the device, whatever it answered


class OsdpLine:
    """`run` until `stop`. Orders may be given by any thread, one at a time."""

    def __init__(self, path: str, baud: int, devices: tuple[OsdpDevice, ...], heard: Heard) -> None:
        self.path = path
        self.baud = baud
        self.devices = devices
        self.fault = "not open yet"  # of the line itself; empty while it works
        self._heard = heard
        self._moving = threading.RLock()  # whoever holds it may speak to the library
        self._ordering = threading.Lock()
        self._order: Order | None = None
        self._wire: SerialWire | None = None
        self._panel: Any = None
        self._away_since: dict[int, float | None] = {device.address: time.monotonic() for device in devices}
        self._tries, self._built_s, self._asked_s = 0, 0.0, 0.0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Returns after `stop`. A line that breaks is opened again."""
        while not self._stopping.is_set():
            try:
                self._drive()
            except OSError as error:
                self.fault = str(error.strerror or error)
                self._stopping.wait(AWAY_S)
            finally:
                self._close()

    def stop(self) -> None:
        self._stopping.set()

    def away_s(self, address: int) -> float:
        """For how long that device has been silent; 0 while it is there."""
        since = self._away_since.get(address)
        return 0.0 if since is None else time.monotonic() - since

    def order(self, address: int, command: Mapping[str, Any], timeout_s: float) -> None:
        """Returns when the device has done it. Raises ActionFailed: certain where it refused, or was never told."""
        with self._ordering:
            order = self._submit(address, command)
            if not order.ended.wait(timeout_s):
                self._rebuild()  # whatever is still queued is gone
                raise ActionFailed(f"{self._shown(address)}: no answer in time; it may have been done", certain=False)
            self._order = None
            if order.status == CompletionStatus.Ok:
                return
            self._rebuild()  # the library leaves alone who refused
            if order.is_answered:
                raise ActionFailed(f"{self._shown(address)}: the device refused")
            raise ActionFailed(f"{self._shown(address)}: the device fell silent; it may have been done", certain=False)

    def show(self, address: int, granted: bool) -> None:
        """The device's light is green or red for a second, where it has one."""
        color = CommandLEDColor.Green if granted else CommandLEDColor.Red
        light = {"command": Command.LED, "reader": 0, "led_number": 0, "control_code": 2, "temporary": True}
        light |= {"on_count": 10, "off_count": 0, "on_color": color, "off_color": 0, "timer_count": 10}
        self._say(address, light, Capability.LEDControl)

    # --- the line's thread ---

    def _drive(self) -> None:
        wire = self._wire = SerialWire(self.path, self.baud)
        self._rebuild()
        self.fault = ""
        while not self._stopping.is_set():
            with self._moving:
                self._panel.refresh()
            if wire.broken is not None:
                raise wire.broken
            self._look_around()
            self._stopping.wait(TURN_S)

    def _look_around(self) -> None:
        now_s = time.monotonic()
        if not any(self._away_since[device.address] is not None for device in self.devices):
            self._tries = 0
        elif now_s - self._built_s > AGAIN_S[min(self._tries, len(AGAIN_S) - 1)] and self._order is None:
            self._tries += 1
            self._rebuild()
        if now_s - self._asked_s > ASK_EVERY_S:
            self._asked_s = now_s
            for device in self.devices:
                if device.watched and not self.away_s(device.address):
                    self._say(device.address, {"command": Command.Status, "type": StatusReportType.Local})

    def _rebuild(self) -> None:
        """A new panel on the same line: nothing of the old one is sent any more."""
        with self._moving:
            self._panel, self._order = None, None
            for device in self.devices:
                self._away_since[device.address] = self._away_since[device.address] or time.monotonic()
            if self._wire is not None:
                self._panel = osdp_sys.ControlPanel([_told(device, self._wire) for device in self.devices])
                self._panel.set_event_callback(self._event)
                self._panel.set_command_completion_callback(self._completed)
            self._built_s = time.monotonic()

    def _close(self) -> None:
        with self._moving:
            wire, self._wire = self._wire, None
            self._rebuild()
            if wire is not None:
                wire.close()

    def _submit(self, address: int, command: Mapping[str, Any]) -> Order:
        with self._moving:
            if self._panel is None:
                raise ActionFailed(f"{self._shown(address)}: the line cannot be used ({self.fault})")
            if self.away_s(address):
                raise ActionFailed(f"{self._shown(address)}: the device is offline")
            order = self._order = Order(self._place(address))
            if not self._panel.submit_command(order.place, dict(command)):
                self._order = None
                raise ActionFailed(f"{self._shown(address)}: the device cannot do that")
            return order

    def _say(self, address: int, command: Mapping[str, Any], able: int | None = None) -> None:
        """A device that refuses a command is dropped by the library, so it is told only what it is able to do."""
        with self._moving:
            if self._panel is None or self.away_s(address):
                return
            place = self._place(address)
            if able is None or self._panel.check_capability(place, able)[1] > 0:
                self._panel.submit_command(place, dict(command))

    def _event(self, place: int, event: dict[str, Any]) -> int:
        """A device with a key is there when its secure channel is."""
        device = self.devices[place]
        says = EventNotification.PeripheralDeviceStatus if device.key is None else EventNotification.SecureChannelStatus
        if event.get("event") != Event.Notification:
            self._heard(device.address, event)
        elif event.get("type") == says:
            self._stands(device.address, bool(event.get("arg0")))
        return 0

    def _stands(self, address: int, is_there: bool) -> None:
        if is_there:
            self._away_since[address] = None
        elif self._away_since[address] is None:
            self._away_since[address] = time.monotonic()

    def _completed(self, place: int, command: dict[str, Any], status: int) -> None:
        order = self._order
        if order is not None and order.place == place and command.get("command") == Command.Output:
            order.status = status
            heard_s = self._wire.heard_s.get(self.devices[place].address, 0.0) if self._wire is not None else 0.0
            order.is_answered = time.monotonic() - heard_s < ANSWERED_S
            order.ended.set()

    def _place(self, address: int) -> int:
        return next(place for place, device in enumerate(self.devices) if device.address == address)

    def _shown(self, address: int) -> str:
        return f"osdp://{self.path}?address={address}"


class SerialWire(Channel):  # type: ignore[misc]
    """A serial line, never waited for. What breaks it is kept, since the library must not be raised into."""

    def __init__(self, path: str, baud: int) -> None:
        super().__init__()
        self.broken: OSError | None = None
        self.heard_s: dict[int, float] = {}  # address -> when it spoke last
        self._last = b""
        self._file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            tty.setraw(self._file)
            modes = termios.tcgetattr(self._file)
            modes[4] = modes[5] = getattr(termios, f"B{baud}")
            termios.tcsetattr(self._file, termios.TCSANOW, modes)
            termios.tcflush(self._file, termios.TCIOFLUSH)
        except termios.error as error:
            os.close(self._file)
            raise OSError(f"{path} is no serial line") from error

    def read(self, max_bytes: int) -> bytes:
        try:
            data = os.read(self._file, max_bytes)
        except BlockingIOError:
            return b""
        except OSError as error:
            self.broken = error
            return b""
        for start, who in pairwise(self._last + data):
            if start == START and who & REPLY:
                self.heard_s[who & ~REPLY] = time.monotonic()
        self._last = data[-1:] or self._last
        return data

    def write(self, buf: bytes) -> int:
        try:
            return os.write(self._file, buf)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.broken = error
            return 0

    def flush(self) -> None:
        return

    def close(self) -> None:
        os.close(self._file)


osdp_sys.set_loglevel(LogLevel.Emergency)  # the library writes to standard error; we tell what matters


def _told(device: OsdpDevice, wire: SerialWire) -> Any:
    flags = [LibFlag.EnableNotification] + ([] if device.key is None else [LibFlag.EnforceSecure])
    return PDInfo(device.address, wire, scbk=device.key, flags=flags, name=f"device-{device.address}").get()


class OsdpLines:
    """The lines that are open in this process: a serial line has one owner, whoever speaks over it."""

    def __init__(self) -> None:
        self._lines: dict[str, OsdpLine] = {}
        self._lock = threading.Lock()

    def add(self, line: OsdpLine) -> None:
        with self._lock:
            self._lines[line.path] = line

    def remove(self, line: OsdpLine) -> None:
        with self._lock:
            if self._lines.get(line.path) is line:
                del self._lines[line.path]

    def find(self, path: str) -> OsdpLine | None:
        with self._lock:
            return self._lines.get(path)


LINES = OsdpLines()
