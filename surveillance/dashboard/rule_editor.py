"""What the editor of a rule is made of: a posted text with its form taken over, checked, and shown as a page."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

from flask import render_template, request

from surveillance.dashboard.diffs import diff_lines
from surveillance.dashboard.guards import actor
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.rule_form import (
    MODE_NAMES,
    MODE_WORDS,
    OPERATOR_WORDS,
    PER_WORDS,
    TRIGGER_WORDS,
    form_of,
    row_ids,
    shown_rows,
    words_of,
)
from surveillance.dashboard.rule_shelf import Shelf, offered, read_shelf
from surveillance.dashboard.rule_subjects import subjects_for
from surveillance.dashboard.services import services
from surveillance.domain.errors import RuleError
from surveillance.domain.values import TRIGGERS, VERDICTS
from surveillance.rules.book import PERS, RULE_MODES, TRIGGER_VERDICTS
from surveillance.rules.draft import Draft, pointed, read_draft
from surveillance.rules.form import Form, read_form, write_form

MOST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Editing:
    """What the editor shows: a text, the name of the rule it replaces (empty: none) and the version that was seen."""

    text: str
    original: str = ""
    seen: int = 0
    subject: str = ""  # event or observation that the rule is tried on
    by_form: bool = False  # rows were changed in the form, so they stay as they were posted, also faulty ones


def posted(shelf: Shelf) -> Editing:
    """The posted text, with what was changed in the form since that showed the text in the field `shown`."""
    text, shown = _lines("text")[:MOST_TEXT], _lines("shown")[:MOST_TEXT]
    by_form = False
    try:
        before = read_form(shown or text)
        after = form_of(request.form, before, offered(shelf.site))
        changes = {
            field.name: getattr(after, field.name)
            for field in dataclasses.fields(Form)
            if getattr(after, field.name) != getattr(before, field.name)
        }
        by_form = "rows" in changes
        if changes:
            text = write_form(text, replace(read_form(text), **changes))
    except RuleError:  # a text that has no form: it is the truth
        by_form = False
    original, seen = request.form.get("original", ""), request.form.get("seen", 0, type=int)
    return Editing(text, original, seen, request.form.get("subject", ""), by_form)


def _lines(field: str) -> str:
    return request.form.get(field, "").replace("\r\n", "\n")


def check(editing: Editing, shelf: Shelf) -> Draft:
    return read_draft(editing.text, shelf.site, shelf.names(but=editing.original or None))


def page(editing: Editing, shelf: Shelf, *, origin: str = "", mistake: str = "", **more: Any) -> str:
    """The editor."""
    found = check(editing, shelf)
    return render_template(
        "rule.html",
        editing=editing,
        draft=found,
        origin=origin,
        may_edit=not origin and actor().may("rules.edit"),
        may_backtest=actor().reach.is_whole,
        mistake=mistake,
        faults=faults_by_key(found),
        pointed=pointed,
        saved=services().site.rule(editing.original) if editing.original else None,
        **form_context(editing, shelf),
        subjects=subjects_for(editing.subject),
        **more,
    )


def form_context(editing: Editing, shelf: Shelf) -> dict[str, Any]:
    """What the form needs; `form` is None, and `why_no_form` says why, where the text has none."""
    names = offered(shelf.site)
    try:
        form, why = read_form(editing.text), ""
    except RuleError as error:
        form, why = None, str(error)
    if form is not None and editing.by_form and "rows" in request.form:
        rows = form_of(request.form, form, names).rows
        form = replace(form, rows=rows)
    rows_shown = shown_rows(form.rows, names) if form is not None and form.rows is not None else ()
    return {
        "form": form,
        "why_no_form": why,
        "rows": rows_shown,
        "row_ids": row_ids(rows_shown),
        "words": words_of(form.on if form else ""),
        "triggers": TRIGGERS,
        "verdicts": TRIGGER_VERDICTS.get(form.on if form else "", VERDICTS),
        "modes": RULE_MODES,
        "pers": PERS,
        "operator_words": OPERATOR_WORDS,
        "trigger_words": TRIGGER_WORDS,
        "mode_names": MODE_NAMES,
        "mode_words": MODE_WORDS,
        "per_words": PER_WORDS,
        "targets": targets_of(form, names.of("target")),
    }


def targets_of(form: Form | None, known: list[str]) -> list[str]:
    """The notification targets there are, and those that the rule names though they are not there."""
    return known + [name for name in (form.notify if form else ()) if name not in known]


def faults_by_key(found: Draft) -> dict[str, str]:
    """The first fault of each key, in the reader's language."""
    return {flaw.key: in_own_words(flaw.message) for flaw in reversed(found.flaws)}


def conflict_page(editing: Editing, said: str) -> str:
    """The editor with the text that is on record by now beside one's own; saving again replaces it knowingly."""
    theirs = services().site.rule(editing.original)
    mistake = in_own_words(said)
    if theirs is None:
        return page(replace(editing, original="", seen=0), read_shelf(), mistake=mistake)
    return page(
        replace(editing, seen=theirs.version),
        read_shelf(),
        mistake=mistake,
        theirs=theirs,
        difference=diff_lines(theirs.text, editing.text),
    )
