"""Rulebooks: YAML in, checked rules out, or everything that is wrong with them at once."""

from dataclasses import replace
from pathlib import Path

import pytest
from judging import SITE, book, rule

from surveillance.domain.errors import NotFound, RuleError
from surveillance.places import shipped
from surveillance.rules.book import RuleDocument, load_rules, parse_rulebook
from surveillance.rules.vocabulary import vocabulary_table
from surveillance.storage.rule_texts import split_rules

GOOD = """\
# the yard
- name: night-yard
  on: sighting
  verdict: alert
  when: |
    label == "person"
    and "lawn" in zones
  cooldown_s: 120
  per: site
  notify: ops
  description: somebody on the lawn

- {name: staff, on: access, verdict: authorize, when: '"badge" in factors', mode: shadow}
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(RuleError) as refused:
        book(text)
    return refused.value.faults


def test_a_rulebook_holds_its_rules_by_name() -> None:
    night, staff = book(GOOD, version=3).rules
    assert (night.name, night.trigger, night.verdict, night.cooldown_s, night.per, night.notify, night.mode) == (
        "night-yard",
        "sighting",
        "alert",
        120.0,
        "site",
        ("ops",),
        "active",
    )
    assert (night.condition.text, night.description, night.origin) == (
        'label == "person" and "lawn" in zones',
        "somebody on the lawn",
        "rules.yaml:2",
    )
    assert (staff.name, staff.is_shadow, staff.camera_only, staff.cooldown_s) == ("staff", True, False, None)


def test_a_list_a_mapping_with_rules_and_one_rule_read_alike() -> None:
    one = "name: a\non: sighting\nverdict: log\nwhen: ended\n"
    several = "- " + one.replace("\n", "\n  ").rstrip()
    assert [len(book(text).rules) for text in (one, several, "rules:\n" + several, "", "rules:", "# none\n")] == [
        1,
        1,
        1,
        0,
        0,
        0,
    ]


def test_every_fault_is_said_at_once_with_its_place() -> None:
    assert faults_of(
        """\
- name: night-yard
  on: sighting
  verdict: authorize
  when: lable == "person"
  cooldown: 120
  notify: [opps, ops]
- name: free
  on: access
  verdict: authorize
  when: people == 1 and "staff" in groups
- name: free
  on: acces
  verdict: alerd
  cooldown_s: soon
  mode: on
- name: dark
  on: camera
  verdict: log
  per: track
  cooldown_s: 5
  when: |
    camera_state == "lost"
    or cam == "x"
