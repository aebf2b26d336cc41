"""Two texts as one list of lines, with what was taken out and put in, down to the words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORDS = re.compile(r"\s+|\w+|.", re.DOTALL)
SIMILAR = 0.4  # lines less alike than this are shown as two other lines


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `sign` is "+", "-" or "" for one that stayed. `parts` are its pieces, and whether each changed
    within it.
    """

    sign: str
    parts: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.parts)


def diff_lines(before: str, after: str) -> list[Line]:
    """Every line of both, the old of each change above the new."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    for what, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            lines += [Line("", ((text, False),)) for text in old[i1:i2]]
        else:
            lines += _changed(old[i1:i2], new[j1:j2])
    return lines


def _changed(old: list[str], new: list[str]) -> Iterator[Line]:
    """Lines that changed; one for one where there are as many, with the words that differ."""
    pairs = [_words(before, after) for before, after in zip(old, new, strict=False)] if len(old) == len(new) else []
    if pairs:
        for one, _ in pairs:
            yield Line("-", one)
        for _, other in pairs:
            yield Line("+", other)
        return
    for text in old:
        yield Line("-", ((text, False),))
    for text in new:
        yield Line("+", ((text, False),))


def _words(before: str, after: str) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    one, two = _WORDS.findall(before), _WORDS.findall(after)
    matcher = difflib.SequenceMatcher(None, one, two, autojunk=False)
    if matcher.ratio() < SIMILAR:
        return ((before, False),), ((after, False),)
    old: list[tuple[str, bool]] = []
    new: list[tuple[str, bool]] = []
    for what, i1, i2, j1, j2 in matcher.get_opcodes():
        if i2 > i1:
            old.append(("".join(one[i1:i2]), what != "equal"))
        if j2 > j1:
            new.append(("".join(two[j1:j2]), what != "equal"))
    return tuple(old), tuple(new)
