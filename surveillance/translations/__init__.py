"""What the system says, in the reader's language: catalogs of words, and sentences that are on record in English.

A stored reason or a mistake is a sentence with values in it. Its pattern is in the catalog under the context "said",
with {0}, {1} where the values stand, so it is known again and said in another language, whoever made it and whenever.
A translation may write {0:word} where the value is one of WORDS, which is then said as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from babel.messages.pofile import read_po

from surveillance.translations.words import JOINTS, WORDS

LANGUAGES = {"en": "English", "es": "Español"}
DIRECTORY = Path(__file__).parent
SAID = "said"  # the context of sentences in the catalog
MOST_CHARACTERS = 4000
DEPTH = 6  # sentences within sentences: a fault in a rule in a file in a refusal
_PLACE = re.compile(r"\{(\d+)\}")
_ADDRESS = re.compile(r"://|\w[.:]\w")
_FILLED = re.compile(r"\{(\d+)(:word)?\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence that code can say, as it is known again, and as it is said in the other language."""

    pattern: re.Pattern[str]
    numbers: tuple[int, ...]  # which value each group of the pattern is
    translation: str
    mark: str  # its longest part between values: a line without it is another sentence


def said(text: str, language: str) -> str:
    """A sentence from the record in that language; what no pattern fits stays as it is, line by line."""
    if language == "en" or language not in LANGUAGES or not text or len(text) > MOST_CHARACTERS:
        return text
    return "\n".join(_said_line(line, language) for line in text.split("\n"))


def is_slight(template: str) -> bool:
    """Whether it has values and fewer than two words."""
    return "{" in template and len(re.findall(r"[A-Za-z']+", _PLACE.sub("", template))) < 2


def pattern_of(template: str) -> tuple[re.Pattern[str], tuple[int, ...]]:
    """`deny rule {0} was true: {1}` as a pattern of the whole line, and which value each of its groups is."""
    parts = _PLACE.split(template)  # text, number, text, number, ..., text
    source = "".join("(.*?)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile(source, re.DOTALL), tuple(int(number) for number in parts[1::2])


@lru_cache(maxsize=4096)
def _said_line(line: str, language: str, depth: int = DEPTH) -> str:
    """By a sentence that fits all of it; else in parts; within another sentence also by a slight one."""
    sentences, slight = _sentences(language)
    told = _said_by(sentences, line, language, depth) or _said_in_parts(line, language, depth - 1)
    if told is None and depth < DEPTH:
        told = _said_by(slight, line, language, depth)
    return line if told is None else told


def _said_by(sentences: Sequence[Sentence], line: str, language: str, depth: int) -> str | None:
    for sentence in sentences:
        found = sentence.pattern.fullmatch(line) if sentence.mark in line else None
        if found is not None:
            values = dict(zip(sentence.numbers, found.groups(), strict=True))
            return _filled(sentence.translation, values, language, depth - 1)
    return None


def _said_in_parts(line: str, language: str, depth: int) -> str | None:
    """A line that was put together: a place and what is wrong there, an address and what it answered."""
    for joint in JOINTS:
        head, found, tail = line.partition(joint)
        end = ")" if joint.endswith("(") and tail.endswith(")") else ""
        tail = tail.removesuffix(end)
        parts = (_value(head, language, depth), _value(tail, language, depth))
        if found and parts != (head, tail):
            return parts[0] + _words(language).get(joint, joint) + parts[1] + end
    head, _, tail = line.partition(" ")
    return f"{head} {_value(tail, language, depth)}" if _ADDRESS.search(head) and tail else None


def _value(text: str, language: str, depth: int) -> str:
    return _said_line(text, language, depth) if depth > 0 and " " in text else text


def _filled(translation: str, values: dict[int, str], language: str, depth: int) -> str:
    def value(found: re.Match[str]) -> str:
        text = values[int(found[1])]
        word = _words(language).get(text) if found[2] else None
        return word or _value(text, language, depth)

    return _FILLED.sub(value, translation)


@cache
def _sentences(language: str) -> tuple[Sequence[Sentence], Sequence[Sentence]]:
    """The sentences of a catalog, those that say most first: a general one fits what a particular one should.

    Apart from them the slight ones, of one word and values: too little to be known by.
    """
    full: list[Sentence] = []
    slight: list[Sentence] = []
    for template, words in sorted(_told(language).items(), key=lambda pair: -len(_PLACE.sub("", pair[0]))):
        if template not in WORDS:
            mark = max(_PLACE.sub("\0", template).split("\0"), key=len)
            (slight if is_slight(template) else full).append(Sentence(*pattern_of(template), words, mark))
    return full, slight


@cache
def _words(language: str) -> Mapping[str, str]:
    told = _told(language)
    return {word: told[word] for word in WORDS if word in told}


@cache
def _told(language: str) -> Mapping[str, str]:
    """Sentence, or word, to its translation."""
    with catalog_file(language).open("rb") as file:
        catalog = read_po(file, locale=language)
    return {
        str(message.id): str(message.string)
        for message in catalog
        if message.context == SAID and message.string and not message.fuzzy
    }


def catalog_file(language: str) -> Path:
    return DIRECTORY / language / "LC_MESSAGES" / "messages.po"
