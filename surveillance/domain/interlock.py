"""Interlock: of the doors of one group one at a time may be open, such as the two doors of an airlock. Pure."""

from __future__ import annotations

from collections.abc import Callable

from surveillance.domain.site import Door, Site

PENDING_S = 5.0  # how long after its pulse a grant may still be on its way to the door
_SHUT = ("locked", "blocked", "locked_down", "double_locked")


def how_ajar(mode: str, alarm: str, contact: str | None, lock: str | None) -> str:
    """In which word a door is not surely shut: open, accessed, unlocked or unknown; empty where it is shut."""
    if contact == "open" or alarm in ("forced_open", "open_too_long"):
        return "open"
    if mode == "accessed":
        return "accessed"
    if lock == "unlocked" or mode in ("unlocked", "locked_open"):
        return "unlocked"
    return "unknown" if mode not in _SHUT or "unknown" in (contact, lock) else ""


def in_the_way(door: Door, site: Site, ajar: Callable[[str], str]) -> list[str]:
    """A sentence for each other door of its group that keeps it shut. `ajar` says in which word a door is not shut."""
    if door.interlock is None:
        return []
    others = [other.name for other in site.doors if other.interlock == door.interlock and other.name != door.name]
    words = {other: ajar(other) for other in others}
    return [f"interlock {door.interlock}: door {other} is {word}" for other, word in words.items() if word]
