"""The installed package: a wheel in a fresh environment, away from the checkout, as docs/deploying.md installs it.

What it depends on is borrowed from this environment, since installing it again would take minutes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import cv2
import pytest
from ports import free_port
from skimage import data

CHECKOUT = Path(__file__).resolve().parents[2]
PARTS = ("pyproject.toml", "setup.py", "README.md", "config", "migrations", "surveillance")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
WAIT_S = 200.0
NEXT = '''"""What the version after this one adds."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.create_table("novelty", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade() -> None:
    op.drop_table("novelty")
'''
SITE = """
cameras:
  - {name: front, url: "synthetic://front-door?once=1"}
rules:
  - {name: somebody, on: sighting, verdict: alert, when: label == "person"}
"""
# As the containers run: the whole system read-only but for the data, /dev/shm and a place for temporary files; no
# capabilities. The environment, which lies under the same directory as the data, is read-only too.
CONFINED = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount --bind "$2" "$2" && mount -o remount,ro,bind / || exit 99
if [ -w /usr ]; then exit 98; fi
shift 2
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --reset-env env "$@"
"""


class Installed:
    """A wheel in an environment of its own, with a data directory. Nothing of the checkout can be imported."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "venv" / "bin"
        self.data_dir = folder / "data"
        self.scratch = folder / "scratch"
        self.data_dir.mkdir(mode=0o700)
        self.scratch.mkdir()
        self.port = free_port()
        self.environment = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(self.data_dir),
            "TMPDIR": str(self.scratch),
            "XDG_CACHE_HOME": str(self.scratch / "cache"),
            "PYTHONUNBUFFERED": "1",
            "SURVEILLANCE__DATA_DIR": str(self.data_dir),
            "SURVEILLANCE__DASHBOARD__PORT": str(self.port),
        }
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=200)
        site_packages = next((folder / "venv").glob("lib/python*/site-packages"))
        borrowed = Path(cv2.__file__).resolve().parents[1]
        (site_packages / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")

    def install(self, wheel: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install", "--quiet"]
        subprocess.run(
            [*pip, "--no-deps", "--no-index", "--force-reinstall", "--disable-pip-version-check", wheel],
            check=True,
            timeout=120,
        )

    def __call__(self, *words: str, expect: int = 0) -> str:
        """What `surveillance WORDS` writes."""
        return self.output([str(self.bin / "surveillance"), *words], expect)

    def output(self, command: list[str], expect: int = 0) -> str:
        done = subprocess.run(
            command, env=self.environment, cwd=self.data_dir, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def running(self, *words: str) -> Iterator[Callable[[], str]]:
        """`surveillance run WORDS`, confined where this user may do that; gives what it has written so far."""
        log = self.scratch / "run.log"
        command = [str(self.bin / "surveillance"), "run", *words]
        confine = ["unshare", "--mount", "sh", "-c", CONFINED, "sh", str(self.data_dir), str(self.scratch)]
        if is_allowed([*confine, "true"]):
            command = [*confine, *(f"{name}={value}" for name, value in self.environment.items()), *command]
        with log.open("w") as output:
            process = subprocess.Popen(
                command, env=self.environment, cwd=self.data_dir, stdout=output, stderr=output, start_new_session=True
            )
        try:
            eventually(lambda: process.poll() is not None or self.answers(), log)
            yield log.read_text
            process.send_signal(signal.SIGTERM)
            assert process.wait(90) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(10)

    def answers(self) -> bool:
        try:
            address = f"http://127.0.0.1:{self.port}/healthz"
            with build_opener(ProxyHandler({})).open(address, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self("events", "list", "--json").splitlines() if line.startswith("{")]

    def revision(self) -> str:
        with closing(sqlite3.connect(self.data_dir / "surveillance.db")) as database:
            return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def is_allowed(command: list[str]) -> bool:
    """Only the superuser may confine, and in some sandboxes nobody."""
    tools = os.getuid() == 0 and shutil.which("unshare") and shutil.which("setpriv")
    return bool(tools) and subprocess.run(command, capture_output=True, timeout=30).returncode == 0


def eventually(is_true: Callable[[], bool], log: Path) -> None:
    ends_s = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < ends_s, log.read_text()
        time.sleep(0.5)


def build_wheel(source: Path, folder: Path) -> Path:
    command = [sys.executable, "-c", BUILD, str(folder)]
    built = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True, timeout=120)
    return folder / built.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel is built from, copied, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (CHECKOUT / part).is_dir():
            shutil.copytree(CHECKOUT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(CHECKOUT / part, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Installed:
    environment = Installed(tmp_path)
    environment.install(wheel)
    return environment


def test_the_wheel_holds_all_that_runs(installed: Installed, wheel: Path) -> None:
    where = "import surveillance; from surveillance.places import shipped; print(surveillance.__file__)"
    told = installed.output(
        [str(installed.bin / "python"), "-c", where + "; print(*map(shipped, ('config', 'migrations')))"]
    )
    package = next(installed.bin.parent.glob("lib/python*/site-packages/surveillance"))
    assert told.split() == [str(package / "__init__.py"), str(package / "_config"), str(package / "_migrations")]
    version = wheel.name.split("-")[1]
    assert installed("--version") == f"surveillance, version {version}\n"
    pages = sorted(path.name for path in (CHECKOUT / "surveillance" / "dashboard" / "templates").iterdir())
    assert sorted(path.name for path in (package / "dashboard" / "templates").iterdir()) == pages
    cards = sorted(path.name for path in (CHECKOUT / "config").rglob("*.yaml"))
    assert sorted(path.name for path in (package / "_config").rglob("*.yaml")) == cards

    picture = installed.data_dir / "picture.jpg"
    cv2.imwrite(str(picture), data.astronaut()[:, :, ::-1])
    answer = json.loads(installed("classify", str(picture), "--json"))
    assert (answer["model"], answer["label"], answer["sure"]) == ("embedded", "person", True)
    assert not (installed.data_dir / "intel").exists(), "OpenVINO made itself an identity to report with"


def test_a_site_runs_from_the_wheel_on_a_read_only_system(installed: Installed) -> None:
    assert installed("db", "upgrade").startswith(f"sqlite:///{installed.data_dir}/surveillance.db")
    site = installed.data_dir / "site.yaml"
    site.write_text(SITE, encoding="utf-8")
    with installed.running("--site", str(site)) as told:
        assert re.search(r"administrator: admin, password: \S+ \(shown this once\)", told())
        eventually(
            lambda: any(event["rule"] == "somebody" for event in installed.events()), installed.scratch / "run.log"
        )
    assert {event["kind"] for event in installed.events() if event["verdict"] == "alert"} == {"sighting.alerted"}


def test_an_upgrade_keeps_a_backup_and_can_be_taken_back(
    installed: Installed, wheel: Path, source: Path, tmp_path: Path
) -> None:
    installed("db", "upgrade")
    head = installed.revision()
    installed("token", "create", "front-reader")
    recorded = installed.events()
    assert [event["kind"] for event in recorded] == ["user.token_made"]

    newer = tmp_path / "newer"
    shutil.copytree(source, newer, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    (newer / "migrations" / "versions" / "9999_next.py").write_text(NEXT.format(head=head), encoding="utf-8")
    (newer / "surveillance" / "__init__.py").write_text('"""The next version."""\n\n__version__ = "999.0"\n')
    installed.install(build_wheel(newer, tmp_path))
    assert installed("--version") == "surveillance, version 999.0\n"
    installed("db", "upgrade")
    assert installed.revision() == "9999"
    (backup,) = (installed.data_dir / "backups").glob("*.db")

    installed.install(wheel)
    assert "install the newer version that wrote it, or restore a backup" in installed("events", "list", expect=2)
    installed("db", "restore", str(backup))
    assert installed.revision() == head
    assert installed.events() == recorded
    with installed.running() as told:
        eventually(lambda: f"dashboard: http://127.0.0.1:{installed.port}" in told(), installed.scratch / "run.log")
