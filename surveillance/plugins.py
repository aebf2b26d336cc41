"""A name in the settings becomes code, by entry points; built-ins are registered the same way as others' plug-ins."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from surveillance.domain.errors import NotFound
from surveillance.domain.suggest import no_such

GROUPS = ("sources", "architectures", "backends", "actions", "relays")


def names(group: str) -> list[str]:
    """Every name registered under `surveillance.<group>`, sorted."""
    return sorted({entry.name for entry in entry_points(group=f"surveillance.{group}")})


def load(group: str, name: str) -> Any:
    """The object registered as `name`. Raises NotFound, with the names there are, for an unknown one."""
    for entry in entry_points(group=f"surveillance.{group}", name=name):
        return entry.load()
    raise NotFound(no_such(group[:-1], name, names(group)))
