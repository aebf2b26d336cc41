"""The form and the text of a rule are the same rule, whatever the text looks like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from judging import book
from rule_texts import descriptions, groups, names, rule_texts

from surveillance.domain.errors import RuleError
from surveillance.rules.book import Rule
from surveillance.rules.clauses import Clause, Group, read_clauses, write_clauses
from surveillance.rules.form import Form, read_form, write_form
from surveillance.rules.source import read_source, with_key

TEXT = """\
# Somebody on the lawn.
- name: night-yard        # the one of last year
  on: sighting
  # only what alerts
  verdict: alert
  when: label == "person" and ("lawn" in zones or dwell_in("store") >= 5) and not schedule("night")
  notify:
    - ops
"""


def parsed(text: str) -> Rule:
    [rule] = book(text).rules
    return replace(rule, origin="")


def test_the_form_of_a_rule() -> None:
    assert read_form(TEXT) == Form(
        name="night-yard",
        on="sighting",
        verdict="alert",
        when='label == "person" and ("lawn" in zones or dwell_in("store") >= 5) and not schedule("night")',
        notify=("ops",),
        rows=Group(
            "all",
            (
                Clause("label", (), "is", ("person",)),
                Group("any", (Clause("zones", (), "has", ("lawn",)), Clause("dwell_in", ("store",), ">=", ("5",)))),
                Clause("schedule", ("night",), "is false"),
            ),
        ),
    )


def test_a_changed_field_changes_its_line_only() -> None:
    form = read_form(TEXT)
    changed = write_form(TEXT, replace(form, name="day", cooldown_s="60", notify=("ops", "boss"), mode="shadow"))
    assert (
        changed
        == """\
# Somebody on the lawn.
- name: day        # the one of last year
  on: sighting
  # only what alerts
  verdict: alert
  when: label == "person" and ("lawn" in zones or dwell_in("store") >= 5) and not schedule("night")
  cooldown_s: 60
  notify: [ops, boss]
  mode: shadow
"""
    )


def test_changed_rows_replace_the_condition_only() -> None:
    form = read_form(TEXT)
    rows = Group("any", (Clause("zones", (), "has", ("store",)), Clause("people", (), ">", ("2",))))
    changed = write_form(TEXT, replace(form, rows=rows))
    assert changed.splitlines()[5] == '  when: ("store" in zones or people > 2)'
    assert [line for number, line in enumerate(changed.splitlines()) if number != 5] == [
        line for number, line in enumerate(TEXT.splitlines()) if number != 5
    ]


@pytest.mark.parametrize(
    "condition",
    [
        'not (label == "person" and ended)',
        "true",
        'crossed > {"gate:in"}',
        "confidence == track_s",
        '(label == "person" and (ended or people > 1)) or ended',
        'lable == "person"',
        "dwell_s >=",
        "",
    ],
)
def test_a_condition_of_another_shape_stays_a_text(condition: str) -> None:
    assert read_clauses(condition, "sighting") is None


@pytest.mark.parametrize(
    "text", ["", "# nothing", "- name: a\n- name: b\n", "just words", "- [a]", "- name: [", "- {name: a, name: b}"]
)
def test_what_is_not_one_rule_has_no_form(text: str) -> None:
    with pytest.raises(RuleError):
        read_form(text)


def test_an_alias_is_left_to_the_text() -> None:
    with pytest.raises(RuleError, match="the form cannot change"):
        with_key("- name: &a x\n  description: *a\n", "description", "other")


@given(rule_texts())
@settings(max_examples=150, deadline=None)
def test_an_untouched_form_gives_the_same_text(text: str) -> None:
    assert write_form(text, read_form(text)) == text


@given(rule_texts(), some.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_form_is_the_changed_rule(text: str, data: Any) -> None:
    before, form = parsed(text), read_form(text)
    key, values = data.draw(
        some.sampled_from(
            [
                ("name", names),
                ("verdict", some.sampled_from(("alert", "log"))),
                ("mode", some.sampled_from(("active", "shadow", "off"))),
                ("description", descriptions),
                ("notify", some.sampled_from(((), ("ops",), ("ops", "boss")))),
                ("cooldown_s", some.sampled_from(("5", "60"))),
            ]
        )
    )
    value = data.draw(values)
    edited = write_form(text, replace(form, **{key: value}))
    wanted = float(value) if key == "cooldown_s" else value
    assert parsed(edited) == replace(before, **{key: wanted})
    assert comments(edited) == comments(text)
    assert list(read_source(edited).places) == order(text, edited, key)


def comments(text: str) -> list[str]:
    """The lines that only comment; one may come to stand behind the dash."""
    return [line.strip("- ") for line in text.splitlines() if line.lstrip("- ").startswith("#")]


def order(text: str, edited: str, key: str) -> list[str]:
    """The keys as they stood; a new one wherever it was put."""
    keys, now = list(read_source(text).places), list(read_source(edited).places)
    if key in keys and key not in now:
        keys.remove(key)
    if key not in keys and key in now:
        keys.insert(now.index(key), key)
    return keys


@given(groups())
@settings(max_examples=200, deadline=None)
def test_rows_written_are_read_again(group: Group) -> None:
    assert read_clauses(write_clauses(group), "sighting") == group


@given(rule_texts(), groups())
@settings(max_examples=150, deadline=None)
def test_new_rows_change_nothing_but_the_condition(text: str, group: Group) -> None:
    edited = write_form(text, replace(read_form(text), rows=group))
    after = read_form(edited)
    assert after.rows == group
    assert replace(after, rows=None, when="") == replace(read_form(text), rows=None, when="")
