"""What each rule and the whole rulebook were before, who changed them when, and how to bring an earlier text back."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from surveillance.dashboard.diffs import diff_lines
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.rule_editor import Editing, check, page
from surveillance.dashboard.rule_shelf import read_shelf
from surveillance.dashboard.services import services
from surveillance.domain.errors import RuleError
from surveillance.rules.book import RuleDocument, parse_rulebook

pages = Blueprint("history", __name__)
EDITS = 50


@pages.get("/rules/history")
@needs("rules.view")
def whole() -> str:
    """The latest edits of the rulebook."""
    edits = services().site.rulebook_history(EDITS)
    differences = {
        edit.version: [(change, diff_lines(change.before, change.after.text)) for change in edit.rules]
        for edit in edits
    }
    return render_template("rule_history.html", edits=edits, differences=differences, name=None)


@pages.get("/rules/history/<name>")
@needs("rules.view")
def of_rule(name: str) -> str:
    """Every text of one rule, each with what it changed."""
    texts = services().site.rule_history(name)
    if not texts:
        abort(404, _("No rule was ever called %(name)s.", name=repr(name)))
    befores = [text.text for text in texts[1:]] + [""]
    versions = [(text, diff_lines(before, text.text)) for text, before in zip(texts, befores, strict=True)]
    return render_template("rule_history.html", name=name, versions=versions, live=services().site.rule(name))


@pages.post("/rules/restore/<name>")
@needs("rules.edit")
def restore(name: str) -> AnyResponse | tuple[str, int]:
    """Makes an earlier text of a rule its newest; one that does not fit the site any more opens in the editor."""
    wanted = request.form.get("version", type=int)
    earlier = next((text for text in services().site.rule_history(name) if text.version == wanted and text.text), None)
    if earlier is None:
        abort(404, _("The rule has no text of that version."))
    live, shelf = services().site.rule(name), read_shelf()
    editing = Editing(earlier.text, live.name if live else "", live.version if live else 0)
    if check(editing, shelf).rule is None:
        told = _("The text of version %(version)s does not fit the site any more; put it right here.", version=wanted)
        return page(editing, shelf, mistake=told), 422
    version = services().site.save_rule(earlier.text, actor().name, editing.original or None, editing.seen or None)
    flash(_("The text of version %(old)s is back, as version %(new)s.", old=wanted, new=version))
    return redirect(url_for("rules.edit.show", name=earlier.name))


@pages.post("/rules/restore")
@needs("rules.edit")
def restore_all() -> AnyResponse:
    """Makes the rules what they were at an earlier version; refused where they do not fit the site any more."""
    wanted = request.form.get("version", 0, type=int)
    rules, site = services().site.rules_at(wanted), services().site.read()
    files = [document for document in services().rule_documents(site) if document.origin != "database"]
    text = "".join(text for _name, text in rules)
    try:
        parse_rulebook([RuleDocument(text, "database"), *files] if text else files, site)
    except RuleError as error:
        flash(in_own_words(f"{error.faults[0]}"), "error")
        return redirect(url_for("rules.history.whole"))
    version = services().site.save_rules(rules, actor().name)
    flash(_("The rules are those of version %(old)s again, as version %(new)s.", old=wanted, new=version))
    return redirect(url_for("rules.listing"))
