"""Tries a draft on something on record, or on all of the last days. Nothing is saved and nothing acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup

from surveillance.dashboard.camera_trials import ask
from surveillance.dashboard.guards import needs, refuse_bound
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.rule_editor import Editing, check, page, posted
from surveillance.dashboard.rule_shelf import Shelf, read_shelf
from surveillance.dashboard.rule_subjects import case_of, find_subject
from surveillance.dashboard.services import services
from surveillance.domain.site import Site
from surveillance.rules.backtest import parse_backtest
from surveillance.rules.timeline import timeline
from surveillance.rules.trial import Trial, try_rule

pages = Blueprint("trials", __name__)
BACKTEST_S = 90.0  # how long a page waits for a week
MOST_DAYS = 30


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


@pages.post("/rules/backtest")
@needs("rules.view")
def backtest() -> Response:
    """What the posted draft would have decided of the last days: the result alone for a script, else the editor."""
    refuse_bound()
    shelf = read_shelf()
    editing = posted(shelf)
    draft = check(editing, shelf)
    days = min(max(request.form.get("days", 7, type=int), 1), MOST_DAYS)
    told = {} if draft.rule is None else ask_backtest(editing, draft.rule.name, shelf.site, days)
    found = None if draft.rule is None or "fault" in told else parse_backtest(told)
    picture = "" if found is None else Markup(timeline(found, in_own_words))  # noqa: S704 (escaped where it is made)
    shown = {"draft": draft, "told": told, "picture": picture}
    if request.headers.get("X-Part") == "trial":
        return Response(render_template("_rule_backtest.html", days=days, **shown))
    return Response(page(editing, shelf, days=days, backtested=shown))


def ask_backtest(editing: Editing, rule: str, site: Site, days: int) -> Mapping[str, Any]:
    """A Backtest as JSON, of all rules with the draft in its place; or {"fault"}."""
    own = [(text.name, text.text) for text in services().site.live_rules()]
    texts = [editing.text if name == editing.original else text for name, text in own]
    if editing.original not in dict(own):
        texts.append(editing.text)
    together = "".join(text if text.endswith("\n") else f"{text}\n" for text in texts)
    documents = services().rule_documents(replace(site, rules=together))
    payload = {"documents": [asdict(each) for each in documents], "days": days, "rule": rule}
    return ask("rules.backtest", payload, BACKTEST_S)


def tried(editing: Editing, shelf: Shelf) -> Trial | None:
    """The trial of a draft; None for one with flaws."""
    rule = check(editing, shelf).rule
    if rule is None:
        return None
    others = [other for other in shelf.readable() if other.name not in (rule.name, editing.original)]
    return try_rule(rule, case_of(editing.subject), shelf.site, others)
