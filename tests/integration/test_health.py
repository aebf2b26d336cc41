"""`surveillance health` tells from outside whether the service is well, degraded or down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import open_site

from surveillance.app.health import Diagnosis, diagnose
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.store import open_store, upgrade_database
from surveillance.cli import main
from surveillance.dashboard.settings import DashboardSettings
from surveillance.jobs.health import STATE
from surveillance.settings import Settings
from surveillance.storage.state import SharedState

WELL = {
    "configuration_version": 0,
    "rule_fault": "",
    "core_age_s": 0.1,
    "cameras": {"front": {"state": "live", "reason": "", "fps": 5.0, "drops": {}}},
}


@contextmanager
def answering(told: str) -> Iterator[int]:
    """A server on a free port that answers everything with that text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told.encode())

        def log_message(self, *words: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with answering('{"status": "ok", "core": "running"}') as port:
        yield Settings(data_dir=tmp_path / "data", dashboard=DashboardSettings(port=port))


def told(settings: Settings, status: dict[str, Any], causes: dict[str, Any] | None = None) -> Diagnosis:
    upgrade_database(settings)
    state = SharedState(open_store(settings).engine)
    state.put_all({CORE_STATUS: status, STATE: {"causes": causes or {}}})
    return diagnose(settings)


def test_a_service_without_a_fault_is_healthy(settings: Settings) -> None:
    found = told(settings, WELL)
    assert (found.status, found.causes, found.exit_code) == ("healthy", (), 0)
    assert found.core.pop("age_s") < 5
    assert found.core == {"configuration_version": 0, "rule_fault": "", "cameras": WELL["cameras"]}


def test_what_needs_a_person_is_degraded(settings: Settings) -> None:
    cameras = {
        "front": {"state": "lost", "reason": "timeout"},
        "gate": {"state": "live", "reason": ""},
        "yard": {"state": "frozen", "reason": ""},
    }
    found = told(
        settings, {**WELL, "configuration_version": 3, "cameras": cameras}, {"disk": {"words": "the disk is full"}}
    )
    assert (found.status, found.exit_code) == ("degraded", 1)
    assert found.causes == (
        "core runs configuration 3, 0 is on record",
        "camera front is lost: timeout",
        "camera yard is frozen",
        "the disk is full",
    )
    rejected = told(settings, {**WELL, "rule_fault": "rules.yaml:3: no such word\n  here"})
    assert rejected.causes == (
        "the rules on record cannot be used, older ones are in force: rules.yaml:3: no such word",
    )


def test_a_silent_core_is_down(settings: Settings) -> None:
    found = told(settings, {**WELL, "core_age_s": 60.0})
    assert (found.status, found.exit_code) == ("down", 2)
    assert found.causes == ("core has been silent for 60 s; its process is starting, stopped or hangs",)


def test_a_core_that_never_ran_is_down(settings: Settings) -> None:
    upgrade_database(settings)
    assert diagnose(settings).causes == ("core has never run on this database",)


def test_without_a_database_none_is_made(settings: Settings) -> None:
    assert diagnose(settings).causes == (f"there is no database {settings.data_dir / 'surveillance.db'}",)
    assert not settings.data_dir.exists()


@pytest.mark.parametrize("answer", ["<html>", "[]", '{"status": "ok"}'])
def test_another_server_on_the_port_is_not_ours(tmp_path: Path, answer: str) -> None:
    with answering(answer) as port:
        found = told(Settings(data_dir=tmp_path, dashboard=DashboardSettings(port=port)), WELL)
    assert found.causes == (f"something else than the dashboard answers at http://127.0.0.1:{port}",)
    assert found.status == "down"


def test_the_command_prints_and_exits_with_it(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("SURVEILLANCE__DASHBOARD__PORT", str(settings.dashboard.port))
    for status, code, printed in (
        (WELL, 0, "healthy\n"),
        ({**WELL, "cameras": {"front": {"state": "lost", "reason": ""}}}, 1, "degraded\n  camera front is lost\n"),
    ):
        told(settings, status)
        with pytest.raises(SystemExit) as ended:
            main(["health"])
        assert (ended.value.code, capsys.readouterr().out) == (code, printed)
    told(settings, {**WELL, "core_age_s": 60.0})
    with pytest.raises(SystemExit) as ended:
        main(["health", "--json"])
    assert (ended.value.code, json.loads(capsys.readouterr().out)["status"]) == (2, "down")


def test_ready_is_only_who_judges(tmp_path: Path) -> None:
    site = open_site(tmp_path)
    visitor = site.visitor()
    assert (visitor.get("/healthz").json, visitor.get("/readyz").status_code) == (
        {"status": "ok", "core": "running"},
        200,
    )
    site.applied["heartbeat_age_s"] = 60.0
    assert (visitor.get("/healthz").status_code, visitor.get("/healthz").json) == (
        200,
        {"status": "ok", "core": "silent"},
    )
    assert (visitor.get("/readyz").status_code, visitor.get("/readyz").json) == (
        503,
        {"status": "not ready", "core": "silent"},
    )
