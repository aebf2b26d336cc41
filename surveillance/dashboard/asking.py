"""Asks core something through the inbox and waits for the answer, no longer than it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from surveillance.dashboard.services import services


def ask_core(
    kind: str,
    payload: Mapping[str, Any],
    timeout_s: float,
    late: Mapping[str, Any],
    key: str | None = None,
) -> Mapping[str, Any]:
    """Core's answer to a question of that kind, or `late` where it gives none in time; either is final.

    Asked again with the same `key` it is the same question, with the same answer. Raises RecordFailed while the
    database is away.
    """
    return services().inbox.settle(kind, payload, timeout_s, late, key)
