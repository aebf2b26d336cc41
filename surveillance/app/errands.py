"""Core's errands for other processes: trying a camera or rules, asking the network, looking into a model.

Each runs in a short-lived process of its own, few at a time, and is killed at its deadline: a decoder that hangs or
crashes on what a camera sends takes nothing with it. What is asked comes sealed, since it may hold a password.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from surveillance.app.errand import ASK_MODELS, ERRANDS
from surveillance.domain.errors import RecordFailed, SettingsError
from surveillance.domain.ports import Asked
from surveillance.engines.children import PARENT
from surveillance.settings import PREFIX, Settings

MOST = 2  # at a time: each may decode a whole stream
MOST_BYTES = 256 * 1024  # of an answer
BUSY = {"fault": "two other things are being tried already; try again in a moment", "reason": "busy"}

log = logging.getLogger(__name__)


class Errands:
    """`ask` is core's answer to the questions of KINDS: None, and later by `answer`, from a thread of its own."""

    kinds = tuple(ERRANDS)

    def __init__(
        self,
        settings: Settings,
        unseal: Callable[[str], str],
        answer: Callable[[str, Mapping[str, Any]], bool],
        module: str = "surveillance.app.errand",
    ) -> None:
        self._settings = settings
        self._unseal = unseal
        self._answer = answer
        self._module = module
        self._places = threading.BoundedSemaphore(MOST)

    def ask(self, asked: Asked) -> Mapping[str, Any] | None:
        """Starts the errand, or says at once why not."""
        try:
            payload = json.loads(self._unseal(str(asked.payload.get("sealed", ""))))
        except (SettingsError, ValueError):
            return {"fault": "the question cannot be read", "reason": ""}
        if not self._places.acquire(blocking=False):
            return BUSY
        threading.Thread(target=self._run, args=(asked, payload), name=asked.kind, daemon=True).start()
        return None

    def _run(self, asked: Asked, payload: Mapping[str, Any]) -> None:
        try:
            left_s = (asked.deadline - datetime.now(UTC)).total_seconds()
            answer = self._send(asked.kind, payload, left_s)
        finally:
            self._places.release()
        try:
            self._answer(asked.id, answer)
        except RecordFailed:  # whoever asked has given up by then
            log.warning("errand not answered: the database is away", extra={"kind": asked.kind})

    def _send(self, kind: str, payload: Mapping[str, Any], within_s: float) -> Mapping[str, Any]:
        """The child's answer, or in words what became of it."""
        settings = self._settings
        asked = {
            "kind": kind,
            "payload": payload,
            "ingest": settings.ingest.model_dump(mode="json"),
            "storage": settings.storage.model_dump(mode="json"),
            "rules": settings.rules.model_dump(mode="json"),
            "data_dir": str(settings.data_dir.resolve()),
            "loopback": settings.dashboard.allow_loopback,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        with subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment, PARENT: str(os.getpid())},
        ) as child:
            clock = threading.Timer(max(within_s, 0.0), child.kill)
            clock.start()
            said = self._exchange(child, json.dumps(asked).encode())
            is_late = not clock.is_alive()
            clock.cancel()
        if is_late and not said:
            return {"fault": f"no answer within {within_s:.0f} s", "reason": "timeout"}
        return _read(said, child.returncode, kind)

    @staticmethod
    def _exchange(child: subprocess.Popen[bytes], asked: bytes) -> bytes:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(asked)
            child.stdin.close()
        except BrokenPipeError:  # it has ended already
            return b""
        said = child.stdout.read(MOST_BYTES + 1)
        if len(said) > MOST_BYTES:
            child.kill()
            return b""
        return said


def _read(said: bytes, code: int, kind: str) -> Mapping[str, Any]:
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    log.warning("errand failed", extra={"code": code})
    what = f"ended by signal {-code}" if code < 0 else "failed"
    if kind == "rules.backtest":
        return {"fault": f"the rules could not be tried: the process that tried {what}", "reason": "unreadable"}
    if kind in ASK_MODELS:
        return {"fault": f"the model could not be asked: the process that tried {what}", "reason": "unreadable"}
    return {"fault": f"what was sent cannot be decoded: the process that tried {what}", "reason": "unreadable"}
