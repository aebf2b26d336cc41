"""The configured site in the database, at one version, with its rules; every edit is one commit, one version, one note.

Addresses and secrets are sealed, what readers read is hashed; only `read` gives addresses back in clear. In a site
that is saved `***` stands for the secret that the database keeps under the same name.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from surveillance.domain.errors import EditConflict, SettingsError
from surveillance.domain.site import Site
from surveillance.storage.configuration import stamp, version_of
from surveillance.storage.database import EDIT_MS, ChangeWatch, reading, writing
from surveillance.storage.faces import forget_faces
from surveillance.storage.keys import KeyStore
from surveillance.storage.ledger import Note, note
from surveillance.storage.rule_rows import (
    RulebookEdit,
    RuleText,
    history_of,
    live_rules,
    rulebook_history,
    text_of,
    write_rules,
)
from surveillance.storage.rule_texts import one_rule, split_rules
from surveillance.storage.site_plan import changes_between, in_words
from surveillance.storage.site_rows import hashed_credentials, read_site, write_site
from surveillance.storage.site_secrets import restore_secrets
from surveillance.storage.tables import configuration


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
        self._watch = ChangeWatch(engine, configuration.name)
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
        with writing(self._engine, lock_ms=EDIT_MS) as connection:
            if version_of(connection) > 0:
                return False
            self._replace(connection, self._prepared(site, Site()), author, "site taken over", Site())
            return True

    def save(self, site: Site, author: str, expected_version: int | None = None, notes: Sequence[Note] = ()) -> int:
        """Puts the site in place of the one there is, as one version, and returns that; the same site makes no version.

        Hashed credentials stay as they are; `notes` go on record with the edit.

        Raises EditConflict when the configuration is no longer at
        `expected_version`, SettingsError where `***` stands for nothing.
        """
        with writing(self._engine, lock_ms=EDIT_MS) as connection:
            version = version_of(connection)
            if expected_version not in (None, version):
                raise EditConflict(_conflict(connection, version, expected_version))
            before = self._read(connection, version)
            wanted = self._prepared(site, before)
            changes = changes_between(before, wanted)
            if not changes:
                return version
            for told in notes:
                note(connection, told.kind, told.details, author, told.camera)
            return self._replace(connection, wanted, author, in_words(changes), before)

    def prepared(self, site: Site) -> Site:
        """The site as `save` would keep it: `***` replaced by what the database keeps, credentials hashed.

        Raises SettingsError, one line per fault, where `***` stands for nothing.
        """
        return self._prepared(site, self.read())

    def hash_credential(self, kind: str, value: str) -> str:
        """The keyed hash that is kept of what a reader reads."""
        return self._keys.hash_credential(kind, value)

    def version_at(self, at: datetime) -> int:
        """The configuration version that was live then; 0 before anything was configured."""
        with reading(self._engine) as connection:
            query = select(func.max(configuration.c.version)).where(configuration.c.at <= at)
            return connection.execute(query).scalar_one() or 0

    def history(self, limit: int) -> list[Edit]:
        """The latest edits of the configuration, newest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(configuration).order_by(configuration.c.version.desc()).limit(limit))
            return [Edit(row.version, row.at, row.author, row.change) for row in rows]

    def rules(self) -> list[tuple[str, str]]:
        """(name, YAML text) of each live rule, in order."""
        with reading(self._engine) as connection:
            return [(row.name, row.text) for row in live_rules(connection)]

    def save_rules(self, rules: Sequence[tuple[str, str]], author: str) -> int:
        """Makes these the live rules and returns the configuration version; earlier texts stay on record."""
        with writing(self._engine, lock_ms=EDIT_MS) as connection:
            return self._save_rules(connection, rules, author, None, None)

    def live_rules(self) -> list[RuleText]:
        """The live text of each rule, in order."""
        with reading(self._engine) as connection:
            return [text_of(row) for row in live_rules(connection)]

    def rule(self, name: str) -> RuleText | None:
        """The live text of a rule; None where there is none."""
        found = self.rule_history(name)
        return found[0] if found and found[0].text else None

    def save_rule(self, text: str, author: str, replaces: str | None = None, seen: int | None = None) -> int:
        """Makes this the text of its one rule, as one version, and returns that; the same text makes no version.

        `replaces` is the name the rule had, None for a new one; `seen` the version of its text that was edited.
        Raises EditConflict where the rule is another by now or its new name is taken, SettingsError for a text that
        does not hold one rule.
        """
        name, text = one_rule(text, "rule")
        with writing(self._engine, lock_ms=EDIT_MS) as connection:
            live = {row.name: row for row in live_rules(connection)}
            before = live.get(replaces or name)
            _refuse_conflict(before, replaces, seen)
            if name != replaces and name in live:
                raise EditConflict(f"there is a rule called {name} already; choose another name")
            rules = [(name, text) if row.name == replaces else (row.name, row.text) for row in live.values()]
            if replaces is None:
                rules.append((name, text))
            words = f"added: {name}" if replaces is None else f"changed: {name}"
            was = (name, replaces) if replaces not in (None, name) else None
            if was is not None:
                words = f"renamed: {replaces} to {name}"
            return self._save_rules(connection, rules, author, f"rule {words}", was)

    def remove_rule(self, name: str, author: str, seen: int | None = None) -> int:
        """Takes a rule out; its texts stay on record. Raises EditConflict where it is another by now, or gone."""
        with writing(self._engine, lock_ms=EDIT_MS) as connection:
            live = {row.name: row for row in live_rules(connection)}
            _refuse_conflict(live.get(name), name, seen)
            rules = [(row.name, row.text) for row in live.values() if row.name != name]
            return self._save_rules(connection, rules, author, f"rule removed: {name}", None)

    def rule_history(self, name: str) -> list[RuleText]:
        """Every text a rule has had, newest first, also under earlier names; the text is empty where it was removed."""
        with reading(self._engine) as connection:
            return history_of(connection, name)

    def rulebook_history(self, limit: int = 50) -> list[RulebookEdit]:
        """The latest edits that changed rules, newest first, each with the texts before and after."""
        with reading(self._engine) as connection:
            return rulebook_history(connection, limit)

    def rules_at(self, version: int) -> list[tuple[str, str]]:
        """(name, text) of each rule as it was live at that configuration version."""
        with reading(self._engine) as connection:
            return [(row.name, row.text) for row in live_rules(connection, version)]

    def _save_rules(
        self,
        connection: Connection,
        rules: Sequence[tuple[str, str]],
        author: str,
        change: str | None,
        was: tuple[str, str] | None,
    ) -> int:
        version = version_of(connection)
        if list(rules) == [(row.name, row.text) for row in live_rules(connection)]:
            return version
        names = [name for name, _ in rules]
        if [name for name, _ in split_rules("".join(text for _, text in rules), "rules")] != names:
            raise SettingsError("these rules cannot stand in one text; write each as its own list entry")
        changed = write_rules(connection, rules, version + 1, author, was)
        return stamp(connection, author, change or f"rules changed: {', '.join(changed)}")

    def _read_changed(self, known: Site | None) -> Site:
        with reading(self._engine) as connection:
            version = version_of(connection)
            if known is not None and known.version == version:
                return known
            return self._read(connection, version)

    def _read(self, connection: Connection, version: int) -> Site:
        rules = "".join(row.text for row in live_rules(connection))
        return read_site(connection, self._keys, version, rules)

    def _prepared(self, site: Site, known: Site) -> Site:
        return hashed_credentials(restore_secrets(site, known), self._keys)

    def _replace(self, connection: Connection, site: Site, author: str, change: str, before: Site) -> int:
        write_site(connection, self._keys, site, before)
        if site.rules != before.rules:
            write_rules(connection, split_rules(site.rules, "rules"), version_of(connection) + 1, author, None)
        gone = {known.name for known in before.people} - {known.name for known in site.people}
        keys = forget_faces(connection, gone) if gone else set()
        version = stamp(connection, author, change)
        for key in keys:
            self._keys.people.erase(key)
        return version


def _author(connection: Connection, version: int) -> str:
    author = connection.execute(select(configuration.c.author).where(configuration.c.version == version))
    return author.scalar_one_or_none() or ""


def _conflict(connection: Connection, version: int, expected: int | None) -> str:
    who = _author(connection, version) or "somebody"
    return f"{who} edited the site meanwhile (version {version}, you saw {expected}): look again and repeat your edit"


def _refuse_conflict(row: Any, name: str | None, seen: int | None) -> None:
    """Raises EditConflict where a rule that was to be replaced is gone, or not at the version that was seen."""
    if name is not None and row is None:
        raise EditConflict(f"rule {name} was removed meanwhile; save it under another name to keep it")
    if seen is not None and name is not None and row.version != seen:
        raise EditConflict(f"{row.author} changed rule {name} meanwhile: look again and repeat your edit")
