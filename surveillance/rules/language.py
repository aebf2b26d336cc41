"""The text of a `when` becomes a Condition, or the list of everything that is wrong with it, each with its place.

The grammar is a small part of Python's expressions, read by `ast` and admitted node by node: and, or, not, the
comparisons, `in`, sets of texts, the words of the vocabulary. Types and names are checked here, when a rule is saved.
"""

from __future__ import annotations

import ast
import difflib
import io
import math
import tokenize
import warnings
from dataclasses import dataclass

from surveillance.domain.suggest import no_such, suggestion
from surveillance.rules.condition import (
    Both,
    Comparison,
    Condition,
    Either,
    Key,
    Node,
    Not,
    Operand,
    Truth,
    build_condition,
)
from surveillance.rules.vocabulary import NUMBER, SET, TEXT, TRUTH, WORDS, Names, Value, Word

MAX_LENGTH = 2000
MAX_NODES = 300
MAX_DEPTH = 25

_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_REFUSED: dict[type[ast.AST], str] = {
    ast.BinOp: "there is no arithmetic here; compare a word with a number",
    ast.Call: "only the words that take brackets can be called",
    ast.Attribute: "there are no attributes here (no dot); use a word of the vocabulary",
    ast.Subscript: "there are no indexes here (no []); use a word of the vocabulary",
    ast.Lambda: "there are no functions here",
    ast.IfExp: "there is no if here; use and, or",
    ast.JoinedStr: "write a plain text in quotes",
    ast.NamedExpr: "compare with ==",
    ast.Dict: 'a set is written {"a", "b"}; an empty one []',
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a condition, and where: columns from 0, `end` not included."""

    message: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Typed:
    """An operand with its type, and the kind of name that its value or elements are."""

    operand: Operand
    type: str
    word: Word | None
    start: int
    end: int


def read_condition(text: str, trigger: str, names: Names) -> tuple[Condition | None, tuple[Fault, ...]]:
    """The condition and no faults, or None and all faults in order of place."""
    flat = flatten(text)
    try:
        tree = _parse(flat)
    except _UnreadableError as refused:
        return None, (refused.fault,)
    reader = _Reader(flat, trigger, names)
    root = reader.truth(tree)
    if root is None or reader.faults:
        return None, tuple(sorted(reader.faults, key=lambda fault: (fault.start, fault.end)))
    return build_condition(flat.strip(), root), ()


def flatten(text: str) -> str:
    """The text on one line, of the same length, so that every place stays where it is."""
    return "".join(" " if character.isspace() else character for character in text)


def caret(text: str, fault: Fault) -> str:
    """Two lines: the text around the fault, and carets under it."""
    flat = flatten(text)
    start = max(fault.start - 60, 0)
    excerpt = flat[start : start + 110].rstrip()
    width = max(min(fault.end - fault.start, len(excerpt) - (fault.start - start)), 1)
    return f"    {excerpt}\n    {' ' * (fault.start - start)}{'^' * width}"


# --- text to a bounded tree ----------------------------------------------------------------------------------------


class _UnreadableError(Exception):
    """The text is no expression at all, or too large to be read."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.fault = Fault(message, start, max(end, start + 1))


def _parse(flat: str) -> ast.expr:
    if not flat.strip():
        raise _UnreadableError("the condition is empty; write true for a rule that always holds", 0, 1)
    if len(flat) > MAX_LENGTH:
        raise _UnreadableError(
            f"the condition has {len(flat)} characters; at most {MAX_LENGTH} are read", MAX_LENGTH, 0
        )
    for character in "\\\0":
        if character in flat:
            at = flat.index(character)
            raise _UnreadableError("there are no escapes here (no backslash)", at, at + 1)
    tree = _parse_expression(flat)
    _refuse_comment(flat)
    _refuse_size(tree, len(flat))
    return tree


def _parse_expression(flat: str) -> ast.expr:
    lead = len(flat) - len(flat.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(flat.lstrip(), mode="eval").body
    except SyntaxError as error:
        start = lead + max((error.offset or 1) - 1, 0)
        hint = "; write == to compare" if flat[start : start + 1] == "=" or "'=='" in error.msg else ""
        raise _UnreadableError(f"this is no condition: {error.msg}{hint}", min(start, len(flat)), 0) from None
    except (MemoryError, RecursionError, ValueError):
        raise _UnreadableError("the condition is nested too deeply", 0, len(flat)) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            node.col_offset += lead
            node.end_col_offset = (node.end_col_offset or 0) + lead
    return tree


def _refuse_comment(flat: str) -> None:
    for token in tokenize.generate_tokens(io.StringIO(flat.strip()).readline):
        if token.type == tokenize.COMMENT:
            at = flat.index(token.string)
            raise _UnreadableError("a comment hides what follows it; put it above the rule", at, len(flat))


def _refuse_size(tree: ast.expr, length: int) -> None:
    level, nodes, depth = [tree], 0, 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise _UnreadableError(f"too large: at most {MAX_NODES} parts, {MAX_DEPTH} deep", 0, length)
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


# --- tree to typed nodes -------------------------------------------------------------------------------------------


class _Reader:
    """Walks the tree once and collects every fault; a part with a fault reads as None."""

    def __init__(self, flat: str, trigger: str, names: Names) -> None:
        self._text = flat
        self._bytes = flat.encode()
        self._trigger = trigger
        self._names = names
        self.faults: list[Fault] = []

    def truth(self, tree: ast.expr) -> Node | None:
        """A part that must be true, false or unknown."""
        match tree:
            case ast.BoolOp(op=op, values=values):
                parts = [self.truth(value) for value in values]
                kept = tuple(part for part in parts if part is not None)
                joined = Both if isinstance(op, ast.And) else Either
                return joined(self._source(tree), kept) if len(kept) == len(parts) else None
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                part = self.truth(operand)
                return None if part is None else Not(self._source(tree), part)
            case ast.Compare():
                return self._comparisons(tree)
        typed = self._operand(tree)
        if typed is None:
            return None
        if typed.type != TRUTH:
            self._fault(tree, f"{typed.operand.text} is a {_type(typed)}; compare it{_example(typed)}")
            return None
        return Truth(typed.operand.text, typed.operand)

    def _comparisons(self, tree: ast.Compare) -> Node | None:
        """One comparison, or a chain such as `1 <= people <= 3` as all of its steps."""
        operands = [self._operand(side) for side in (tree.left, *tree.comparators)]
        steps: list[Node | None] = []
        for left, op, right in zip(operands, tree.ops, operands[1:], strict=False):
            name = _OPERATORS.get(type(op))
            if name is None:
                self._fault(tree, "there is no `is` here; use ==")
                steps.append(None)
            elif left is None or right is None:
                steps.append(None)
            else:
                steps.append(self._comparison(tree, left, name, right))
        kept = tuple(step for step in steps if step is not None)
        if len(kept) < len(steps):
            return None
        return kept[0] if len(kept) == 1 else Both(self._source(tree), kept)

    def _comparison(self, tree: ast.Compare, left: _Typed, op: str, right: _Typed) -> Node | None:
        wrong = _mismatch(left, op, right)
        if wrong:
            self._fault(tree, wrong)
            return None
        before = len(self.faults)
        self._check_names(left, right)
        self._check_names(right, left)
        if len(self.faults) > before:
            return None
        text = self._source(tree) if len(tree.ops) == 1 else f"{left.operand.text} {op} {right.operand.text}"
        return Comparison(text, left.operand, op, right.operand)

    def _check_names(self, said: _Typed, of: _Typed) -> None:
        """A literal that is compared with a word must be one of that word's values."""
        if said.operand.key is not None or of.word is None:
            return
        known = self._names.of(of.word.kind)
        literal = said.operand.literal
        if known is not None:
            texts = literal if isinstance(literal, frozenset) else {literal} if isinstance(literal, str) else set()
            for text in sorted(texts - known - {""}):
                self.faults.append(Fault(no_such(_kind(of.word.kind), text, known), *_place_of(said, text)))
        if of.word.most is not None and isinstance(literal, int | float) and not 0 <= literal <= of.word.most:
            self._fault_at(said, f"{of.word.name} runs from 0 to {of.word.most:g}")

    def _operand(self, tree: ast.expr) -> _Typed | None:
        match tree:
            case ast.Name(id="true" | "false" as name):
                return self._literal(tree, name == "true", TRUTH)
            case ast.Name(id=name):
                return self._word(tree, name, None)
            case ast.Call(func=ast.Name(id=name)):
                return self._word(tree, name, tree)
            case ast.Constant(value=value):
                return self._constant(tree, value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return self._constant(tree, -value)
            case ast.Set(elts=elements) | ast.List(elts=elements) | ast.Tuple(elts=elements):
                return self._set(tree, elements)
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                self._fault(tree, "a comparison cannot be compared again; join them by and, or")
                return None
        refusal = next((text for node, text in _REFUSED.items() if isinstance(tree, node)), "this cannot be used here")
        self._fault(tree, refusal)
        return None

    def _constant(self, tree: ast.expr, value: object) -> _Typed | None:
        if isinstance(value, bool):
            return self._literal(tree, value, TRUTH)
        if isinstance(value, int | float):
            if abs(value) > 1e12 or not math.isfinite(value):
                self._fault(tree, "this number is too large")
                return None
            return self._literal(tree, float(value), NUMBER)
        if isinstance(value, str):
            return self._literal(tree, value, TEXT)
        self._fault(tree, "use a number, a text in quotes, true, false or a set of texts")
        return None

    def _set(self, tree: ast.expr, elements: list[ast.expr]) -> _Typed | None:
        texts: set[str] = set()
        whole = True
        for element in elements:
            if isinstance(element, ast.Constant) and isinstance(element.value, str):
                texts.add(element.value)
            else:
                whole = False
                self._fault(element, 'a set holds texts in quotes, such as {"badge", "pin"}')
        return self._literal(tree, frozenset(texts), SET) if whole else None

    def _literal(self, tree: ast.expr, value: Value, type: str) -> _Typed:
        return _Typed(Operand(self._source(tree), literal=value), type, None, *self._span(tree))

    def _word(self, tree: ast.expr, name: str, call: ast.Call | None) -> _Typed | None:
        word = WORDS.get(name)
        if word is None:
            there = [word.name for word in WORDS.values() if self._trigger in word.triggers]
            texts = self._texts_like(name)
            quoted = f' (a text needs quotes: did you mean "{texts[0]}"?)' if texts else ""
            self._fault(tree, f"there is no word {name!r} here; {suggestion(name, there)}{quoted}")
            return None
        if word.experimental and self._trigger in ("access", "presence"):
            self._fault(tree, f"{name} is experimental: it may alert and log, and never decides who may pass")
        elif self._trigger not in word.triggers:
            self._fault(tree, f"{name} is not known on {self._trigger}, only on {', '.join(word.triggers)}")
            return None
        if bool(word.arguments) is not (call is not None):
            self._fault(tree, f"write {word.shown}" if word.arguments else f"{name} takes no brackets")
            return None
        key: Key | None = name
        if call is not None:
            key = self._arguments(call, word)
        if key is None:
            return None
        return _Typed(Operand(self._source(tree), key=key), word.type, word, *self._span(tree))

    def _arguments(self, call: ast.Call, word: Word) -> Key | None:
        least = sum(not argument.optional for argument in word.arguments)
        if call.keywords or not least <= len(call.args) <= len(word.arguments):
            self._fault(call, f"write {word.shown}")
            return None
        key = [word.name]
        for argument, given in zip(word.arguments, call.args, strict=False):
            if not (isinstance(given, ast.Constant) and isinstance(given.value, str)):
                self._fault(given, f"{word.shown} takes a text in quotes here")
                continue
            known = self._names.of(argument.kind)
            if known is not None and given.value not in known:
                told = no_such(_kind(argument.kind), given.value, known)
                self._fault(given, told)
            key.append(given.value)
        return tuple(key) if len(key) == len(call.args) + 1 else None

    def _texts_like(self, name: str) -> list[str]:
        """The known texts that an unquoted name may have meant, the nearest first."""
        known = {text for texts in self._names.known.values() for text in texts}
        return difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)

    def _span(self, tree: ast.expr) -> tuple[int, int]:
        """Columns in characters; `ast` counts them in bytes of UTF-8."""
        end = tree.end_col_offset or tree.col_offset
        return len(self._bytes[: tree.col_offset].decode()), len(self._bytes[:end].decode())

    def _source(self, tree: ast.expr) -> str:
        start, end = self._span(tree)
        return self._text[start:end]

    def _fault(self, tree: ast.expr, message: str) -> None:
        self.faults.append(Fault(message, *self._span(tree)))

    def _fault_at(self, typed: _Typed, message: str) -> None:
        self.faults.append(Fault(message, typed.start, typed.end))


def _place_of(said: _Typed, text: str) -> tuple[int, int]:
    """Where a text stands in a literal, which may be a set of several."""
    for quote in "\"'":
        at = said.operand.text.find(f"{quote}{text}{quote}")
        if at >= 0:
            return said.start + at, said.start + at + len(text) + 2
    return said.start, said.end


def _mismatch(left: _Typed, op: str, right: _Typed) -> str | None:
    """Why these two cannot be compared so, or None when they can."""
    one, two = left.operand.text, right.operand.text
    if left.word and right.word and left.word.kind != right.word.kind:
        return f"{one} and {two} are names of different things; for a text, write it in quotes"
    if op in ("in", "not in"):
        if right.type != SET:
            return f"{two} is a {_type(right)}, not a set; write {one} == {two}"
        return None if left.type == TEXT else f"{one} is a {_type(left)}; only a text can be in a set"
    if left.type == right.type:
        if op in ("==", "!=") or left.type in (NUMBER, SET):
            return None
        return f"{op} compares numbers or sets, and {one} is a {_type(left)}"
    if left.type == TEXT and right.type == SET:
        return f"{two} is a set; write {one} in {two}"
    if left.type == SET and right.type == TEXT:
        return f"{one} is a set; write {two} in {one}"
    return f"{one} is a {_type(left)} and {two} is a {_type(right)}"


def _type(typed: _Typed) -> str:
    unit = f" ({typed.word.unit})" if typed.word and typed.word.unit else ""
    return f"{typed.type}{unit}"


def _example(typed: _Typed) -> str:
    text = typed.operand.text
    examples = {TEXT: f'{text} == "..."', NUMBER: f"{text} >= 1", SET: f'"..." in {text}'}
    return f", for example {examples[typed.type]}" if typed.word else ""


def _kind(kind: str | None) -> str:
    return (kind or "name").replace("_", " ")
