"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from databases import database, empty_database, postgres
from footage import footage

__all__ = ["database", "empty_database", "footage", "postgres"]
PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # however busy it is
# The same cases each time, so that what fails was changed and not drawn; FRESH_DRAWS=1 looks for new ones.
settings.register_profile("same", derandomize=not os.environ.get("FRESH_DRAWS"), **PATIENT)
settings.load_profile("same")
MANY = 300  # open files; select(), which the MQTT client asks, knows no more than 1024


@pytest.fixture(autouse=True, scope="module")
def closed_in_time() -> Iterator[None]:
    """Databases that a module is done with are closed before there are too many: Python is in no hurry."""
    yield
    if sys.platform == "linux" and len(list(Path("/proc/self/fd").iterdir())) > MANY:
        gc.collect()
