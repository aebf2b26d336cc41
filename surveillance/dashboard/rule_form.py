"""The fields of a posted rule form, as a Form: what a person changed, with rows that fit their words.

Names of fields: f-KEY for keys; `rows` lists the rows in order, c0 c1 g2 c2.0 c2.1; c0-word, c0-arg0, c0-op, c0-value.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from werkzeug.datastructures import MultiDict

from surveillance.domain.values import TRIGGERS
from surveillance.rules.book import TRIGGER_VERDICTS
from surveillance.rules.clauses import MANY, OPERATORS, Clause, Group
from surveillance.rules.complete import Offered
from surveillance.rules.form import Form
from surveillance.rules.vocabulary import NUMBER, TRUTH, WORDS, Word

FEW = 12  # so many names are shown as boxes to tick, more as a text
NAMELESS = ("person", "camera")  # words that are empty where nobody is known, or no camera is there
FIRST = {"sighting": "label", "presence": "label", "access": "door", "door": "door_alarm", "camera": "camera_state"}
Fields = MultiDict[str, str]
Words = str | LazyString
OPERATOR_WORDS = {
    "is": _l("is"),
    "is not": _l("is not"),
    "is one of": _l("is one of"),
    "is none of": _l("is none of"),
    ">=": _l("at least"),
    "<=": _l("at most"),
    ">": _l("more than"),
    "<": _l("less than"),
    "==": _l("exactly"),
    "!=": _l("anything but"),
    "has": _l("has"),
    "has not": _l("has not"),
    "has all of": _l("has all of"),
    "has only": _l("has only"),
    "is exactly": _l("is exactly"),
    "is true": _l("is true"),
    "is false": _l("is false"),
}
TRIGGER_WORDS = {
    "sighting": _l("When a camera sees something"),
    "presence": _l("When somebody is in a restricted zone"),
    "access": _l("When somebody asks at a door"),
    "door": _l("When a door changes"),
    "camera": _l("When a camera changes"),
}
MODE_NAMES = {"active": _l("On"), "shadow": _l("Shadow"), "off": _l("Off")}
MODE_WORDS = {
    "active": _l("Judged, and acts"),
    "shadow": _l("Judged and recorded, but never acts"),
    "off": _l("Not judged"),
}
LEFT_OUT = {"zone": _l("anywhere"), "camera": _l("the same camera")}  # by the kind of an argument that may be
PER_WORDS = {"camera": _l("camera"), "track": _l("track"), "site": _l("the whole site")}


def form_of(fields: Fields, before: Form, offered: Offered) -> Form:
    """The form as posted; keys that are not among the fields stay as they were."""

    def one(key: str, known: str) -> str:
        given = fields.get(f"f-{key}", known).replace("\r\n", "\n").strip()
        return known if given == known.replace("\n", "") else given  # a line of a form has no line breaks

    on = one("on", before.on)
    verdict = one("verdict", before.verdict)
    if on != before.on and verdict not in TRIGGER_VERDICTS.get(on, (verdict,)):
        verdict = TRIGGER_VERDICTS[on][0]
    has_fields = "f-name" in fields
    notify = tuple(fields.getlist("f-notify")) if has_fields else before.notify
    return replace(
        before,
        name=one("name", before.name),
        on=on,
        verdict=verdict,
        when=one("when", before.when),
        cooldown_s=one("cooldown_s", before.cooldown_s),
        per=one("per", before.per),
        mode=one("mode", before.mode),
        description=one("description", before.description),
        notify=before.notify if set(notify) == set(before.notify) else notify,
        camera_only="f-camera_only" in fields if has_fields else before.camera_only,
        rows=rows_of(fields, on, offered) if "rows" in fields else before.rows,
    )


def rows_of(fields: Fields, trigger: str, offered: Offered) -> Group:
    """The rows as posted, with what a pressed button (`do`) adds or removes."""
    ids = fields.get("rows", "").split()
    act, _, target = fields.get("do", "").partition(" ")
    parts: list[Clause | Group] = []
    for id in ids:
        if act == "remove" and target == id:
            continue
        if id.startswith("g"):
            parts.append(_group(fields, id, ids, trigger, offered))
        elif "." not in id:
            parts.append(_clause(fields, id, trigger, offered))
    if act == "add" and not target:
        parts.append(first_clause(trigger, offered))
    if act == "group":
        parts.append(Group("any", (first_clause(trigger, offered), first_clause(trigger, offered))))
    join = fields.get("join", "all")
    return Group(join if join in ("all", "any") else "all", tuple(part for part in parts if part != Group("any", ())))


def _group(fields: Fields, id: str, ids: list[str], trigger: str, offered: Offered) -> Group:
    act, _, target = fields.get("do", "").partition(" ")
    inner = [one for one in ids if one.startswith(f"c{id[1:]}.") and (act, target) != ("remove", one)]
    clauses = [_clause(fields, one, trigger, offered) for one in inner]
    if (act, target) == ("add", id):
        clauses.append(first_clause(trigger, offered))
    join = fields.get(f"{id}-join", "any")
    return Group(join if join in ("all", "any") and clauses else "any", tuple(clauses))


def _clause(fields: Fields, id: str, trigger: str, offered: Offered) -> Clause:
    word = WORDS.get(fields.get(f"{id}-word", ""))
    if word is None:
        return first_clause(trigger, offered)
    known = OPERATORS[word.type]
    operator = fields.get(f"{id}-op", "")
    operator = operator if operator in known else known[0]
    arguments = tuple(
        fields.get(f"{id}-arg{number}", "") or ("" if argument.optional else first_of(offered, argument.kind))
        for number, argument in enumerate(word.arguments)
    )
    values = tuple(value.strip() for value in fields.getlist(f"{id}-value"))
    if f"{id}-values" in fields:
        values = _listed(fields[f"{id}-values"])
    was = fields.get(f"{id}-was", word.name)
    if was != word.name or (not values and operator not in MANY):
        values = _first_values(word, offered, values if was == word.name else ())
    return Clause(word.name, tuple(filter(None, arguments)), operator, _fitting(word, operator, values))


def first_clause(trigger: str, offered: Offered) -> Clause:
    """A row to begin with."""
    word = WORDS[FIRST.get(trigger, "label")]
    operator = OPERATORS[word.type][0]
    return Clause(word.name, (), operator, _first_values(word, offered, ()))


def first_of(offered: Offered, kind: str | None) -> str:
    return next(iter(offered.of(kind)), "")


def _first_values(word: Word, offered: Offered, given: tuple[str, ...]) -> tuple[str, ...]:
    if word.type == TRUTH:
        return ()
    if word.type == NUMBER:
        return given or ("1",)
    return (first_of(offered, word.kind),)


def _fitting(word: Word, operator: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if word.type == TRUTH:
        return ()
    if operator in MANY:
        return tuple(sorted(set(values)))
    return values[:1]


def _listed(text: str) -> tuple[str, ...]:
    """`a, b, "c, d"` as its texts."""
    rows = list(csv.reader([text], skipinitialspace=True))
    return tuple(item.strip() for item in rows[0] if item.strip()) if rows else ()


# --- what the page shows of it -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A clause as the page shows it, with what may be chosen."""

    id: str
    clause: Clause
    operators: tuple[str, ...]
    arguments: tuple[tuple[str, tuple[str, ...], Words], ...]  # what is given, names, what leaving it out means
    names: tuple[str, ...]
    unit: str
    is_many: bool
    is_number: bool

    @property
    def has_few(self) -> bool:
        """Whether its names can be shown as boxes to tick."""
        return 0 < len(self.names) <= FEW

    @property
    def listed(self) -> str:
        """Several values as one text."""
        return ", ".join(f'"{value}"' if "," in value else value for value in self.clause.values)


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A group of rows as the page shows it."""

    id: str
    join: str
    rows: tuple[Row, ...]


def shown_rows(group: Group, offered: Offered) -> tuple[Row | RowGroup, ...]:
    """The rows in order, with their ids."""
    shown: list[Row | RowGroup] = []
    for number, part in enumerate(group.parts):
        if isinstance(part, Group):
            inner = (clause for clause in part.parts if isinstance(clause, Clause))
            rows = tuple(_shown(f"c{number}.{index}", clause, offered) for index, clause in enumerate(inner))
            shown.append(RowGroup(f"g{number}", part.join, rows))
        else:
            shown.append(_shown(f"c{number}", part, offered))
    return tuple(shown)


def _shown(id: str, clause: Clause, offered: Offered) -> Row:
    word = WORDS[clause.word]
    arguments = []
    for number, argument in enumerate(word.arguments):
        given = clause.arguments[number] if number < len(clause.arguments) else ""
        left_out = LEFT_OUT[argument.kind] if argument.optional else ""
        arguments.append((given, _with(offered.of(argument.kind), (given,)), left_out))
    names = _with(offered.of(word.kind), clause.values) if word.kind else ()
    if word.name in NAMELESS or clause.values == ("",):
        names = ("", *names)
    return Row(
        id=id,
        clause=clause,
        operators=OPERATORS[word.type],
        arguments=tuple(arguments),
        names=names,
        unit=word.unit,
        is_many=clause.operator in MANY,
        is_number=word.type == NUMBER,
    )


def _with(names: list[str], given: tuple[str, ...]) -> tuple[str, ...]:
    """The names, and what the rule says already though it is none of them."""
    return (*names, *(value for value in given if value and value not in names))


def words_of(trigger: str) -> list[Word]:
    """What a row may ask for on that trigger."""
    return [word for word in WORDS.values() if trigger in word.triggers or trigger not in TRIGGERS]


def row_ids(rows: tuple[Row | RowGroup, ...]) -> str:
    """What the field `rows` holds."""
    ids: list[str] = []
    for row in rows:
        ids.append(row.id)
        if isinstance(row, RowGroup):
            ids += [inner.id for inner in row.rows]
    return " ".join(ids)
