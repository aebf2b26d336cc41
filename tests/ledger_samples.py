"""Observations, decisions and a ledger in a temporary directory, for tests of what is on record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from surveillance.domain.geometry import Box
from surveillance.domain.values import (
    Action,
    Clause,
    Decision,
    Doubt,
    Judged,
    Observation,
    Shot,
    new_id,
)
from surveillance.storage.database import open_database, upgrade
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.ledger import SqlLedger

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
BOX = Box(0.1, 0.2, 0.3, 0.9)
JPEG = b"\xff\xd8\xff" + bytes(1000)


@dataclass
class Desk:
    """A ledger with everything around it."""

    directory: Path
    engine: Engine
    evidence: EvidenceStore
    ledger: SqlLedger
    asked: list[str] = field(default_factory=list)  # decisions whose actions the ledger wanted


def open_desk(directory: Path, lock_timeout_ms: int = 10_000, url: str | None = None) -> Desk:
    """On `url`, else on a SQLite file in the directory."""
    engine = open_database(url or f"sqlite:///{directory / 'site.db'}", lock_timeout_ms)
    upgrade(engine)
    evidence = EvidenceStore(directory / "evidence")
    asked: list[str] = []

    def intend(decision: Decision) -> tuple[Action, ...]:
        asked.append(decision.id)
        return (notification(decision),) if decision.notify else ()

    return Desk(directory, engine, evidence, SqlLedger(engine, evidence, intend), asked)


def notification(decision: Decision) -> Action:
    deadline = decision.at + timedelta(minutes=5)
    return Action(new_id(), decision.id, "notify", decision.notify[0], deadline, decision.id, {"text": "über"})


def observation(**other: Any) -> Observation:
    given: dict[str, Any] = {
        "id": new_id(),
        "camera": "front",
        "at": NOON,
        "media_s": 1.5,
        "change": "changed",
        "track": 7,
        "label": "person",
        "confidence": 0.912345,
        "box": BOX,
        "zones": frozenset({"yard", "gate"}),
        "zones_version": 3,
        "dwell_s": {"yard": 4.25},
        "track_s": 5.0,
        "started_at": NOON - timedelta(seconds=5),
        "crossed": frozenset({"line:in"}),
        "model": "embedded",
        "attributes": {"plate": "AB 1", "kinds": frozenset({"van"}), "running": False, "speed": Doubt("no view")},
    }
    return Observation(**(given | other))


def shot(jpeg: bytes = JPEG) -> Shot:
    return Shot(jpeg, Box(0.15, 0.2, 0.35, 0.9), NOON - timedelta(seconds=1))


def decision(**other: Any) -> Decision:
    leaf = Clause('label == "person"', True, 'label = "person"')
    given: dict[str, Any] = {
        "id": new_id(),
        "at": NOON,
        "media_s": 1.5,
        "trigger": "sighting",
        "kind": "sighting.alerted",
        "verdict": "alert",
        "rule": "night-yard",
        "rulebook_version": 4,
        "reasons": ("a person stood in the yard",),
        "judged": (Judged("night-yard", "alert", True, Clause("a and b", True, "", (leaf,))),),
        "facts": {"label": "person", "dwell_s": 4.25, "zones": ["gate", "yard"]},
        "subject": new_id(),
        "camera": "front",
        "label": "person",
        "confidence": 0.912345,
        "track": 7,
        "zones": ("yard", "gate"),
        "box": BOX,
    }
    return Decision(**(given | other))
