"""A simulated OSDP device on one end of a pair of pseudo-terminals: an output with a timer of its own, a card reader
with a keypad, and a tamper switch."""

from __future__ import annotations

import os
import pty
import threading
import time
import tty
from typing import Any, Self

import osdp_sys
from osdp import Capability, Channel, Command, Event, LibFlag, LogLevel, PDCapabilities, PDInfo, StatusReportType

REFUSE, SILENT = "refuse", "silent"
CAPABILITIES = (
    (Capability.OutputControl, 1, 4),
    (Capability.ContactStatusMonitoring, 1, 2),
    (Capability.Readers, 1, 1),
    (Capability.CommunicationSecurity, 1, 1),
    (Capability.CardDataFormat, 1, 1),
    (Capability.LEDControl, 1, 1),
)


class _End(Channel):  # type: ignore[misc]
    """Our end of the pair. A device that is `silent` hears all and says nothing."""

    def __init__(self, file: int) -> None:
        super().__init__()
        self.file = file
        self.silent = False
        os.set_blocking(file, False)

    def read(self, max_bytes: int) -> bytes:
        try:
            return os.read(self.file, max_bytes)
        except OSError:
            return b""

    def write(self, buf: bytes) -> int:
        try:
            return len(buf) if self.silent else os.write(self.file, buf)
        except OSError:
            return 0

    def flush(self) -> None:
        return


class OsdpDeviceSimulator:
    """Runs in a `with`; `url` is what a site says as reader or relay. `behaves` may refuse orders, or swallow them."""

    def __init__(self, key: bytes | None, address: int = 1, behaves: str = "") -> None:
        self._master, self._slave = pty.openpty()
        for file in (self._master, self._slave):
            tty.setraw(file)
        self.address = address
        self.orders: list[dict[str, Any]] = []
        self.lights: list[dict[str, Any]] = []
        self.is_tampered = False
        self._replies: list[dict[str, Any]] = []  # the library lets go of each once too often
        self._behaves = behaves
        self._key = key
        self._on_until_s = 0.0
        self._end = _End(self._master)
        self._moving = threading.Lock()
        self._device: Any = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"osdp://{os.ttyname(self._slave)}?address={self.address}{'' if self._key else '&secure=no'}"

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self._on_until_s

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        os.close(self._master)
        os.close(self._slave)

    def start(self) -> None:
        """Switched on."""
        osdp_sys.set_loglevel(LogLevel.Emergency)
        flags = [] if self._key is None else [LibFlag.EnforceSecure]
        info = PDInfo(self.address, self._end, scbk=self._key, flags=flags, name="simulated")
        capabilities = PDCapabilities(CAPABILITIES).get()
        self._device = osdp_sys.PeripheralDevice(info.get(), capabilities=capabilities)
        self._device.set_command_callback(self._obey)
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="osdp-device", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Switched off, or its cable cut."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._device = None

    def hold_card(self, data: bytes, bits: int) -> None:
        """A card is held to the reader."""
        self._tell({"event": Event.CardRead, "reader_no": 0, "direction": 0, "format": 1, "length": bits, "data": data})

    def press(self, keys: bytes) -> None:
        self._tell({"event": Event.KeyPress, "reader_no": 0, "data": keys})

    def tamper(self, opened: bool) -> None:
        self.is_tampered = opened
        self._tell({"event": Event.Status, "type": StatusReportType.Local, "report": bytes([int(opened), 0])})

    def sense(self, *inputs: int) -> None:
        """Its inputs change: 1 is active."""
        self._tell({"event": Event.Status, "type": StatusReportType.Input, "report": bytes(inputs)})

    def _tell(self, event: dict[str, Any]) -> None:
        with self._moving:
            self._device.submit_event(event)

    def _run(self) -> None:
        while not self._stopping.wait(0.005):
            with self._moving:
                self._device.refresh()

    def _obey(self, command: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        if command["command"] == Command.Output:
            return self._switch(command)
        if command["command"] == Command.Status:
            return self._say_status(command)
        if command["command"] == Command.LED:
            self.lights.append(command)
        return 0, None

    def _switch(self, command: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        self.orders.append(command)
        if self._behaves == REFUSE:
            return -1, None
        self._end.silent = self._behaves == SILENT
        for_s = {5: command["timer_count"] / 10, 2: 1e9}.get(command["control_code"], 0.0)
        self._on_until_s = time.monotonic() + for_s
        return 0, None

    def _say_status(self, command: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        """Of itself; the library cannot tell of inputs when it is asked, only when they change."""
        if command["type"] != StatusReportType.Local:
            return -1, None
        self._replies.append({**command, "report": bytes([int(self.is_tampered), 0])})
        return 0, self._replies[-1]


def wiegand(facility: int, number: int) -> bytes:
    """The 26 bits of a card (H10301), left-aligned: even parity, 8 and 16 bits, odd parity."""
    whole = (facility << 16 | number) << 1
    whole |= ((whole >> 13).bit_count() % 2) << 25 | (1 - (whole & 0x1FFF).bit_count() % 2)
    return (whole << 6).to_bytes(4)
