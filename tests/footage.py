"""Real footage and images for tests, which never enter the repository.

They lie in `../shared/data` beside the checkout, or where SURVEILLANCE_TEST_DATA says. A test that uses the
`footage` fixture skips, with the reason, where they are absent.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("SURVEILLANCE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def footage() -> Path:
    """The directory that holds video/, crops.tar, fashion-mnist/ and so on."""
    if not DATA.is_dir():
        pytest.skip(f"needs the test footage in {DATA} (set SURVEILLANCE_TEST_DATA to its place)")
    return DATA
