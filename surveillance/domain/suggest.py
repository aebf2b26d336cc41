"""What to tell somebody who named something that is not there: the nearest name, or the names there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_NAMES = 12
MOST_CHARACTERS = 64


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """`no door is called 'fornt'; did you mean 'front'?`"""
    return f"no {what} is called {name[:MOST_CHARACTERS]!r}; {suggestion(name, known)}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """`did you mean 'yard'?`, or the names there are, sorted."""
    candidates = sorted(known)
    near = difflib.get_close_matches(name, candidates, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    more = ", ..." if len(candidates) > MOST_NAMES else ""
    return f"there are: {', '.join(candidates[:MOST_NAMES]) or 'none'}{more}"
