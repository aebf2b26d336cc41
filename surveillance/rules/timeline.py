"""A backtest as a picture: per rule two rows of bars over its span, on record and as it would have been. SVG as text.

Colors stand as attributes, which the classes of a page's style sheet overrule; what differs is also said in numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from html import escape

from surveillance.rules.backtest import BUCKETS, Backtest, Tally

LEFT, RIGHT, TOP, ROW, BAR, STEP = 190, 96, 34, 46, 18, 14
WIDTH = LEFT + BUCKETS * STEP + RIGHT
INK, FAINT, WAS, NOW = "#1f2933", "#c3cad4", "#7b8794", "#1769aa"
DEFAULT_NAME, ALIKE = "no rule", "no difference"


def timeline(found: Backtest, say: Callable[[str], str] = str) -> str:
    """A whole SVG document, 1,070 wide and as high as there are rules. `say` puts its words into the reader's."""
    height = TOP + ROW * max(len(found.tallies), 1) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>{escape(say(_title(found)))}</title>',
        *_legend(say),
        *_days(found, height),
    ]
    for row, tally in enumerate(found.tallies):
        parts += _row(tally, TOP + row * ROW, say)
    return "\n".join([*parts, "</svg>\n"])


def _title(found: Backtest) -> str:
    return f"{found.differs} differences from {found.since:%Y-%m-%d %H:%M}Z to {found.until:%Y-%m-%d %H:%M}Z"


def _legend(say: Callable[[str], str]) -> Iterator[str]:
    for x, name, color, words in ((LEFT, "was", WAS, "on record"), (LEFT + 120, "now", NOW, "with these rules")):
        yield f'<rect class="{name}" x="{x}" y="8" width="10" height="10" fill="{color}"/>'
        yield f'<text class="ink" x="{x + 15}" y="17" fill="{INK}">{escape(say(words))}</text>'


def _days(found: Backtest, height: int) -> Iterator[str]:
    """A line where each day begins (UTC); of a short span, each hour."""
    span = found.until - found.since
    step = (
        timedelta(days=1) if span > timedelta(days=2) else timedelta(hours=max(1, round(span.total_seconds() / 28800)))
    )
    at = _floor(found.since, step) + step
    while at < found.until:
        x = LEFT + BUCKETS * STEP * ((at - found.since) / span)
        words = f"{at:%m-%d}" if step >= timedelta(days=1) else f"{at:%H:%M}"
        yield f'<line class="faint" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - 24}" stroke="{FAINT}"/>'
        yield f'<text class="ink" x="{x:.1f}" y="{height - 8}" text-anchor="middle" fill="{INK}">{words}</text>'
        at += step


def _floor(at: datetime, step: timedelta) -> datetime:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + step * ((at - midnight) // step)


def _row(tally: Tally, y: int, say: Callable[[str], str]) -> Iterator[str]:
    name = tally.rule or say(DEFAULT_NAME)
    shown = name if len(name) <= 24 else name[:23] + "…"
    yield f'<text class="ink" x="{LEFT - 10}" y="{y + 22}" text-anchor="end" fill="{INK}">{escape(shown)}</text>'
    most = max((*tally.was_by.values(), *tally.now_by.values()), default=1)
    for counts, top, kind, color in ((tally.was_by, y, "was", WAS), (tally.now_by, y + BAR + 2, "now", NOW)):
        for part, count in sorted((+counts).items()):
            high = max(2.0, BAR * count / most)
            yield (
                f'<rect class="{kind}" x="{LEFT + part * STEP + 1}" y="{top + BAR - high:.1f}" width="{STEP - 2}" '
                f'height="{high:.1f}" fill="{color}"><title>{count}</title></rect>'
            )
    told = f"+{tally.new} −{tally.silent}" + (f" ≠{tally.changed}" if tally.changed else "")
    x = LEFT + BUCKETS * STEP + 10
    yield f'<text class="ink" x="{x}" y="{y + 16}" fill="{INK}">{tally.was} → {tally.now}</text>'
    yield f'<text class="ink" x="{x}" y="{y + 34}" fill="{INK}">{told if tally.differs else escape(say(ALIKE))}</text>'
