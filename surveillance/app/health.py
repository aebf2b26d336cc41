"""Is the running service well? Asked from outside of it, by people, systemd and containers: quick, and loads no model.

Down: nobody would be let in or recorded. Degraded: it runs, and something needs a person.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

from surveillance.app.runtime import CORE_STATUS
from surveillance.domain.errors import RecordFailed, SettingsError
from surveillance.jobs.health import STATE
from surveillance.settings import Settings
from surveillance.storage.database import open_database
from surveillance.storage.sizes import configuration_version
from surveillance.storage.state import SharedState

ANSWER_S = 2.0  # how long the dashboard may take
HEALTHY, DEGRADED, DOWN = "healthy", "degraded", "down"
EXIT_CODES = {HEALTHY: 0, DEGRADED: 1, DOWN: 2}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How the service fares, and in words everything that keeps it from being healthy."""

    status: str  # healthy | degraded | down
    causes: tuple[str, ...]
    core: dict[str, Any]  # what core last told: its age, configuration version and cameras; empty if it never ran
    dashboard: str  # its address

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]

    def as_json(self) -> dict[str, Any]:
        return {"status": self.status, "causes": self.causes, "core": self.core, "dashboard": self.dashboard}


def diagnose(settings: Settings) -> Diagnosis:
    """Asks the dashboard and reads core's heartbeat. Makes nothing, not even a database."""
    address = dashboard_address(settings)
    down = [] if (why := dashboard_fault(address)) is None else [why]
    core: dict[str, Any] = {}
    degraded: list[str] = []
    try:
        engine = open_database(settings.database_url, settings.storage.commit_timeout_ms, existing=True)
        state = SharedState(engine)
        core = heartbeat(state)
        silent_s = settings.dashboard.core_silent_s
        if not core:
            down.append("core has never run on this database")
        elif core["age_s"] > silent_s:
            down.append(f"core has been silent for {core['age_s']:.0f} s; its process is starting, stopped or hangs")
        else:
            degraded += faults_of(core, configuration_version(engine))
            known = state.get_dated(STATE)
            degraded += [cause["words"] for cause in (known[0] if known else {}).get("causes", {}).values()]
    except (SettingsError, RecordFailed) as error:
        down.append(str(error))
    status = DOWN if down else DEGRADED if degraded else HEALTHY
    return Diagnosis(status, (*down, *degraded), core, address)


def heartbeat(state: SharedState) -> dict[str, Any]:
    """What core last told, with its age in seconds; empty when it never did."""
    told = state.get_dated(CORE_STATUS)
    if told is None:
        return {}
    status, at = told
    age_s = (datetime.now(UTC) - at).total_seconds() + status.get("core_age_s", 0.0)
    return {"age_s": round(age_s, 1), **{name: value for name, value in status.items() if name != "core_age_s"}}


def faults_of(core: dict[str, Any], wanted: int) -> Iterator[str]:
    """What core tells that needs a person, or a moment more."""
    if core["rule_fault"]:
        yield f"the rules on record cannot be used, older ones are in force: {core['rule_fault'].splitlines()[0]}"
    elif core["configuration_version"] != wanted:
        yield f"core runs configuration {core['configuration_version']}, {wanted} is on record"
    for name, camera in sorted(core["cameras"].items()):
        if camera["state"] != "live":
            reason = f": {camera['reason']}" if camera["reason"] else ""
            yield f"camera {name} is {camera['state']}{reason}"


def dashboard_address(settings: Settings) -> str:
    """Where this machine reaches its own dashboard."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.dashboard.host, settings.dashboard.host)  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.dashboard.speaks_tls else 'http'}://{shown}:{settings.dashboard.port}"


def opener_to_itself() -> OpenerDirector:
    """Asks this machine's own dashboard: never through a proxy, and without verifying its certificate, which is made
    out for another name than this machine calls itself by.
    """
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    return build_opener(ProxyHandler({}), HTTPSHandler(context=unverified))


def dashboard_fault(address: str) -> str | None:
    """Why the dashboard does not answer, or None."""
    try:
        with opener_to_itself().open(f"{address}/healthz", timeout=ANSWER_S) as answer:
            told = json.loads(answer.read(10_000))
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        return f"the dashboard at {address} does not answer: {getattr(reason, 'strerror', None) or reason}"
    except ValueError:
        told = None
    is_ours = isinstance(told, dict) and "core" in told
    return None if is_ours else f"something else than the dashboard answers at {address}"
