"""Asks a door's controller how the door stands, as it is configured now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from surveillance.actions.post import get_once, parse_endpoint
from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import ActionFailed, SettingsError
from surveillance.domain.ports import SiteReader


class HttpDoorState:
    """GET `<relay>/state` with the relay's bearer token; the answer is a JSON object. Raises ActionFailed."""

    def __init__(self, site: SiteReader, token: Callable[[str], str], settings: ActionSettings) -> None:
        self._site = site
        self._token = token
        self._settings = settings

    def __call__(self, name: str) -> Mapping[str, Any]:
        door = self._site().door(name)
        if door is None or door.relay is None:
            raise ActionFailed(f"door {name!r} has no relay that could be asked")
        try:
            endpoint = parse_endpoint(f"{door.relay.rstrip('/')}/state", f"relay of door {name!r}")
        except SettingsError as error:
            raise ActionFailed(str(error)) from error
        status, body = get_once(
            endpoint,
            {"Authorization": f"Bearer {self._token(name)}"},
            self._settings.relay_connect_timeout_s,
            self._settings.relay_timeout_s,
        )
        if status != 200:
            raise ActionFailed(f"{endpoint}: answered {status} when asked how the door stands")
        try:
            told = json.loads(body)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ActionFailed(f"{endpoint}: its answer is no JSON object")
        return told
