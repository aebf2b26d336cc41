"""The web pages and the API: what is on record, as people read it, and the reader's way in."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surveillance.dashboard.factory import create_app
    from surveillance.dashboard.services import LivePictures, Services
    from surveillance.dashboard.settings import DashboardSettings

__all__ = ["DashboardSettings", "LivePictures", "Services", "create_app"]
_HOMES = {"DashboardSettings": "settings", "LivePictures": "services", "Services": "services", "create_app": "factory"}


def __getattr__(name: str) -> Any:
    """Each name from its module when it is first asked for: whoever wants the settings needs no Flask."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
