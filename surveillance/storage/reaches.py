"""The reach of a person or program into columns and back: the cameras and doors it is limited to; empty for all."""

from __future__ import annotations

from typing import Any

from surveillance.domain.permissions import Reach


def columns_of(reach: Reach) -> dict[str, list[str] | None]:
    """`cameras` and `doors` of a row."""
    return {
        "cameras": None if reach.cameras is None else sorted(reach.cameras),
        "doors": None if reach.doors is None else sorted(reach.doors),
    }


def reach_of(row: Any) -> Reach:
    return Reach(
        None if row.cameras is None else frozenset(row.cameras), None if row.doors is None else frozenset(row.doors)
    )


def told_reach(reach: Reach) -> dict[str, list[str]]:
    """What goes on record of it: nothing where it is the whole site."""
    return {name: names for name, names in columns_of(reach).items() if names is not None}
