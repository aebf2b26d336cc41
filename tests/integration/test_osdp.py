"""Doors with OSDP devices, against the library's own peripheral mode over a pair of pseudo-terminals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from door_site import PATIENT, RULES
from fakes import NoCameras
from patience import eventually
from wired import OSDP_KEY, osdp_line

from surveillance.actions.osdp import OsdpRelay
from surveillance.actions.settings import ActionSettings
from surveillance.app.engine import running_engine
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.demo.osdp_device import SILENT, OsdpDeviceSimulator, wiegand
from surveillance.domain.errors import ActionFailed
from surveillance.domain.site import Credential, Door, Person, Site
from surveillance.domain.values import Action
from surveillance.settings import Settings
from surveillance.storage.queries import EventFilter

GREEN, RED = 2, 1
ADA = Person("Ada", frozenset({"staff"}), (Credential("card", "18-13356"), Credential("pin", "2468")))
STAFF = RULES.replace('"badge" in factors', '{"card", "pin"} <= factors')


@dataclass
class WiredSite:
    """A running site: Ada of the staff may pass the front door with her card and PIN."""

    store: Store

    def kinds(self) -> list[str]:
        rows, _ = self.store.events.page(EventFilter(), None, 200)
        return [str(row["kind"]) for row in sorted(rows, key=lambda row: row["seq"])]


@contextmanager
def wired_site(directory: Path, device: OsdpDeviceSimulator) -> Iterator[WiredSite]:
    url = f"{device.url}&key={OSDP_KEY.hex()}&contact=0&exit=1"
    settings = Settings(data_dir=directory / "data", actions=PATIENT)
    upgrade_database(settings)
    store = open_store(settings)
    doors = (Door("front", reader=device.url, relay=url, watch="push", pulse_s=2.0),)
    store.site.seed(Site(doors=doors, people=(ADA,), rules=STAFF))
    with running_engine(settings, store, lambda core: NoCameras()):
        yield WiredSite(store)


def test_a_card_and_a_pin_open_a_door_whose_lock_is_on_the_same_line(tmp_path: Path) -> None:
    """Story: card alone is denied, card and PIN open for two seconds, a stranger's card does not; all is on record."""
    with OsdpDeviceSimulator(OSDP_KEY) as device, wired_site(tmp_path, device) as site:
        device.hold_card(wiegand(18, 13356), 26)
        assert eventually(lambda: [light["on_color"] for light in device.lights] == [RED])
        device.press(b"2468#")
        assert eventually(lambda: device.is_on)
        assert eventually(lambda: [light["on_color"] for light in device.lights] == [RED, GREEN])
        device.hold_card(wiegand(18, 1), 26)
        assert eventually(lambda: [light["on_color"] for light in device.lights] == [RED, GREEN, RED])
        assert eventually(lambda: not device.is_on), "the device ends the pulse by its own timer"
        assert [(order["control_code"], order["timer_count"]) for order in device.orders] == [(5, 20)]
        assert [kind for kind in site.kinds() if kind.startswith("access.")] == [
            "access.denied",
            "access.granted",
            "access.denied",
        ]


def test_what_a_device_tells_of_its_door_goes_on_record(tmp_path: Path) -> None:
    """Story: tampered with, pressed to leave, opened; then its cable is cut, told once, and it is found again."""
    with OsdpDeviceSimulator(OSDP_KEY) as device, wired_site(tmp_path, device) as site:
        device.tamper(True)
        assert eventually(lambda: "door.tampered" in site.kinds())
        device.sense(1, 1)
        assert eventually(lambda: {"door.exit_requested", "door.opened"} <= set(site.kinds()))
        device.stop()
        assert eventually(lambda: "health.degraded" in site.kinds())
        device.start()
        assert eventually(lambda: "health.restored" in site.kinds())
        assert site.kinds().count("health.degraded") == 1


def order(url: str, settings: ActionSettings = PATIENT, within_s: float = 20.0) -> None:
    site = Site(doors=(Door("front", relay=url, pulse_s=3.0),))
    action = Action("a", "e", "door.open", "front", datetime.now(UTC) + timedelta(seconds=within_s), key="e")
    OsdpRelay(lambda: site, lambda door: "", settings)(action)


def test_an_order_without_an_answer_is_never_done_later() -> None:
    with OsdpDeviceSimulator(OSDP_KEY, behaves=SILENT) as device, osdp_line(device) as line:
        device.stop()  # its cable is cut as the order is given
        began_s = time.monotonic()
        with pytest.raises(ActionFailed, match="it may have been done") as caught:
            order(device.url, ActionSettings(relay_timeout_s=0.5), within_s=300)
        assert (caught.value.certain, time.monotonic() - began_s < 60) == (False, True)
        device.start()
        assert eventually(lambda: not line.away_s(device.address))
        assert device.orders == []


def test_what_is_past_its_deadline_or_offline_is_certainly_not_done() -> None:
    with OsdpDeviceSimulator(OSDP_KEY) as device, osdp_line(device, key=bytes(16), is_found=False) as line:
        for within_s, why in ((-0.1, "deadline passed"), (5.0, "offline")):
            with pytest.raises(ActionFailed, match=why) as caught:
                order(device.url, within_s=within_s)
            assert caught.value.certain
        assert (line.away_s(device.address) > 0, device.orders) == (True, []), "it has another key"


@pytest.mark.parametrize(("device_key", "line_key", "there"), [(None, None, True), (None, OSDP_KEY, False)])
def test_a_device_without_a_secure_channel_is_taken_only_where_its_door_says_so(
    device_key: bytes | None, line_key: bytes | None, there: bool
) -> None:
    with OsdpDeviceSimulator(device_key) as device, osdp_line(device, key=line_key, is_found=there) as line:
        assert (line.away_s(device.address) == 0.0) is there
