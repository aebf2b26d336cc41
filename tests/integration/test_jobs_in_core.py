"""Jobs and the arming mode of a running core, asked for from outside as the command line does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import NoCameras, observation
from patience import eventually

from surveillance.app.arming import mode_now, set_mode
from surveillance.app.engine import running_engine
from surveillance.app.jobs import JobLine, RanJob, core_runs, list_jobs, run_job
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.cli import main
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.engines.site import SiteEngine
from surveillance.settings import Settings
from surveillance.storage.queries import EventFilter
from surveillance.storage.settings import StorageSettings
from surveillance.storage.site_file import parse_site

SITE = """
schedules:
  always:
    time_zone: UTC
    weekly: {mon: &all ["00:00-24:00"], tue: *all, wed: *all, thu: *all, fri: *all, sat: *all, sun: *all}
  never: {time_zone: UTC, weekly: {}}
arming: {default: disarmed, modes: {armed: never, away: always}}
rules:
  - name: when-away
    on: sighting
    verdict: log
    when: mode == "away"
"""


class Home:
    """A site on SQLite whose core a test starts and stops."""

    def job(self, name: str) -> JobLine:
        return next(line for line in list_jobs(self.settings) if line.job.name == name)

    def __init__(self, directory: Path) -> None:
        self.settings = Settings(data_dir=directory, storage=StorageSettings(disk_min_free_gb=0))
        upgrade_database(self.settings)
        self.store: Store = open_store(self.settings)
        self.store.site.seed(parse_site(SITE, "site.yaml"))

    @contextmanager
    def core(self) -> Iterator[SiteEngine]:
        with running_engine(self.settings, self.store, lambda core: NoCameras()) as engine:
            assert eventually(lambda: core_runs(self.store))
            yield engine

    def events(self, *families: str) -> list[tuple[str, list[str]]]:
        """Kind and reasons of the events of those families, oldest first."""
        page, _ = self.store.events.page(EventFilter(), None, 200)
        shown = [(event["kind"], event["reasons"]) for event in reversed(page)]
        return [event for event in shown if event[0].startswith(families)]

    def sighted(self, engine: SiteEngine) -> bool:
        """Whether a person seen now is logged, so whether the rule for the mode `away` is true."""
        before = len(self.events("sighting."))
        seen = observation(track=int(time.monotonic() * 1000), at=datetime.now(UTC))
        engine.core.put(seen)
        assert eventually(lambda: any(row["track"] == seen.track for row in self._path(seen.track)))
        return len(self.events("sighting.")) > before

    def _path(self, track: int) -> list[dict[str, object]]:
        rows = self.store.events.observations("yard", track, datetime.now(UTC))
        return [row | {"track": track} for row in rows]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_rules_follow_the_schedule_and_a_persons_order(home: Home) -> None:
    with home.core() as engine:
        assert home.sighted(engine), "the schedule of away is open"
        assert set_mode(home.settings, "disarmed", None, "ada") == "disarmed: set by hand"
        assert mode_now(home.settings) == "disarmed: set by hand by ada"
        assert not home.sighted(engine)
    with home.core() as engine:
        assert not home.sighted(engine), "it holds over a restart"
        assert set_mode(home.settings, "auto", None, "ada") == "away: schedule always is open"
        assert home.sighted(engine)
    assert home.events("configuration.mode", "job.") == [
        ("configuration.mode_changed", ["away: schedule always is open"]),
        ("configuration.mode_set", []),
        ("configuration.mode_changed", ["disarmed: set by hand"]),
        ("configuration.mode_set", []),
        ("configuration.mode_changed", ["away: schedule always is open"]),
    ]


def test_a_mistaken_order_changes_nothing(home: Home) -> None:
    with pytest.raises(NotFound, match="no mode is called 'awya'; did you mean 'away'"):
        set_mode(home.settings, "awya", None, "ada")
    with pytest.raises(SettingsError, match="that moment has passed"):
        set_mode(home.settings, "armed", datetime.now(UTC), "ada")
    with pytest.raises(SettingsError, match="auto has no end"):
        set_mode(home.settings, "auto", datetime.now(UTC) + timedelta(hours=1), "ada")
    assert mode_now(home.settings) == "away: schedule always is open"
    said = set_mode(home.settings, "armed", None, "ada")
    assert said == "armed: set by hand by ada (the service is not running: it applies at its next start)"


def test_a_job_runs_in_core_and_here_where_there_is_none(home: Home) -> None:
    with home.core():
        ran = run_job(home.settings, "retention", "ada", 30)
        assert (ran.ok, ran.result, ran.here) == (True, "nothing was due", False)
        retention, health, arming = (home.job(name) for name in ("retention", "health", "arming"))
        assert retention.last is not None
        assert (retention.last.by, retention.last.ok) == ("ada", True)
        assert retention.next_run_at is not None
        assert health.next_run_at is not None
        assert eventually(lambda: home.job("arming").last is not None)
        assert arming.next_run_at is None
    assert run_job(home.settings, "health", "ada", 30) == RanJob(True, "all is well", True, pytest.approx(0, abs=30))
    assert home.events("job.") == [
        ("job.finished", ["retention: nothing was due"]),
        ("job.finished", ["health: all is well"]),
    ]
    with pytest.raises(NotFound, match="no job is called 'retnetion'; did you mean 'retention'"):
        run_job(home.settings, "retnetion", "ada", 30)


def test_a_failing_job_of_core_is_an_event(home: Home) -> None:
    (home.settings.data_dir / "locks").mkdir()
    (home.settings.data_dir / "locks" / "retention.lock").mkdir()  # it cannot be held
    with home.core():
        ran = run_job(home.settings, "retention", "ada", 30)
        assert not ran.ok
        assert ran.result.startswith("IsADirectoryError")
        assert eventually(lambda: [kind for kind, _ in home.events("job.")] == ["job.failed"])


def test_the_commands(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(home.settings.data_dir))
    monkeypatch.setenv("SURVEILLANCE__STORAGE__DISK_MIN_FREE_GB", "0")

    def typed(*words: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        said = capsys.readouterr()
        return left.value.code or 0, said.out, said.err

    code, out, _ = typed("jobs", "list")
    assert (code, out.splitlines()[1].split()) == (0, ["has", "not", "run", "yet"])
    code, out, err = typed("jobs", "run", "health")
    assert (code, out.partition(" (")[0]) == (0, "health: all is well")
    assert err == "the service is not running, so the job ran here\n"
    code, out, _ = typed("jobs", "list", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["name"], line["result"], line["ok"]) for line in lines] == [
        ("retention", None, None),
        ("health", "all is well", True),
        ("arming", None, None),
        ("heads", None, None),
        ("audit", None, None),
        ("drift", None, None),
        ("proposals", None, None),
        ("retraining", None, None),
    ]
    assert typed("mode")[:2] == (0, "away: schedule always is open\n")
    assert "applies at its next start" in typed("mode", "armed", "--until", "2h")[1]
    assert typed("mode")[1].startswith("armed: set by hand until 20")
    for words, told in (
        (("mode", "armd"), "no mode is called 'armd'; did you mean 'armed'?"),
        (("mode", "armed", "--until", "soon"), "'soon' is neither a span such as 30m or 2h nor a moment"),
        (("mode", "--until", "2h"), "--until goes with a mode"),
        (("jobs", "run", "helth"), "no job is called 'helth'; did you mean 'health'?"),
    ):
        code, _, err = typed(*words)
        assert (code, told in err) == (2, True), err
