"""What a decision says of its subject beside the verdict: where and when it was, what was read on it or asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from surveillance.domain import duress
from surveillance.domain.site import Site
from surveillance.domain.values import AccessRequest, Observation, rfc3339


def about_seen(seen: Observation) -> dict[str, Any]:
    """What a decision on an observation says of it."""
    return {
        "at": seen.at,
        "media_s": seen.media_s,
        "trigger": "sighting",
        "subject": seen.id,
        "camera": seen.camera,
        "label": seen.label,
        "confidence": seen.confidence,
        "track": seen.track,
        "zones": tuple(sorted(seen.zones)),
        "identity": seen.identity,
        "box": seen.box,
    }


def about_camera(name: str, at: datetime) -> dict[str, Any]:
    return {"at": at, "trigger": "camera", "subject": name, "camera": name}


def asked_of(request: AccessRequest) -> dict[str, Any]:
    """What a decision on a request says of it beside its facts."""
    told = {"face": request.face, "plate": request.plate, "asked_by": "camera" if request.by_camera else ""}
    return {"deadline": rfc3339(request.deadline)} | {key: words for key, words in told.items() if words}


def about_request(request: AccessRequest) -> dict[str, Any]:
    return {
        "at": request.at,
        "trigger": "access",
        "subject": request.id,
        "camera": request.camera,
        "door": request.door,
        "identity": request.person,
    }


def silent_of(request: AccessRequest, site: Site, told: Sequence[str]) -> list[dict[str, Any]]:
    """What is put on record beside the answer, where the PIN was the one for duress. `told`: targets; empty: all."""
    if not request.duress:
        return []
    targets = tuple(target.name for target in site.notify if not told or target.name in told)
    about = {**about_request(request), "trigger": "system", "notify": targets}
    return [{**about, "kind": duress.EVENT, "reasons": ("the PIN for duress was typed",)}]


def plate_of(seen: Observation) -> dict[str, Any]:
    """The plate that was read, whose it is, and in what it differs from that person's, where it does."""
    words = ("plate", "plate_of", "plate_how")
    return {word: value for word in words if isinstance(value := seen.attributes.get(word), str) and value}


def span_of(seen: Observation) -> dict[str, Any]:
    """When its track began and how long it was followed; in a file also where, in seconds from the start."""
    span: dict[str, Any] = {"began_at": rfc3339(seen.started_at), "followed_s": round(seen.track_s, 3)}
    if seen.media_s is not None:
        span["began_media_s"] = round(seen.media_s - (seen.at - seen.started_at).total_seconds(), 3)
    return span
