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


def test_a_shadow_is_promoted_and_a_rulebook_rolled_back(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(settings)
    shadow = "# seen\n" + RULE.replace("verdict: alert", "verdict: alert\n  mode: shadow")
    store.site.save_rules([("porch", shadow), ("other", RULE.replace("porch", "other"))], "grace")
    SqlLedger(store.engine, store.evidence, lambda made: ())(
        [(observation(), (decision(rule="porch", shadow=True),)), (observation(), (decision(rule="porch"),))]
    )
    assert "porch acts from configuration version 3 on (1 verdict of its shadow on record)" in said(
        capsys, "rules", "promote", "porch"
    )
    assert store.site.rules()[0] == ("porch", "# seen\n" + RULE)
    assert "rule porch is active, no shadow" in said(capsys, "rules", "promote", "porch")
    assert "did you mean 'porch'?" in said(capsys, "rules", "promote", "proch")
    assert "1 rule of version 1 in force again as configuration version 4" in said(capsys, "rules", "rollback", "1")
    assert store.site.rules() == [("porch", RULE)]
    assert "no earlier version 9" in said(capsys, "rules", "rollback", "9")


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
