"""A whole site that runs on painted cameras and a model that knows colors: real processes, no torch, quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ports import free_port

from surveillance.app.runtime import CORE_STATUS
from surveillance.app.service import RunningSite, running_site
from surveillance.dashboard import DashboardSettings
from surveillance.engines.settings import EngineSettings
from surveillance.perception.settings import PerceptionSettings
from surveillance.settings import Settings
from surveillance.storage.state import SharedState

STUBS = Path(__file__).parent / "stubs"


@contextmanager
def plugged_in() -> Iterator[None]:
    """The stub plug-ins can be found, here and in processes started from here."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(part for part in (str(STUBS), before) if part)
    sys.path.insert(0, str(STUBS))
    try:
        yield
    finally:
        sys.path.remove(str(STUBS))
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def painted_settings(folder: Path, **engine: Any) -> Settings:
    """Settings of such a site: two workers, quick restarts, answers waited for on a busy machine."""
    how: dict[str, Any] = {"workers": 2, "restart_waits_s": (0.2,), "answer_within_s": 5.0}
    return Settings(
        data_dir=folder / "data",
        dashboard=DashboardSettings(port=free_port()),
        engine=EngineSettings(**{**how, **engine}),
        perception=PerceptionSettings(backend="colors"),
    )


@contextmanager
def running_painted(settings: Settings, site: str) -> Iterator[RunningSite]:
    site_file = settings.data_dir.parent / "site.yaml"
    site_file.write_text(site, encoding="utf-8")
    with plugged_in(), running_site(settings, site_file, lambda line: None) as running:
        yield running


def status_of(running: RunningSite) -> dict[str, Any]:
    """What core last told of itself."""
    told = SharedState(running.store.engine).get_dated(CORE_STATUS)
    return told[0] if told else {}
