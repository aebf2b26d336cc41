"""One rule edited at a time: versions, conflicts, renames that keep their history, and what can be brought back."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_samples import open_desk

from surveillance.domain.errors import EditConflict, SettingsError
from surveillance.domain.site import Site
from surveillance.storage.keys import KeyStore
from surveillance.storage.queries import EventFilter, Events
from surveillance.storage.rule_texts import one_rule, split_rules
from surveillance.storage.rulebook import SqlSite


def rule(name: str, when: str = "ended", comment: str = "# why\n") -> str:
    return f"{comment}- name: {name}\n  on: sighting\n  verdict: log\n  when: {when}\n  # and below\n"


@pytest.fixture
def site(tmp_path: Path, database: str) -> SqlSite:
    desk = open_desk(tmp_path, url=database)
    made = SqlSite(desk.engine, KeyStore(tmp_path / "keys"))
    made.seed(Site(rules=rule("a") + rule("b")))
    return made


def changes(site: SqlSite) -> list[str]:
    rows = Events(site._engine).page(EventFilter(kind="configuration.changed"))[0]
    return [f"{row['details']['actor']}: {row['details']['change']}" for row in rows]


def test_a_rule_is_added_changed_and_removed_each_as_one_version(site: SqlSite) -> None:
    assert site.save_rule(rule("c"), "ada") == 2
    assert site.save_rule(rule("c", "people > 1"), "bob", replaces="c", seen=2) == 3
    assert site.save_rule(rule("c", "people > 1"), "bob", replaces="c", seen=3) == 3
    assert site.rules() == [("a", rule("a")), ("b", rule("b")), ("c", rule("c", "people > 1"))]
    assert site.remove_rule("c", "ada", seen=3) == 4
    assert [(text.version, text.text, text.author) for text in site.rule_history("c")] == [
        (4, "", "ada"),
        (3, rule("c", "people > 1"), "bob"),
        (2, rule("c"), "ada"),
    ]
    assert changes(site) == [
        "ada: rule removed: c",
        "bob: rule changed: c",
        "ada: rule added: c",
        "site file: site taken over",
    ]
    assert site.rule("c") is None
    assert site.save_rule(rule("c"), "ada") == 5
    assert site.rules_at(3) == [("a", rule("a")), ("b", rule("b")), ("c", rule("c", "people > 1"))]


def test_nobody_overwrites_anybody(site: SqlSite) -> None:
    site.save_rule(rule("a", "people > 1"), "bob", replaces="a", seen=1)
    with pytest.raises(EditConflict, match="bob changed rule a meanwhile"):
        site.save_rule(rule("a", "people > 2"), "ada", replaces="a", seen=1)
    with pytest.raises(EditConflict, match="bob changed rule a meanwhile"):
        site.remove_rule("a", "ada", seen=1)
    site.save_rule(rule("b", "people > 1"), "ada", replaces="b", seen=1)  # another rule is none of its business
    site.remove_rule("a", "ada")
    with pytest.raises(EditConflict, match="rule a was removed meanwhile"):
        site.save_rule(rule("a"), "bob", replaces="a")
    with pytest.raises(EditConflict, match="there is a rule called b already"):
        site.save_rule(rule("b"), "bob")


def test_a_renamed_rule_keeps_its_place_and_its_history(site: SqlSite) -> None:
    site.save_rule(rule("a", "people > 1"), "ada", replaces="a")
    site.save_rule(rule("z", "people > 1"), "ada", replaces="a")
    assert [name for name, _ in site.rules()] == ["z", "b"]
    assert [(text.name, text.version, text.was) for text in site.rule_history("z")] == [
        ("z", 3, "a"),
        ("a", 2, None),
        ("a", 1, None),
    ]
    site.save_rule(rule("a"), "ada", replaces="z")
    assert [(text.name, text.version) for text in site.rule_history("a")][:3] == [("a", 4), ("z", 3), ("a", 2)]
    with pytest.raises(EditConflict, match="there is a rule called b already"):
        site.save_rule(rule("b"), "ada", replaces="a")


def test_the_history_of_the_rulebook_tells_each_edit_with_both_texts(site: SqlSite) -> None:
    site.save_rule(rule("z"), "ada", replaces="a")
    site.save_rules([("z", rule("z")), ("n", rule("n"))], "bob")
    told = [
        (edit.version, edit.author, [(change.after.name, change.before, change.after.text) for change in edit.rules])
        for edit in site.rulebook_history()
    ]
    assert told == [
        (3, "bob", [("n", "", rule("n")), ("b", rule("b"), "")]),
        (2, "ada", [("z", rule("a"), rule("z"))]),
        (1, "site file", [("a", "", rule("a")), ("b", "", rule("b"))]),
    ]
    assert len(site.rulebook_history(limit=1)) == 1


@pytest.mark.parametrize(
    "text",
    ["name: a\nwhen: ended\n", "rules:\n  # c\n  - name: a\n    when: ended\n", "---\n- name: a\n  when: ended\n"],
)
def test_a_rule_is_kept_so_that_it_can_stand_among_others(text: str) -> None:
    name, kept = one_rule(text, "x")
    assert name == "a"
    assert len(split_rules(rule("b") + kept + rule("c"), "x")) == 3


def test_a_rule_keeps_every_comment_and_blank_line() -> None:
    text = "# far above\n\n# above\n- name: a  # behind\n\n  # between\n  when: ended\n  # below\n"
    assert one_rule("\n" + text + "\n\n", "x") == ("a", text)
    assert split_rules(rule("a") + rule("b"), "x") == [("a", rule("a")), ("b", rule("b"))]


@pytest.mark.parametrize("text", ["", "- name: a\n- name: b\n", "- on: x\n", "- name: ["])
def test_what_is_not_one_rule_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        one_rule(text, "x")
