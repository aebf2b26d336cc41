"""`surveillance doctor` finds what an installer gets wrong, says what to do, and changes nothing."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_samples import decision, observation
from ports import free_port

from surveillance.app import doctor, machine
from surveillance.app.machine import Finding
from surveillance.app.store import open_store, upgrade_database
from surveillance.cli import main
from surveillance.dashboard.settings import DashboardSettings
from surveillance.domain.site import Camera, Door, Site
from surveillance.engines.settings import EngineSettings
from surveillance.settings import Settings
from surveillance.storage.ledger import SqlLedger

RULES = "- name: person\n  on: sighting\n  verdict: log\n  when: label == 'person'\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", dashboard=DashboardSettings(port=free_port()))


@pytest.fixture
def listener() -> Iterator[int]:
    """Something that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def configured(settings: Settings, site: Site) -> Settings:
    upgrade_database(settings)
    open_store(settings).site.seed(site)
    return settings


def levels(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(finding.level, finding.what) for finding in findings]


def of_site(settings: Settings) -> list[Finding]:
    """The findings about data and site, without those about the machine."""
    database = doctor.Database(settings)
    found = [*doctor.look_at_directory(settings), *database.findings]
    found += doctor.look_at_keys(settings.data_dir / "keys", database.is_configured)
    if database.site is not None:
        found += doctor.look_at_rules(settings, database.site)
        found += doctor.look_at_doors(settings, database.site, database.has_reader_token)
        found += doctor.look_at_cameras(settings, database.site, try_them=True)
    return [finding for finding in found if "GB of disk" not in finding.what]


# --- data ----------------------------------------------------------------------------------------------------------


def test_before_anything_is_made_nothing_is(settings: Settings) -> None:
    assert of_site(settings) == [
        Finding(
            "warn",
            f"the data directory {settings.data_dir} is not there yet",
            "it is made by surveillance db upgrade; another one is chosen with SURVEILLANCE__DATA_DIR",
        ),
        Finding("warn", "there is no database yet", "surveillance db upgrade"),
    ]
    assert not settings.data_dir.exists()


def test_a_site_in_order(settings: Settings, listener: int) -> None:
    door = Door("front", camera="hall", relay=f"http://127.0.0.1:{listener}/doors/front")
    site = Site(cameras=(Camera("hall", "synthetic://front-door"),), doors=(door,), rules=RULES)
    configured(settings, site)
    open_store(settings).accounts.create_token("reader", ["access:request"])
    assert [(finding.level, finding.what.partition(":")[0]) for finding in of_site(settings)] == [
        ("ok", f"the data directory {settings.data_dir} is writable and private"),
        ("ok", "the database is at this version (cameras"),
        ("ok", "2 keys are whole and private; keep a copy apart from the database"),
        ("ok", "1 rules are in force"),
        ("ok", "door front"),
        ("ok", "camera hall"),
    ]


def test_what_is_wrong_with_a_site_is_said(settings: Settings, tmp_path: Path) -> None:
    doors = (
        Door("dead", camera="gone", relay=f"http://127.0.0.1:{free_port()}/x"),
        Door("odd", camera="gone", relay="ftp://a/b"),
        Door("bare"),
    )
    camera = Camera("gone", f"file:{tmp_path / 'no.mp4'}")
    configured(settings, Site(cameras=(camera,), doors=doors, rules="- name: x\n  when: colour == 1\n"))
    settings.data_dir.chmod(0o755)
    key = settings.data_dir / "keys" / "sealing.key"
    key.chmod(0o644)
    found = of_site(settings)
    assert [finding.level for finding in found] == [
        *("warn", "ok", "fail", "fail"),
        *("fail", "fail", "warn", "warn", "warn"),
        *("fail",),
    ]
    assert all(finding.todo for finding in found if finding.level != "ok")
    assert (found[2].what, found[2].todo) == (f"{key} is open to others", f"chmod 600 {key}")
    assert found[3].what.startswith("the rules cannot be used: ")
    assert "does not accept" in found[4].what
    assert "must be http(s)://" in found[5].what
    assert found[6].what == "door bare has no relay: it never opens"
    assert found[8].what == "no reader has a token, so nobody can ask at a door"
    assert found[9].what.startswith("camera gone: ")


def test_lost_keys_are_told_and_no_new_ones_made(settings: Settings) -> None:
    configured(settings, Site(cameras=(Camera("hall", "rtsp://ada:secret@192.0.2.1/1"),)))
    sealing = settings.data_dir / "keys" / "sealing.key"
    sealing.unlink()
    found = of_site(settings)
    assert [finding.what for finding in found if finding.level == "fail"] == [
        f"the key {sealing} is gone, though a site is configured"
    ]
    assert not sealing.exists()
    for key in sealing.parent.iterdir():
        key.unlink()
    assert "there are no keys in" in of_site(settings)[2].what
    assert list(sealing.parent.iterdir()) == []
    sealing.write_bytes(b"short")
    assert any("damaged" in finding.what for finding in of_site(settings))


def test_an_old_and_a_newer_database(settings: Settings) -> None:
    upgrade_database(settings)
    for revision, words in (("9999", "newer"), ("0001", "db upgrade")):
        with sqlite3.connect(settings.data_dir / "surveillance.db") as database:
            database.execute("UPDATE alembic_version SET version_num = ?", [revision])
        [finding] = doctor.Database(settings).findings
        assert finding.level == "fail"
        assert words in finding.what


