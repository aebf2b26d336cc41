"""A question to the running core from a command, with its answer or a mistake in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from surveillance.app.jobs import core_runs
from surveillance.app.store import open_store
from surveillance.domain.errors import UserMistake
from surveillance.settings import Settings

MARGIN = timedelta(milliseconds=500)  # core gives up first, so nothing is done after it was called too late
LATE = {"refused": "core did not answer in time, so nothing was done; try again"}


def ask_core(settings: Settings, kind: str, payload: Mapping[str, Any], timeout_s: float) -> Mapping[str, Any]:
    """Core's answer. Raises UserMistake where it refuses, is silent, or is not running."""
    store = open_store(settings)
    if not core_runs(store):
        raise UserMistake("the service is not running, so nothing was done; start it with `surveillance run`")
    deadline = datetime.now(UTC) + timedelta(seconds=timeout_s)
    asked = store.inbox.ask(kind, payload, deadline - MARGIN)
    answer = store.inbox.wait(asked, deadline)
    if answer is None:
        answer = LATE if store.inbox.answer(asked, LATE) else store.inbox.answer_of(asked) or LATE
    if answer.get("refused"):
        raise UserMistake(str(answer["refused"]))
    return answer
