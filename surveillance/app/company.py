"""Who was let in before a moment, as far as somebody asks for it: a judge that starts then must know."""

from __future__ import annotations

from datetime import datetime, timedelta

from surveillance.app.store import Store
from surveillance.domain.company import LetIn
from surveillance.domain.site import Site

LONGEST_WINDOW = timedelta(hours=50)  # a window of a schedule ends on the next day at the latest


def let_in_before(store: Store, site: Site, at: datetime) -> list[LetIn]:
    """In the order of the record. Nobody where no level waits for somebody who opens it, and no visitor for a host."""
    if all(level.opened_by is None for level in site.access_levels) and not any(one.escort for one in site.people):
        return []
    return store.events.let_in(at - LONGEST_WINDOW, at)
