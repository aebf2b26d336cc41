"""What edits over the API have in common: which version they were made from, which they made, and who may make them."""

from __future__ import annotations

from flask_babel import gettext as _
from pydantic import Field
from werkzeug.exceptions import Forbidden

from surveillance.dashboard.api.models import Given, Told, Version
from surveillance.dashboard.guards import actor

FROM = "The version that the edit was made from, as it was told. Without it the edit counts for whatever is there."


class Seen(Given):
    expected_version: Version | None = Field(None, description=FROM)


class Edited(Told):
    version: int = Field(description="The configuration with the edit, or as it was where nothing differs.")


def refuse_bound() -> None:
    """Raises Forbidden for whoever reaches some cameras and doors only: something new is in nobody's reach."""
    if not actor().reach.is_whole:
        raise Forbidden(_("This is for those who reach the whole site."))
