"""Tries a draft on something on record. Nothing is saved and nothing acts."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from surveillance.dashboard.guards import needs
from surveillance.dashboard.rule_editor import Editing, check, page, posted
from surveillance.dashboard.rule_shelf import Shelf, read_shelf
from surveillance.dashboard.rule_subjects import case_of, find_subject
from surveillance.rules.trial import Trial, try_rule

pages = Blueprint("trials", __name__)


@pages.post("/rules/try")
@needs("rules.view")
def attempt() -> Response:
    """What the posted draft would have done: the result alone for a script, else the whole editor with it."""
    shelf = read_shelf()
    editing = posted(shelf)
    found = check(editing, shelf)
    subject = find_subject(editing.subject) if editing.subject else None
    trial = tried(editing, shelf) if subject is not None else None
    if request.headers.get("X-Part") == "trial":
        return Response(render_template("_rule_trial.html", draft=found, trial=trial, tried=subject, editing=editing))
    return Response(page(editing, shelf, trial=trial, tried=subject))


def tried(editing: Editing, shelf: Shelf) -> Trial | None:
    """The trial of a draft; None for one with flaws."""
    rule = check(editing, shelf).rule
    if rule is None:
        return None
    others = [other for other in shelf.readable() if other.name not in (rule.name, editing.original)]
    return try_rule(rule, case_of(editing.subject), shelf.site, others)
