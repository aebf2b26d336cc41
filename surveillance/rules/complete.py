"""A rule's text and a cursor in it become what may stand there: keys, words, operators and the names of the site.

Works on text that is not finished yet, so it reads lines and tokens rather than YAML.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from surveillance.domain.site import Site
from surveillance.domain.values import TRIGGERS, VERDICTS
from surveillance.rules.book import KEY_DOCS, TRIGGER_DOCS, TRIGGER_VERDICTS
from surveillance.rules.vocabulary import LABELS, NUMBER, SET, TEXT, TRUTH, WORDS, Names, Word, build_names

_KEY_LINE = re.compile(r"^(\s*(?:- +)?)(\w+)[ ]*:(?=\s|$)")
_KEY_START = re.compile(r"^\s*(?:- +)?(\w*)$")
_TRIGGER = re.compile(r"^\s*(?:- +)?on[ ]*:[ ]*(\w+)", re.MULTILINE)
_TOKEN = re.compile(
    r"""\s+|"[^"\n]*"|'[^'\n]*'|["'][^\n]*$|[A-Za-z_]\w*|\d[\w.]*|==|!=|<=|>=|[<>=!]|[()\[\]{},]|.""", re.DOTALL
)
_OPERATORS = {
    TEXT: {"==": "is", "!=": "is not", "in": "is one of a set", "not in": "is none of a set"},
    NUMBER: {">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "==": "is", "!=": "is not"},
    SET: {">=": "holds all of a set", "<=": "holds only what a set has", "==": "is exactly a set"},
}
_BEGUN = ("=", "!", "<", ">")  # operators that may go on
_JOINS = {"and": "both must hold", "or": "one of both must hold"}
_MEMBER = {"in": "is one of a set", "not in": "is none of a set"}
_FIXED = {
    "mode": {
        "active": "judged, and acts",
        "shadow": "judged and recorded, but never acts",
        "off": "not judged",
    },
    "per": {
        "camera": "the pause counts for each camera (on door: each door)",
        "track": "the pause counts for each track",
        "site": "the pause counts for all cameras together",
    },
    "camera_only": {"true": "what a camera sees alone may open the door", "false": "a carried factor is needed"},
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be put in place of `start` to `end`, and what it is."""

    text: str
    shown: str
    kind: str  # key, trigger, verdict, word, operator, zone, label, ...
    type: str = ""  # of a word: number (s), set, ...
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Completions:
    """Candidates for the text from `start` to `end`, in characters; the likeliest first."""

    start: int
    end: int
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Offered:
    """The names that a site has, by kind (also target), and what to say of some."""

    names: Names
    docs: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def of(self, kind: str | None) -> list[str]:
        return sorted(self.names.of(kind) or ())


def offered_names(site: Site, labels: Collection[str] = LABELS, states: Collection[str] = ()) -> Offered:
    """What a site has to offer. `states` are those of its scenes, which only their models know."""
    known = dict(build_names(site, labels).known)
    known["state"] = frozenset(states)
    known["target"] = frozenset(target.name for target in site.notify)
    docs: dict[tuple[str, str], str] = {}
    for camera in site.cameras:
        for zone in camera.zones:
            before = docs.get(("zone", zone.name))
            docs["zone", zone.name] = f"{before}, {camera.name}" if before else f"zone of camera {camera.name}"
        for scene in camera.scenes:
            before = docs.get(("scene", scene.name))
            docs["scene", scene.name] = f"{before}, {camera.name}" if before else f"scene of camera {camera.name}"
        for line in camera.lines:
            for way in ("in", "out"):
                docs["crossing", f"{line.name}:{way}"] = f"line of camera {camera.name}, crossed {way}wards"
    return Offered(Names(known), docs)


def complete(text: str, cursor: int, offered: Offered) -> Completions:
    """What may stand at the cursor, an index into the text in characters."""
    cursor = min(max(cursor, 0), len(text))
    line = text[text.rfind("\n", 0, cursor) + 1 : cursor]
    if line.lstrip().startswith("#"):
        return Completions(cursor, cursor)
    key, value_at, column = _key_above(text, cursor)
    starting = _KEY_START.match(line)
    in_list = key == "notify" and line.lstrip().startswith("-")
    if starting and not in_list and (key is None or len(line) - len(line.lstrip(" ")) <= column):
        return _keys(text, cursor, starting[1])
    if key == "when":
        return _Condition(text, value_at, cursor, offered).complete()
    return _value(text, key, value_at, cursor, offered)


# --- keys and their values -----------------------------------------------------------------------------------------


def _key_above(text: str, cursor: int) -> tuple[str | None, int, int]:
    """The nearest key before the cursor, where its value begins, and the column of the key."""
    end = cursor
    while True:
        start = text.rfind("\n", 0, end) + 1
        found = _KEY_LINE.match(text[start:end])
        if found:
            return found[2], start + found.end(), len(found[1])
        if start == 0:
            return None, cursor, 0
        end = start - 1


def _keys(text: str, cursor: int, partial: str) -> Completions:
    end = _word_end(text, cursor)
    others = text[: text.rfind("\n", 0, cursor) + 1], text[end:].partition("\n")[2]
    present = {found[2] for part in others for line in part.splitlines() if (found := _KEY_LINE.match(line))}
    colon = "" if text[end : end + 1] == ":" else ": "
    keys = (Candidate(f"{key}{colon}", key, "key", "", doc) for key, doc in KEY_DOCS.items() if key not in present)
    return Completions(cursor - len(partial), end, _matching(keys, partial))


def _value(text: str, key: str | None, value_at: int, cursor: int, offered: Offered) -> Completions:
    given = text[value_at:cursor]
    partial = re.split(r"[\[,]\s*|\n\s*-\s+|^\s+", given)[-1]
    rest = re.match(r"[\w.-]*", text[cursor:])
    end = cursor + (rest.end() if rest else 0)
    return Completions(cursor - len(partial), end, _matching(_values(text, key, given, offered), partial))


def _values(text: str, key: str | None, given: str, offered: Offered) -> Iterator[Candidate]:
    trigger = _trigger(text)
    if key == "on":
        for name in TRIGGERS:
            yield Candidate(name, name, "trigger", "", TRIGGER_DOCS[name])
    elif key == "verdict":
        for name in TRIGGER_VERDICTS.get(trigger or "", VERDICTS):
            yield Candidate(name, name, "verdict")
    elif key == "notify":
        for name in offered.of("target"):
            if not re.search(rf"(?:^|[\s,\[]){re.escape(name)}(?:[\s,\]])", given):
                yield Candidate(name, name, "target", "", "notification target")
    elif key in _FIXED:
        for name, doc in _FIXED[key].items():
            yield Candidate(name, name, key, "", doc)


def _trigger(text: str) -> str | None:
    found = _TRIGGER.search(text)
    return found[1] if found and found[1] in TRIGGERS else None


# --- the condition -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int

    @property
    def is_text(self) -> bool:
        return self.text[0] in "\"'"

    @property
    def is_open(self) -> bool:
        return self.is_text and (len(self.text) == 1 or self.text[-1] != self.text[0])

    @property
    def is_name(self) -> bool:
        return self.text[0].isalpha() or self.text[0] == "_"


class _Condition:
    """What may follow the tokens of a condition up to the cursor."""

    def __init__(self, text: str, value_at: int, cursor: int, offered: Offered) -> None:
        lead = len(text[value_at:cursor]) - len(text[value_at:cursor].lstrip(" '"))
        self._at = value_at + lead  # a quote here belongs to YAML
        self._text, self._cursor, self._offered = text, cursor, offered
        self._trigger = _trigger(text)
        tokens = [_Token(found[0], self._at + found.start()) for found in _TOKEN.finditer(text[self._at : cursor])]
        self._is_comment = any(token.text == "#" for token in tokens)
        tokens = [token for token in tokens if not token.text.isspace() and token.text not in ("|", "|-")]
        last = tokens[-1] if tokens else None
        ends_here = last is not None and last.start + len(last.text) == cursor
        is_begun = last is not None and (last.is_open or last.is_name or last.text in _BEGUN)
        self._partial = last if ends_here and is_begun else None
        self._before = tokens[:-1] if self._partial else tokens

    def complete(self) -> Completions:
        if self._is_comment:
            return Completions(self._cursor, self._cursor)
        partial = self._partial
        start = partial.start if partial else self._cursor
        if partial and partial.is_open:
            closing = re.match(rf"[\w.:-]*{partial.text[0]}", self._text[self._cursor :])
            end = self._cursor + (closing.end() if closing else 0)
            found: Iterable[Candidate] = (item for item in self._expected() if item.text[:1] in "\"'(")
            return Completions(start, end, _matching(found, partial.text[1:]))
        end = _word_end(self._text, self._cursor) if partial else self._cursor
        if partial is None and self._needs_blank():
            found = (replace(item, text=f" {item.text}") for item in self._expected())
            return Completions(start, end, tuple(found))
        return Completions(start, end, _matching(self._expected(), partial.text if partial else ""))

    def _needs_blank(self) -> bool:
        """Whether a name typed here would stick to what is before it."""
        before = self._text[self._at : self._cursor]
        return bool(before) and not before[-1].isspace() and before[-1] not in "([{,!"

    def _expected(self) -> Iterator[Candidate]:
        opened = _opened(self._before)
        last = self._before[-1] if self._before else None
        if opened is not None and opened.word is not None:
            yield from self._argument(opened.word, opened.commas, last)
        elif opened is not None and opened.bracket in "{[":
            if last is None or last.text in "{[,":
                yield from self._members(_subject(self._before[: opened.index]))
        elif last is None or last.text in ("and", "or", "not", "("):
            yield from self._beginning(last)
        elif last.text in ("==", "!=", "<", "<=", ">", ">=", "in"):
            yield from self._compared(last.text)
        else:
            yield from self._following(last)

    def _argument(self, word: Word, commas: int, last: _Token | None) -> Iterator[Candidate]:
        """A name within the brackets of a called word."""
        if last is not None and last.is_text:
            yield Candidate(")", ")", "operator", "", "ends the brackets")
            if commas + 1 < len(word.arguments):
                yield Candidate(', "', ",", "operator", "", f"and {word.arguments[commas + 1].kind}")
        elif commas < len(word.arguments):
            kind = word.arguments[commas].kind
            is_last = commas + 1 == len(word.arguments)
            closes = is_last and not re.match(r"[\w.:-]*[\"']?\s*\)", self._text[self._cursor :])
            for name in self._offered.of(kind):
                yield self._name(kind, name, ")" if closes else "")

    def _members(self, subject: Word | None) -> Iterator[Candidate]:
        """The elements of a set that is compared with that word, or with one to come."""
        kinds = [subject.kind] if subject else [word.kind for word in self._words() if word.type == SET]
        for kind in kinds:
            for name in self._offered.of(kind):
                yield self._name(kind, name)

    def _beginning(self, last: _Token | None) -> Iterator[Candidate]:
        """What a clause begins with: a word, a text that is looked for in a set, or not."""
        for word in self._words():
            kind = f"{word.type} ({word.unit})" if word.unit else word.type
            yield Candidate(f'{word.name}("' if word.arguments else word.name, word.shown, "word", kind, word.doc)
        if last is None or last.text != "not":
            yield Candidate("not ", "not", "operator", "", "the opposite of what follows")
        is_bare = last is None and self._text[self._at - 1 : self._at] != "'"
        for word in self._words():
            if word.type == SET:
                for name in self._offered.of(word.kind):
                    clause = f"{_quoted(name)} in {word.name}"
                    text = f"({clause})" if is_bare else clause  # YAML would end the value at the second quote
                    yield Candidate(text, clause, word.kind or "", "", self._doc(word.kind, name))

    def _compared(self, operator: str) -> Iterator[Candidate]:
        """The right side of a comparison."""
        before = self._before[:-1]
        if operator == "in" and before and before[-1].text == "not":
            before = before[:-1]
        subject = _subject([*before, self._before[-1]])
        if subject is not None and subject.type == TEXT:
            for name in self._offered.of(subject.kind):
                item = self._name(subject.kind, name)
                yield replace(item, text=f"{{{item.text}}}", shown=f"{{{item.shown}}}") if operator == "in" else item
        elif subject is not None and subject.type == SET:
            for name in self._offered.of(subject.kind):
                yield Candidate(f"{{{_quoted(name)}}}", f"{{{_quoted(name)}}}", subject.kind or "")
        elif subject is None and before:
            left = before[-1]
            of_type = SET if left.is_text or left.text in "}]" else NUMBER
            for word in self._words():
                holds = not left.is_text or left.text[1:-1] in (self._offered.of(word.kind) or [left.text[1:-1]])
                if word.type == of_type and not word.arguments and holds:
                    yield Candidate(word.name, word.shown, "word", word.type, word.doc)

    def _following(self, last: _Token) -> Iterator[Candidate]:
        """An operator after an operand, or and, or after a whole clause."""
        word = WORDS.get(last.text) or (_called(self._before) if last.text == ")" else None)
        compared = _is_compared(self._before)
        if word is not None and word.arguments and last.text != ")":
            yield Candidate('("', word.shown, "operator", "", "its brackets")
            return
        if word is not None and word.type != TRUTH and not compared:
            for operator, doc in _OPERATORS[word.type].items():
                yield Candidate(f"{operator} ", operator, "operator", "", doc)
            return
        if last.is_text and not compared:
            for operator, doc in _MEMBER.items():
                yield Candidate(f"{operator} ", operator, "operator", "", doc)
            return
        for join, doc in _JOINS.items():
            yield Candidate(f"{join} ", join, "operator", "", doc)

    def _words(self) -> list[Word]:
        return [word for word in WORDS.values() if self._trigger is None or self._trigger in word.triggers]

    def _name(self, kind: str | None, name: str, behind: str = "") -> Candidate:
        return Candidate(f"{_quoted(name)}{behind}", _quoted(name), kind or "", "", self._doc(kind, name))

    def _doc(self, kind: str | None, name: str) -> str:
        return self._offered.docs.get((kind or "", name), (kind or "").replace("_", " "))


@dataclass(frozen=True, slots=True)
class _Opened:
    """The innermost bracket that is still open: of a called word, a set or a group."""

    bracket: str
    index: int
    word: Word | None
    commas: int


def _opened(tokens: list[_Token]) -> _Opened | None:
    stack: list[_Opened] = []
    for index, token in enumerate(tokens):
        if token.text in ("(", "{", "["):
            before = tokens[index - 1].text if index else ""
            word = WORDS.get(before) if token.text == "(" else None
            stack.append(_Opened(token.text, index, word if word and word.arguments else None, 0))
        elif token.text in (")", "}", "]") and stack:
            stack.pop()
        elif token.text == "," and stack:
            stack[-1] = replace(stack[-1], commas=stack[-1].commas + 1)
    return stack[-1] if stack else None


def _subject(tokens: list[_Token]) -> Word | None:
    """The word before the operator with which the tokens end."""
    rest = tokens[:-1]
    if tokens and tokens[-1].text == "in" and rest and rest[-1].text == "not":
        rest = rest[:-1]
    if not rest:
        return None
    return WORDS.get(rest[-1].text) or (_called(rest) if rest[-1].text == ")" else None)


def _called(tokens: list[_Token]) -> Word | None:
    """The word whose brackets the last token closes."""
    depth = 0
    for index in range(len(tokens) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(tokens[index].text, 0)
        if depth == 0:
            return WORDS.get(tokens[index - 1].text) if index else None
    return None


def _is_compared(tokens: list[_Token]) -> bool:
    """Whether the clause that the tokens end with has its operator already."""
    depth = 0
    for token in reversed(tokens):
        depth += {")": 1, "}": 1, "]": 1, "(": -1, "{": -1, "[": -1}.get(token.text, 0)
        if depth < 0 or (depth == 0 and token.text in ("and", "or")):
            return False
        if depth == 0 and token.text in ("==", "!=", "<", "<=", ">", ">=", "in"):
            return True
    return False


def _matching(found: Iterable[Candidate], partial: str) -> tuple[Candidate, ...]:
    """Those that begin with what was typed, then those that hold it."""
    typed = partial.lower()
    if not typed:
        return tuple(found)
    begins, holds = [], []
    for item in found:
        text = item.shown.lower().lstrip("\"'({")
        if text.startswith(typed):
            begins.append(item)
        elif typed in text:
            holds.append(item)
    return (*begins, *holds)


def _word_end(text: str, cursor: int) -> int:
    found = re.match(r"\w*", text[cursor:])
    return cursor + (found.end() if found else 0)


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'
