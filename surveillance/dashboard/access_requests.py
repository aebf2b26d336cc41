"""The reader's way in: an access request by JSON and bearer token, answered by core through the inbox, else denied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from surveillance.access.desk import parse_presented
from surveillance.dashboard.asking import ask_core
from surveillance.dashboard.guards import bearer_token, needs, see_door
from surveillance.dashboard.services import services
from surveillance.domain.errors import RecordFailed, UserMistake

pages = Blueprint("access_requests", __name__)
LATE = {"verdict": "deny", "reasons": ["other", "no answer came in time"], "event": None, "expires_at": None}
UNRECORDED = {**LATE, "reasons": ["other", "the decision could not be recorded"]}


@pages.post("/api/access/requests")
@needs("access.request")
def ask() -> Response:
    """{"request_id", "door", "factors"} in; {"verdict", "reasons", "event", "expires_at"} out.

    A request_id seen before at that door, from that reader, gets its first answer. 400 for a malformed request, 401
    without a valid token, 403 for one that lacks the scope, 404 for an unknown door, each as a JSON problem (RFC 9457).
    While the database is away the answer is a denial.
    """
    timeout_s = services().settings.access_deadline_ms / 1000
    payload = parse_body(timeout_s)
    try:
        return jsonify(ask_core("access.request", payload, timeout_s, LATE, key_of(payload)))
    except RecordFailed:  # the database is away, and without it there is no grant
        return jsonify(UNRECORDED)


def key_of(payload: Mapping[str, Any]) -> str:
    """What makes a request the same when it is repeated: its reader, its door and its request_id."""
    token = bearer_token()
    if token is None:
        abort(401)
    named = json.dumps([payload["door"], payload["request_id"]])
    return f"{token.id}:{hashlib.sha256(named.encode()).hexdigest()}"


def parse_body(timeout_s: float) -> dict[str, Any]:
    """The JSON body, checked as core will check it again."""
    now = datetime.now(UTC)
    payload = request.get_json(silent=True)
    if not isinstance(payload, dict):
        abort(400, "The body must be a JSON object, with Content-Type: application/json.")
    try:
        presented = parse_presented(payload, now, now + timedelta(seconds=timeout_s))
    except UserMistake as mistake:
        abort(400, str(mistake))
    see_door(presented.door)
    if services().site.read().door(presented.door) is None:
        abort(404, f"no door is called {presented.door!r}")
    return payload
