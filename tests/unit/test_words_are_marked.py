"""No page, message or script says words to people that the catalogs are not asked for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from surveillance.translations import SAID, catalog_file
from surveillance.translations.extract import LOGGERS, MARKS, called, is_sentence, template_of

DASHBOARD = Path(__file__).resolve().parents[2] / "surveillance" / "dashboard"
TEMPLATES = sorted((DASHBOARD / "templates").rglob("*.html"))
NOT_FOR_READERS = {  # modules whose sentences no page shows
    "metrics.py": "Prometheus reads them",
    "settings.py": "the command line says them",
    "agents.py": "names of products",
    "security.py": "headers",
    "health.py": "probes read them",
}
MODULES = [
    module
    for module in sorted(DASHBOARD.rglob("*.py"))
    if module.name not in NOT_FOR_READERS and module.parent.name != "api"  # whose document is English, for programmers
]
SCRIPTS = sorted((DASHBOARD / "static").glob("*.js"))
ADDRESS = re.compile(r"\b\w+://\S+")
NAMES = frozenset(
    {
        *("Surveillance", "JSON", "YAML", "CSV", "API", "URL", "PIN", "QR", "OpenAPI", "ONVIF", "RTSP"),
        *("Esc", "Enter", "Space", "Shift", "Ctrl"),
    }
)
ENVIRONMENT = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


def has_words(text: str) -> bool:
    return any(word not in NAMES for word in re.findall(r"[A-Za-z]{2,}", ADDRESS.sub("", text)))


# --- templates -------------------------------------------------------------------------------------------------------


class BareWords(HTMLParser):
    """The words of a template that stand there in plain text, and those of attributes that people read."""

    READ: ClassVar = ("title", "aria-label", "alt", "placeholder", "label")
    UNREAD: ClassVar = ("code", "kbd", "pre", "script", "style", "svg")

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.UNREAD:
            self._inside.append(tag)
        self.words += [value for name, value in attrs if name in self.READ and value and has_words(value)]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside and has_words(data):
            self.words.append(data.strip())


ATTRIBUTE = re.compile(r"""[\w-]+=("[^"]*"|'[^']*')""")  # of a macro that writes some for a tag


def bare_words(template: str) -> list[str]:
    """What is left of a template without its expressions, comments and {% trans %} blocks."""
    texts, is_translated, block = [], False, ""
    for _, kind, text in ENVIRONMENT.lex(template):
        if kind == "data" and not is_translated:
            texts.append(text)
        elif kind == "block_begin":
            block = ""
        elif kind == "name" and not block:
            block = text
            is_translated = block == "trans" or (is_translated and block != "endtrans")
    found = BareWords()
    found.feed("".join(texts))
    return [words for words in found.words if has_words(ATTRIBUTE.sub("", words))]


def test_bare_words_are_found() -> None:
    template = (
        """<p title="{{ _('A title') }}">Hello {% trans %}you there{% endtrans %}{# who #} again</p><b alt="Two"></b>"""
    )
    assert bare_words(template) == ["Hello  again", "Two"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_say_nothing_past_the_catalog(template: Path) -> None:
    assert bare_words(template.read_text(encoding="utf-8")) == []


def spoken_constants(template: str) -> list[str]:
    """Texts in expressions that read like words for people: `Save`, `two words`, outside _( )."""
    return list(_spoken(ENVIRONMENT.parse(template)))


def _spoken(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in MARKS:
        return
    if isinstance(node, nodes.Compare | nodes.Getitem) or (isinstance(node, nodes.Filter) and node.name == "code"):
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str) and _reads_like_words(node.value):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _spoken(child)


def _reads_like_words(text: str) -> bool:
    if re.fullmatch(r"[A-Z][a-z]+[.?!]?", text.strip()):
        return text.strip() not in NAMES
    words = re.findall(r"[A-Za-z]{2,}(?=[ .,;:?!]|$)", text)
    return len(words) > 1 and any(word not in CLASSES for word in text.split()) and " " in text.strip()


CLASSES = frozenset(["secondary", "outline", "quiet", "chip", "tag", "hint", "compact"])


def test_words_in_expressions_are_found() -> None:
    template = """{{ "Save" if new else _("Add") }} {{ field("name", "two words") }} {{ x == "Not this" }}"""
    assert spoken_constants(template) == ["Save", "two words"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_expressions_say_nothing_past_the_catalog(template: Path) -> None:
    assert spoken_constants(template.read_text(encoding="utf-8")) == []


# --- Python ----------------------------------------------------------------------------------------------------------


KEY_AND_VALUE = re.compile(r"[a-z_]+: \{0\}|\{0\} s")  # `relay: ...`, `11 s`


def unmarked_sentences(source: str) -> list[str]:
    """Sentences in a module of the dashboard but docstrings, log lines and those within _( )."""
    return list(_unmarked(ast.parse(source)))


@cache
def _said_otherwise() -> frozenset[str]:
    """Sentences of the layers below that a page hands on; what shows them says them in the reader's language."""
    with catalog_file("es").open("rb") as file:
        return frozenset(str(message.id) for message in read_po(file) if message.context == SAID)


def _unmarked(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.Raise | ast.Compare | ast.pattern):
            continue  # what is raised is extracted as a sentence, what is compared is not said
        if isinstance(child, ast.Call) and called(child) in MARKS | LOGGERS | {"removeprefix", "removesuffix"}:
            continue
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            text = template_of(child)
            if is_sentence(text) and not KEY_AND_VALUE.fullmatch(text) and text not in _said_otherwise():
                yield text
        elif isinstance(child, ast.Dict):
            yield from (text for value in child.values for text in _unmarked(ast.Expression(value)))
        else:
            yield from _unmarked(child)


def test_unmarked_sentences_are_found() -> None:
    source = 'flash(f"no door {name}")\nabort(404, _("nothing is here"))\nlog.info("this is logged")\nx = "door"\n'
    assert unmarked_sentences(source) == ["no door {0}"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_pages_say_nothing_past_the_catalog(module: Path) -> None:
    assert unmarked_sentences(module.read_text(encoding="utf-8")) == []


# --- scripts ---------------------------------------------------------------------------------------------------------

KEYS = frozenset(
    ("Arrow", "Enter", "Escape", "Tab", "Home", "End", "Insert", "Delete", "Backspace", "Shift", "Control", "Space")
)
LISTS = ("zones tracks",)  # names with a space between
COMMENT_OR_TEXT = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`", re.DOTALL
)


def spoken_texts(script: str) -> list[str]:
    """Texts of a script that read like words for people; a script takes its words from data- attributes."""
    texts = (next((group for group in found.groups() if group), "") for found in COMMENT_OR_TEXT.finditer(script))
    return [text for text in texts if _is_spoken(re.sub(r"\$\{.*?\}", "", text))]


def _is_spoken(text: str) -> bool:
    """No CSS, HTML or header, which hold marks that no sentence has; no name of a key."""
    is_code = re.search(r"[\[\]{}<>#=/_|]|^\.|:[a-z]|-[a-z]+\b|^use strict$|^[a-z]+(, [a-z]+)+$", text) is not None
    return not is_code and text not in {*KEYS, *LISTS, text.upper()} and _reads_like_words(text)


def test_spoken_texts_are_found() -> None:
    script = """// a comment in words\nshow("Not saved"); find("[data-x] .row"); say(`${n} events more`); on('Enter')"""
    assert spoken_texts(script) == ["Not saved", "${n} events more"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_say_nothing_of_their_own(script: Path) -> None:
    assert spoken_texts(script.read_text(encoding="utf-8")) == []
