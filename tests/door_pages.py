"""The dashboard over a site with doors whose core runs, for tests that click through its pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from dashboard_site import sign_in, token_of
from door_site import DoorSite
from flask import Flask
from flask.testing import FlaskClient

from surveillance.app.store import relay_token
from surveillance.app.web import web_services
from surveillance.dashboard import DashboardSettings, create_app
from surveillance.demo.controller import DoorController
from surveillance.domain.errors import UserMistake
from surveillance.storage.accounts import Accounts
from surveillance.storage.keys import KeyStore

DOORS = ("front", "back")
PASSWORD = "correct horse"


@dataclass
class Pages:
    """The dashboard of a site with doors, whose core runs."""

    site: DoorSite
    app: Flask
    accounts: Accounts
    status: dict[str, Any]

    def user(self, role: str = "administrator") -> FlaskClient:
        """Somebody of that role, signed in; the name is the role's."""
        with suppress(UserMistake):  # added before
            self.accounts.add(role, role, PASSWORD)
        client = self.app.test_client()
        assert sign_in(client, role, PASSWORD).status_code == 302
        return client

    def give(self, client: FlaskClient, address: str, **more: str) -> str:
        """Opens the question before a command and answers it; the page that follows."""
        page = client.get(address).text
        key = page.partition('name="key" value="')[2].partition('"')[0]
        doors = [part.partition('"')[0] for part in page.split('name="door" value="')[1:]]
        given = {"csrf_token": token_of(page), "key": key, "door": doors, "reason": "a drill", **more}
        return client.post(address.partition("?")[0], data=given, follow_redirects=True).text


@contextmanager
def running(site: DoorSite, settings: DashboardSettings | None = None) -> Iterator[Pages]:
    """Core goes round in a thread, and the pages are told how the doors stand."""
    stopping = threading.Event()

    def go() -> None:
        version = site.store.site.version()
        while not stopping.wait(0.01):
            if site.store.site.version() != version:  # an edit applies, as the engine sees to
                version = site.store.site.version()
                site.doors.site.swap(site.store.site.read())
            site.turn()
            now = datetime.now(UTC)
            site.running.after(site.running.dispatch(now))

    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    status: dict[str, Any] = {"heartbeat_age_s": 0.2, "cameras": {}, "configuration_version": 1}
    services = replace(
        web_services(site.settings),
        accounts=Accounts(site.store.engine, site.store.keys, quick),
        applied=lambda: {**status, "doors": site.running.desk.status()},
        settings=settings or DashboardSettings(allow_loopback=True, access_deadline_ms=20_000),
    )
    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    try:
        yield Pages(site, create_app(services), services.accounts, status)
    finally:
        stopping.set()
        thread.join(10)


@contextmanager
def controlling(directory: Path) -> Iterator[DoorController]:
    """The demo's controller with the tokens of a site in that folder."""
    keys = KeyStore(directory / "data" / "keys")
    with DoorController(DOORS, {door: relay_token(keys, door) for door in DOORS}) as running:
        yield running
