"""The configured site in the database, at one version, with its rules; every edit is one commit, one version, one note.

Addresses and secrets are sealed, what readers read is hashed; only `read` gives addresses back in clear. In a site
that is saved `***` stands for the secret that the database keeps under the same name.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from surveillance.domain.errors import EditConflict
from surveillance.domain.site import Site
from surveillance.storage.database import ChangeWatch, reading, writing
from surveillance.storage.keys import KeyStore
from surveillance.storage.ledger import note
from surveillance.storage.rule_texts import split_rules
from surveillance.storage.site_plan import changes_between, in_words
from surveillance.storage.site_rows import hashed_credentials, read_site, write_site
from surveillance.storage.site_secrets import restore_secrets
from surveillance.storage.tables import configuration, rule


@dataclass(frozen=True, slots=True)
class Edit:
    """One version of the configuration: who made it when, and what was changed, in words."""

    version: int
    at: datetime
    author: str
    change: str


class SqlSite:
    """Reads and edits the site. Safe to share between threads; `read` is cheap while nobody edits."""

    def __init__(self, engine: Engine, keys: KeyStore) -> None:
        self._engine = engine
        self._keys = keys
        self._lock = threading.Lock()
        self._watch = ChangeWatch(engine)
        self._site: Site | None = None
        self._is_stale = True

    def __call__(self) -> Site:
        """The site as it is now; implements the SiteReader port."""
        return self.read()

    def read(self) -> Site:
        """The site as it is now, credentials hashed. `rules` is the text of all live rules."""
        with self._lock:
            self._is_stale |= self._watch.changed()  # until it was read: a read that fails must not be the last one
            if self._is_stale or self._site is None:
                self._site = self._read_changed(self._site)
                self._is_stale = False
            return self._site

    def version(self) -> int:
        """The configuration version: 0 before anything was configured, one more for every edit."""
        return self.read().version

    def seed(self, site: Site, author: str = "site file") -> bool:
        """Takes over a site into an empty database; False, and nothing done, when something was configured before."""
        with writing(self._engine) as connection:
            if _version(connection) > 0:
                return False
            self._replace(connection, self._prepared(site, Site()), author, "site taken over", Site())
            return True

    def save(self, site: Site, author: str, expected_version: int | None = None) -> int:
        """Puts the site in place of the one there is, as one version, and returns that; the same site makes no version.

        Hashed credentials stay as they are. Raises EditConflict when the configuration is no longer at
        `expected_version`, SettingsError where `***` stands for nothing.
        """
        with writing(self._engine) as connection:
            version = _version(connection)
            if expected_version not in (None, version):
                raise EditConflict(_conflict(connection, version, expected_version))
            before = self._read(connection, version)
            wanted = self._prepared(site, before)
            changes = changes_between(before, wanted)
            return self._replace(connection, wanted, author, in_words(changes), before) if changes else version

    def prepared(self, site: Site) -> Site:
        """The site as `save` would keep it: `***` replaced by what the database keeps, credentials hashed.

        Raises SettingsError, one line per fault, where `***` stands for nothing.
        """
        return self._prepared(site, self.read())

    def history(self, limit: int) -> list[Edit]:
        """The latest edits of the configuration, newest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(configuration).order_by(configuration.c.version.desc()).limit(limit))
            return [Edit(row.version, row.at, row.author, row.change) for row in rows]

    def rules(self) -> list[tuple[str, str]]:
        """(name, YAML text) of each live rule, in order."""
        with reading(self._engine) as connection:
            return [(row.name, row.text) for row in _live_rules(connection)]

    def save_rules(self, rules: Sequence[tuple[str, str]], author: str) -> int:
        """Makes these the live rules and returns the configuration version; earlier texts stay on record."""
        with writing(self._engine) as connection:
            live = {row.name: row for row in _live_rules(connection)}
            if [(name, text) for name, text in rules] == [(row.name, row.text) for row in live.values()]:
                return _version(connection)
            version = _version(connection) + 1
            changed = self._write_rules(connection, rules, version, author)
            _stamp(connection, version, author, f"rules changed: {', '.join(changed)}")
            return version

    def rule_history(self, name: str) -> list[dict[str, Any]]:
        """Every text a rule has had, newest first: version, text ("" where removed), author, at."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(rule).where(rule.c.name == name).order_by(rule.c.version.desc()))
            return [{"version": row.version, "text": row.text, "author": row.author, "at": row.at} for row in rows]

    def _read_changed(self, known: Site | None) -> Site:
        with reading(self._engine) as connection:
            version = _version(connection)
            if known is not None and known.version == version:
                return known
            return self._read(connection, version)

    def _read(self, connection: Connection, version: int) -> Site:
        rules = "".join(row.text for row in _live_rules(connection))
        return read_site(connection, self._keys, version, rules)

    def _prepared(self, site: Site, known: Site) -> Site:
        return hashed_credentials(restore_secrets(site, known), self._keys)

    def _replace(self, connection: Connection, site: Site, author: str, change: str, before: Site) -> int:
        version = _version(connection) + 1
        write_site(connection, self._keys, site, before)
        if site.rules != before.rules:
            self._write_rules(connection, split_rules(site.rules, "rules"), version, author)
        _stamp(connection, version, author, change)
        return version

    def _write_rules(
        self, connection: Connection, rules: Sequence[tuple[str, str]], version: int, author: str
    ) -> list[str]:
        """Writes a row for every rule that is new, other or gone; returns the names of those."""
        live = {row.name: row for row in _live_rules(connection)}
        wanted = {name: (position, text) for position, (name, text) in enumerate(rules)}
        gone = {name: (row.position, "") for name, row in live.items() if name not in wanted}
        rows = [
            {"name": name, "version": version, "position": position, "text": text, "author": author, "at": _now()}
            for name, (position, text) in (wanted | gone).items()
            if name not in live or (live[name].position, live[name].text) != (position, text)
        ]
        if rows:
            connection.execute(insert(rule), rows)
        return [str(row["name"]) for row in rows]


def _version(connection: Connection) -> int:
    version: int | None = connection.execute(select(func.max(configuration.c.version))).scalar_one()
    return version or 0


def _author(connection: Connection, version: int) -> str:
    author = connection.execute(select(configuration.c.author).where(configuration.c.version == version))
    return author.scalar_one_or_none() or ""


def _conflict(connection: Connection, version: int, expected: int | None) -> str:
    who = _author(connection, version) or "somebody"
    return f"{who} edited the site meanwhile (version {version}, you saw {expected}): look again and repeat your edit"


def _stamp(connection: Connection, version: int, author: str, change: str) -> None:
    connection.execute(insert(configuration), [{"version": version, "at": _now(), "author": author, "change": change}])
    note(connection, "configuration.changed", {"version": version, "change": change}, author)


def _live_rules(connection: Connection) -> Sequence[Any]:
    newest = select(rule.c.name, func.max(rule.c.version).label("version")).group_by(rule.c.name).subquery()
    return connection.execute(
        select(rule)
        .join(newest, (rule.c.name == newest.c.name) & (rule.c.version == newest.c.version))
        .where(rule.c.text != "")
        .order_by(rule.c.position, rule.c.name)
    ).all()


def _now() -> datetime:
    return datetime.now(UTC)
