"""Finds the sentences that code puts on record or says of a mistake, for the catalog: used by `make translations`.

They are all texts of two words and more in the modules named in pyproject.toml but docstrings and log lines: literals,
and f-strings with {0}, {1} in place of their values.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import IO, Any

from surveillance.translations import SAID
from surveillance.translations.words import WORDS

LOGGERS = frozenset({"debug", "info", "warning", "error", "exception"})
_WORD = re.compile(r"[a-z]+[,.;:?!)]*|[A-Z][a-z]+[,.;:?!)]*|[a-z]+'[a-z]+")
Found = tuple[int, str, tuple[str, str], list[str]]


def sentences(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """A Babel extraction method: (line, function, (context, sentence), comments) for each sentence in a module."""
    for line, template in sentences_in(ast.parse(file.read())):
        yield line, "pgettext", (SAID, template), []


def words(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """A Babel extraction method: the words that are values in sentences."""
    for word in WORDS:
        yield 1, "pgettext", (SAID, word), []


def sentences_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, sentence) of every text in a module that a person may come to read."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.Call) and _method(child) in LOGGERS:
            continue
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            template = template_of(child)
            if is_sentence(template):
                yield child.lineno, template
        yield from _within(child)


def _within(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The sentences inside a node; of an f-string, only those inside its values."""
    if isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from sentences_in(part.value)
    else:
        yield from sentences_in(node)


def template_of(text: ast.Constant | ast.JoinedStr) -> str:
    """The text with {0}, {1} in place of its values, also of those that `format` puts in later."""
    if isinstance(text, ast.Constant):
        first, *rest = str(text.value).split("{}")
        return first + "".join(f"{{{index}}}{part}" for index, part in enumerate(rest))
    parts, values = [], 0
    for part in text.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append(f"{{{values}}}")
            values += 1
    return "".join(parts)


def is_sentence(template: str) -> bool:
    """Whether one line holds plain words one after another, rather than a name, a mark or a pattern."""
    if "\n" in template:
        return False
    plain = [_WORD.fullmatch(word) is not None for word in template.split()]
    return any(one and after for one, after in pairwise(plain)) or (any(plain) and "{" in template)


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
