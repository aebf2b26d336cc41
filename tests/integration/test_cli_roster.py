"""People from the command line: enrolled, listed, and taken in and out as lists, with one line for a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from surveillance.app.site_edit import open_site
from surveillance.cli import main
from surveillance.domain.site import Person
from surveillance.settings import Settings


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["people", *words])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def people(data_dir: Path) -> tuple[Person, ...]:
    return open_site(Settings(data_dir=data_dir)).site.read().people


def test_a_person_is_added_listed_switched_off_and_removed(capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    code, out, _ = typed(capsys, "add", "Grace", "--group", "staff", "--card", "0012345", "--until", "2030-06-30")
    assert (code, "person Grace" in out, "0012345" in out) == (0, True, False)
    assert typed(capsys, "add", "Ada", "--card", "0012345")[2] == (
        "surveillance: value: this card belongs to Grace already; one credential, one person\n"
    )
    [grace] = people(data_dir)
    mark = grace.credentials[0].value.rpartition(":")[2][:8]
    _, out, _ = typed(capsys, "list", "sta", "--json")
    assert json.loads(out) == {
        "name": "Grace",
        "groups": ["staff"],
        "escort": None,
        "credentials": [
            {
                "kind": "card",
                "mark": mark,
                "enabled": True,
                "valid_from": None,
                "valid_until": "2030-07-01T00:00:00.000Z",
            }
        ],
    }
    assert typed(capsys, "disable", "Grace")[0] == 0
    assert f"card {mark} (off)" in typed(capsys, "list")[1]
    assert typed(capsys, "enable", "Grace")[0] == 0
    assert typed(capsys, "escort", "Grace", "--by", "hosts")[0] == 0
    assert typed(capsys, "list")[1].endswith("  with somebody of hosts\n")
    assert "person Grace" in typed(capsys, "escort", "Grace", "--none")[1]
    assert typed(capsys, "remove", "Grcae")[2].startswith(
        "surveillance: no person is called 'Grcae'; did you mean 'Grace'?"
    )
    typed(capsys, "remove", "Grace")
    assert people(data_dir) == ()


def test_a_list_is_shown_first_and_then_goes_in_as_one_version(
    capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "staff.csv"
    file.write_text("name,groups,kind,value\nGrace,staff,card,12\nAda,guards,pin,471147114711\n")
    code, out, _ = typed(capsys, "import", "staff.csv", "--dry-run")
    assert (code, "2 differences" in out, people(data_dir)) == (1, True, ())
    code, out, _ = typed(capsys, "import", "staff.csv", "--yes")
    assert (code, out.splitlines()[-1]) == (0, "applied as configuration version 1")
    assert typed(capsys, "export", "out.csv")[0] == 0
    assert "471147114711" not in (tmp_path / "out.csv").read_text()
    code, out, _ = typed(capsys, "import", "out.csv", "--replace", "--dry-run")
    assert (code, "no difference" in out) == (0, True)


def test_every_bad_line_of_a_list_is_named_and_nothing_changes(
    capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "staff.csv").write_text("name,kind,value\n,card,12\nAda,pin,1\n")
    code, _, err = typed(capsys, "import", "staff.csv", "--yes")
    assert (code, err) == (
        2,
        "staff.csv: line 2, name: is empty; every line names its person\n"
        "staff.csv: line 3, value: a PIN has 4 to 12 digits\n"
        "surveillance: 2 faults, so nothing was changed\n",
    )
    assert people(data_dir) == ()
    assert typed(capsys, "import", "nowhere.csv")[2].startswith("surveillance: the list nowhere.csv cannot be read")
    assert typed(capsys, "add", "Ada", "--until", "soon")[2].startswith("surveillance: 'soon' is no date")
