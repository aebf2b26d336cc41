"""Reads the keys of one rule from its YAML node as texts, and says at file:line what cannot be used."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import yaml

from surveillance.domain.suggest import no_such, suggestion
from surveillance.rules.language import Fault, caret


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong in a document: on which line (from 1; 0 is nowhere), from where to where in its text.

    `excerpt` is a condition with carets under the place. As a text it is what a reader of a file needs.
    """

    origin: str
    line: int
    message: str
    start: int = 0
    end: int = 0
    rule: str = ""
    key: str = ""
    excerpt: str = ""

    def __str__(self) -> str:
        place = f"{self.origin}:{self.line}: " if self.line else f"{self.origin}: " if self.origin else ""
        named = f"rule {self.rule[:64]}: " if self.rule else ""
        if self.excerpt:
            return f"{place}{named}{self.message}\n{self.excerpt}"
        return f"{place}{named}{self.key + ': ' if self.key else ''}{self.message}"


Faults = list[Flaw]


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule as it stands in its document: its mapping, and each key with its value."""

    node: yaml.MappingNode
    origin: str
    document: str
    values: dict[str, yaml.Node]
    keys: dict[str, yaml.Node]

    def has(self, key: str) -> bool:
        return key in self.values

    def text(self, key: str) -> str:
        """The value as text, and empty when it is absent or no text."""
        node = self.values.get(key)
        return node.value.strip() if isinstance(node, yaml.ScalarNode) else ""

    def place(self) -> str:
        """file:line of the rule."""
        return f"{self.origin}:{self.node.start_mark.line + 1}"

    def fault(self, faults: Faults, key: str | None, message: str, at_key: bool = False) -> None:
        """Puts a flaw at the value of that key, or at the key itself, or at the whole rule."""
        named = self.keys.get(key, self.node) if key else self.node
        held = self.values.get(key, named) if key and not at_key else named
        start, end = span(self.document, held)
        if end <= start:
            start, end = span(self.document, named)
        line = int(named.start_mark.line) + 1
        faults.append(Flaw(self.origin, line, message, start, end, self.text("name"), key or ""))

    def condition_fault(self, faults: Faults, fault: Fault) -> None:
        """Puts what is wrong with the condition where that stands in the document."""
        node, value = self.values["when"], str(self.values["when"].value)
        start = index_in(self.document, node, fault.start)
        end = index_in(self.document, node, max(fault.end, fault.start + 1) - 1) + 1
        line = self.document.count("\n", 0, start) + 1
        excerpt = caret(value, fault)
        faults.append(Flaw(self.origin, line, fault.message, start, end, self.text("name"), "when", excerpt))


def span(document: str, node: yaml.Node) -> tuple[int, int]:
    """Where the node stands; of a block of keys, its first line."""
    start, end = int(node.start_mark.index), end_of(document, node)
    if isinstance(node, yaml.MappingNode):
        line_end = document.find("\n", start)
        end = min(end, line_end) if line_end >= 0 else end
    return start, end


def end_of(document: str, node: yaml.Node) -> int:
    """Where the node's own text ends; the marks of block nodes run on to whatever comes next."""
    if isinstance(node, yaml.ScalarNode):
        start = int(node.start_mark.index)
        return start + len(document[start : node.end_mark.index].rstrip())
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return end_of(document, last[1] if isinstance(last, tuple) else last)


def index_in(document: str, node: yaml.Node, index: int) -> int:
    """Where the character `index` of a text stands in the document, whatever its style: quoted, folded or plain."""
    start, end = int(node.start_mark.index), end_of(document, node)
    style = node.style if isinstance(node, yaml.ScalarNode) else None
    at = start - 1
    if style in ("|", ">"):
        at = document.index("\n", start)
    elif style in ("'", '"'):
        at = start
    for character in node.value[: index + 1]:
        if not character.isspace():
            found = document.find(character, at + 1, end)
            at = found if found >= 0 else at
    return min(max(at, start) if index < len(node.value) else end, len(document))


def entries_of(
    nodes: Sequence[yaml.Node], origin: str, document: str, keys: Collection[str], faults: Faults
) -> list[Entry]:
    """The rules among those nodes; what is no rule, and keys that no rule has, become faults."""
    entries = []
    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            line, message = int(node.start_mark.line) + 1, "a rule is written as keys and values, with a `- name:`"
            faults.append(Flaw(origin, line, message, *span(document, node)))
            continue
        entry = Entry(node, origin, document, {}, {})
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in entry.values:
                line, message = int(key.start_mark.line) + 1, f"the key {name!r} is there twice"
                faults.append(Flaw(origin, line, message, *span(document, key)))
            entry.values[name], entry.keys[name] = value, key
        for name in entry.values:
            if name not in keys:
                entry.fault(faults, name, f"unknown key; {suggestion(name, keys)}", at_key=True)
        entries.append(entry)
    return entries


def text_of(entry: Entry, key: str, faults: Faults, required: bool = False) -> str:
    """The value as text. Absent is empty, and a fault when it is required."""
    node = entry.values.get(key)
    if node is not None and not isinstance(node, yaml.ScalarNode):
        hint = "; put the condition in quotes" if key == "when" else ""
        entry.fault(faults, key, f"write one text{hint}")
        return ""
    if required and not entry.text(key):
        entry.fault(faults, key if node is not None else None, f"the rule lacks a {key}")
    if key == "when" and isinstance(node, yaml.ScalarNode):
        return str(node.value)
    return entry.text(key)


def one_of(
    entry: Entry, key: str, known: Sequence[str], faults: Faults, default: str | None = None, also: str = ""
) -> str | None:
    """The value when it is one of `known`; else a fault, and None."""
    if not entry.has(key):
        if default is None:
            entry.fault(faults, None, f"the rule lacks {key!r}; there are: {', '.join(known)}")
        return default
    text = text_of(entry, key, faults)
    if text in known:
        return text
    entry.fault(faults, key, f"{text!r} is not known{also}; {suggestion(text, known)}")
    return None


def seconds(entry: Entry, key: str, faults: Faults) -> float | None:
    if not entry.has(key):
        return None
    text = text_of(entry, key, faults)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 31_536_000:
        entry.fault(faults, key, f"{text!r} is no number of seconds from 0 to a year")
        return None
    return value


def flag(entry: Entry, key: str, faults: Faults) -> bool:
    if not entry.has(key):
        return False
    text = text_of(entry, key, faults).lower()
    if text not in ("true", "false"):
        entry.fault(faults, key, f"write true or false, not {text!r}")
    return text == "true"


def texts_of(entry: Entry, key: str, known: Collection[str] | None, what: str, faults: Faults) -> tuple[str, ...]:
    """One text or a list of texts, each of them known."""
    node = entry.values.get(key)
    if node is None:
        return ()
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts = []
    for item in items:
        if not isinstance(item, yaml.ScalarNode) or not item.value.strip():
            entry.fault(faults, key, "write a name or a list of names")
            continue
        name = item.value.strip()
        if known is not None and name not in known:
            entry.fault(faults, key, no_such(what, name, known))
        texts.append(name)
    return tuple(dict.fromkeys(texts))
