"""What is offered while a rule is written: `|` stands for the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from judging import SITE
from rule_texts import rule_texts

from surveillance.rules.complete import Completions, complete, offered_names
from surveillance.rules.draft import read_draft

OFFERED = offered_names(SITE)
START = "- name: a\n  on: sighting\n  verdict: alert\n  when: "


def at(marked: str) -> Completions:
    cursor = marked.index("|")
    return complete(marked[:cursor] + marked[cursor + 1 :], cursor, OFFERED)


def shown(marked: str) -> list[str]:
    return [candidate.shown for candidate in at(marked).candidates]


def chosen(marked: str, wanted: str) -> str:
    """The text once that candidate was taken."""
    found, text = at(marked), marked.replace("|", "", 1)
    [candidate] = [candidate for candidate in found.candidates if candidate.shown == wanted]
    return text[: found.start] + candidate.text + text[found.end :]


FACTORS_OFFERED = ['"badge"', '"card"', '"face"', '"phone"', '"pin"', '"plate"', '"qr"']


@pytest.mark.parametrize(
    ("marked", "wanted"),
    [
        ("- name: a\n  on: |", ["sighting", "presence", "access", "door", "camera"]),
        ("- name: a\n  on: si|", ["sighting"]),
        ("- name: a\n  on: access\n  verdict: |", ["authorize", "deny"]),
        ("- name: a\n  verdict: |", ["authorize", "deny", "alert", "log"]),
        ("- name: a\n  mode: |", ["active", "shadow", "off"]),
        ("- name: a\n  per: t|", ["track", "site"]),
        ("- name: a\n  camera_only: |", ["true", "false"]),
        ("- name: a\n  notify: |", ["boss", "ops"]),
        ("- name: a\n  notify: [ops, |", ["boss"]),
        ("- name: a\n  notify: [o|", ["ops", "boss"]),
        ("- name: a\n  notify:\n    - |", ["boss", "ops"]),
        ("- name: a\n  description: |", []),
        ("- name: a\n  co|", ["cooldown_s"]),
        ("- name: a\n  # co|", []),
        (START + 'label == "|', ['"animal"', '"person"', '"vehicle"']),
        (START + "label == |", ['"animal"', '"person"', '"vehicle"']),
        (START + 'label in {"person", "a|', ['"animal"']),
        (START + "label in |", ['{"animal"}', '{"person"}', '{"vehicle"}']),
        (START + 'dwell_in("|', ['"lawn"', '"store"']),
        (START + 'dwell_in("l|")', ['"lawn"']),
        (START + 'count("per|', ['"person"']),
        (START + 'count("person", "|', ['"lawn"', '"store"']),
        (START + 'not schedule("n|', ['"night"']),
        (START + "dwell_s |", [">=", "<=", ">", "<", "==", "!="]),
        (START + 'dwell_in("lawn") |', [">=", "<=", ">", "<", "==", "!="]),
        (START + "label n|", ["not in", "in"]),
        (START + "zones |", [">=", "<=", "=="]),
        (START + "zones >= {|", ['"lawn"', '"store"']),
        (START + '("lawn" |', ["in", "not in"]),
        (START + '("lawn" in |', ["zones", "text"]),
        (START + '("gate:in" in |', ["crossed", "text"]),
        (START + "ended |", ["and", "or"]),
        (START + 'label == "person" |', ["and", "or"]),
        (START + 'dwell_in("lawn") >= 5 |', ["and", "or"]),
        (START + '"lawn" in zones a|', ["and"]),
        (START + "dwell_s >= |", []),
        (START + "ended # dwell|", []),
        (START + "|\n    ended and dw|".replace("|", "|-", 1), ["dwell_s", "dwell_in(zone)"]),
        ("- name: a\n  on: access\n  when: door == |", ['"back"', '"front"', '"soft"']),
        ("- name: a\n  on: access\n  when: factors >= {|", FACTORS_OFFERED),
        ("- name: a\n  on: access\n  when: person == |", ['"Ada"', '"Grace"']),
        ("- name: a\n  on: access\n  when: gr|", ["groups", '"guards" in groups', '"staff" in groups']),
        ("- name: a\n  on: camera\n  when: camera_state == |", None),
    ],
)
def test_the_right_things_are_offered_at_the_right_place(marked: str, wanted: list[str] | None) -> None:
    if "|-" in marked:
        text = marked.removesuffix("|")
        found = [candidate.shown for candidate in complete(text, len(text), OFFERED).candidates]
    else:
        found = shown(marked)
    if wanted is None:
        wanted = ['"blinded"', '"frozen"', '"live"', '"lost"', '"moved"', '"none"', '"stale"']
    assert found == wanted


def test_a_clause_begins_with_the_words_of_its_trigger() -> None:
    found = at(START + "|").candidates
    words = {candidate.shown for candidate in found if candidate.kind == "word"}
    assert "dwell_in(zone)" in words
    assert "factors" not in words
    [dwell] = [candidate for candidate in found if candidate.shown == "dwell_in(zone)"]
    assert (dwell.text, dwell.type, dwell.doc) == ('dwell_in("', "number (s)", "the time so far in that zone")


@pytest.mark.parametrize(
    ("marked", "taken", "becomes"),
    [
        ("- name: a\n  on|: sighting\n", "on", "- name: a\n  on: sighting\n"),
        ("- name: a\n  ver|", "verdict", "- name: a\n  verdict: "),
        ("- name: a\n  mode: sh|adow\n", "shadow", "- name: a\n  mode: shadow\n"),
        (START + 'dwell_in("st|', '"store"', START + 'dwell_in("store")'),
        (START + 'dwell_in("st|ore") >= 5', '"lawn"', None),
        (START + 'dwell_in("|store") >= 5', '"lawn"', START + 'dwell_in("lawn") >= 5'),
        (START + 'label == "per|"', '"person"', START + 'label == "person"'),
        (START + "dwell|", "dwell_in(zone)", START + 'dwell_in("'),
        (START + "label|", "label", START + "label"),
        (START + "dwell_s|", "dwell_s", START + "dwell_s"),
        (START + '"sto|', '"store" in zones', START + '("store" in zones)'),
        (START + 'ended and "sto|', '"store" in zones', START + 'ended and "store" in zones'),
        (START + 'label == "person"|', "and", START + 'label == "person" and '),
    ],
)
def test_taking_one_completes_the_text(marked: str, taken: str, becomes: str | None) -> None:
    if becomes is None:
        assert taken not in shown(marked)
    else:
        assert chosen(marked, taken) == becomes


def test_a_rule_can_be_written_by_taking_what_is_offered() -> None:
    text = ""
    for typed, taken in (
        ("- na", "name"), ("x\n  o", "on"), ("si", "sighting"), ("\n  ver", "verdict"), ("al", "alert"),
        ("\n  wh", "when"), ("lab", "label"), (" =", "=="), ('"pe', '"person"'), ("", "and"),
        ("dwell_i", "dwell_in(zone)"),
        ("la", '"lawn"'), (" >", ">="), ("5", ""), ("\n  not", "notify"), ("o", "ops"),
    ):  # fmt: skip
        text += typed
        if taken:
            text = chosen(text + "|", taken)
    assert text.splitlines()[3:] == ['  when: label == "person" and dwell_in("lawn") >= 5', "  notify: ops"]
    assert read_draft(text, SITE).flaws == ()


@given(rule_texts(), some.integers(0, 400))
@settings(max_examples=150, deadline=None)
def test_any_cursor_in_any_text_is_answered(text: str, cursor: int) -> None:
    found = complete(text, cursor, OFFERED)
    assert 0 <= found.start <= found.end <= len(text)


@given(some.text("()[]{}<>=!\"' ,:#\\-\nandwhenotfyzs", max_size=80), some.integers(0, 80))
@settings(max_examples=200, deadline=None)
def test_nonsense_is_answered_too(text: str, cursor: int) -> None:
    complete(f"- on: sighting\n  when: {text}", cursor + 23, OFFERED)
