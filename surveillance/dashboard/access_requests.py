"""The reader's way in: an access request by JSON and bearer token, answered by core through the inbox, else denied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from surveillance.access.desk import parse_presented
from surveillance.dashboard.services import services
from surveillance.domain.errors import RecordFailed, UserMistake
from surveillance.storage.tokens import Token

pages = Blueprint("access_requests", __name__)
SCOPE = "access:request"
CORE_MARGIN = timedelta(milliseconds=200)  # core gives up first, so no grant follows a denial for being late
LATE = {"verdict": "deny", "reasons": ["other", "no answer came in time"], "event": None, "expires_at": None}
UNRECORDED = {**LATE, "reasons": ["other", "the decision could not be recorded"]}


@pages.post("/api/access/requests")
def ask() -> Response:
    """{"request_id", "door", "factors"} in; {"verdict", "reasons", "event", "expires_at"} out.

    A request_id seen before at that door, from that reader, gets its first answer. 400 for a malformed request, 401
    without a valid token, 403 for one that lacks the scope, 404 for an unknown door, each as a JSON problem (RFC 9457).
    While the database is away the answer is a denial.
    """
    token = require_token(SCOPE)
    now = datetime.now(UTC)
    deadline = now + timedelta(milliseconds=services().settings.access_deadline_ms)
    payload = parse_body(now, deadline)
    try:
        return jsonify(answer_to(payload, deadline, key_of(token, payload)))
    except RecordFailed:  # the database is away, and without it there is no grant
        return jsonify(UNRECORDED)


def answer_to(payload: dict[str, Any], deadline: datetime, key: str) -> Mapping[str, Any] | None:
    """Core's answer; a denial where it gives none in time. Raises RecordFailed."""
    waiting = services().inbox
    asked = waiting.ask("access.request", payload, deadline - CORE_MARGIN, key)
    answer = waiting.wait(asked, deadline)
    if answer is None and waiting.answer(asked, LATE):  # final, also for whoever asks this again
        return LATE
    return answer or waiting.answer_of(asked)


def key_of(token: Token, payload: Mapping[str, Any]) -> str:
    """What makes a request the same when it is repeated: its reader, its door and its request_id."""
    named = json.dumps([payload["door"], payload["request_id"]])
    return f"{token.id}:{hashlib.sha256(named.encode()).hexdigest()}"


def require_token(scope: str) -> Token:
    """The bearer token of the request (RFC 6750), which must have that scope."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    token = services().accounts.find_token(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        abort(401, f"A bearer token of scope {scope} is needed: Authorization: Bearer ...")
    if scope not in token.scopes:
        abort(403, f"This token lacks the scope {scope}.")
    return token


def parse_body(now: datetime, deadline: datetime) -> dict[str, Any]:
    """The JSON body, checked as core will check it again."""
    payload = request.get_json(silent=True)
    if not isinstance(payload, dict):
        abort(400, "The body must be a JSON object, with Content-Type: application/json.")
    try:
        presented = parse_presented(payload, now, deadline)
    except UserMistake as mistake:
        abort(400, str(mistake))
    if services().site.read().door(presented.door) is None:
        abort(404, f"no door is called {presented.door!r}")
    return payload
