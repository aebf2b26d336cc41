"""The command line: what a person types, and what comes back; a mistake is one line and exit code 2."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest

from surveillance import places
from surveillance.cli import main
from surveillance.storage.site_file import load_site

KEYS = {
    "id", "at", "media_s", "kind", "camera", "verdict", "rule", "label", "confidence", "track", "zones", "door",
    "identity", "reasons", "evidence",
}  # fmt: skip


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    with pytest.raises(SystemExit) as left:
        main(list(words))
    said = capsys.readouterr()
    code = left.value.code
    return code if isinstance(code, int) else 0, said.out, said.err


def rule_file(tmp_path: Path, text: str) -> str:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("watch", "nowhere.mp4"), "there is no such file"),
        (("watch", "rtsp://user:secret@127.0.0.1:1/x"), "refused the connection"),
        (("watch", "carrier-pigeon://x"), "there are: file, "),
        (("classify", "nowhere.jpg"), "there is no such file"),
        (("rules", "check", "nowhere.yaml"), "there is no such rules file"),
        (("run", "--site", "nowhere.yaml"), "no site file nowhere.yaml"),
        (("events", "list"), "surveillance db upgrade"),
        (("evaluate", "embedded", "--data", "nowhere"), "no data folder nowhere"),
        (("evaluate", "nobody", "--data", "."), "no model is called 'nobody'; there are: animals, embedded, "),
        (("train", "--data", "nowhere", "--out", "run"), "no data folder nowhere"),
        (("--config", "nowhere.yaml", "models", "list"), "no settings file nowhere.yaml"),
        (("watch",), "surveillance: watch: missing argument 'SOURCE' (see `surveillance watch --help`)"),
        (("camera", "ad", "yard"), "surveillance: camera: no such command 'ad'. Did you mean 'add'?"),
        (("--nope",), "surveillance: no such option '--nope' (see `surveillance --help`)"),
        (("mode", "armed", "--until", "yesterday"), "surveillance: mode: invalid value for '--until': 'yesterday'"),
    ],
)
def test_a_mistake_is_one_clear_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], line: str) -> None:
    code, out, err = typed(capsys, *words)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert "secret" not in err
    assert "Traceback" not in err


def test_a_group_without_a_command_answers_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capsys, "camera")
    assert (code, out) == (2, "")
    assert "Commands:" in err


def test_a_folder_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    data_dir.write_text("a file is in the way", encoding="utf-8")
    code, out, err = typed(capsys, "db", "upgrade")
    assert (code, out) == (2, "")
    assert err.startswith(f"surveillance: cannot use {data_dir}")
    assert err.count("\n") == 1


def test_an_unreadable_picture_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture", encoding="utf-8")
    code, _, err = typed(capsys, "classify", "text.jpg")
    assert code == 2
    assert "text.jpg" in err


def test_a_bad_rule_is_shown_with_its_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = '- name: a\n  on: sighting\n  verdict: alert\n  when: lable == "person"\n'
    code, _, err = typed(capsys, "rules", "check", rule_file(tmp_path, bad))
    assert code == 2
    assert "rules.yaml:4" in err
    assert "did you mean 'label'" in err
    assert "^^^^^" in err


def test_watch_says_why_it_told_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cv2.imwrite("still.png", np.full((48, 64, 3), 90, np.uint8))
    still = "surveillance: no events in still.png: nothing in it moved for long enough to be followed\n"
    assert typed(capsys, "watch", "still.png", "--json") == (0, "", still)
    none = "surveillance: no events in still.png: no rule fired\n"
    assert typed(capsys, "watch", "still.png", "--rules", rule_file(tmp_path, "[]\n")) == (0, "", none)


def test_the_event_list_says_what_a_person_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(capsys, "user", "add", "bob", "--password", "correct horse")[0] == 0
    [line] = typed(capsys, "events", "list")[1].splitlines()
    assert line.split()[1] == "user.added"
    assert line.endswith("role = viewer; user = bob; actor = command line")


def test_rules_are_counted_in_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rule = "- {name: a, on: sighting, verdict: log, when: ended}\n"
    assert ": 1 rule, no faults" in typed(capsys, "rules", "check", rule_file(tmp_path, rule))[1]
    assert ": 0 rules, no faults" in typed(capsys, "rules", "check", rule_file(tmp_path, "[]\n"))[1]


def test_a_database_newer_than_the_code_is_refused(capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    assert typed(capsys, "db", "upgrade")[0] == 0
    with sqlite3.connect(data_dir / "surveillance.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    for words in (("events", "list"), ("db", "upgrade")):
        code, _, err = typed(capsys, *words)
        assert code == 2
        assert "newer" in err


def test_every_command_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    from surveillance.cli import Example, cli

    def leaves(group: object, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        commands = getattr(group, "commands", None)
        if commands is None:
            assert isinstance(group, Example), path
            return [path]
        return [leaf for name, command in commands.items() for leaf in leaves(command, (*path, name))]

    for path in leaves(cli, ()):
        code, out, _ = typed(capsys, *path, "--help")
        assert code == 0
        assert f"surveillance {' '.join(path)}" in out.partition("Examples:")[2], path


def test_watch_records_what_list_and_explain_show(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rules = rule_file(
        tmp_path, "- name: lingers\n  on: sighting\n  verdict: alert\n  when: label == \"person\" and track_s >= 2\n"
    )  # fmt: skip
    code, out, _ = typed(
        capsys, "watch", "synthetic://front-door?once=1", "--rules", rules, "--record", "--json",
        "--start-at", "2026-11-21T12:00:00Z",
    )  # fmt: skip
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert events
    assert all(set(event) >= KEYS for event in events)
    assert {(event["kind"], event["rule"], event["label"]) for event in events} == {
        ("sighting.alerted", "lingers", "person")
    }
    _, listed, _ = typed(capsys, "events", "list", "--kind", "sighting.alerted", "--json")
    assert [json.loads(line)["id"] for line in listed.splitlines()] == [event["id"] for event in reversed(events)]
    _, told, _ = typed(capsys, "events", "explain", events[0]["id"])
    assert "yes alert lingers" in told
    assert 'label = "person"' in told
    assert typed(capsys, "events", "list", "--camera", "nobody")[2].startswith("surveillance: no camera is called")


def test_without_rules_every_confirmed_track_is_logged_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = typed(capsys, "watch", "synthetic://yard?once=1", "--json")
    tracks = [json.loads(line)["track"] for line in out.splitlines()]
    assert code == 0
    assert tracks
    assert len(set(tracks)) == len(tracks)


def test_a_quiet_source_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(capsys, "watch", "synthetic://yard?once=1&empty=1", "--json")[:2] == (0, "")


def test_classify_and_models(capsys: pytest.CaptureFixture[str]) -> None:
    import matplotlib

    portrait = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    code, out, _ = typed(capsys, "classify", str(portrait), "--json")
    seen = json.loads(out)
    assert code == 0
    assert (seen["label"], seen["sure"], seen["model"], seen["image"]) == ("person", True, "embedded", str(portrait))
    assert sum(seen["scores"].values()) == pytest.approx(1, abs=0.01)
    _, cards, _ = typed(capsys, "models", "list", "--json")
    shipped = [json.loads(line) for line in cards.splitlines()]
    assert [sorted(card["labels"]) for card in shipped if card["from"] == "shipped"] == [
        ["animal", "background", "person", "vehicle"]
    ]


def test_the_shipped_examples_are_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    config = places.shipped("config")
    for rules in sorted((config / "rules").glob("*.yaml")):
        assert typed(capsys, "rules", "check", str(rules))[0] == 0, rules
    for site in (config / "site.example.yaml", config / "demo" / "site.yaml"):
        assert load_site(site).cameras
