"""Finds the sentences that code puts on record or says of a mistake, for the catalog: used by `make translations`.

They are all texts of two words and more in the modules named in pyproject.toml but docstrings and log lines: literals,
and f-strings with {0}, {1} in place of their values. Of pages, what they mark and the mistakes that they raise.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import IO, Any

from babel.messages.extract import extract_python

from surveillance.translations import SAID
from surveillance.translations.words import PIECES, VALIDATION, WORDS

MARKS = frozenset({"_", "_l", "N_", "gettext", "ngettext", "lazy_gettext", "pgettext"})
LOGGERS = frozenset({"debug", "info", "warning", "error", "exception"})
_WORD = re.compile(r"[a-z]+[,.;:?!)]*|[A-Z][a-z]+[,.;:?!)]*|[a-z]+'[a-z]+")
Found = tuple[int, str, tuple[str, str], list[str]]


def sentences(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """A Babel extraction method: (line, function, (context, sentence), comments) for each sentence in a module."""
    for line, template in sentences_in(ast.parse(file.read())):
        yield line, "pgettext", (SAID, template), []


def pages(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found | tuple[Any, ...]]:
    """A Babel extraction method: what a page marks, and the sentences of the mistakes that it raises."""
    yield from extract_python(file, keywords, comment_tags, options)  # type: ignore[arg-type]
    file.seek(0)
    for line, template in mistakes_in(ast.parse(file.read())):
        yield line, "pgettext", (SAID, template), []


def mistakes_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, sentence) of what is raised, but for Python's own errors, which tell programmers, and marked words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and not _is_builtin(node.exc):
            yield from sentences_in(node.exc)


def words(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """A Babel extraction method: the words that are values in sentences, and sentences of a library."""
    for word in (*WORDS, *PIECES, *VALIDATION):
        yield 1, "pgettext", (SAID, word), []


def sentences_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, sentence) of every text in a module that a person may come to read."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.Call) and called(child) == "N_":
            yield child.lineno, template_of(child.args[0])  # type: ignore[arg-type]
        if isinstance(child, ast.Call) and called(child) in LOGGERS | MARKS:
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
    """Whether one line holds plain words, rather than a name, a mark or a pattern: two in a row, three, or a value."""
    if "\n" in template:
        return False
    plain = [_WORD.fullmatch(word) is not None for word in template.split()]
    has_pair = any(one and after for one, after in pairwise(plain))
    return has_pair or sum(plain) > 2 or (any(plain) and "{" in template)


def called(call: ast.Call) -> str:
    """The last word of what is called: `info` of `log.info(...)`."""
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _is_builtin(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and hasattr(builtins, call.func.id)