- 7
- {on: door, verdict: log, when: true, verdict: alert}
"""
    ) == [
        "rules.yaml:5: rule night-yard: cooldown: unknown key; did you mean 'cooldown_s'?",
        "rules.yaml:24: a rule is written as keys and values, with a `- name:`",
        "rules.yaml:25: the key 'verdict' is there twice",
        "rules.yaml:3: rule night-yard: verdict: 'authorize' is not known on sighting; there are: alert, log",
        "rules.yaml:4: rule night-yard: there is no word 'lable' here; did you mean 'label'?\n"
        '    lable == "person"\n'
        "    ^^^^^",
        "rules.yaml:6: rule night-yard: notify: no notify target is called 'opps'; did you mean 'ops'?",
        "rules.yaml:10: rule free: when: what a camera sees alone could open this door; ask for a carried factor, "
        'such as "badge" in factors, or write camera_only: true if that is meant',
        "rules.yaml:12: rule free: on: 'acces' is not known; did you mean 'access'?",
        "rules.yaml:13: rule free: verdict: 'alerd' is not known; did you mean 'alert'?",
        "rules.yaml:11: rule free: the rule lacks a when",
        "rules.yaml:14: rule free: cooldown_s: 'soon' is no number of seconds from 0 to a year",
        "rules.yaml:15: rule free: mode: 'on' is not known; there are: active, off, shadow",
        "rules.yaml:11: rule free: name: another rule has this name, at rules.yaml:7",
        "rules.yaml:23: rule dark: there is no word 'cam' here; did you mean 'camera'?\n"
        '    camera_state == "lost" or cam == "x"\n'
        "                              ^^^",
        "rules.yaml:25: the rule lacks a name",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: 3", "rules.yaml:1: write the rules as a list"),
        ("a: 1", "rules.yaml:1: write a list of rules, or `rules:` with a list and nothing else"),
        ('- name: x\n  when: "badge" in factors\n', "a condition that starts with a quote or bracket needs brackets"),
        ("- name: [", "rules.yaml:1: this is no YAML"),
        ("- a\n---\n- b", "this is no YAML"),
        ("{" * 600, "this is no YAML"),
        ("- name: \x00", "this is no YAML"),
        ("#" * 300_001, "characters are too many"),
        (rule("x", "access", "deny", "true", cooldown_s=5), "only alert and log rules cool down"),
        (rule("x", "sighting", "log", "ended", per="site"), "add cooldown_s or leave it out"),
        (rule("x", "door", "log", "true", per="track", cooldown_s=1), "there are no tracks on door"),
        (rule("x", "access", "deny", "true", camera_only="true"), "for authorize rules on access only"),
        (rule("x", "access", "authorize", "true", camera_only="maybe"), "write true or false"),
        (rule("x" * 65, "sighting", "log", "ended"), "at most 64"),
        (rule("x", "sighting", "log", "ended", notify="[[ops]]"), "write a name or a list of names"),
        (rule("x", "sighting", "log", "ended", cooldown_s=-1), "no number of seconds"),
    ],
)
def test_what_cannot_be_used_is_said(text: str, message: str) -> None:
    assert message in "\n".join(faults_of(text))


@pytest.mark.parametrize(
    ("when", "is_refused"),
    [
        ('"badge" in factors', False),
        ('{"badge", "face"} <= factors', False),
        ('factors >= {"card", "plate"}', False),
        ('factors == {"pin"}', False),
        ('people == 1 and (door == "front" and "badge" in factors)', False),
        ('"badge" in factors or "card" in factors', False),
        ('not ("badge" not in factors)', False),
        ('not ("badge" not in factors or people > 1)', False),
        ('not (not "badge" in factors)', False),
        ("false", False),
        ("true", True),
        ("people == 1", True),
        ('"face" in factors', True),
        ('{"face", "plate"} <= factors', True),
        ('"plate" in factors', True),
        ('"staff" in groups', True),
        ('person == "Ada"', True),
        ('credential == "valid"', True),
        ('"badge" in factors or people == 1', True),
        ('"badge" not in factors', True),
        ('not ("badge" in factors)', True),
        ('not ("badge" not in factors and people > 1)', True),
        ('factors <= {"badge"}', True),
        ('factors != {"face"}', True),
        ('factors != {"badge"}', True),
        ('"badge" in {"badge"}', True),
        ('{"badge"} <= {"badge"}', True),
    ],
)
def test_a_door_that_a_camera_alone_could_open_is_refused(when: str, is_refused: bool) -> None:
    text = rule("x", "access", "authorize", when)
    if is_refused:
        assert "what a camera sees alone" in faults_of(text)[0]
        assert book(rule("x", "access", "authorize", when, camera_only="true")).rules[0].camera_only
    else:
        assert book(text).rules[0].condition.text == f"({when})"


def test_names_are_checked_only_against_a_site() -> None:
    text = rule("x", "sighting", "alert", '"pool" in zones', notify="nobody")
    assert book(text, site=None).rules[0].notify == ("nobody",)
    assert len(faults_of(text)) == 2


def test_labels_of_another_model_are_handed_in() -> None:
    documents = [RuleDocument(rule("x", "sighting", "log", 'label == "forklift"'), "rules.yaml")]
    assert len(parse_rulebook(documents, SITE, labels=("forklift",)).rules) == 1
    with pytest.raises(RuleError, match="no label is called 'forklift'"):
        parse_rulebook(documents, SITE)


SPLIT = """\
rules:
  # the yard
  - name: yard  # said twice
    on: sighting
    # at night
    verdict: alert
    when: |
      "lawn" in zones
      and people > 1

    # to whom
    notify:
      - ops
      - boss  # and him

  # the door
  # in front
  - {name: staff, on: access, verdict: authorize, when: '"badge" in factors'}
  - name: last
    on: sighting
    verdict: log
    when: >-
      ended
"""


def test_a_document_splits_into_rules_with_their_comments() -> None:
    parts = split_rules(SPLIT, "site.yaml")
    assert parts == [
        (
            "yard",
            "# the yard\n- name: yard  # said twice\n  on: sighting\n  # at night\n  verdict: alert\n"
            '  when: |\n    "lawn" in zones\n    and people > 1\n\n'
            "  # to whom\n  notify:\n    - ops\n    - boss  # and him\n",
        ),
        (
            "staff",
            "# the door\n# in front\n- {name: staff, on: access, verdict: authorize, when: '\"badge\" in factors'}\n",
        ),
        ("last", "- name: last\n  on: sighting\n  verdict: log\n  when: >-\n    ended\n"),
    ]
    whole, joined = book(SPLIT), book("".join(text for _, text in parts))
    assert [replace(rule, origin="") for rule in joined.rules] == [replace(rule, origin="") for rule in whole.rules]


def test_a_folder_of_rules_is_one_book(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(rule("b", "sighting", "log", "ended"))
    (tmp_path / "a.yml").write_text(rule("a", "sighting", "log", "ended"))
    (tmp_path / "notes.txt").write_text("no rules")
    assert [rule.origin for rule in parse_rulebook(load_rules(tmp_path), SITE).rules] == [
        f"{tmp_path / 'a.yml'}:1",
        f"{tmp_path / 'b.yaml'}:1",
    ]
    with pytest.raises(NotFound, match="there is no such rules file"):
        load_rules(tmp_path / "missing.yaml")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match="cannot be read as UTF-8"):
        load_rules(tmp_path)


@pytest.mark.parametrize("name", ["watch", "watch-live", "example"])
def test_the_shipped_rules_have_no_faults(name: str) -> None:
    assert parse_rulebook(load_rules(shipped("config") / "rules" / f"{name}.yaml")).rules


def test_the_documentation_holds_the_vocabulary_as_it_is() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
    assert vocabulary_table() in page.read_text(encoding="utf-8")
