"""Where things lie: what ships with the package, and the data directory. Works from a wheel and from a checkout."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_path

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """`config` or `migrations`: the packaged copy where there is one, else the checkout's."""
    packaged = PACKAGE / f"_{name}"
    return packaged if packaged.is_dir() else PACKAGE.parent / name


def default_data_dir() -> Path:
    """The data directory when the settings name none."""
    return user_data_path("surveillance")
