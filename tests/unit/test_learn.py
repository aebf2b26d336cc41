"""The learner's guide says what was measured, in two languages that have the same chapters, pictures and numbers."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEARN = ROOT / "docs" / "learn"
sys.path.insert(0, str(LEARN))

import pages  # noqa: E402

PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
COMMAND = re.compile(r"^ {4}(surveillance .+)$", re.MULTILINE)
MOST_BYTES = 1_500_000  # of all pictures


def read(language: str) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in pages.chapters(language)}


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_every_chapter_says_what_was_measured(language: str) -> None:
    numbers = pages.load_numbers()
    for name, page in read(language).items():
        assert pages.fill(page, numbers, language) == page, f"{language}/{name}: run `make learn`"


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_no_line_starts_with_a_mark(language: str) -> None:
    """Markdown would take such a line for HTML and cut the paragraph in two."""
    for name, page in read(language).items():
        assert not re.findall(r"^ *<!-- n:.*$", page, re.MULTILINE), f"{language}/{name}"


def test_every_measured_value_is_told() -> None:
    told = {name for page in read("en").values() for name, _ in pages.MARK.findall(page) + pages.TEXT.findall(page)}
    assert told == set(pages.load_numbers())


def test_both_languages_tell_the_same() -> None:
    english, spanish = (list(read(language).values()) for language in ("en", "es"))
    assert [shape_of(page) for page in english] == [shape_of(page) for page in spanish]
    assert len(english) == 8 + 1, "eight chapters and their index"


def shape_of(page: str) -> dict[str, object]:
    return {
        "numbers": sorted(name for name, _ in pages.MARK.findall(page)),
        "texts": [name for name, _ in pages.TEXT.findall(page)],
        "pictures": [target for _, target in PICTURE.findall(page)],
        "headings": [len(marks) for marks in re.findall(r"^(#+) ", page, re.MULTILINE)],
        "commands": COMMAND.findall(page),
    }


def test_every_picture_is_shown_and_told_in_words() -> None:
    shown = set()
    for language in pages.LANGUAGES:
        for path in pages.chapters(language):
            for words, target in PICTURE.findall(path.read_text(encoding="utf-8")):
                assert len(words) > 30, f"{path}: {target} needs words for who cannot see it"
                shown.add((path.parent / target).resolve())
    kept = set((LEARN / "pictures").iterdir())
    assert shown == kept
    assert sum(path.stat().st_size for path in kept) < MOST_BYTES


def test_every_chapter_ends_with_something_to_try_and_a_question() -> None:
    endings = {"en": ["## Try it", "## A question"], "es": ["## Pruébalo", "## Una pregunta"]}
    for language, expected in endings.items():
        for name, page in read(language).items():
            if name != "README.md":
                assert re.findall(r"^## .+$", page, re.MULTILINE)[-2:] == expected, f"{language}/{name}"


@pytest.mark.parametrize(
    ("value", "spanish"),
    [("0.93", "0,93"), ("60,000", "60\u202f000"), ("1,234", "1234"), ("87%", "87\u202f%"), ("boot", "boot")],
)
def test_spanish_writes_numbers_its_own_way(value: str, spanish: str) -> None:
    assert pages.spelled(value, "es") == spanish
    assert pages.spelled(value, "en") == value
