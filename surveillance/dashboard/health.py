"""Whether the system is alive: /healthz and /readyz for machines, the pulse in the page header for people."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, jsonify

from surveillance.dashboard.guards import public
from surveillance.dashboard.services import services

pages = Blueprint("health", __name__)


@dataclass(frozen=True, slots=True)
class Pulse:
    """How core fares. `applied` is the configuration version it runs, `wanted` the one on record."""

    beats: bool
    age_s: float | None
    applied: int | None
    wanted: int
    fault: str


def pulse() -> Pulse:
    applied = services().applied()
    age_s = applied.get("heartbeat_age_s")
    return Pulse(
        beats=age_s is not None and age_s <= services().settings.core_silent_s,
        age_s=age_s,
        applied=applied.get("configuration_version"),
        wanted=services().site.version(),
        fault=str(applied.get("rule_fault") or ""),
    )


@pages.get("/healthz")
@public
def check() -> Response:
    """200 while this process answers and reads its database; `core` says whether anything is being judged."""
    services().events.last_seq()
    return jsonify({"status": "ok", "core": core_state()})


@pages.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """200 while core also judges, else 503: whether readers should be sent here."""
    services().events.last_seq()
    beats = core_state() == "running"
    return jsonify({"status": "ok" if beats else "not ready", "core": core_state()}), 200 if beats else 503


def core_state() -> str:
    return "running" if pulse().beats else "silent"
