"""What makes a new name in a directory survive a power cut."""

from __future__ import annotations

from surveillance.places import sync_directory

__all__ = ["sync_directory"]
