"""The REST API under /api: one module per resource, each declaring its operations with their models and permissions."""

from __future__ import annotations

from surveillance.dashboard.api.declare import pages
from surveillance.dashboard.api.docs import tell  # registers itself
from surveillance.dashboard.api.resources import openapi

__all__ = ["openapi", "pages", "tell"]
