"""Readers and controllers that speak something else than HTTP, for as long as core runs."""

from __future__ import annotations

from typing import Protocol

from surveillance.app.reader_desk import ReaderPorts
from surveillance.app.readers import MqttReaders
from surveillance.app.store import Store
from surveillance.domain.devices import scheme_of
from surveillance.domain.ports import SiteReader
from surveillance.settings import Settings


class Wire(Protocol):
    def tick(self) -> None: ...
    def close(self) -> None: ...


class Wires:
    """`tick` once a second opens and closes what the site asks for; `close` ends all."""

    def __init__(self, settings: Settings, store: Store, site: SiteReader, core: ReaderPorts) -> None:
        self._store = store
        self._site = site
        self._core = core
        self._mqtt: Wire = MqttReaders(settings, store, site, core)
        self._osdp: Wire | None = None

    def tick(self) -> None:
        self._mqtt.tick()
        if self._osdp is None and self._names_osdp():
            from surveillance.app.osdp import OsdpDevices  # compiled code, for whoever has such devices

            self._osdp = OsdpDevices(self._store, self._site, self._core)
        if self._osdp is not None:
            self._osdp.tick()

    def close(self) -> None:
        """Nobody asks any more; who waits for an answer still gets it."""
        self._core.desk.close()
        self._mqtt.close()
        if self._osdp is not None:
            self._osdp.close()

    def _names_osdp(self) -> bool:
        named = (address for door in self._site().doors for address in (door.reader, door.relay))
        return any(scheme_of(address or "") == "osdp" for address in named)
