"""A reader asks core, by whatever wire: a question in the inbox, its answer in time, else a denial."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

from surveillance.domain.errors import RecordFailed

LATE = {"verdict": "deny", "reasons": ["other", "no answer came in time"], "event": None, "expires_at": None}
UNRECORDED = {**LATE, "reasons": ["other", "the decision could not be recorded"]}


class Questions(Protocol):
    """What of the inbox a reader needs."""

    def settle(
        self, kind: str, payload: Mapping[str, Any], timeout_s: float, late: Mapping[str, Any], key: str | None = None
    ) -> Mapping[str, Any]: ...


def ask_for_access(questions: Questions, payload: Mapping[str, Any], timeout_s: float, asker: str) -> Mapping[str, Any]:
    """The answer to what `access.desk.parse_presented` reads. `asker` is who asks, so that two readers may use the
    same request_id; the same asker, door and request_id get the first answer."""
    try:
        return questions.settle("access.request", payload, timeout_s, LATE, key_of(payload, asker))
    except RecordFailed:  # the database is away, and without it there is no grant
        return UNRECORDED


def key_of(payload: Mapping[str, Any], asker: str) -> str:
    named = json.dumps([payload["door"], payload["request_id"]])
    return f"{asker}:{hashlib.sha256(named.encode()).hexdigest()}"
