"""MqttRelay: a deed at a door becomes one signed message to its controller. MqttNotifier: an event becomes another.

An order goes out at QoS 0 and is not retained, so that no broker keeps it for a controller that comes back later.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

from surveillance.actions.relays import PATHS
from surveillance.actions.settings import ActionSettings
from surveillance.actions.webhook import envelope
from surveillance.domain.devices import MqttPlace, parse_mqtt
from surveillance.domain.errors import ActionFailed, SettingsError
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import Door, NotifyTarget
from surveillance.domain.values import Action
from surveillance.wires.broker import BrokerAway, Exchange, exchange
from surveillance.wires.signed import Forged, read, sign

LONGEST_REASON = 200


def _now() -> datetime:
    return datetime.now(UTC)


class MqttRelay:
    """Publishes at `<topic>/order`: {"order": "pulse", "pulse_s"} or {"order": "lock" | "unlock"}, signed with the
    door's token; `jti` is the key, `exp` the deadline. The controller answers at `<topic>/outcome`, signed likewise,
    with the same `jti` and {"outcome": "done" | "failed", "reason"}.

    Raises ActionFailed: certain when nothing was sent or the controller says that it failed, else it may have opened.
    """

    def __init__(
        self,
        site: SiteReader,
        token: Callable[[str], str],
        settings: ActionSettings,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._site = site
        self._token = token
        self._settings = settings
        self._now = now

    def __call__(self, action: Action) -> None:
        door = self._site().door(action.target)
        if door is None or door.relay is None:
            raise ActionFailed(f"door {action.target!r} has no relay")
        try:
            place = parse_mqtt(door.relay, f"relay of door {door.name!r}")
        except SettingsError as error:
            raise ActionFailed(str(error)) from error
        is_sent = False
        settings, started_s = self._settings, time.monotonic()
        try:
            with exchange(place.broker, settings.broker_ca_file, settings.relay_connect_timeout_s) as line:
                line.listen(f"{place.topic}/outcome")
                order, lives_s = self._order(action, door, place)
                is_sent = True
                line.tell(f"{place.topic}/order", order, lives_s)
                self._settle(line, action, door, place, started_s + settings.relay_timeout_s)
        except BrokerAway as away:
            if is_sent:
                raise ActionFailed(f"{away}; it may have been done", certain=False) from away
            raise ActionFailed(str(away)) from away

    def _order(self, action: Action, door: Door, place: MqttPlace) -> tuple[bytes, int]:
        """The message, and for how many whole seconds a broker may hold it: MQTT knows no less than one."""
        now = self._now()
        left_s = (action.deadline - now).total_seconds()
        if left_s <= 0:
            raise ActionFailed(f"{place.broker}: its deadline passed before it was sent")
        order = {"order": PATHS[action.kind], "exp": action.deadline.timestamp()}
        if action.kind == "door.open":
            order["pulse_s"] = door.pulse_s
        return sign(self._token(door.name), f"{place.topic}/order", action.key, now, order), math.ceil(left_s)

    def _settle(self, line: Exchange, action: Action, door: Door, place: MqttPlace, ends_s: float) -> None:
        """Returns when the controller says that it is done. What others write there is passed over."""
        topic = f"{place.topic}/outcome"
        while (message := line.hear(ends_s)) is not None:
            try:
                told = read(self._token(door.name), topic, message, self._now())
            except Forged:
                continue
            if told["jti"] == action.key and told.get("outcome") == "done":
                return
            if told["jti"] == action.key and told.get("outcome") == "failed":
                raise ActionFailed(f"{place.broker}: refused: {_shown(told.get('reason'))}")
        raise ActionFailed(f"{place.broker}: no answer in time; it may have been done", certain=False)


class MqttNotifier:
    """Publishes the CloudEvents envelope of a webhook at the topic of the target's address, at QoS 1.

    Raises SettingsError for an address that cannot be used, ActionFailed where the broker does not take it.
    """

    def __init__(self, target: NotifyTarget, settings: ActionSettings) -> None:
        self._place = parse_mqtt(target.url, f"notify target {target.name!r}")
        self._settings = settings

    def __call__(self, action: Action) -> None:
        settings = self._settings
        told = envelope(action, settings.source, settings.language)
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            with exchange(self._place.broker, settings.broker_ca_file, settings.notify_connect_timeout_s) as line:
                line.assure(self._place.topic, body, "application/cloudevents+json", settings.notify_timeout_s)
        except BrokerAway as away:
            raise ActionFailed(str(away)) from away


def _shown(reason: object) -> str:
    text = str(reason or "failed")[:LONGEST_REASON]
    return text if text.isprintable() else ascii(text)[1:-1]
