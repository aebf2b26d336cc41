"""Relays: a deed at a door goes by the wire that the address of its controller names.

HttpRelay makes one request of it to the controller, which relocks a pulse on its own timer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from surveillance import plugins
from surveillance.actions.post import parse_endpoint, post_once
from surveillance.actions.settings import ActionSettings
from surveillance.domain.devices import wire_of
from surveillance.domain.errors import ActionFailed, NotFound, SettingsError
from surveillance.domain.ports import Deed, SiteReader
from surveillance.domain.values import Action, rfc3339

PATHS = {"door.open": "pulse", "door.lock": "lock", "door.unlock": "unlock"}


class Relays:
    """Each door's relay by the scheme of its address; one of a kind, built when it is first needed.

    Called from several threads. Raises ActionFailed.
    """

    def __init__(self, site: SiteReader, token: Callable[[str], str], settings: ActionSettings) -> None:
        self._site = site
        self._token = token
        self._settings = settings
        self._built: dict[str, Deed] = {}

    def __call__(self, action: Action) -> None:
        door = self._site().door(action.target)
        if door is None or door.relay is None:
            raise ActionFailed(f"door {action.target!r} has no relay")
        self._of(wire_of(door.relay))(action)

    def _of(self, wire: str) -> Deed:
        if wire not in self._built:
            try:
                self._built[wire] = plugins.load("relays", wire)(self._site, self._token, self._settings)
            except NotFound as mistake:
                raise ActionFailed(str(mistake)) from mistake
        return self._built[wire]


class HttpRelay:
    """POST `<relay>/pulse` with {"pulse_s", "key", "deadline"} and a bearer token; 2xx means pulsed.

    `<relay>/lock` and `<relay>/unlock` with {"key", "deadline"} last until the other; 2xx means that it stands so.

    Raises ActionFailed: certain when nothing was sent or the controller refused (3xx, 4xx), else it may have opened.
    """

    def __init__(self, site: SiteReader, token: Callable[[str], str], settings: ActionSettings) -> None:
        self._site = site
        self._token = token
        self._settings = settings

    def __call__(self, action: Action) -> None:
        door = self._site().door(action.target)
        if door is None or door.relay is None:
            raise ActionFailed(f"door {action.target!r} has no relay")
        try:
            endpoint = parse_endpoint(f"{door.relay.rstrip('/')}/{PATHS[action.kind]}", f"relay of door {door.name!r}")
        except SettingsError as error:
            raise ActionFailed(str(error)) from error
        body: dict[str, Any] = {"key": action.key, "deadline": rfc3339(action.deadline)}
        if action.kind == "door.open":
            body["pulse_s"] = door.pulse_s
        status = post_once(
            endpoint,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._token(door.name)}"},
            self._settings.relay_connect_timeout_s,
            self._settings.relay_timeout_s,
        )
        if 300 <= status < 500:
            raise ActionFailed(f"{endpoint}: refused with {status}")
        if not 200 <= status < 300:
            raise ActionFailed(f"{endpoint}: answered {status}; it may have been done", certain=False)
