"""Reads the keys of one rule from its YAML node as texts, and says at file:line what cannot be used."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import yaml

from surveillance.domain.suggest import no_such, suggestion

Faults = list[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule as it stands in its document: its mapping, and each key with its value."""

    node: yaml.MappingNode
    origin: str
    values: dict[str, yaml.Node]
    keys: dict[str, yaml.Node]

    def has(self, key: str) -> bool:
        return key in self.values

    def text(self, key: str) -> str:
        """The value as text, and empty when it is absent or no text."""
        node = self.values.get(key)
        return node.value.strip() if isinstance(node, yaml.ScalarNode) else ""

    def place(self, key: str | None = None, lines_below: int = 0) -> str:
        """file:line of the rule, or of one of its keys."""
        node = self.values.get(key, self.node) if key else self.node
        in_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
        return f"{self.origin}:{node.start_mark.line + 1 + lines_below + in_block}"

    def fault(self, faults: Faults, key: str | None, message: str) -> None:
        where = f"{key}: " if key else ""
        named = f"rule {self.text('name')}: " if self.text("name") else ""
        node = self.keys.get(key, self.node) if key else self.node
        faults.append(f"{self.origin}:{node.start_mark.line + 1}: {named}{where}{message}")


def entries_of(nodes: Sequence[yaml.Node], origin: str, keys: Collection[str], faults: Faults) -> list[Entry]:
    """The rules among those nodes; what is no rule, and keys that no rule has, become faults."""
    entries = []
    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            faults.append(
                f"{origin}:{node.start_mark.line + 1}: a rule is written as keys and values, with a `- name:`"
            )
            continue
        entry = Entry(node, origin, {}, {})
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in entry.values:
                faults.append(f"{origin}:{key.start_mark.line + 1}: the key {name!r} is there twice")
            entry.values[name], entry.keys[name] = value, key
        for name in entry.values:
            if name not in keys:
                entry.fault(faults, name, f"unknown key; {suggestion(name, keys)}")
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
