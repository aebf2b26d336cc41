"""What the system says, in the reader's language: catalogs of words, and sentences that are on record in English.

A stored reason or a mistake is a sentence with values in it. Its pattern is in the catalog under the context "said",
with {0}, {1} where the values stand, so it is known again and said in another language, whoever made it and whenever.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from babel.messages.pofile import read_po

LANGUAGES = {"en": "English", "es": "Español"}
DIRECTORY = Path(__file__).parent
SAID = "said"  # the context of sentences in the catalog
DEPTH = 4  # sentences within sentences: a fault in a rule in a file in a refusal
_PLACE = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence that code can say, as it is known again, and as it is said in the other language."""

    pattern: re.Pattern[str]
    numbers: tuple[int, ...]  # which value each group of the pattern is
    translation: str


def said(text: str, language: str) -> str:
    """A sentence from the record in that language; what no pattern fits stays as it is, line by line."""
    if language == "en" or language not in LANGUAGES or not text:
        return text
    return "\n".join(_said_line(line, language) for line in text.split("\n"))


def pattern_of(template: str) -> tuple[re.Pattern[str], tuple[int, ...]]:
    """`deny rule {0} was true: {1}` as a pattern of the whole line, and which value each of its groups is."""
    parts = _PLACE.split(template)  # text, number, text, number, ..., text
    source = "".join("(.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile(source, re.DOTALL), tuple(int(number) for number in parts[1::2])


@lru_cache(maxsize=4096)
def _said_line(line: str, language: str, depth: int = DEPTH) -> str:
    for sentence in _sentences(language):
        found = sentence.pattern.fullmatch(line)
        if found is not None:
            values = dict(zip(sentence.numbers, found.groups(), strict=True))
            return _filled(sentence.translation, values, language, depth - 1)
    return line


def _filled(translation: str, values: dict[int, str], language: str, depth: int) -> str:
    def value(found: re.Match[str]) -> str:
        text = values[int(found[1])]
        return _said_line(text, language, depth) if depth > 0 and " " in text else text

    return _PLACE.sub(value, translation)


@cache
def _sentences(language: str) -> Sequence[Sentence]:
    """The sentences of a catalog, those that say most first: a general one fits what a particular one should."""
    with catalog_file(language).open("rb") as file:
        catalog = read_po(file, locale=language)
    told = [
        (str(message.id), str(message.string))
        for message in catalog
        if message.context == SAID and message.string and not message.fuzzy
    ]
    told.sort(key=lambda pair: -len(_PLACE.sub("", pair[0])))
    return [Sentence(*pattern_of(template), translation) for template, translation in told]


def catalog_file(language: str) -> Path:
    return DIRECTORY / language / "LC_MESSAGES" / "messages.po"
