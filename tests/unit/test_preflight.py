"""What `make` says before it installs anything."""

import runpy
from pathlib import Path

import pytest

PREFLIGHT = runpy.run_path(str(Path(__file__).parents[2] / "docker" / "preflight.py"))


def test_a_machine_that_has_everything_is_told_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert PREFLIGHT["main"]({}) == 0
    assert capsys.readouterr() == ("", "")


def test_missing_libraries_come_with_their_apt_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert PREFLIGHT["main"]({"libnowhere.so.1": "libnowhere1", "libnever.so.2": "libnever2"}) == 2
    assert "sudo apt-get install -y libnowhere1 libnever2" in capsys.readouterr().err
