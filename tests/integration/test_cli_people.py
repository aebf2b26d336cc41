"""Users and tokens from the command line, as an administrator without a browser keeps them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from surveillance.cli import main

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    told = capsys.readouterr()
    return int(left.value.code or 0), told.out, told.err


def build_site(capsys: pytest.CaptureFixture[str]) -> None:
    site = "cameras:\n  - {name: yard, url: 'synthetic://yard'}\n  - {name: gate, url: 'synthetic://gate'}\n"
    Path("site.yaml").write_text(site + "doors:\n  - {name: back, camera: yard}\n", encoding="utf-8")
    assert typed(capsys, "site", "apply", "site.yaml", "--yes")[0] == 0


def test_a_guard_of_one_yard_from_hire_to_leave(capsys: pytest.CaptureFixture[str]) -> None:
    build_site(capsys)
    assert typed(capsys, "user", "add", "root", "--role", "administrator", "--password", PASSWORD)[0] == 0
    limits = ("--camera", "yard", "--door", "back")
    code, out, _ = typed(capsys, "user", "add", "bob", "--role", "guard", *limits, "--one-time")
    assert code == 0
    assert " ".join(out.splitlines()[0].split()) == "added bob guard cameras: yard; doors: back one-time password"
    assert out.splitlines()[1].startswith("password, shown this once: ")
    assert typed(capsys, "user", "set", "bob", "--camera", "gate", "--no-doors")[1].endswith(
        "cameras: gate; doors: none  one-time password\n"
    )
    told = [json.loads(line) for line in typed(capsys, "user", "list", "--json")[1].splitlines()]
    assert told[0] == {
        "name": "bob", "role": "guard", "enabled": True, "one_time_password": True, "second_factor": False,
        "cameras": ["gate"], "doors": [], "signed_in_at": None,
    }  # fmt: skip
    assert "cameras" not in typed(capsys, "user", "set", "bob", "--whole-site", "--role", "operator")[1]
    for words in (("disable", "bob"), ("enable", "bob"), ("unlock", "bob"), ("passwd", "bob", "--one-time")):
        assert typed(capsys, "user", *words)[0] == 0
    assert typed(capsys, "user", "passwd", "bob", "--password", "battery staple", "--without-second-factor")[0] == 0
    assert typed(capsys, "user", "remove", "bob", "--yes") == (0, "removed bob\n", "")
    assert [line.split()[0] for line in typed(capsys, "user", "list")[1].splitlines()] == ["root"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("user", "add", "bob", "--role", "boss", "--password", PASSWORD), "no role is called 'boss'"),
        (("user", "add", "bob", "--camera", "yrad", "--password", PASSWORD), "did you mean 'yard'"),
        (("user", "add", "bob", "--door", "x", "--password", PASSWORD), "no door is called 'x'"),
        (("user", "add", "bob", "--camera", "yard", "--no-cameras", "--password", PASSWORD), "exclude each other"),
        (("user", "set", "root"), "nothing to change"),
        (("user", "set", "root", "--role", "viewer"), "root is the last administrator"),
        (("user", "set", "root", "--camera", "yard"), "an administrator reaches every camera"),
        (("user", "remove", "root", "--yes"), "root is the last administrator"),
        (("user", "disable", "root"), "root is the last administrator"),
        (("user", "passwd", "nobody", "--one-time"), "no user is called 'nobody'"),
        (("token", "create", "x", "--scope", "all"), "no scope is called all"),
        (("token", "create", "x", "--door", "front"), "no door is called 'front'"),
        (("token", "revoke", "x"), "no token is called 'x'"),
    ],
)
def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str) -> None:
    build_site(capsys)
    assert typed(capsys, "user", "add", "root", "--role", "administrator", "--password", PASSWORD)[0] == 0
    code, out, err = typed(capsys, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1


def test_a_token_is_shown_once_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    build_site(capsys)
    code, made, _ = typed(capsys, "token", "create", "back-reader", "--door", "back", "--expires", "90d")
    assert (code, made.startswith("svt_")) == (0, True)
    [line] = typed(capsys, "token", "list")[1].splitlines()
    assert made.strip() not in line
    for words in ("back-reader", "access:request", "doors: back", "not used yet", "ends 20"):
        assert words in line
    assert typed(capsys, "token", "revoke", "back-reader")[0] == 0
    assert typed(capsys, "token", "list")[:2] == (0, "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("user list", "no users yet; add one: surveillance user add NAME --role administrator\n"),
        ("token list", "no tokens yet; make one: surveillance token create NAME --scope access:request\n"),
        ("people list", "nobody; add somebody: surveillance people add NAME --group staff --card -\n"),
        ("rules list", "no rules yet; put some in force: surveillance rules apply FILE\n"),
        ("events list", "no events on record yet\n"),
        ("site history", "nothing was configured yet; begin: surveillance site apply FILE\n"),
    ],
)
def test_an_empty_list_says_so_and_how_to_fill_it(capsys: pytest.CaptureFixture[str], words: str, told: str) -> None:
    typed(capsys, "db", "upgrade")
    assert typed(capsys, *words.split()) == (0, "", told)
