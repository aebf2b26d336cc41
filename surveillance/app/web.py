"""The dashboard in a process of its own, served by gunicorn with a thread per open stream. Loads no torch.

python -m surveillance.app.web 127.0.0.1:8080        as the service starts it; it ends when the service does
"""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surveillance.app.rulebook import rule_documents
from surveillance.app.runtime import live_pictures
from surveillance.app.store import open_store
from surveillance.dashboard import create_app
from surveillance.dashboard.services import Services
from surveillance.settings import load_settings
from surveillance.storage.state import SharedState

CORE_STATUS = "core"  # the name under which core tells how it fares

if TYPE_CHECKING:
    from flask import Flask


def build_web(config: str | None = None) -> Flask:
    """The dashboard as gunicorn loads it, in a process of its own; settings come from the environment."""
    settings = load_settings(Path(config) if config else None)
    store = open_store(settings)
    state = SharedState(store.engine)
    return create_app(
        Services(
            events=store.events,
            accounts=store.accounts,
            inbox=store.inbox,
            site=store.site,
            evidence=store.evidence,
            live=live_pictures(settings),
            secret_key=store.keys.key("sessions"),
            applied=lambda: applied(state),
            settings=settings.dashboard,
            rule_documents=lambda site: rule_documents(settings, site),
        )
    )


def applied(state: SharedState) -> Mapping[str, Any]:
    """What core has applied, as it last told; empty when it never ran."""
    told = state.get_dated(CORE_STATUS)
    if told is None:
        return {}
    status, at = told
    return {**status, "heartbeat_age_s": (datetime.now(UTC) - at).total_seconds() + status["core_age_s"]}


def end_with_parent() -> None:
    """Asks Linux to end this process when the one that started it is gone, even killed (prctl, PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def main(bind: str) -> None:
    """Serves until SIGTERM."""
    from gunicorn.app.wsgiapp import run

    end_with_parent()
    sys.argv = [
        *("gunicorn", "--workers=1", "--worker-class=gthread", "--threads=32"),
        *("--graceful-timeout=2", "--log-level=warning", f"--bind={bind}"),
        "surveillance.app.web:build_web()",
    ]
    run()


if __name__ == "__main__":
    main(sys.argv[1])
