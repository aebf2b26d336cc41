"""`surveillance db`: what a person types to keep, bring back and move a database, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from old_databases import build_old
from postgres_server import PASSWORD

from surveillance.cli import main
from surveillance.storage.database import open_database, revisions

HEAD = revisions()[-1]


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.fixture
def typed(capsys):
    def typed(*words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of one command."""
        with pytest.raises(SystemExit) as left:
            main(list(words))
        said = capsys.readouterr()
        return left.value.code or 0, said.out, said.err

    return typed


def test_upgrade_backup_and_restore_tell_where_things_are(typed, data_dir):
    data_dir.mkdir()
    build_old(open_database(f"sqlite:///{data_dir / 'surveillance.db'}"), "0004")
    code, out, err = typed("db", "upgrade")
    [kept] = (data_dir / "backups").iterdir()
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"database brought from 0004 to {HEAD}; as it was, it is in {kept}",
        "names of people are sealed now (1 rows); backups from before still hold them in clear",
        f"sqlite:///{data_dir / 'surveillance.db'} is up to date",
    ]
    code, out, err = typed("db", "backup", "mine.db")
    assert (code, err) == (0, "")
    assert out.startswith(f"backed up to mine.db (revision {HEAD}, ")
    code, out, err = typed("db", "restore", str(kept), "--force")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"restored {kept} (revision 0004)"
    assert out.splitlines()[1].startswith(f"what was there before is in {data_dir}/backups/surveillance-{HEAD}-")
    assert typed("events", "list")[0] == 2  # as any database of an older version
    assert typed("db", "upgrade", "--no-backup")[1].splitlines() == [
        "names of people are sealed now (1 rows); backups from before still hold them in clear",
        f"sqlite:///{data_dir / 'surveillance.db'} is up to date",
    ]


def test_a_site_moves_to_a_server_and_back(typed, data_dir, postgres, monkeypatch):
    data_dir.mkdir()
    home = f"sqlite:///{data_dir / 'surveillance.db'}"
    build_old(open_database(home), HEAD)
    name = postgres.create()
    server = postgres.url_with_password(name)
    code, out, err = typed("db", "copy", home, server, "--force")
    assert (code, err) == (0, "")
    assert PASSWORD not in out
    rows = dict(line.split() for line in out.splitlines()[:-3])
    assert rows["event"] == rows["account"] == "1"
    assert rows["zone"] == "2"
    assert f"at revision {HEAD}; every row reads back the same" in out
    assert f"to postgresql://***@127.0.0.1:{postgres.port}/{name} and start; keys, pictures" in out
    monkeypatch.setenv("SURVEILLANCE__STORAGE__URL", server)
    code, listed, _ = typed("events", "list", "--json")
    assert code == 0
    assert '"id": "event-1"' in listed
    code, back, err = typed("db", "copy", server, "sqlite:///back.db", "--force")
    assert (code, err) == (0, "")
    assert back.splitlines()[:-1] == out.splitlines()[:-1]
    code, out, err = typed("db", "copy", home, server, "--force")
    assert (code, out) == (2, "")
    assert "is not empty: give a new database; this one stays as it is" in err
    assert PASSWORD not in err
    postgres.drop(name)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("db", "backup"), "there is no database"),
        (("db", "restore", "nowhere.db"), "there is no backup nowhere.db"),
        (("db", "copy", "sqlite:///nowhere.db", "sqlite:///new.db"), "there is no database nowhere.db"),
        (("db", "copy", "nowhere.db", "sqlite:///new.db"), "write sqlite:////path/to/site.db"),
        (("db", "copy", "sqlite:///nowhere.db"), "missing argument 'TO'"),
    ],
)
def test_a_mistake_is_one_clear_line_and_makes_no_file(typed, tmp_path, words, line):
    code, out, err = typed(*words)
    assert (code, out) == (2, "")
    assert line in err
    assert not list(tmp_path.rglob("*.db"))


def test_a_backup_goes_to_no_folder_that_is_not_there(typed, tmp_path):
    assert typed("db", "upgrade")[0] == 0
    code, out, err = typed("db", "backup", str(tmp_path / "usb" / "site.db"))
    assert (code, out) == (2, "")
    assert err == f"surveillance: there is no folder {tmp_path / 'usb'}: make it, or mount its disk\n"
    assert not (tmp_path / "usb").exists()
