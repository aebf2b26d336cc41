"""A condition as rows of clauses (word, operator, values) in groups, and back to its text.

Only conditions of that shape have rows: all or any of some clauses, or of groups of them one level down. Every other
condition is left as its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from surveillance.rules.condition import Both, Comparison, Either, Key, Node, Not, Operand, Truth
from surveillance.rules.language import read_condition
from surveillance.rules.vocabulary import NUMBER, SET, TEXT, TRUTH, WORDS, Names

OPERATORS: Mapping[str, tuple[str, ...]] = {
    TEXT: ("is", "is not", "is one of", "is none of"),
    NUMBER: (">=", "<=", ">", "<", "==", "!="),
    SET: ("has", "has not", "has all of", "has only", "is exactly"),
    TRUTH: ("is true", "is false"),
}
MANY = frozenset({"is one of", "is none of", "has all of", "has only", "is exactly"})  # operators with several values
JOINS = ("all", "any")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Clause:
    """One row. `values` are the texts without quotes, or the one number as it is written; none for a truth."""

    word: str
    arguments: tuple[str, ...] = ()
    operator: str = "is"
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """All or any of its parts; groups stand in the outermost one only."""

    join: str = "all"
    parts: tuple[Clause | Group, ...] = ()


def read_clauses(text: str, trigger: str) -> Group | None:
    """The rows of a condition, or None where it is faulty or not of that shape. Names are not checked."""
    condition, _ = read_condition(text, trigger, Names())
    if condition is None:
        return None
    try:
        root = condition.root
        if isinstance(root, Both | Either):
            parts = tuple(_group(part) if isinstance(part, Both | Either) else _clause(part) for part in root.parts)
            return Group("all" if isinstance(root, Both) else "any", parts)
        return Group("all", (_clause(root),))
    except _UnshapedError:
        return None


def write_clauses(group: Group) -> str:
    """The condition as text; empty for no rows at all."""
    parts = [part for part in group.parts if not isinstance(part, Group) or part.parts]
    texts = [_nested(part) if isinstance(part, Group) else _clause_text(part) for part in parts]
    return (" and " if group.join == "all" else " or ").join(texts)


# --- reading -------------------------------------------------------------------------------------------------------


class _UnshapedError(Exception):
    """A part that no row can show."""


def _group(node: Both | Either) -> Group:
    return Group("all" if isinstance(node, Both) else "any", tuple(_clause(part) for part in node.parts))


def _clause(node: Node) -> Clause:
    match node:
        case Truth(operand=Operand(key=key)) if key is not None:
            return _row(key, "is true", ())
        case Not(part=Truth(operand=Operand(key=key))) if key is not None:
            return _row(key, "is false", ())
        case Comparison():
            return _compared(node)
    raise _UnshapedError


def _compared(node: Comparison) -> Clause:
    left, op, right = node.left, node.op, node.right
    if op in ("in", "not in"):
        if left.key is not None and isinstance(right.literal, frozenset) and right.key is None:
            return _row(left.key, "is one of" if op == "in" else "is none of", tuple(sorted(right.literal)))
        if left.key is None and right.key is not None:
            return _row(right.key, "has" if op == "in" else "has not", (str(left.literal),))
        raise _UnshapedError
    if left.key is None:
        left, op, right = right, _MIRRORED[op], left
    if left.key is None or right.key is not None:
        raise _UnshapedError
    type = WORDS[_word(left.key)].type
    if type == NUMBER:
        return _row(left.key, op, (right.text.replace(" ", ""),))
    if type == TEXT:
        return _row(left.key, {"==": "is", "!=": "is not"}[op], (str(right.literal),))
    if type == SET and op in (">=", "<=", "==") and isinstance(right.literal, frozenset):
        phrase = {">=": "has all of", "<=": "has only", "==": "is exactly"}[op]
        return _row(left.key, phrase, tuple(sorted(right.literal)))
    raise _UnshapedError


def _row(key: Key, operator: str, values: tuple[str, ...]) -> Clause:
    return Clause(_word(key), () if isinstance(key, str) else key[1:], operator, values)


def _word(key: Key) -> str:
    return key if isinstance(key, str) else key[0]


# --- writing -------------------------------------------------------------------------------------------------------


def _nested(group: Group) -> str:
    inner = write_clauses(group)
    return f"({inner})" if len(group.parts) > 1 else inner


def _clause_text(clause: Clause) -> str:
    word = WORDS.get(clause.word)
    arguments = ", ".join(_quoted(argument) for argument in clause.arguments)
    shown = f"{clause.word}({arguments})" if word is not None and word.arguments else clause.word
    one = clause.values[0] if clause.values else ""
    match clause.operator:
        case "is true":
            return shown
        case "is false":
            return f"not {shown}"
        case "is" | "is not":
            return f"{shown} {'==' if clause.operator == 'is' else '!='} {_quoted(one)}"
        case "is one of" | "is none of":
            return f"{shown} {'in' if clause.operator == 'is one of' else 'not in'} {_set_text(clause.values)}"
        case "has" | "has not":
            return f"{_quoted(one)} {'in' if clause.operator == 'has' else 'not in'} {shown}"
        case "has all of" | "has only" | "is exactly":
            sign = {"has all of": ">=", "has only": "<=", "is exactly": "=="}[clause.operator]
            return f"{shown} {sign} {_set_text(clause.values)}"
    return f"{shown} {clause.operator} {one or '0'}"


def _set_text(values: tuple[str, ...]) -> str:
    return "{" + ", ".join(map(_quoted, values)) + "}" if values else "[]"


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'
