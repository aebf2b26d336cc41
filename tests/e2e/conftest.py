"""One Chromium for each module of stories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import running_chromium
from playwright.sync_api import Browser, expect

expect.set_options(timeout=60_000)  # a busy machine takes its time; what holds is seen at once


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser
