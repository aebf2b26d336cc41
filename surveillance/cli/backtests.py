"""A backtest as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from surveillance.cli.words import counted
from surveillance.rules.backtest import Backtest, Difference, Tally

WHAT = {"new": "new", "silent": "gone", "changed": "other"}


def backtest_lines(found: Backtest, most: int) -> Iterator[str]:
    """One line a rule, and the first differences."""
    span = f"{found.since:%Y-%m-%d %H:%M}Z to {found.until:%Y-%m-%d %H:%M}Z"
    yield f"{counted(found.inputs, 'input')} from {span}: {counted(found.differs, 'difference')}"
    if found.tallies:
        yield f"  {'rule':32} {'on record':>9} {'now':>7} {'new':>6} {'gone':>6} {'other':>6}"
    yield from map(_rule_line, found.tallies)
    shown = found.differences[:most]
    if shown:
        yield ""
    yield from map(_difference_line, shown)
    if found.differs > len(shown):
        yield f"  and {found.differs - len(shown)} more (--most, or --json)"


def _rule_line(tally: Tally) -> str:
    name = tally.rule or "(no rule: denied by default)"
    return f"  {name:32} {tally.was:9} {tally.now:7} {tally.new:6} {tally.silent:6} {tally.changed:6}"


def _difference_line(one: Difference) -> str:
    place = one.door or one.camera or ""
    verdicts = " -> ".join(verdict or "nothing" for verdict in (one.was, one.now))
    reasons = f"  {'; '.join(one.because)}" if one.because else ""
    event = f"  event {one.event}" if one.event else ""
    rule = one.rule or "(default)"
    return f"  {WHAT[one.what]:5} {one.at:%m-%d %H:%M:%S}  {rule}  {place}  {verdicts}{reasons}{event}"
