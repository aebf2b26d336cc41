"""A rule's text as the fields of a form, and a changed form back into the same text: the text is the truth.

A field that nobody changed is not written, so the text of an untouched form stays as it is, byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass

from surveillance.rules.clauses import Group, read_clauses, write_clauses
from surveillance.rules.source import read_source, with_key


@dataclass(frozen=True, slots=True)
class Form:
    """The fields as texts, also those that hold a fault. `rows` is None for a condition that only text can show."""

    name: str = ""
    on: str = ""
    verdict: str = ""
    when: str = ""
    cooldown_s: str = ""
    per: str = ""
    notify: tuple[str, ...] = ()
    mode: str = "active"
    camera_only: bool = False
    description: str = ""
    rows: Group | None = None


def read_form(text: str) -> Form:
    """Raises RuleError for a text that is not one rule."""
    source = read_source(text)

    def one(key: str) -> str:
        value = source.value(key)
        return value if isinstance(value, str) else ""

    targets = source.value("notify") or ()
    return Form(
        name=one("name"),
        on=one("on"),
        verdict=one("verdict"),
        when=one("when"),
        cooldown_s=one("cooldown_s"),
        per=one("per"),
        notify=(targets,) if isinstance(targets, str) else targets,
        mode=one("mode") or "active",
        camera_only=one("camera_only").lower() == "true",
        description=one("description"),
        rows=read_clauses(one("when"), one("on")),
    )


def write_form(text: str, form: Form) -> str:
    """The text with every field that differs from what the text says. Rows that differ replace the condition.

    Raises RuleError for a text that is not one rule.
    """
    before = read_form(text)
    when = form.when
    if form.rows is not None and form.rows != before.rows:
        when = bracketed(write_clauses(form.rows))
    now = {
        "name": (before.name, form.name),
        "on": (before.on, form.on),
        "verdict": (before.verdict, form.verdict),
        "when": (_spaced(before.when), _spaced(when)),
        "cooldown_s": (before.cooldown_s, form.cooldown_s),
        "per": (before.per, form.per),
        "mode": (before.mode, form.mode),
        "camera_only": (_flag(before.camera_only), _flag(form.camera_only)),
        "description": (before.description, form.description),
    }
    for key, (old, new) in now.items():
        if new.strip() != old:
            text = with_key(text, key, " ".join(new.split("\n")).strip() or None)
    if form.notify != before.notify:
        text = with_key(text, "notify", form.notify or None)
    return text


def bracketed(condition: str) -> str:
    """In ( ) where it starts with a quote or bracket, since YAML would end the value there."""
    return f"({condition})" if condition[:1] in ("'", '"', "[", "{") else condition


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _spaced(condition: str) -> str:
    """The condition with single blanks between its lines, so that line breaks are no change."""
    return " ".join(condition.split("\n")).strip() if "\n" in condition else condition
