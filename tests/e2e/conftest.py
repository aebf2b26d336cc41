"""One Chromium for each module of stories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import running_chromium
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser
