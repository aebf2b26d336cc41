"""Rules as people write them: in every style of YAML, with comments, for tests of what edits them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as some

from surveillance.rules.clauses import OPERATORS, Clause, Group
from surveillance.rules.source import scalar_text
from surveillance.rules.vocabulary import NUMBER, SET, TEXT, WORDS

NOTES = ("# a note", "# when: not this", "#", "# it's {here}: [x]")
CONDITIONS = (
    'label == "person" and "lawn" in zones and dwell_s >= 5',
    '("lawn" in zones or "store" in zones) and not schedule("night")',
    'label == "person" or (confidence > 0.5 and people == 1)',
    "ended",
    "not (ended and people > 1)",
    '{"lawn"} <= zones and label in {"person", "animal"}',
)
printable = some.text(some.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
names = some.from_regex(r"[A-Za-z][A-Za-z0-9 .:_-]{0,12}[A-Za-z0-9]", fullmatch=True)
descriptions = some.one_of(printable, some.sampled_from(("it's: a #note", '"quoted"', "[x]", "yes", "über", "- a", "")))


@some.composite
def rule_texts(draw: Any) -> str:
    """One rule on sighting that is free of faults on tests/judging.SITE."""
    values: dict[str, Any] = {
        "name": draw(names),
        "on": "sighting",
        "verdict": draw(some.sampled_from(("alert", "log"))),
        "when": draw(some.sampled_from(CONDITIONS)),
    }
    for key, choices in (
        ("cooldown_s", some.sampled_from(("120", "0.5"))),
        ("notify", some.lists(some.sampled_from(("ops", "boss")), min_size=1, max_size=2, unique=True)),
        ("mode", some.sampled_from(("active", "shadow", "off"))),
        ("description", descriptions),
    ):
        if draw(some.booleans()):
            values[key] = draw(choices)
    if "cooldown_s" in values and draw(some.booleans()):
        values["per"] = draw(some.sampled_from(("camera", "track", "site")))
    items = draw(some.permutations(list(values.items())))
    return draw(_flow(items)) if draw(some.integers(0, 4)) == 0 else draw(_block(items))


@some.composite
def _flow(draw: Any, items: list[tuple[str, Any]]) -> str:
    pairs = [f"{key}: {_flow_value(value)}" for key, value in items]
    inside = draw(some.sampled_from((", ", ",  ", ",\n    "))).join(pairs)
    return draw(some.sampled_from(("- {%s}\n", "# above\n- { %s }  # behind\n", "{%s}"))) % inside


def _flow_value(value: Any) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, list) else scalar_text(value, True)


@some.composite
def _block(draw: Any, items: list[tuple[str, Any]]) -> str:
    lines = [draw(some.sampled_from(NOTES)) for _ in range(draw(some.integers(0, 2)))]
    prefix, indent = draw(some.sampled_from((("- ", "  "), ("-   ", "    "), ("", ""), ("rules:\n  - ", "    "))))
    for number, (key, value) in enumerate(items):
        if number and draw(some.integers(0, 3)) == 0:
            lines.append(draw(some.sampled_from((indent + draw(some.sampled_from(NOTES)), ""))))
        shown = draw(_block_value(key, value, indent))
        lines.append(f"{indent if number else prefix}{key}:{shown}")
    if draw(some.booleans()):
        lines.append(indent + draw(some.sampled_from(NOTES)))
    return "\n".join(lines) + draw(some.sampled_from(("\n", "", "\n\n")))


@some.composite
def _block_value(draw: Any, key: str, value: Any, indent: str) -> str:
    behind = draw(some.sampled_from(("", "", "  # behind: it")))
    if isinstance(value, list):
        if draw(some.booleans()):
            return f"{behind}\n" + "\n".join(f"{indent}  - {item}" for item in value)
        return f" {value[0] if len(value) == 1 else '[' + ', '.join(value) + ']'}{behind}"
    style = draw(some.integers(0, 4))
    if key == "when" and style == 0:
        broken = value.replace(" and ", f"\n{indent}    and ")
        return f" {draw(some.sampled_from(('|', '>', '|-')))}\n{indent}    {broken}"
    if key == "when" and style == 1 and scalar_text(value) == value:
        return " " + value.replace(" and ", f"\n{indent}    and ") + behind
    if style == 2 and value:
        return "  '" + value.replace("'", "''") + "'" + behind
    if not value:
        return draw(some.sampled_from(("", " ''", " # nothing")))
    return f" {scalar_text(value)}{behind}"


# --- rows of a condition -------------------------------------------------------------------------------------------

texts = some.text(some.characters(exclude_categories=("C", "Z"), exclude_characters="\\'\""), max_size=8)
numbers = some.one_of(some.integers(-5, 500), some.floats(0, 100, allow_nan=False)).map(lambda number: f"{number:g}")


@some.composite
def clauses(draw: Any, trigger: str = "sighting") -> Clause:
    word = draw(some.sampled_from([word for word in WORDS.values() if trigger in word.triggers]))
    taken = [argument for argument in word.arguments if not argument.optional or draw(some.booleans())]
    operator = draw(some.sampled_from(OPERATORS[word.type]))
    many = some.lists(texts, max_size=3, unique=True).map(lambda found: tuple(sorted(found)))
    if word.type == NUMBER:
        most = numbers if word.most is None else some.just("0.5")
        values = (draw(most),)
    elif word.type in (TEXT, SET):
        values = draw(many) if operator in MANY_VALUED else (draw(texts),)
    else:
        values = ()
    return Clause(word.name, tuple(draw(texts) for _ in taken), operator, values)


MANY_VALUED = ("is one of", "is none of", "has all of", "has only", "is exactly")


@some.composite
def groups(draw: Any) -> Group:
    """As `read_clauses` gives them: inner groups have two parts or more, and one row alone is `all`."""
    inner = some.builds(
        Group, some.sampled_from(("all", "any")), some.lists(clauses(), min_size=2, max_size=3).map(tuple)
    )
    parts = tuple(draw(some.lists(some.one_of(clauses(), clauses(), inner), min_size=1, max_size=4)))
    if len(parts) == 1:
        return parts[0] if isinstance(parts[0], Group) else Group("all", parts)
    return Group(draw(some.sampled_from(("all", "any"))), parts)
