"""The rules in the database, one row for every text a rule ever had; the newest of each name is live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from surveillance.storage.tables import configuration, rule

MOST_RENAMES = 50  # how far back a history is followed


@dataclass(frozen=True, slots=True)
class RuleText:
    """One text a rule had: from that configuration version on, empty where it was removed.

    `was` is the name it had until then, None where this text did not rename it.
    """

    name: str
    version: int
    text: str
    author: str
    at: datetime
    was: str | None = None


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What one edit did to one rule; `before` is empty for a new one, `after.text` for a removed one."""

    after: RuleText
    before: str


@dataclass(frozen=True, slots=True)
class RulebookEdit:
    """One version of the configuration that changed rules."""

    version: int
    at: datetime
    author: str
    change: str
    rules: tuple[RuleChange, ...]


def live_rules(connection: Connection, version: int | None = None) -> Sequence[Any]:
    """The rows that are live, or were at that version, in the order of the rulebook."""
    newest = select(rule.c.name, func.max(rule.c.version).label("version")).group_by(rule.c.name)
    if version is not None:
        newest = newest.where(rule.c.version <= version)
    found = newest.subquery()
    return connection.execute(
        select(rule)
        .join(found, (rule.c.name == found.c.name) & (rule.c.version == found.c.version))
        .where(rule.c.text != "")
        .order_by(rule.c.position, rule.c.name)
    ).all()


def write_rules(
    connection: Connection, rules: Sequence[tuple[str, str]], version: int, author: str, was: tuple[str, str] | None
) -> list[str]:
    """Writes a row for every rule that is new, other or gone; returns their names. `was` is (name, earlier name)."""
    live = {row.name: row for row in live_rules(connection)}
    wanted = {name: (position, text) for position, (name, text) in enumerate(rules)}
    gone = {name: (row.position, "") for name, row in live.items() if name not in wanted}
    rows = [
        {
            "name": name,
            "version": version,
            "position": position,
            "text": text,
            "author": author,
            "at": datetime.now(UTC),
            "was": was[1] if was is not None and was[0] == name else None,
        }
        for name, (position, text) in (wanted | gone).items()
        if name not in live or (live[name].position, live[name].text) != (position, text)
    ]
    if rows:
        connection.execute(insert(rule), rows)
    return [str(row["name"]) for row in rows]


def history_of(connection: Connection, name: str) -> list[RuleText]:
    """Every text a rule has had, newest first, also under the names it had before."""
    found: list[RuleText] = []
    before: int | None = None
    for _ in range(MOST_RENAMES):
        query = select(rule).where(rule.c.name == name).order_by(rule.c.version.desc())
        if before is not None:
            query = query.where(rule.c.version < before)
        for row in connection.execute(query):
            found.append(text_of(row))
            if row.was is not None:
                break
        if not found or found[-1].was is None:
            break
        name, before = found[-1].was, found[-1].version
    return found


def rulebook_history(connection: Connection, limit: int) -> list[RulebookEdit]:
    """The latest edits that changed rules, newest first."""
    newest = select(rule.c.version).distinct().order_by(rule.c.version.desc()).limit(limit)
    versions = [row.version for row in connection.execute(newest)]
    if not versions:
        return []
    known: dict[str, str] = {}
    changes: dict[int, list[RuleChange]] = {version: [] for version in versions}
    for row in connection.execute(select(rule).order_by(rule.c.version, rule.c.position)):
        if row.version in changes:
            changes[row.version].append(RuleChange(text_of(row), known.get(row.was or row.name, "")))
        known[row.name] = row.text
    edits = connection.execute(select(configuration).where(configuration.c.version.in_(versions)))
    found = [
        RulebookEdit(edit.version, edit.at, edit.author, edit.change, tuple(_told(changes[edit.version])))
        for edit in edits
    ]
    return sorted(found, key=lambda edit: -edit.version)


def _told(changes: Sequence[RuleChange]) -> list[RuleChange]:
    """Without rows that only moved, and the removal that is a part of a rename."""
    renamed = {change.after.was for change in changes}
    return [
        change
        for change in changes
        if (change.after.text != change.before or change.after.was)
        and (change.after.text or change.after.name not in renamed)
    ]


def text_of(row: Any) -> RuleText:
    """The text in a row."""
    return RuleText(row.name, row.version, row.text, row.author, row.at, row.was)
