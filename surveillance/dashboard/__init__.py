"""The web pages and the API: what is on record, as people read it, and the reader's way in."""

from surveillance.dashboard.factory import create_app
from surveillance.dashboard.services import LivePictures, Services
from surveillance.dashboard.settings import DashboardSettings

__all__ = ["DashboardSettings", "LivePictures", "Services", "create_app"]
