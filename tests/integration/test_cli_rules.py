"""Single rules from the command line: their history, an earlier text again, and a draft tried on the record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ledger_samples import decision, observation

from surveillance.app.store import open_store, upgrade_database
from surveillance.cli import main
from surveillance.domain.site import Site
from surveillance.settings import Settings
from surveillance.storage.ledger import SqlLedger

RULE = '- name: porch\n  on: sighting\n  verdict: alert\n  when: label == "person"\n'


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    made = Settings(data_dir=tmp_path / "data")
    upgrade_database(made)
    open_store(made).site.seed(Site(rules=RULE))
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    assert ended.value.code in (0, None, 2), told
    return told.out + told.err


def test_history_and_an_earlier_text_again(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    site = open_store(settings).site
    site.save_rule(RULE.replace("alert", "log"), "grace", "porch")
    history = said(capsys, "rules", "history", "porch")
    assert history.splitlines()[1:6] == [
        "      - name: porch",
        "        on: sighting",
        "    -   verdict: alert",
        "    +   verdict: log",
        '        when: label == "person"',
    ]
    assert "grace" in history.splitlines()[0]
    assert "as configuration version 3" in said(capsys, "rules", "restore", "porch", "1")
    assert site.rules() == [("porch", RULE)]
    assert "has no text of version 9; there are: 3, 2, 1" in said(capsys, "rules", "restore", "porch", "9")
    assert "did you mean 'porch'?" in said(capsys, "rules", "history", "proch")


def test_a_file_is_tried_on_an_event(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(settings)
    ledger = SqlLedger(store.engine, store.evidence, lambda made: ())
    at = datetime.now(UTC)
    seen = observation(at=at, label="person", dwell_s={}, zones=frozenset())
    made = decision(at=at, subject=seen.id, facts={"label": "person", "ended": False})
    ledger([(seen, (made,))])
    file = tmp_path / "draft.yaml"
    file.write_text(RULE + RULE.replace("porch", "long").replace('"person"', '"person" and track_s >= 60'))
    told = said(capsys, "rules", "test", str(file), "--event", made.id)
    assert "porch would have alerted" in told
    assert "long is false: nothing would have come of it" in told
    assert "track_s = 5" in told
    assert "no event has the id 'nothing'" in said(capsys, "rules", "test", str(file), "--event", "nothing")
