"""Where the processes of a site meet: private, in memory where there is room, and the same for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from surveillance.app.runtime import runtime_dir
from surveillance.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_in_memory_private_and_one_for_each_site(settings: Settings, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    found = runtime_dir(settings, memory)
    assert (found.parent, found.stat().st_mode & 0o777) == (memory, 0o700)
    assert runtime_dir(settings, memory) == found
    assert runtime_dir(Settings(data_dir=tmp_path / "other"), memory) != found


def test_without_room_in_memory_all_meet_in_the_data_directory(settings: Settings, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.write_bytes(b"")  # nothing can be made there
    found = runtime_dir(settings, memory)
    assert (found, found.stat().st_mode & 0o777) == (settings.data_dir / "run", 0o700)
    memory.unlink()
    memory.mkdir()  # there is room now, but the others are where they are
    assert runtime_dir(settings, memory) == found


@pytest.mark.parametrize("kind", ["open to all", "a link", "a file"])
def test_what_somebody_else_made_there_is_not_used(kind: str, settings: Settings, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    ours = runtime_dir(settings, memory)
    ours.rmdir()
    if kind == "open to all":
        ours.mkdir()
        ours.chmod(0o777)
    elif kind == "a link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        ours.symlink_to(tmp_path / "theirs")
    else:
        ours.write_bytes(b"")
    assert runtime_dir(settings, memory) == settings.data_dir / "run"
