"""Measured values go between the marks of the guide's chapters, written as each language writes numbers.

<!-- n:NAME -->0.93<!-- /n -->          a number or a word in a sentence
<!-- text:NAME --> ... <!-- /text -->   lines in a frame, the same in every language
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
LANGUAGES = ("en", "es")
NUMBERS = HERE / "numbers.json"

MARK = re.compile(r"<!-- n:(\w+) -->(.*?)<!-- /n -->")
TEXT = re.compile(r"<!-- text:(\w+) -->\n(.*?)<!-- /text -->", re.DOTALL)
NUMBER = re.compile(r"-?[\d,]+(\.\d+)?%?")
NARROW = "\u202f"  # a space that no line breaks at


def chapters(language: str) -> list[Path]:
    return sorted((HERE / language).glob("*.md"))


def load_numbers() -> dict[str, str]:
    numbers: dict[str, str] = json.loads(NUMBERS.read_text(encoding="utf-8"))
    return numbers


def save_numbers(numbers: Mapping[str, str]) -> None:
    NUMBERS.write_text(json.dumps(dict(sorted(numbers.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def spelled(value: str, language: str) -> str:
    """Numbers are kept as English writes them; Spanish has a decimal comma and sets thousands and % apart."""
    if language == "en" or not NUMBER.fullmatch(value):
        return value
    whole, point, rest = value.removesuffix("%").partition(".")
    apart = NARROW if whole.count(",") > 1 or len(whole.lstrip("-")) > 5 else ""  # four digits stay together
    percent = f"{NARROW}%" if value.endswith("%") else ""
    return whole.replace(",", apart) + ("," if point else "") + rest + percent


def framed(value: str) -> str:
    return f"```text\n{value.rstrip()}\n```\n"


def fill(page: str, numbers: Mapping[str, str], language: str) -> str:
    """The page with every mark's value. Raises KeyError for a mark that nothing was measured for."""
    page = MARK.sub(lambda m: f"<!-- n:{m[1]} -->{spelled(numbers[m[1]], language)}<!-- /n -->", page)
    return TEXT.sub(lambda m: f"<!-- text:{m[1]} -->\n{framed(numbers[m[1]])}<!-- /text -->", page)


def fill_all(numbers: Mapping[str, str]) -> None:
    for language in LANGUAGES:
        for path in chapters(language):
            page = path.read_text(encoding="utf-8")
            path.write_text(fill(page, numbers, language), encoding="utf-8")
