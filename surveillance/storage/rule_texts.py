"""A rulebook as people write it, taken apart into one text per rule, comments included. Judges nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import yaml

from surveillance.domain.errors import SettingsError


def split_rules(text: str, origin: str) -> list[tuple[str, str]]:
    """(name, YAML list of that one rule, with the comment above it) for each rule, in order.

    `text` is a list, a mapping with `rules:`, or one rule by itself; set one after another the parts say the same.

    Raises SettingsError, one line per fault, for text that is no such list or a rule without a name of its own.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise SettingsError(yaml_fault(error, origin)) from error
    except RecursionError as error:
        raise SettingsError(f"{origin}: it is nested too deeply") from error
    if isinstance(root, yaml.MappingNode):
        keys = {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}
        if "name" in keys:
            return list(zip(_names([root], origin), _block_texts(text, [root]), strict=True))
        root = keys.get("rules")
    if root is None or (isinstance(root, yaml.ScalarNode) and root.value in ("", "null", "~")):
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise SettingsError(f"{origin}: rules must be a list; start each rule with `- name: ...`")
    texts = _flow_texts(text, root.value) if root.flow_style else _block_texts(text, root.value)
    return list(zip(_names(root.value, origin), texts, strict=True))


def one_rule(text: str, origin: str) -> tuple[str, str]:
    """(name, text) of a text that holds one rule: as it is where it can stand among others, else as `split_rules`.

    Raises SettingsError for a text that does not hold one rule.
    """
    rules = split_rules(text, origin)
    if len(rules) != 1:
        raise SettingsError(f"{origin}: write one rule; there are {len(rules)}")
    [(name, alone)] = rules
    lines = text.strip("\n").splitlines()
    stands_alone = all(line.startswith(("#", "- ", " ")) or not line for line in lines)
    return name, "\n".join(lines) + "\n" if stands_alone and any(line.startswith("- ") for line in lines) else alone


def slice_of(text: str, node: yaml.Node) -> str:
    """The part of the text that a node was read from, moved to the left margin, with the comment above it."""
    if getattr(node, "flow_style", True):
        return text[node.start_mark.index : node.end_mark.index] + "\n"
    lines = text.splitlines(keepends=True)
    start = sum(map(len, lines[: first_line_of(text, node)]))
    return textwrap.dedent(text[start : node.end_mark.index]).strip("\n") + "\n"


def first_line_of(text: str, node: yaml.Node) -> int:
    """The line, from 0, where what `slice_of` returns begins."""
    first: int = node.start_mark.line
    return first if getattr(node, "flow_style", True) else _top(text.splitlines(), first, 0)


def yaml_fault(error: yaml.YAMLError, origin: str) -> str:
    """One line: which file, which line, what is wrong there."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    place = f"{origin}:{mark.line + 1}:{mark.column + 1}" if mark else origin
    return f"{place}: not valid YAML: {problem}"


def _names(items: Sequence[yaml.Node], origin: str) -> list[str]:
    names: list[str] = []
    faults: list[str] = []
    for item in items:
        place = f"{origin}:{item.start_mark.line + 1}"
        pairs = item.value if isinstance(item, yaml.MappingNode) else []
        name = next((value.value for key, value in pairs if key.value == "name"), "")
        if not isinstance(name, str) or not name:
            faults.append(f"{place}: a rule needs a name; write `- name: ...`")
        elif name in names:
            faults.append(f"{place}: there are two rules called {name!r}; rename one")
        names.append(str(name))
    if faults:
        raise SettingsError("\n".join(faults))
    return names


def _flow_texts(text: str, items: Sequence[yaml.Node]) -> Iterator[str]:
    for item in items:
        yield f"- {text[item.start_mark.index : item.end_mark.index]}\n"


def _block_texts(text: str, items: Sequence[yaml.Node]) -> Iterator[str]:
    lines = text.splitlines()
    floor = 0  # lines from here on may be comments of the next rule
    for item in items:
        first = item.start_mark.line
        last = _bottom(lines, text.count("\n", 0, _end(text, item)), item.start_mark.column)
        top = _top(lines, first, floor)
        column = item.start_mark.column
        body = [lines[first][column:], *(_outdented(line, column) for line in lines[first + 1 : last + 1])]
        comments = [line.strip() for line in lines[top:first]]
        yield "\n".join([*comments, f"- {body[0]}", *(f"  {line}".rstrip() for line in body[1:])]) + "\n"
        floor = last + 1


def _top(lines: list[str], first: int, floor: int) -> int:
    """The line where the comment begins that stands right above line `first`."""
    while first > floor and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return first


def _bottom(lines: list[str], last: int, column: int) -> int:
    """The line where the comments end that stand below line `last` and as deep as the rule."""
    while last + 1 < len(lines) and lines[last + 1].startswith(" " * column + "#"):
        last += 1
    return last


def _outdented(line: str, column: int) -> str:
    blanks = len(line) - len(line.lstrip(" "))
    return line[min(blanks, column) :]


def _end(text: str, node: yaml.Node) -> int:
    """Where the node's own text ends; marks of block nodes run on to whatever comes next."""
    if isinstance(node, yaml.ScalarNode):
        return len(text[: node.end_mark.index].rstrip())
    if getattr(node, "flow_style", False) or not node.value:
        return int(node.end_mark.index)
    final = node.value[-1]
    return _end(text, final[1] if isinstance(final, tuple) else final)
