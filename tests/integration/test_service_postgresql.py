"""The service on PostgreSQL: a badge opens a door, none while the server is away, and again once it is back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from flask import Flask
from patience import eventually
from ports import free_port
from postgres_server import PASSWORD, PostgresServer, running_postgres

from surveillance.app.service import RunningSite, running_site
from surveillance.app.store import open_store, relay_token, upgrade_database
from surveillance.dashboard.sessions import SiteSessions
from surveillance.demo.controller import DoorController
from surveillance.demo.reader import present
from surveillance.domain.errors import RecordFailed
from surveillance.settings import load_settings

SITE = """
doors:
  - {{name: back, relay: "{relay}", pulse_s: 1}}
people:
  - {{name: Grace, groups: [staff], credentials: [{{kind: badge, value: "1906"}}]}}
rules:
  - {{name: staff, on: access, verdict: authorize, when: '"staff" in groups and "badge" in factors'}}
"""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


def verdict(running: RunningSite, token: str) -> str:
    """What a reader does with an answer that is none: deny."""
    try:
        return str(present(running.address, token, "back", "1906")["verdict"])
    except OSError:
        return "deny"


def page_of(running: RunningSite, words: bytes) -> bool:
    """Whether the first page of somebody who seems to be signed in is a 503 with these words."""
    app = Flask("other", static_folder=None)
    app.secret_key = running.store.keys.key("sessions")
    signer = SiteSessions("never").get_signing_serializer(app)
    cookie = f"surveillance_session={signer.dumps({'user': 'ada'})}"
    asked = Request(f"{running.address}/", headers={"Cookie": cookie, "Accept": "text/html"})
    with pytest.raises(HTTPError) as refused:
        urlopen(asked)
    with refused.value as answer:
        return answer.code == 503 and words in answer.read()


def test_a_door_opens_by_a_grant_on_a_server_and_by_none_while_it_is_away(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SURVEILLANCE__STORAGE__URL", server.url_with_password(server.create()))
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SURVEILLANCE__DASHBOARD__PORT", str(free_port()))
    monkeypatch.setenv("SURVEILLANCE__DASHBOARD__ACCESS_DEADLINE_MS", "4500")
    settings = load_settings()
    upgrade_database(settings)
    store = open_store(settings)
    token = store.accounts.create_token("reader", ["access:request"])
    secret = relay_token(store.keys, "back")
    told: list[str] = []
    with DoorController(["back"], secret) as controller:
        site_file = tmp_path / "site.yaml"
        site_file.write_text(SITE.format(relay=controller.relay_url("back")), encoding="utf-8")
        with running_site(settings, site_file, told.append) as running:
            door = controller.strikes["back"]
            assert eventually(lambda: verdict(running, token) == "authorize")
            assert eventually(lambda: door.pulses >= 1)
            server.stop()
            assert verdict(running, token) == "deny"
            with pytest.raises(RecordFailed):
                store.events.page()
            assert page_of(running, b"The database is away, so nothing was done.")
            before = door.pulses
            server.start()
            assert eventually(lambda: verdict(running, token) == "authorize")
            assert eventually(lambda: door.pulses > before)

            def granted() -> int:
                return [row["kind"] for row in store.events.page(None, None, 500)[0]].count("access.granted")

            assert eventually(lambda: granted() == door.pulses)
    said = capfd.readouterr()
    assert PASSWORD not in "".join([*told, said.out, said.err])