def test_altered_weights_are_found(settings: Settings) -> None:
    assert levels(doctor.look_at_models(settings, None)) == [
        ("ok", "model embedded 2: its weights are what was published")
    ]
    folder = settings.data_dir / "models"
    folder.mkdir(parents=True)
    (folder / "embedded.safetensors").write_bytes(b"other")
    altered = list(
        doctor.look_at_models(settings, Site(cameras=(Camera("hall", "synthetic://yard", model="embeded"),)))
    )
    assert [finding.level for finding in altered] == ["fail", "fail"]
    assert "did you mean" in altered[1].what or "embeded" in altered[1].what


# --- the service and the machine -----------------------------------------------------------------------------------


def test_a_port_is_free_or_taken(settings: Settings, listener: int) -> None:
    port = settings.dashboard.port
    assert levels(doctor.look_at_port(settings, False)) == [("ok", f"port {port} is free; the service is not running")]
    taken = settings.model_copy(update={"dashboard": DashboardSettings(port=listener)})
    [finding] = doctor.look_at_port(taken, False)
    assert finding.level == "fail"
    assert finding.what.startswith(f"port {listener} is taken by something else")


def test_a_plain_bind_to_the_world_is_told(settings: Settings) -> None:
    open_to_all = DashboardSettings(host="0.0.0.0", port=free_port(), allow_plain_http=True)
    found = levels(doctor.look_at_port(settings.model_copy(update={"dashboard": open_to_all}), False))
    assert found[1] == ("warn", "the dashboard listens on 0.0.0.0 in plain HTTP")


def test_too_little_shared_memory(tmp_path: Path) -> None:
    greedy = Settings(engine=EngineSettings(workers=100, slots=1000, slot_mb=1000.0))
    [finding] = machine.look_at_shared_memory(greedy, tmp_path)
    assert finding.level == "fail"
    [finding] = machine.look_at_shared_memory(Settings(engine=EngineSettings(workers=1)), tmp_path)
    assert finding.level == "ok"
    [finding] = machine.look_at_shared_memory(greedy, tmp_path / "none")
    assert finding.level == "warn"


def test_too_few_files_for_many_cameras() -> None:
    assert [finding.level for finding in machine.look_at_file_limit(4, 2)] == ["ok"]
    [finding] = machine.look_at_file_limit(100_000_000, 1)
    assert (finding.level, "LimitNOFILE=" in finding.todo) == ("fail", True)


def test_a_clock_that_is_behind(settings: Settings) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert list(machine.look_at_clock(now, now)) == []
    [finding] = machine.look_at_clock(now + timedelta(hours=1), now)
    assert "the clock was set back" in finding.what
    [finding] = machine.look_at_clock(None, datetime(1970, 1, 1, tzinfo=UTC))
    assert finding.level == "fail"
    upgrade_database(settings)
    store = open_store(settings)
    SqlLedger(store.engine, store.evidence, lambda made: ())([(observation(), (decision(at=now),))])
    assert doctor.Database(settings).newest_event_at == now


def ran(out: str = "", fault: str = "") -> machine.Ran:
    return machine.Ran([], 1 if fault else 0, out, f"Traceback (most recent call last):\n{fault}\n" if fault else "")


def test_packages_that_do_not_fit_each_other() -> None:
    assert list(machine.look_at_opencv(["opencv-python"])) == []
    assert list(machine.look_at_opencv(["opencv-python", "opencv-python-headless"])) == [
        Finding(
            "fail",
            "opencv-python and opencv-python-headless are both installed and overwrite each other's files",
            "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python",
        )
    ]
    [no_gl] = machine.look_at_video(ran(fault="ImportError: libGL.so.1: cannot open shared object file"))
    assert (no_gl.level, no_gl.todo) == ("fail", "sudo apt-get install libgl1 libglib2.0-0")
    [broken] = machine.look_at_video(ran(fault="ImportError: no module named av"))
    assert (broken.level, broken.what) == ("fail", "PyAV or OpenCV cannot be loaded: ImportError: no module named av")
    assert levels(machine.look_at_video(ran("18.1.0 5.0.0\n"))) == [("ok", "video: PyAV 18.1.0, OpenCV 5.0.0")]
    [mismatch] = machine.look_at_torch(ran(fault="RuntimeError: operator torchvision::nms does not exist"), "auto")
    assert (mismatch.level, mismatch.what.rpartition("together: ")[2]) == (
        "fail",
        "RuntimeError: operator torchvision::nms does not exist",
    )


def test_a_gpu_is_there_or_missed() -> None:
    without, with_one = '["2.15.0", "0.29.2", null, false]', '["2.15.0", "0.29.2", "13.2", true]'
    assert levels(machine.look_at_torch(ran(with_one), "cuda")) == [
        ("ok", "torch 2.15.0, torchvision 0.29.2"),
        ("ok", "GPU: usable (CUDA 13.2)"),
    ]
    assert [finding.level for finding in machine.look_at_torch(ran(without), "cuda")] == ["ok", "fail"]


def test_what_a_broken_package_says_is_passed_on() -> None:
    done = machine.in_python("import no_such_package")
    assert (done.returncode, machine.last_line(done.stderr)) == (
        1,
        "ModuleNotFoundError: No module named 'no_such_package'",
    )


def test_the_command_says_everything_and_exits_with_it(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("SURVEILLANCE__DASHBOARD__PORT", str(settings.dashboard.port))
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    out = capsys.readouterr().out
    assert "WARN  there is no database yet\n      do: surveillance db upgrade\n" in out
    assert (ended.value.code, "failures" in out or "failure" in out) == ("FAIL" in out, True)
    with pytest.raises(SystemExit):
        main(["doctor", "--json"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"level": "warn", "what": "there is no database yet", "todo": "surveillance db upgrade"} in found
    assert any(finding["what"].startswith("torch ") for finding in found)
