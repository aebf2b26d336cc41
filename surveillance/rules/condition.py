"""A parsed condition: a tree of typed nodes that becomes one quick closure, and explains itself when asked.

Kleene logic: a node is True, False or None (unknown). A comparison with an unknown value is unknown, `false and
unknown` is false, `true or unknown` is true.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from surveillance.domain.values import Clause
from surveillance.rules.vocabulary import UNKNOWN, Unknown, Value

Key = str | tuple[str, ...]  # a word, or a called word with its arguments
Facts = Mapping[Key, Value]
Evaluate = Callable[[Facts], bool | None]

OPERATORS: Mapping[str, Callable[..., bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda item, many: item in many,
    "not in": lambda item, many: item not in many,
}


@dataclass(frozen=True, slots=True)
class Operand:
    """A literal, or a word whose value is looked up under `key`."""

    text: str
    key: Key | None = None
    literal: Value = ""

    def value(self, facts: Facts) -> Value:
        return self.literal if self.key is None else facts[self.key]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and an operator of OPERATORS."""

    text: str
    left: Operand
    op: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Truth:
    """An operand that is true or false by itself."""

    text: str
    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    text: str
    part: Node


@dataclass(frozen=True, slots=True)
class Both:
    """All of the parts."""

    text: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any of the parts."""

    text: str
    parts: tuple[Node, ...]


Node = Comparison | Truth | Not | Both | Either


@dataclass(frozen=True, slots=True)
class Leaf:
    """One part that settles a result: what it says and what was found."""

    text: str
    found: str


@dataclass(frozen=True, slots=True)
class Condition:
    """`evaluate(facts)` is the quick way: True, False or None. The rest is for whoever asks why."""

    text: str
    root: Node
    evaluate: Evaluate = field(compare=False, repr=False)
    keys: frozenset[Key] = frozenset()

    def explain(self, facts: Facts) -> Clause:
        """Every clause with its value, also those that settle nothing."""
        return _explain(self.root, facts)

    def because(self, facts: Facts) -> tuple[Leaf, ...]:
        """The leaves that settle the result; those under `not` say so."""
        return tuple(dict.fromkeys(_because(self.root, facts, True)))

    def implies(self, holds: Callable[[Comparison, bool], bool]) -> bool:
        """Whether the condition cannot be true without some comparison for which `holds(comparison, as_written)`
        says yes. Sound, not complete: False means "not shown".
        """
        return _implies(self.root, holds, True)

    def given(self, known: Facts) -> Evaluate | None:
        """`evaluate` for whoever knows these words already; None where they alone make it false."""
        rest = _given(self.root, known)
        if isinstance(rest, bool):
            return (lambda facts: True) if rest else None
        return self.evaluate if rest is self.root else _compile(rest)


def _given(node: Node, known: Facts) -> Node | bool:
    """What is left to be asked once these words are known."""
    match node:
        case Comparison(op=op, left=left, right=right):
            if all(operand.key is None or operand.key in known for operand in (left, right)):
                return OPERATORS[op](left.value(known), right.value(known))
            return node
        case Truth(operand=operand):
            return bool(operand.value(known)) if operand.key is None or operand.key in known else node
        case Not(text=text, part=part):
            rest = _given(part, known)
            return not rest if isinstance(rest, bool) else node if rest is part else Not(text, rest)
        case Both(parts=parts):
            return _given_parts(node, Both, True, tuple(_given(part, known) for part in parts))
        case Either(parts=parts):
            return _given_parts(node, Either, False, tuple(_given(part, known) for part in parts))


def _given_parts(
    node: Both | Either, kind: type[Both | Either], neutral: bool, parts: tuple[Node | bool, ...]
) -> Node | bool:
    """Parts that settle nothing are left out; one that settles all is all that is left."""
    left = tuple(part for part in parts if not isinstance(part, bool))
    if any(part is not neutral for part in parts if isinstance(part, bool)):
        return not neutral
    if left == node.parts:
        return node
    return kind(node.text, left) if len(left) > 1 else left[0] if left else neutral


def build_condition(text: str, root: Node) -> Condition:
    return Condition(text, root, _compile(root), frozenset(_keys(root)))


# --- the quick way -------------------------------------------------------------------------------------------------


def _compile(node: Node) -> Evaluate:
    match node:
        case Comparison():
            return _compile_comparison(node)
        case Truth(operand=operand):
            return _compile_truth(operand)
        case Not(part=part):
            return _negation(_compile(part))
        case Both(parts=parts):
            return _all_of(tuple(_compile(part) for part in parts))
        case Either(parts=parts):
            return _any_of(tuple(_compile(part) for part in parts))


def _compile_comparison(node: Comparison) -> Evaluate:
    compare = OPERATORS[node.op]
    left, right = node.left, node.right
    if left.key is not None and right.key is None:
        return _word_with_literal(compare, left.key, right.literal)
    if left.key is None and right.key is not None:
        return _literal_with_word(compare, left.literal, right.key)

    def of_any_two(facts: Facts) -> bool | None:
        one, two = left.value(facts), right.value(facts)
        return None if one is UNKNOWN or two is UNKNOWN else compare(one, two)

    return of_any_two


def _word_with_literal(compare: Callable[..., bool], key: Key, literal: Value) -> Evaluate:
    def evaluate(facts: Facts) -> bool | None:
        value = facts[key]
        return None if value is UNKNOWN else compare(value, literal)

    return evaluate


def _literal_with_word(compare: Callable[..., bool], literal: Value, key: Key) -> Evaluate:
    def evaluate(facts: Facts) -> bool | None:
        value = facts[key]
        return None if value is UNKNOWN else compare(literal, value)

    return evaluate


def _compile_truth(operand: Operand) -> Evaluate:
    if operand.key is None:
        literal = bool(operand.literal)
        return lambda facts: literal
    key = operand.key

    def evaluate(facts: Facts) -> bool | None:
        value = facts[key]
        return None if value is UNKNOWN else bool(value)

    return evaluate


def _negation(part: Evaluate) -> Evaluate:
    def evaluate(facts: Facts) -> bool | None:
        value = part(facts)
        return None if value is None else not value

    return evaluate


def _all_of(parts: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(facts: Facts) -> bool | None:
        result: bool | None = True
        for part in parts:
            value = part(facts)
            if value is False:
                return False
            if value is None:
                result = None
        return result

    return evaluate


def _any_of(parts: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(facts: Facts) -> bool | None:
        result: bool | None = False
        for part in parts:
            value = part(facts)
            if value:
                return True
            if value is None:
                result = None
        return result

    return evaluate


# --- for whoever asks why ------------------------------------------------------------------------------------------


def shown(value: Value) -> str:
    """A value as a reader sees it: texts in quotes, sets sorted, numbers to two places."""
    if isinstance(value, Unknown):
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, frozenset):
        return "{" + ", ".join(f'"{item}"' for item in sorted(value)) + "}"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{round(value, 2):g}" if abs(value) < 1e6 else f"{value:g}"


def key_text(key: Key) -> str:
    """`people`, or `count("person", "yard")`."""
    if isinstance(key, str):
        return key
    return f"{key[0]}({', '.join(shown(argument) for argument in key[1:])})"


def _explain(node: Node, facts: Facts) -> Clause:
    match node:
        case Not(text=text, part=part):
            child = _explain(part, facts)
            return Clause(text, None if child.result is None else not child.result, "", (child,))
        case Both(text=text, parts=parts) | Either(text=text, parts=parts):
            children = tuple(_explain(part, facts) for part in parts)
            results = [child.result for child in children]
            settling = isinstance(node, Either)
            result = settling if settling in results else None if None in results else not settling
            return Clause(text, result, "", children)
        case _:
            return Clause(node.text, _compile(node)(facts), _found(node, facts))


def _found(leaf: Comparison | Truth, facts: Facts) -> str:
    operands = (leaf.operand,) if isinstance(leaf, Truth) else (leaf.left, leaf.right)
    keys = dict.fromkeys(operand.key for operand in operands if operand.key is not None)
    return ", ".join(f"{key_text(key)} = {shown(facts[key])}{_added(facts, key)}" for key in keys)


def _added(facts: Facts, key: Key) -> str:
    """What some facts say of a word beside its value."""
    added: Callable[[Key], str] | None = getattr(facts, "added", None)
    return added(key) if added is not None else ""


def _because(node: Node, facts: Facts, as_written: bool) -> Iterator[Leaf]:
    match node:
        case Not(part=part):
            yield from _because(part, facts, not as_written)
        case Both(parts=parts) | Either(parts=parts):
            result = _compile(node)(facts)
            for part in parts:
                if _compile(part)(facts) is result:
                    yield from _because(part, facts, as_written)
        case _:
            text = node.text if as_written else f"not {node.text}"
            yield Leaf(text, _found(node, facts) or text)


def _keys(node: Node) -> Iterator[Key]:
    match node:
        case Comparison(left=left, right=right):
            yield from (operand.key for operand in (left, right) if operand.key is not None)
        case Truth(operand=operand):
            if operand.key is not None:
                yield operand.key
        case Not(part=part):
            yield from _keys(part)
        case Both(parts=parts) | Either(parts=parts):
            for part in parts:
                yield from _keys(part)


def _implies(node: Node, holds: Callable[[Comparison, bool], bool], as_written: bool) -> bool:
    match node:
        case Comparison():
            return holds(node, as_written)
        case Truth(operand=operand):
            return operand.key is None and bool(operand.literal) is not as_written
        case Not(part=part):
            return _implies(part, holds, not as_written)
        case Both(parts=parts) | Either(parts=parts):
            found = (_implies(part, holds, as_written) for part in parts)
            return any(found) if isinstance(node, Both) is as_written else all(found)
