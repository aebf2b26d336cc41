"""Values of the house into rows and back. A row of an input holds everything that replay needs, but no pixels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from surveillance.domain.areas import Forgiveness
from surveillance.domain.attention import attention_of
from surveillance.domain.doors import DoorSensed
from surveillance.domain.geometry import Box
from surveillance.domain.inputs import identity_of
from surveillance.domain.threats import ThreatOrder
from surveillance.domain.values import (
    AccessRequest,
    Action,
    Attribute,
    Attributes,
    CameraReport,
    DoorOrder,
    DoorReport,
    Doubt,
    Event,
    Input,
    ModeReport,
    Observation,
    Ordered,
    SceneReport,
    Tick,
    rfc3339,
)
from surveillance.storage.canonical import canonical
from surveillance.storage.event_filter import Cursor

Row = dict[str, Any]
StoredInput = (  # rows of `input`
    CameraReport | SceneReport | AccessRequest | DoorReport | DoorSensed | Ordered | ModeReport | Tick
)

EXPLANATION = ("judged", "facts", "rulebook_version", "trigger", "subject", "notify", "input", "evidence_sha256")


# --- inputs --------------------------------------------------------------------------------------------------------


def observation_row(seen: Observation, number: int) -> Row:
    """A row of `observation`."""
    return {
        "number": number,
        "id": seen.id,
        "camera": seen.camera,
        "at": seen.at,
        "media_s": seen.media_s,
        "change": seen.change,
        "track": seen.track,
        "label": seen.label,
        "confidence": float(seen.confidence),
        **box_row(seen.box),
        "zones": sorted(seen.zones),
        "zones_version": seen.zones_version,
        "dwell_s": dict(seen.dwell_s),
        "track_s": seen.track_s,
        "started_at": seen.started_at,
        "crossed": sorted(seen.crossed),
        "identity": seen.identity,
        "model": seen.model,
        "attributes": attributes_json(seen.attributes) or None,
    }


def observation_of(row: RowMapping) -> Observation:
    """The observation of a row, without its shot."""
    return Observation(
        id=row["id"],
        camera=row["camera"],
        at=row["at"],
        media_s=row["media_s"],
        change=row["change"],
        track=row["track"],
        label=row["label"],
        confidence=row["confidence"],
        box=box_of(row),
        zones=frozenset(row["zones"]),
        zones_version=row["zones_version"],
        dwell_s=row["dwell_s"],
        track_s=row["track_s"],
        started_at=row["started_at"],
        crossed=frozenset(row["crossed"]),
        identity=row["identity"],
        model=row["model"],
        attributes=attributes_of(row["attributes"] or {}),
    )


def attributes_json(attributes: Attributes) -> Row:
    """JSON-able: a set becomes a list, a doubt {"unknown": its reason}."""
    return {word: _attribute_json(value) for word, value in attributes.items()}


def _attribute_json(value: Attribute) -> Any:
    if isinstance(value, Doubt):
        return {"unknown": value.reason}
    return sorted(value) if isinstance(value, frozenset) else value


def attributes_of(given: Mapping[str, Any]) -> dict[str, Attribute]:
    """What `attributes_json` was given."""
    return {word: _attribute_of(value) for word, value in given.items()}


def _attribute_of(value: Any) -> Attribute:
    if isinstance(value, dict):
        return Doubt(value["unknown"])
    return frozenset(value) if isinstance(value, list) else value


def input_row(entry: StoredInput, number: int) -> Row:
    """A row of `input`. An unchanged camera report keeps its state only, for there is one a second."""
    row: Row = {"number": number, "id": None, "at": entry.at, "subject": None, "state": None, "payload": None}
    if isinstance(entry, Tick):
        return row | {"kind": "tick"}
    if isinstance(entry, CameraReport):
        row |= {"kind": "camera", "subject": entry.camera, "state": entry.state}
        if entry.changed:
            rest = {"reason": entry.reason, "fps": entry.fps, "drops": dict(entry.drops), "changed": True}
            return row | {"id": identity_of(entry), "payload": canonical(rest)}
        return row | {"payload": canonical({"reason": entry.reason}) if entry.reason else None}
    if isinstance(entry, SceneReport):
        row |= {"kind": "scene", "id": identity_of(entry), "subject": entry.camera}
        return row | {"payload": canonical(_scene_json(entry))}
    if isinstance(entry, DoorReport):
        rest = {"alarm": entry.alarm, "reason": entry.reason}
        return row | {
            "id": identity_of(entry),
            "kind": "door",
            "subject": entry.door,
            "state": entry.mode,
            "payload": canonical(rest),
        }
    if isinstance(entry, DoorSensed):
        row |= {"kind": "sensed", "id": identity_of(entry), "subject": entry.door}
        return row | {"payload": canonical(_sensed_json(entry))}
    if isinstance(entry, DoorOrder):
        row |= {"kind": "order", "id": entry.id, "subject": entry.door, "state": entry.command}
        return row | {"payload": canonical(_order_json(entry))}
    if isinstance(entry, ThreatOrder):
        row |= {"kind": "threat", "id": entry.id, "subject": entry.level}
        return row | {"payload": canonical({"by": entry.by, "reason": entry.reason, "address": entry.address})}
    if isinstance(entry, Forgiveness):
        rest = {"person": entry.person, "by": entry.by, "reason": entry.reason, "address": entry.address}
        return row | {"kind": "forgiveness", "id": entry.id, "payload": canonical(rest)}
    if isinstance(entry, ModeReport):
        row |= {"kind": "mode", "id": identity_of(entry), "subject": entry.mode}
        return row | {"payload": canonical({"reason": entry.reason, "by": entry.by})}
    return row | {"kind": "access", "id": entry.id, "subject": entry.door, "payload": canonical(_request_json(entry))}


def input_of(row: Mapping[str, Any] | RowMapping) -> Input:
    """The input of a row of `input`."""
    rest = json.loads(row["payload"]) if row["payload"] else {}
    if row["kind"] == "tick":
        return Tick(at=row["at"])
    if row["kind"] == "camera":
        return CameraReport(camera=row["subject"], at=row["at"], state=row["state"], **rest)
    if row["kind"] == "scene":
        since = rest.pop("since", None)
        rest["since"] = None if since is None else datetime.fromisoformat(since)
        return SceneReport(camera=row["subject"], at=row["at"], **rest)
    if row["kind"] == "door":
        return DoorReport(door=row["subject"], at=row["at"], mode=row["state"], **rest)
    if row["kind"] == "sensed":
        return DoorSensed(door=row["subject"], at=row["at"], **rest)
    if row["kind"] == "order":
        rest["deadline"] = datetime.fromisoformat(rest["deadline"])
        return DoorOrder(id=row["id"], door=row["subject"], at=row["at"], command=row["state"], **rest)
    if row["kind"] == "threat":
        return ThreatOrder(id=row["id"], at=row["at"], level=row["subject"], **rest)
    if row["kind"] == "forgiveness":
        return Forgiveness(id=row["id"], at=row["at"], **rest)
    if row["kind"] == "mode":
        return ModeReport(at=row["at"], mode=row["subject"], **rest)
    return AccessRequest(
        id=row["id"],
        at=row["at"],
        door=row["subject"],
        camera=rest["camera"],
        factors=frozenset(rest["factors"]),
        person=rest["person"],
        groups=frozenset(rest["groups"]),
        credential=rest["credential"],
        denials=tuple(rest["denials"]),
        plate=rest.get("plate"),
        by_camera=rest.get("by_camera", False),
        once=rest.get("once", ""),
        deadline=datetime.fromisoformat(rest["deadline"]),
        face=rest.get("face", ""),
        duress=rest.get("duress", False),
    )


def _scene_json(report: SceneReport) -> Row:
    """Without the picture, and without what is empty: there is one every few seconds."""
    told = {
        "scene": report.scene,
        "state": report.state,
        "confidence": report.confidence,
        "since": report.since and report.since.isoformat(),
        "changed": report.changed or None,
        "doubt": report.doubt or None,
        "failed": report.failed or None,
        "model": report.model or None,
        "media_s": report.media_s,
    }
    return {key: value for key, value in told.items() if value is not None}


def _sensed_json(told: DoorSensed) -> Row:
    """Without what nobody told."""
    names = ("contact", "lock", "tamper", "fault")
    known = {name: value for name in names if (value := getattr(told, name)) is not None}
    return known | ({"exit": True} if told.exit else {}) | ({"reason": told.reason} if told.reason else {})


def _order_json(order: DoorOrder) -> Row:
    return {
        "by": order.by,
        "reason": order.reason,
        "deadline": order.deadline.isoformat(),
        "address": order.address,
    }


def _request_json(request: AccessRequest) -> Row:
    return {
        "camera": request.camera,
        "factors": sorted(request.factors),
        "person": request.person,
        "groups": sorted(request.groups),
        "credential": request.credential,
        "denials": list(request.denials),
        "plate": request.plate,
        "by_camera": request.by_camera,
        "once": request.once,
        "deadline": request.deadline.isoformat(),
        **({"face": request.face} if request.face else {}),
        **({"duress": True} if request.duress else {}),
    }


# --- events --------------------------------------------------------------------------------------------------------


def event_row(event: Event, number: int | None, sha256: str | None, incident: str | None = None) -> Row:
    """A row of `event`; `number` is that of its input, `sha256` that of its picture."""
    decision = event.decision
    whole = event.as_json() | {
        "judged": [judged.as_json() for judged in decision.judged],
        "facts": dict(decision.facts),
        "rulebook_version": decision.rulebook_version,
        "trigger": decision.trigger,
        "subject": decision.subject,
        "notify": list(decision.notify),
        "input": number,
        "evidence_sha256": sha256,
    }
    return {
        "seq": event.seq,
        "id": decision.id,
        "at": decision.at,
        "kind": decision.kind,
        "camera": decision.camera,
        "door": decision.door,
        "verdict": decision.verdict,
        "rule": decision.rule,
        "label": decision.label,
        "confidence": decision.confidence,
        "track": decision.track,
        "zones": sorted(decision.zones),
        "identity": decision.identity,
        "media_s": decision.media_s,
        "evidence": event.evidence,
        "rulebook_version": decision.rulebook_version,
        "shadow": decision.shadow,
        "input": number,
        "attention": attention_of(decision.kind, decision.verdict, decision.shadow),
        "incident": incident,
        "payload": canonical(whole),
        "actor": decision.details.get("actor"),
    }


def event_json(row: RowMapping, explained: bool = False) -> Row:
    """The contract's keys of an event row (Event.as_json), its incident and what people said of it, and its exact
    place among the events (`cursor`); `explained` adds the explanation.
    """
    whole: Row = json.loads(row["payload"])
    if not explained:
        for key in EXPLANATION:
            whole.pop(key, None)
    reviewed_at = row["reviewed_at"]
    whole["reviewed_at"] = None if reviewed_at is None else rfc3339(reviewed_at)
    whole["reviewed_by"] = row["reviewed_by"]
    for name in ("review", "corrected", "attention", "incident"):
        whole[name] = row[name]
    whole["cursor"] = str(Cursor(row["at"], row["id"]))
    return whole


# --- actions and boxes ---------------------------------------------------------------------------------------------


def action_row(action: Action, now: datetime) -> Row:
    """A row of `outbox`."""
    return {
        "id": action.id,
        "event": action.event,
        "kind": action.kind,
        "target": action.target,
        "deadline": action.deadline,
        "key": action.key,
        "payload": dict(action.payload),
        "state": action.state,
        "attempts": action.attempts,
        "changed_at": now,
    }


def action_of(row: RowMapping) -> Action:
    """The action of a row of `outbox`."""
    return Action(
        id=row["id"],
        event=row["event"],
        kind=row["kind"],
        target=row["target"],
        deadline=row["deadline"],
        key=row["key"],
        payload=row["payload"],
        state=row["state"],
        attempts=row["attempts"],
    )


def box_row(box: Box) -> Row:
    return {"x1": float(box.x1), "y1": float(box.y1), "x2": float(box.x2), "y2": float(box.y2)}


def box_of(row: RowMapping) -> Box:
    """The box in columns x1, y1, x2, y2."""
    return Box(row["x1"], row["y1"], row["x2"], row["y2"])
