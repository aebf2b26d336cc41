"""Every word that the catalogs are asked for is in them, translated, with its values, and compiled."""

from __future__ import annotations

import re
import tomllib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from surveillance.translations import DIRECTORY, LANGUAGES, catalog_file

ROOT = Path(__file__).resolve().parents[2]
OTHERS = sorted(set(LANGUAGES) - {"en"})
VALUES = re.compile(r"%\(\w+\)[sd]|\{\d+\}")


def extracted() -> set[tuple[str | None, str]]:
    """(context, words) of everything that the code says, found as `make translations` finds it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    found = extract_from_dir(
        ROOT,
        [(pattern, one["method"]) for one in settings for pattern in patterns(one)],
        {pattern: {"trimmed": "true"} for one in settings for pattern in patterns(one)},
        keywords={**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None},
        directory_filter=lambda directory: Path(directory).name not in (".venv", "build", "tests", "docs"),
    )
    return {(context, words if isinstance(words, str) else words[0]) for _, _, words, _, context in found}


def patterns(mapping: dict[str, Any]) -> list[str]:
    pattern = mapping["pattern"]
    return [pattern] if isinstance(pattern, str) else list(pattern)


def catalog_of(language: str) -> Catalog:
    with catalog_file(language).open("rb") as file:
        return read_po(file, locale=language)


def key(message: Message) -> tuple[str | None, str]:
    return message.context, message.id if isinstance(message.id, str) else message.id[0]


def strings(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, list | tuple) else (message.string,)


@pytest.fixture(scope="module")
def words() -> set[tuple[str | None, str]]:
    return extracted()


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_is_in_the_catalog_and_translated(language: str, words: set[tuple[str | None, str]]) -> None:
    catalog = catalog_of(language)
    done = {key(message) for message in catalog if message.id and all(strings(message)) and not message.fuzzy}
    missing = sorted(words - done, key=str)
    assert missing == [], f"{len(missing)} untranslated; run `make translations` and fill in {catalog_file(language)}"


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalog_holds_nothing_that_nobody_says(language: str, words: set[tuple[str | None, str]]) -> None:
    assert {key(message) for message in catalog_of(language) if message.id} - words == set(), "run `make translations`"


def test_the_pages_and_the_record_are_both_looked_at(words: set[tuple[str | None, str]]) -> None:
    assert {(None, "Sign in"), (None, "Access denied"), ("said", "camera {0} is stale"), ("said", "door")} <= words


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_every_value(language: str) -> None:
    wrong = {}
    for message in catalog_of(language):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        for one, string in zip((*ids, ids[-1]), strings(message), strict=False):
            if message.id and string and sorted(VALUES.findall(one)) != sorted(values_of(string)):
                wrong[one] = string
    assert wrong == {}


def values_of(translation: str) -> list[str]:
    return VALUES.findall(translation.replace(":word}", "}"))


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalog_is_the_written_one(language: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalog_of(language))
    kept = (DIRECTORY / language / "LC_MESSAGES" / "messages.mo").read_bytes()
    assert kept == compiled.getvalue(), "run `make translations`"
