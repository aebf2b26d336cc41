"""The filter of the event list as a URL carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from surveillance.dashboard.clock import parse_since
from surveillance.storage.queries import EventFilter

EXACT = ("verdict", "camera", "kind", "label", "rule", "door")


@dataclass(frozen=True, slots=True)
class ListFilter:
    """What the list shows. `words` go into links, so that a view can be shared."""

    words: dict[str, Any]
    since: datetime | None = None

    @property
    def is_set(self) -> bool:
        return bool(self.words)

    def stored(self) -> EventFilter:
        """The same filter as the storage takes it."""
        word = self.words.get
        return EventFilter(
            camera=word("camera"),
            kind=word("kind"),
            verdict=word("verdict"),
            label=word("label"),
            rule=word("rule"),
            door=word("door"),
            since=self.since,
            listed="kind" not in self.words,
        )


def parse_filter(args: Mapping[str, str]) -> ListFilter:
    """From a URL's query; words that mean nothing are dropped."""
    words = {name: args[name].strip()[:200] for name in (*EXACT, "since") if args.get(name, "").strip()}
    since = parse_since(words["since"], datetime.now(UTC)) if "since" in words else None
    if since is None:
        words.pop("since", None)
    return ListFilter(words, since)
