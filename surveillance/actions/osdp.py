"""OsdpRelay: a deed at a door becomes an order to the output of an OSDP device, which ends a pulse by its own timer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from osdp import Command

from surveillance.actions.settings import ActionSettings
from surveillance.domain.devices import parse_osdp
from surveillance.domain.errors import ActionFailed, SettingsError
from surveillance.domain.ports import SiteReader
from surveillance.domain.values import Action
from surveillance.wires.osdp import LINES

CODES = {"door.open": 5, "door.unlock": 2, "door.lock": 1}  # on for a time; on, off until told otherwise


class OsdpRelay:
    """The output that `osdp:///dev/ttyUSB0?address=1&output=0` names, on for `pulse_s`, or until the other order.

    The line belongs to whoever opened it in this process. OSDP carries no key and no deadline: its sequence numbers
    keep a repeated frame from being done twice, and what is not answered in time is taken off the line.
    """

    def __init__(self, site: SiteReader, token: Callable[[str], str], settings: ActionSettings) -> None:
        self._site = site
        self._settings = settings

    def __call__(self, action: Action) -> None:
        door = self._site().door(action.target)
        if door is None or door.relay is None:
            raise ActionFailed(f"door {action.target!r} has no relay")
        try:
            place = parse_osdp(door.relay, f"relay of door {door.name!r}")
        except SettingsError as error:
            raise ActionFailed(str(error)) from error
        line = LINES.find(place.line)
        if line is None or all(device.address != place.address for device in line.devices):
            raise ActionFailed(f"{place}: the line is not open")
        left_s = (action.deadline - datetime.now(UTC)).total_seconds()
        if left_s <= 0:
            raise ActionFailed(f"{place}: its deadline passed before it was sent")
        order = {"command": Command.Output, "output_no": place.output, "control_code": CODES[action.kind]}
        order["timer_count"] = max(1, round(door.pulse_s * 10)) if action.kind == "door.open" else 0
        line.order(place.address, order, min(left_s, self._settings.relay_timeout_s))
