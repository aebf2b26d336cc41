"""What is held of people, as the dashboard is handed it."""

from __future__ import annotations

from typing import IO

from surveillance.app import privacy
from surveillance.app.privacy import Outlook
from surveillance.settings import Settings


class SitePrivacy:
    """A `dashboard.services.Subjects`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def look(self, name: str) -> Outlook:
        return privacy.look_at(self._settings, name)

    def export(self, name: str, out: IO[bytes], by: str) -> None:
        privacy.export_into(self._settings, name, out, by)

    def erase(self, name: str, by: str) -> None:
        privacy.erase(self._settings, name, by)
