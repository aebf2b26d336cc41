"""The text of one rule, edited key by key: only what stands at a key that changes is touched; comments and order stay.

Works on the places of YAML's nodes in the text, so nothing is ever written anew that nobody changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from surveillance.domain.errors import RuleError
from surveillance.rules.book import KEYS
from surveillance.rules.fields import end_of

Value = str | tuple[str, ...]  # a text, or a list of texts
_HARD = "this text is written in a way that the form cannot change; change it in the text"


@dataclass(frozen=True, slots=True)
class Source:
    """A rule's text and where each of its keys stands: key -> (key node, value node)."""

    text: str
    node: yaml.MappingNode
    places: Mapping[str, tuple[yaml.Node, yaml.Node]]

    def value(self, key: str) -> Value | None:
        """What stands there as text or texts; None where the key is absent or holds something else."""
        if key not in self.places:
            return None
        node = self.places[key][1]
        if isinstance(node, yaml.SequenceNode):
            items = node.value
            return tuple(item.value.strip() for item in items if isinstance(item, yaml.ScalarNode))
        return node.value.strip() if isinstance(node, yaml.ScalarNode) else None


def read_source(text: str) -> Source:
    """The one rule of a text: by itself, or as a list of one. Raises RuleError for anything else."""
    try:
        node = _one_rule(yaml.compose(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise RuleError([f"line {mark.line + 1}: this is no YAML" if mark else "this is no YAML"]) from None
    places = {key.value: (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    if len(places) < len(node.value) or any(value.start_mark.index < key.end_mark.index for key, value in node.value):
        raise RuleError([_HARD])  # a key twice or of parts, or an alias
    return Source(text, node, places)


def with_key(text: str, key: str, value: Value | None) -> str:
    """The text with that key set, added in its usual place or, for None, taken out.

    Raises RuleError for a text that is not one rule, or whose writing is too unusual.
    """
    source = read_source(text)
    before = {name: source.value(name) for name in source.places}
    if before.get(key) == value:
        return text
    if value is None:
        edited = _without(source, key)
    elif key in source.places:
        edited = _replaced(source, key, value)
    else:
        edited = _added(source, key, value)
    after = read_source(edited)
    wanted = {name: kept for name, kept in (before | {key: value}).items() if kept is not None or name != key}
    if {name: after.value(name) for name in after.places} != wanted:
        raise RuleError([_HARD])
    return edited


def _one_rule(root: yaml.Node | None) -> yaml.MappingNode:
    if isinstance(root, yaml.MappingNode):
        keys = [key.value for key, _ in root.value if isinstance(key, yaml.ScalarNode)]
        root = root.value[0][1] if keys == ["rules"] else root
    if isinstance(root, yaml.SequenceNode):
        if len(root.value) != 1:
            raise RuleError([f"write one rule here; there are {len(root.value)}"])
        root = root.value[0]
    if not isinstance(root, yaml.MappingNode):
        raise RuleError(["a rule is written as keys and values, with a `- name:`"])
    return root


# --- the three edits -----------------------------------------------------------------------------------------------


def _replaced(source: Source, key: str, value: Value) -> str:
    text, (named, held) = source.text, source.places[key]
    start, end = held.start_mark.index, end_of(text, held)
    written = _written(value, bool(source.node.flow_style))
    colon = text.index(":", named.end_mark.index) + 1
    between = text[colon:start]
    if end <= start or "\n" in between:  # nothing there yet, or it stands below its key
        return f"{text[:colon]} {written}{between.rstrip()}{text[max(end, colon) :]}"
    return text[:start] + written + text[end:]


def _added(source: Source, key: str, value: Value) -> str:
    text, node = source.text, source.node
    order = KEYS.index(key) if key in KEYS else len(KEYS)
    earlier = [name for name in source.places if name in KEYS[:order]]
    line = f"{key}: {_written(value, bool(node.flow_style))}"
    if node.flow_style:
        last = max((source.places[name][1] for name in earlier), key=_start, default=None)
        if last is None:
            at = node.start_mark.index + 1
            return f"{text[:at]}{line}{', ' if node.value else ''}{text[at:]}"
        at = end_of(text, last)
        return f"{text[:at]}, {line}{text[at:]}"
    above = [source.places[name][1] for name in earlier or list(source.places)[:1]]
    at = _line_end(text, end_of(text, max(above, key=_start)))
    start = "" if text[:at].endswith("\n") else "\n"
    return f"{text[:at]}{start}{' ' * node.start_mark.column}{line}\n{text[at:]}"


def _without(source: Source, key: str) -> str:
    text, (named, held) = source.text, source.places[key]
    start, end = named.start_mark.index, end_of(text, held)
    if source.node.flow_style:
        rest = text[end:].lstrip()
        if rest.startswith(","):
            return text[:start] + rest[1:].lstrip()
        return text[:start].rstrip().removesuffix(",") + text[end:]
    below = _line_end(text, end)
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip():  # it stands behind the dash
        return text[:start] + text[below:].lstrip(" ")
    return text[:line] + text[below:]


def _line_end(text: str, at: int) -> int:
    """Behind the line break that follows, or the end of the text."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _start(node: yaml.Node) -> int:
    return int(node.start_mark.index)


# --- values as YAML ------------------------------------------------------------------------------------------------


def _written(value: Value, in_flow: bool) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(scalar_text(item, True) for item in value)}]"
    return scalar_text(value, in_flow)


def scalar_text(text: str, in_flow: bool = False) -> str:
    """The text as YAML reads it back: plain where that is possible, else in quotes."""
    if _reads_plain(text, in_flow):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _reads_plain(text: str, in_flow: bool) -> bool:
    if not text.isprintable() or text != text.strip():
        return False
    try:
        node = yaml.compose(f"[{text}]" if in_flow else f"a: {text}", Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return False
    if not isinstance(node, yaml.CollectionNode) or len(node.value) != 1:
        return False
    held = node.value[0] if in_flow else node.value[0][1]
    return isinstance(held, yaml.ScalarNode) and held.style is None and held.value == text


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    if character.isprintable():
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
