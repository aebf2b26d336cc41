"""A draft says where in its text it is wrong, whatever the style of the text, and what is odd about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judging import SITE, SQUARE, parse_condition

from surveillance.domain.geometry import Zone
from surveillance.domain.site import Camera, Site, parse_schedule
from surveillance.rules.contradictions import never_true
from surveillance.rules.draft import pointed, read_draft

GOOD = "- name: a\n  on: sighting\n  verdict: alert\n  when: ended\n"


def flawed(text: str) -> list[tuple[int, str, str]]:
    """(line, key, what is underlined) of each flaw."""
    return [(flaw.line, flaw.key, text[flaw.start : flaw.end]) for flaw in read_draft(text, SITE).flaws]


def rule_with(when: str) -> str:
    return GOOD.replace("ended", when)


def test_a_draft_without_a_flaw_has_its_rule() -> None:
    draft = read_draft(GOOD, SITE)
    assert draft.rule is not None
    assert (draft.rule.name, draft.flaws, draft.doubts) == ("a", (), ())


@pytest.mark.parametrize(
    "when",
    [
        'label == "person" and "lwan" in zones',
        '(label == "person"\n    and "lwan" in zones)',
        '\'label == "person" and "lwan" in zones\'',
        '"label == \\"person\\" and \\"lwan\\" in zones"',
        '|\n    label == "person"\n    and "lwan" in zones',
        '>-\n    label == "person"\n\n    and "lwan" in zones',
        "\n    label == 'person' and 'lwan' in zones",
    ],
)
def test_a_flaw_in_a_condition_has_its_place_in_any_style(when: str) -> None:
    text = rule_with(when)
    [(line, key, underlined)] = flawed(text)
    assert key == "when"
    assert "lwan" in underlined
    assert len(underlined) <= len('\\"lwan\\"')
    assert "lwan" in text.splitlines()[line - 1]


def test_every_flaw_of_a_rule_is_told_at_its_place() -> None:
    text = "- name: a b/c\n  on: sigthing\n  verdict: alarm\n  wehn: x\n  when: ended\n  notify: [osp, ops]\n  mode:\n"
    assert flawed(text) == [
        (1, "name", "a b/c"),
        (2, "on", "sigthing"),
        (3, "verdict", "alarm"),
        (4, "wehn", "wehn"),
        (6, "notify", "[osp, ops]"),
        (7, "mode", "mode"),
    ]


def test_carets_stand_under_the_place() -> None:
    text = rule_with('label == "persn"')
    [flaw] = read_draft(text, SITE).flaws
    assert flaw.message == "no label is called 'persn'; did you mean 'person'?"
    assert pointed(text, flaw) == '  when: label == "persn"\n                 ^^^^^^^'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write one rule here; there is none"),
        (GOOD + GOOD.replace("name: a", "name: b"), "write one rule here; there are 2"),
        ("- name: [", "this is no YAML"),
        (GOOD.replace("name: a", "name: taken"), "another rule has this name"),
    ],
)
def test_what_is_not_one_rule_of_its_own_name_is_said(text: str, message: str) -> None:
    draft = read_draft(text, SITE, {"taken"})
    assert draft.rule is None
    assert message in draft.flaws[0].message


def test_doubts_keep_nobody_from_saving() -> None:
    text = rule_with('label == "person" and label == "vehicle"')
    draft = read_draft(text, SITE)
    assert draft.rule is not None
    [doubt] = draft.doubts
    assert doubt.message == "this can never be true: label would have to be two things at once"
    assert text[doubt.start : doubt.end] == 'label == "person" and label == "vehicle"'


def test_each_doubt_is_told() -> None:
    never = parse_schedule("never", {"time_zone": "UTC", "weekly": {}})
    site = replace(SITE, schedules=(*SITE.schedules, never))
    camera_only = "- {name: a, on: access, verdict: authorize, when: true, camera_only: true}"
    assert [doubt.key for doubt in read_draft(camera_only, site).doubts] == ["camera_only"]
    assert [doubt.message for doubt in read_draft(rule_with('schedule("never")'), site).doubts] == [
        "schedule never is never open: it has no windows"
    ]
    presence = GOOD.replace("sighting", "presence").replace("alert", "deny")
    assert read_draft(presence, SITE).doubts == ()
    assert [doubt.key for doubt in read_draft(presence, Site()).doubts] == ["on"]
    counts = "- {name: a, on: access, verdict: deny, when: people > 1}"
    assert [doubt.message for doubt in read_draft(counts, SITE).doubts] == [
        "nobody can count people at a door without a camera (back): unknown there"
    ]


# --- conditions that can never be true -----------------------------------------------------------------------------

NEVER = {
    'label == "person" and label != "person"': "label would have to be two things at once",
    'label in {"person", "animal"} and label == "vehicle"': "label would have to be two things at once",
    '"lawn" in zones and not "lawn" in zones': 'zones would have to hold "lawn" and not hold it',
    'zones == {"store"} and "lawn" in zones': 'zones would have to hold "lawn" and not hold it',
    "dwell_s > 5 and dwell_s <= 3": "no number is > 5 and <= 3, as dwell_s would have to be",
    "5 <= people < 5": "no number is >= 5 and < 5, as people would have to be",
    "not people >= 0": "no number is >= 0 and < 0, as people would have to be",
    "ended and not ended": "ended would have to be true and false",
    "false": "false is never true",
    '(ended or label == "person") and not ended and label == "animal"': "ended would have to be true and false",
    'camera == "front" and "lawn" in zones': 'camera front has no zone "lawn"',
    'camera == "front" and dwell_in("lawn") >= 5': 'camera front has no zone "lawn"',
    'camera == "front" and count("person", "lawn") > 0': 'camera front has no zone "lawn"',
    'camera == "yard" and "gate:in" in crossed': 'camera yard has no line "gate"',
}
MAYBE = (
    'label == "person" and "lawn" in zones and dwell_s >= 5',
    'label != "person" and label != "vehicle"',
    'not (label == "person" and ended)',
    'camera == "front" and dwell_in("lawn") >= 0',
    'camera == "front" and count("person", "lawn") == 0',
    'camera in {"front", "yard"} and "lawn" in zones',
    'camera == "front" and "gate:out" in crossed',
    '(ended and false) or label == "person"',
    "dwell_s >= 5 and dwell_s <= 5",
    'zones != {"lawn"} and "lawn" in zones',
    "dwell_s > track_s",
)


@pytest.mark.parametrize(("when", "reason"), NEVER.items())
def test_what_can_never_be_true_is_found(when: str, reason: str) -> None:
    assert never_true(parse_condition(when, "sighting"), SITE) == reason


@pytest.mark.parametrize("when", MAYBE)
def test_what_may_be_true_is_left_alone(when: str) -> None:
    assert never_true(parse_condition(when, "sighting"), SITE) == ""


def test_too_many_ways_are_not_told() -> None:
    parts = " and ".join('(ended or label == "person")' for _ in range(9))
    assert never_true(parse_condition(f"{parts} and false", "sighting"), SITE) == ""


def test_a_zone_of_the_same_name_elsewhere_does_not_help() -> None:
    site = replace(SITE, cameras=(*SITE.cameras, Camera("roof", "synthetic://x", zones=(Zone("lawn", SQUARE),))))
    condition = parse_condition('camera == "front" and "lawn" in zones', "sighting")
    assert never_true(condition, site) == 'camera front has no zone "lawn"'
