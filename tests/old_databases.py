"""Databases as earlier versions left them: at each revision, rows that were typical of it, as raw values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, MetaData

from surveillance.storage.database import reading, revisions, upgrade, writing

AT = 1_795_000_000_123_456  # a moment in microseconds
Rows = list[dict[str, Any]]

OBSERVED = {
    "number": 1, "id": "seen-1", "camera": "front", "at": AT, "media_s": 1.5, "change": "changed", "track": 7,
    "label": "person", "confidence": 0.912345, "x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.9, "zones": '["gate","yard"]',
    "zones_version": 3, "dwell_s": '{"yard":4.25}', "track_s": 5.0, "started_at": AT - 5_000_000,
    "crossed": '["line:in"]', "identity": None, "model": "embedded",
}  # fmt: skip
EVENT = {
    "seq": 1, "id": "event-1", "at": AT, "kind": "sighting.alerted", "camera": "front", "door": None,
    "verdict": "alert", "rule": "night-yard", "label": "person", "confidence": 0.912345, "track": 7,
    "zones": '["gate","yard"]', "identity": None, "media_s": 1.5, "evidence": "event-1.jpg", "rulebook_version": 1,
    "shadow": False, "input": 1, "reviewed_at": AT + 1, "reviewed_by": "ada", "review": "a fox, ünlike",
}  # fmt: skip
PAYLOAD = (
    b'{"box":[0.1,0.2,0.3,0.9],"camera":"front","confidence":0.912345,"details":{},"door":null,"evidence":"event-1.jpg",'
    b'"evidence_box":null,"facts":{"label":"person"},"id":"event-1","identity":null,"judged":[],"kind":"sighting.alerted",'
    b'"label":"person","media_s":1.5,"notify":[],"reasons":["seen"],"rule":"night-yard","rulebook_version":1,"seq":1,'
    b'"shadow":false,"subject":"seen-1","track":7,"trigger":"sighting","verdict":"alert","zones":["gate","yard"]}'
)

SEEDS: dict[str, dict[str, Rows]] = {
    "0001": {
        "observation": [OBSERVED],
        "event": [{**EVENT, "payload": PAYLOAD}],
        "input": [
            {"number": 2, "id": None, "kind": "tick", "at": AT, "subject": None, "state": None, "payload": None},
            {"number": 3, "id": "c", "kind": "camera", "at": AT, "subject": "front", "state": "lost",
             "payload": b'{"changed":true,"drops":{"late":3},"fps":0,"reason":"timeout"}'},
            {"number": 4, "id": "d", "kind": "door", "at": AT, "subject": "main", "state": "locked_down",
             "payload": b'{"alarm":"normal","reason":"drill"}'},
            {"number": 5, "id": "d2", "kind": "door", "at": AT, "subject": "main", "state": "accessed",
             "payload": b'{"alarm":"normal","reason":"granted"}'},
        ],
        "evidence": [
            {"name": "event-1.jpg", "event": "event-1", "camera": "front", "at": AT, "x1": 0.1, "y1": 0.2, "x2": 0.3,
             "y2": 0.9, "size_bytes": 1003, "sha256": "ab" * 32, "missing": False},
        ],
        "garbage": [{"name": "event-0.jpg", "at": AT}],
    },
    "0002": {
        "outbox": [
            {"id": "action-1", "event": "event-1", "kind": "notify", "target": "ops", "deadline": AT + 10**9,
             "key": "event-1", "payload": '{"text":"über"}', "state": "pending", "attempts": 2, "changed_at": AT},
        ],
        "inbox": [
            {"id": "question-1", "key": "reader:1", "kind": "access.request", "payload": "{}", "asked_at": AT,
             "deadline": AT + 2_000_000, "answer": '{"verdict":"deny"}', "answered_at": AT + 1},
            {"id": "question-2", "key": None, "kind": "camera.test", "payload": '{"camera":"front"}', "asked_at": AT,
             "deadline": AT + 10**15, "answer": None, "answered_at": None},
        ],
    },
    "0003": {
        "configuration": [{"version": 1, "at": AT, "author": "site file", "change": "site taken over"}],
        "camera": [
            {"name": "front", "position": 0, "url": "SEALED:rtsp://10.0.0.9/1", "sub_url": None, "model": None,
             "analyze_fps": 5.0, "view": "side", "zones_version": 3, "enabled": True},
            {"name": "yard", "position": 1, "url": "SEALED:yard.mp4", "sub_url": None, "model": "garden",
             "analyze_fps": 8.0, "view": "top", "zones_version": 1, "enabled": False},
        ],
        "zone": [
            {"camera": "front", "position": 0, "points": "[[0,0],[1,0],[1,1]]", "name": "yard", "restricted": True},
            {"camera": "front", "position": 1, "points": "[[0,0],[0.5,0],[0.5,0.7]]", "name": "gate",
             "restricted": False},
        ],
        "line": [{"camera": "front", "position": 0, "points": "[[0,0.5],[1,0.5]]", "name": "line"}],
        "mask": [{"camera": "front", "position": 0, "points": "[[0,0],[0.1,0],[0.1,0.1]]"}],
        "door": [
            {"name": "main", "position": 0, "camera": "front", "reader": "r1", "relay": "SEALED:http://10.0.0.5/doors",
             "pulse_s": 3.0, "on_camera_stale": "badge_only"},
        ],
        "person": [{"name": "Ada", "position": 0, "groups": '["admins","staff"]'}],
        "credential": [
            {"person": "Ada", "position": 0, "kind": "badge", "value": "hmac-sha256:" + "cd" * 32, "enabled": True,
             "valid_from": None, "valid_until": AT},
        ],
        "schedule": [
            {"name": "office", "position": 0, "time_zone": "Europe/Berlin", "weekly": '{"mon":["08:00-12:00"]}',
             "holidays": '{"2026-12-24":["08:00-12:00"]}'},
        ],
        "rule": [
            {"name": "seen", "version": 1, "position": 0, "text": "- {name: seen, on: sighting, verdict: log}\n",
             "author": "site file", "at": AT},
        ],
        "notify_target": [
            {"name": "ops", "position": 0, "kind": "webhook", "url": "SEALED:https://example.org/x", "secret": None},
        ],
        "setting": [{"name": "core", "value": '{"configuration_version":1}', "changed_at": AT}],
    },
    "0004": {
        "account": [
            {"id": "user-1", "name": "ada", "role": "administrator", "password_hash": "HASHED:correct horse",
             "must_change": False, "enabled": True, "failed": 0, "locked_until": None, "changed_at": AT},
        ],
        "api_token": [
            {"id": "0123456789abcdef", "name": "reader", "hash": "ef" * 32, "scopes": '["access:request"]',
             "created_at": AT, "revoked_at": None},
        ],
    },
    "0009": {
        "door_mode": [
            {"door": "side", "number": 3, "mode": "unlocked", "at": AT, "payload": b'{"alarm":"normal","reason":""}'},
        ],
    },
    "0010": {
        "review": [
            {"id": "review-1", "event": "event-1", "at": AT + 2, "actor": "ada", "act": "corrected", "comment": None,
             "evidence": "event-1.jpg", "label_before": "person", "label": "animal"},
        ],
    },
    "0011": {
        "rule": [
            {"name": "seen", "version": 1, "position": 0, "text": "- {name: seen, on: sighting, verdict: log}\n",
             "author": "site file", "at": AT, "was": "watched"},
        ],
    },
    "0012": {
        "account": [
            {"id": "user-1", "name": "ada", "role": "administrator", "password_hash": "HASHED:correct horse",
             "must_change": False, "enabled": True, "changed_at": AT},
        ],
        "web_session": [
            {"id": "12" * 32, "account": "user-1", "made_at": AT, "seen_at": AT + 1, "expires_at": AT + 10**15,
             "address": "192.0.2.7", "agent": "Mozilla/5.0"},
        ],
        "sign_in_try": [{"name": "34" * 32, "failed": 5, "locked_until": AT + 10, "at": AT}],
    },
    "0013": {
        "crop": [
            {"id": "crop-1", "at": AT, "camera": "front", "subject": "front:7:1794999995123456", "track": 7,
             "event": "event-1", "why": "corrected", "guess": "person", "confidence": 0.912345, "model": "embedded",
             "other_guess": "animal", "other_confidence": 0.5, "other_model": "embedded-3", "x1": 0.1, "y1": 0.2,
             "x2": 0.3, "y2": 0.9, "aspect": 1.7777, "size_bytes": 1003, "sha256": "ab" * 32, "label": "animal",
             "labeled_by": "ada", "labeled_at": AT + 2},
        ],
    },
    "0014": {
        "shadow_vote": [
            {"id": "vote-1", "at": AT, "camera": "front", "track": 7, "started_at": AT - 5_000_000,
             "current_model": "embedded", "candidate_model": "embedded-20261125-1", "current": "person",
             "current_confidence": 0.912345, "candidate": "animal", "candidate_confidence": 0.5, "crops": 9},
        ],
    },
    "0017": {
        "face_template": [
            {"id": "face-1", "person": "ada", "key": "ab" * 16, "model": "mobilefacenet@e72a5710cce378dc",
             "embedding": "sealed:x", "picture": "sealed:y", "source": "ada.jpg", "at": AT, "author": "ada"},
        ],
    },
    "0019": {
        "chain": [
            {"seq": 1, "kind": "start", "ref": "", "salt": b"s" * 16, "digest": b"d" * 32, "mac": b"m" * 32,
             "payload": b'{"at":"2026-11-20T12:00:00.000Z","event":1}'},
        ],
    },
    "0021": {
        "access_level": [
            {"name": "staff-day", "position": 0, "groups": '["staff"]', "doors": '["front"]', "schedule": "night"},
        ],
    },
    "0024": {"person_name": [{"id": "person:" + "ab" * 16, "name": "sealed:z"}]},
    "0027": {
        "threat_level": [
            {"position": 0, "name": "green"}, {"position": 1, "name": "yellow"}, {"position": 2, "name": "lockdown"},
        ],
    },
}  # fmt: skip
COUNTERS = {"event": 1, "input": 5, "chain": 1}


def seeds_at(revision: str) -> dict[str, Rows]:
    """What a database at that revision holds, by table."""
    known = revisions()
    upto = known[: known.index(revision) + 1]
    return {table: rows for name in upto for table, rows in SEEDS.get(name, {}).items()}


def build_old(engine: Engine, revision: str, **secrets: Any) -> dict[str, Rows]:
    """A database at that revision with its rows; returns them. `secrets` say how marked values are sealed."""
    upgrade(engine, revision)
    seeds = {table: [_sealed(row, secrets) for row in rows] for table, rows in seeds_at(revision).items()}
    with writing(engine) as connection:
        found = MetaData()
        found.reflect(connection)
        for table in found.sorted_tables:
            if table.name in seeds:
                connection.execute(table.insert(), seeds[table.name])
        for name, value in COUNTERS.items():
            head = found.tables["head"]
            connection.execute(head.update().where(head.c.name == name).values(value=value))
    return seeds


def rows_of(engine: Engine) -> dict[str, Rows]:
    """Every row of every table, as the columns hold it, in no order."""
    found = MetaData()
    with reading(engine) as connection:
        found.reflect(connection)
        return {
            table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in found.sorted_tables
        }


def _sealed(row: dict[str, Any], secrets: dict[str, Any]) -> dict[str, Any]:
    sealed = dict(row)
    for name, value in row.items():
        mark, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
        if mark in secrets:
            sealed[name] = secrets[mark](rest)
    return sealed
