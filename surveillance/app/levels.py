"""Access levels from the command line, by the same rules as on the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from surveillance.access import levels as edits
from surveillance.app.site_edit import Edited, edit_site, open_site
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Site
from surveillance.settings import Settings
from surveillance.storage.site_file import parse_level


def list_levels(settings: Settings) -> tuple[AccessLevel, ...]:
    return open_site(settings).site.read().access_levels


def add_level(settings: Settings, values: Mapping[str, Any]) -> Edited:
    """Raises SettingsError for a name that is taken, or a door or schedule that is not there."""
    level = parse_level(values)
    return edit_site(settings, lambda site: edits.with_level(site, level, is_new=True))


def change_level(settings: Settings, name: str, given: Mapping[str, Any]) -> Edited:
    """What is given in place of what was. Raises NotFound, and SettingsError as `add_level` does."""

    def edit(site: Site) -> Site:
        return edits.with_level(site, parse_level(edits.changed_document(edits.level_of(site, name), given)))

    return edit_site(settings, edit)


def remove_level(settings: Settings, name: str) -> Edited:
    return edit_site(settings, lambda site: edits.without_level(site, name))
