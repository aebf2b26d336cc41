"""Rules that are not in force, judged on what was stored: what they would have decided, beside what was decided."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from surveillance.app.company import let_in_before
from surveillance.app.store import Store, open_store
from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Site
from surveillance.rules.backtest import Backtest, backtest
from surveillance.rules.book import Rulebook, RuleDocument, load_rules, parse_rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.settings import Settings
from surveillance.storage.replay import Wanted

Progress = Callable[[int, int], None]  # inputs judged since the last call, inputs in all
WARM_UP = timedelta(hours=1)  # what a judge needs at least to know tracks and cameras as core knew them


def backtest_file(settings: Settings, file: Path, span: tuple[datetime, datetime], moved: Progress) -> Backtest:
    """What `rules apply FILE` would have decided in that span. Raises RuleError, NotFound and UserMistake."""
    store = open_store(settings)
    site = store.site.read()
    watched = () if settings.rules_dir is None else load_rules(settings.rules_dir)
    return backtest_rules(settings, store, site, (*load_rules(file), *watched), span, moved)


def backtest_rules(
    settings: Settings,
    store: Store,
    site: Site,
    documents: tuple[RuleDocument, ...],
    span: tuple[datetime, datetime],
    moved: Progress = lambda done, of: None,
) -> Backtest:
    """The documents as a whole rulebook. Raises RuleError, and UserMistake where nothing of that span is kept."""
    book = parse_rulebook(documents, site, site.version)
    judge = RuleJudge(book, site, settings.rules, make_id=str)  # nobody asks for the ids of what is only counted
    since, until = span
    told = store.events.replay(since, until, warm_up(book), wanted_places(settings, site))
    if not told.count:
        raise UserMistake(
            f"nothing is on record between {since:%Y-%m-%d %H:%M}Z and {until:%Y-%m-%d %H:%M}Z; "
            f"observations are kept for {settings.storage.observation_days} days"
        )
    judge.recall_places(told.places)
    judge.recall(told.before)
    judge.recall_company(let_in_before(store, site, told.began))
    with collected_seldom():
        return backtest(judge, told.inputs, told.verdicts, (told.began, until), lambda done: moved(done, told.count))


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Millions of small values come and go, none in circles: looking for circles among them is a tenth of the work."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def warm_up(book: Rulebook) -> timedelta:
    """How far before a span a judge must begin: the longest cooldown, or an hour."""
    longest = max((rule.cooldown_s or 0.0 for rule in book.rules), default=0.0)
    return max(WARM_UP, timedelta(seconds=longest))


def wanted_places(settings: Settings, site: Site) -> Wanted:
    """What a judge must know of people who went through doors before what it judges."""
    doors = frozenset(door.name for door in site.doors if door.leads)
    return Wanted(doors, timedelta(hours=settings.rules.forgive_after_h))


def last_days(days: float) -> tuple[datetime, datetime]:
    """From so many days ago until now."""
    now = datetime.now(UTC)
    return now - timedelta(days=days), now
