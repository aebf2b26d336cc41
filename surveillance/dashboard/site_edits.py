"""Edits of the site from the pages: checked as the command line checks them, saved as one version, put down to whoever
is signed in. Nobody's edit is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from surveillance.dashboard.guards import actor
from surveillance.dashboard.services import services
from surveillance.domain.errors import EditConflict
from surveillance.domain.site import Site
from surveillance.storage.site_plan import Change, changes_between

TRIES = 4  # how often an edit that nobody's page shows is made anew because somebody else was quicker


@dataclass(frozen=True, slots=True)
class Saved:
    """What an edit came to: the version it made (or found, when nothing differs) and every difference."""

    version: int
    changes: tuple[Change, ...]


def edit_site(edit: Callable[[Site], Site], seen: int | None = None) -> Saved:
    """Applies an edit to the site. `seen` is the version that the form showed; None for an edit that fits any.

    Raises EditConflict when the site is another by now, UserMistake for one that could not be run, and whatever
    `edit` raises.
    """
    tries = 1 if seen is not None else TRIES
    while True:
        try:
            return _edit_once(edit, seen)
        except EditConflict:
            tries -= 1
            if tries == 0:
                raise


def _edit_once(edit: Callable[[Site], Site], seen: int | None) -> Saved:
    before = services().site.read()
    expected = before.version if seen is None else seen
    if expected != before.version:
        services().site.save(before, actor().name, expected)  # raises EditConflict, which says who was quicker
    after = services().site.prepared(edit(before))
    changes = changes_between(before, after)
    if changes:
        services().check_site(before, after)
    return Saved(services().site.save(after, actor().name, expected), changes)
