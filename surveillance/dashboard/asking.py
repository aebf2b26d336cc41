"""Asks core something through the inbox and waits for the answer, no longer than it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from surveillance.dashboard.services import services

CORE_MARGIN = timedelta(milliseconds=200)  # core gives up first, so nothing is done after it was called too late


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
    waiting = services().inbox
    deadline = datetime.now(UTC) + timedelta(seconds=timeout_s)
    asked = waiting.ask(kind, payload, deadline - CORE_MARGIN, key)
    answer = waiting.wait(asked, deadline)
    if answer is None and waiting.answer(asked, late):  # final, also for whoever asks this again
        return late
    return answer or waiting.answer_of(asked) or late
