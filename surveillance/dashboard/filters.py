"""The filter of the event list as a URL carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from surveillance.dashboard.clock import SPANS
from surveillance.domain.permissions import WHOLE, Reach
from surveillance.storage.queries import EventFilter

INBOX, INCIDENTS, ALL = "inbox", "incidents", "all"
VIEWS = (INBOX, INCIDENTS, ALL)
EXACT = ("verdict", "camera", "kind", "label", "rule", "door", "identity", "incident")
TRUTHS = {"yes": True, "no": False}
TIMES = ("since", "from", "until")  # a span before now, or two exact times


@dataclass(frozen=True, slots=True)
class ListFilter:
    """What the list shows. `words` go into links, so that a view can be shared; `view` is one of VIEWS."""

    words: dict[str, Any]
    since: datetime | None = None
    until: datetime | None = None
    view: str = ALL

    @property
    def is_set(self) -> bool:
        return bool(self.narrowing)

    @property
    def narrowing(self) -> dict[str, Any]:
        """The words without the view."""
        return {name: word for name, word in self.words.items() if name != "view"}

    def viewed_as(self, view: str) -> dict[str, Any]:
        """The words of the same filter in another view."""
        return {**self.narrowing, **({"view": view} if view != INBOX else {})}

    def stored(self, reach: Reach = WHOLE) -> EventFilter:
        """The same filter as the storage takes it, for somebody of that reach."""
        word = self.words.get
        exact: dict[str, Any] = {name: word(name) for name in EXACT}
        return EventFilter(
            **exact,
            since=self.since,
            until=self.until,
            reviewed=TRUTHS.get(word("reviewed", "")),
            shadow=TRUTHS.get(word("shadow", "")),
            words=word("text"),
            listed="kind" not in self.words,
            waiting=self.view == INBOX,
            grouped=self.view == INCIDENTS,
            reach=reach,
        )

    def ungrouped(self) -> ListFilter:
        """The same events without their incidents."""
        return replace(self, view=ALL) if self.view == INCIDENTS else self


def parse_filter(args: Mapping[str, str], zone: tzinfo = UTC, view: str = INBOX) -> ListFilter:
    """From a URL's query; words that mean nothing are dropped. `view` is what it shows where it does not say."""
    names = (*EXACT, *TIMES, "reviewed", "shadow", "text")
    words = {name: args[name].strip()[:200] for name in names if args.get(name, "").strip()}
    times = {name: parse_moment(words[name], datetime.now(UTC), zone) for name in TIMES if name in words}
    meant = {
        name: word
        for name, word in words.items()
        if times.get(name, word) is not None and (name not in ("reviewed", "shadow") or word in TRUTHS)
    }
    chosen = args.get("view", view)
    chosen = chosen if chosen in VIEWS else view
    if chosen == INBOX:
        meant.pop("reviewed", None)  # nothing in it is
    else:
        meant |= {"view": chosen}
    return ListFilter(meant, times.get("from") or times.get("since"), times.get("until"), chosen)


def parse_moment(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """`1h`, `24h`, `7d`, `30d` before now, or a time as RFC 3339 or a date field writes it, there in the site's zone;
    None for anything else.
    """
    if text in SPANS:
        return now - SPANS[text]
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
