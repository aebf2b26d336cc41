"""System parts that some tests need: said in the skip reason, and never skipped where REQUIRE_SERVICES=1."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(part: str) -> NoReturn:
    """Skips for want of a system part (RTSP server, Chromium); fails instead where services are required."""
    message = f"needs a service: {part}; install it with `make services`"
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)
