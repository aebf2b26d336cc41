"""What edits over the API have in common: which version they were made from, and which they made."""

from __future__ import annotations

from pydantic import Field

from surveillance.dashboard.api.models import Given, Told, Version

FROM = "The version that the edit was made from, as it was told. Without it the edit counts for whatever is there."


class Seen(Given):
    expected_version: Version | None = Field(None, description=FROM)


class Edited(Told):
    version: int = Field(description="The configuration with the edit, or as it was where nothing differs.")
