"""Who may do what: one table of permissions with the roles that have them, which every page and command refers to.

A role is what a person is at the site; a scope is what a program's token may be used for. Which cameras and doors that
reaches is the `Reach` of the person or token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from surveillance.domain import duress

ROLES = ("viewer", "guard", "operator", "installer", "administrator")
_ALL = frozenset(ROLES)
_ADMINISTRATOR = frozenset({"administrator"})
_BUILDERS = frozenset({"installer", "administrator"})  # who sets up what the site is made of
_KEEPERS = frozenset({"operator", "administrator"})  # who says which people may pass and what is watched for
_WATCH = frozenset({"guard", "operator", "administrator"})  # who acts on what happens

PERMISSIONS: Mapping[str, frozenset[str]] = {
    "account.own": _ALL,  # one's own password, second factor and sessions
    "events.view": _ALL,
    "events.review": _WATCH,
    "events.needed": _BUILDERS | _KEEPERS,  # what a denied request would have needed: the way in
    "footage.export": _KEEPERS,
    "cameras.view": _ALL,  # live pictures too
    "cameras.edit": _BUILDERS,
    "models.view": _BUILDERS | _KEEPERS,
    "models.edit": _BUILDERS,  # which camera is judged by which model
    "rules.view": _ALL - {"viewer"},
    "rules.edit": _BUILDERS | _KEEPERS,
    "doors.view": _ALL - {"viewer"},
    "doors.command": _WATCH,  # open once, lock, unlock, lock down
    "doors.release": _KEEPERS,  # end a lockdown
    "doors.edit": _BUILDERS,
    "people.view": _WATCH,
    "people.edit": _KEEPERS,
    "people.erase": _ADMINISTRATOR,  # what is held of one person: handed over, or erased for good
    "people.forgive": _WATCH,  # say that the record has wrong where somebody is
    duress.PERMISSION: _ADMINISTRATOR,  # that somebody typed the PIN for duress, and who has one
    "site.edit": _BUILDERS,  # schedules, notification targets, the first run
    "site.arm": _WATCH,  # set the arming mode by hand
    "site.threat": _WATCH,  # set the threat level; to end a lockdown takes doors.release, too
    "metrics.view": _BUILDERS,
    "audit.view": _ADMINISTRATOR,
    "users.edit": _ADMINISTRATOR,
    "tokens.edit": _ADMINISTRATOR,
    "access.request": frozenset(),  # only readers ask at doors, by token
    "doors.tell": frozenset(),  # only controllers tell how doors stand, by token
}

SCOPES: Mapping[str, frozenset[str]] = {
    "access:request": frozenset({"access.request"}),
    "events:read": frozenset({"events.view"}),
    "events:write": frozenset({"events.view", "events.review"}),
    "footage:export": frozenset({"events.view", "footage.export"}),
    "cameras:read": frozenset({"cameras.view"}),
    "cameras:write": frozenset({"cameras.view", "cameras.edit"}),
    "models:read": frozenset({"models.view"}),
    "models:write": frozenset({"models.view", "models.edit"}),
    "rules:read": frozenset({"rules.view"}),
    "rules:write": frozenset({"rules.view", "rules.edit"}),
    "doors:read": frozenset({"doors.view"}),
    "doors:command": frozenset({"doors.view", "doors.command"}),
    "doors:write": frozenset({"doors.view", "doors.edit"}),
    "door:state": frozenset({"doors.tell"}),
    "people:read": frozenset({"people.view"}),
    "people:write": frozenset({"people.view", "people.edit"}),
    "people:forgive": frozenset({"people.view", "people.forgive"}),
    "duress:read": frozenset({"events.view", "people.view", duress.PERMISSION}),
    "site:write": frozenset({"rules.view", "site.edit"}),
    "site:threat": frozenset({"doors.view", "site.threat", "doors.release"}),
    "site:arm": frozenset({"rules.view", "site.arm"}),
    "metrics:read": frozenset({"metrics.view"}),
}


@dataclass(frozen=True, slots=True)
class Reach:
    """The cameras and doors that somebody may see and act on; None means all there are."""

    cameras: frozenset[str] | None = None
    doors: frozenset[str] | None = None
    silent: bool = False  # also what only those may know who have the permission for it

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole site."""
        return self.cameras is None and self.doors is None

    def sees_camera(self, name: str) -> bool:
        return self.cameras is None or name in self.cameras

    def sees_door(self, name: str) -> bool:
        return self.doors is None or name in self.doors

    def sees(self, camera: str | None, door: str | None) -> bool:
        """Whether something of that camera and door may be seen: both in reach, and what has neither only in all."""
        if camera is None and door is None:
            return self.is_whole
        return (camera is None or self.sees_camera(camera)) and (door is None or self.sees_door(door))


WHOLE = Reach()
EVERYTHING = Reach(silent=True)


def permissions_of(role: str) -> frozenset[str]:
    """All that a role may do; nothing for a role that there is not."""
    return frozenset(permission for permission, roles in PERMISSIONS.items() if role in roles)


def permissions_in(scopes: frozenset[str]) -> frozenset[str]:
    """All that a token of these scopes may do."""
    return frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))
