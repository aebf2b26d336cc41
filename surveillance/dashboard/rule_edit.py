"""The editor of one rule: its form and its text, checked as they are typed, saved as one version."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.rule_editor import (
    MOST_TEXT,
    Editing,
    check,
    conflict_page,
    faults_by_key,
    form_context,
    page,
    posted,
)
from surveillance.dashboard.rule_shelf import offered, read_shelf
from surveillance.dashboard.services import services
from surveillance.domain.errors import EditConflict, UserMistake
from surveillance.rules.book import RULE_MODES
from surveillance.rules.complete import complete
from surveillance.rules.draft import pointed
from surveillance.rules.fields import Flaw
from surveillance.rules.form import read_form
from surveillance.rules.source import with_key

pages = Blueprint("edit", __name__)
BLANK = """\
# {about}
- name: my-rule
  on: sighting
  verdict: alert
  when: label == "person"
"""

# --- pages ---------------------------------------------------------------------------------------------------------


@pages.get("/rules/edit/<name>")
@needs("rules.view")
def show(name: str) -> str:
    """A rule of the database in the editor; one of a file to read."""
    shelf = read_shelf()
    shelved = shelf.find(name)
    if shelved is None:
        abort(404, _("No rule is called %(name)s. It may have been removed or renamed.", name=repr(name)))
    editing = Editing(shelved.text, name if shelved.is_own else "", shelved.version, request.args.get("on", ""))
    return page(editing, shelf, origin=shelved.origin)


@pages.get("/rules/new/blank")
@needs("rules.edit")
def blank() -> str:
    """The editor with a rule to begin with."""
    shelf = read_shelf()
    blank = BLANK.format(about=_("What this rule is for."))
    text = blank if "my-rule" not in shelf.names() else with_key(blank, "name", f"my-rule-{len(shelf.rules) + 1}")
    return page(Editing(text, subject=request.args.get("on", "")), shelf)


@pages.post("/rules/draft")
@needs("rules.edit")
def draft() -> str:
    """The editor with the form taken over into the text, for browsers without scripts and for templates."""
    shelf = read_shelf()
    return page(posted(shelf), shelf)


@pages.post("/rules/save")
@needs("rules.edit")
def save() -> AnyResponse:
    """One version, or the editor again with what is wrong."""
    shelf = read_shelf()
    editing = posted(shelf)
    checked = check(editing, shelf)
    if checked.rule is None:
        return Response(page(editing, shelf), 422)
    rules = services().site
    try:
        version = rules.save_rule(editing.text, actor().name, editing.original or None, editing.seen or None)
    except EditConflict as conflict:
        return Response(conflict_page(editing, str(conflict)), 409)
    except UserMistake as mistake:
        return Response(page(editing, shelf, mistake=in_own_words(str(mistake))), 422)
    name = checked.rule.name
    flash(_("Rule %(name)s is saved, as version %(version)s.", name=name, version=version))
    return redirect(url_for("rules.edit.show", name=name))


@pages.post("/rules/delete/<name>")
@needs("rules.edit")
def delete(name: str) -> AnyResponse:
    """Takes the rule out; its texts stay on record."""
    services().site.remove_rule(name, actor().name, request.form.get("seen", type=int))
    flash(_("Rule %(name)s is removed. Its earlier texts stay in the history.", name=name))
    return redirect(url_for("rules.listing"))


@pages.post("/rules/mode/<name>")
@needs("rules.edit")
def switch(name: str) -> AnyResponse:
    """Makes the rule active, shadow or off, and changes nothing else of it."""
    mode = request.form.get("mode", "")
    known = services().site.rule(name)
    if known is None or mode not in RULE_MODES:
        abort(404, _("No rule is called %(name)s. It may have been removed or renamed.", name=repr(name)))
    value = None if mode == "active" and read_form(known.text).mode == "active" else mode
    services().site.save_rule(with_key(known.text, "mode", value), actor().name, name, known.version)
    said = {
        "active": _("Rule %(name)s is active: it is judged, and acts.", name=name),
        "shadow": _("Rule %(name)s is a shadow: it is judged and recorded, and never acts.", name=name),
        "off": _("Rule %(name)s is off: it is not judged.", name=name),
    }
    flash(said[mode])
    return redirect(url_for("rules.listing") + f"#rule-{name}")


# --- while it is typed ---------------------------------------------------------------------------------------------


@pages.post("/api/rules/draft")
@needs("rules.view")
def checked() -> Response:
    """{"text", "flaws", "doubts", "form"} of a posted draft: the form taken over into the text, and checked."""
    shelf = read_shelf()
    editing = posted(shelf)
    found = check(editing, shelf)
    context = form_context(editing, shelf)
    return jsonify(
        {
            "text": editing.text,
            "flaws": [flaw_json(editing.text, flaw) for flaw in found.flaws],
            "doubts": [flaw_json(editing.text, flaw) for flaw in found.doubts],
            "form": render_template("_rule_form.html", **context, faults=faults_by_key(found), may_edit=True),
            "problems": render_template("_rule_problems.html", draft=found, pointed=pointed),
        }
    )


@pages.post("/api/rules/complete")
@needs("rules.view")
def completions() -> Response:
    """{"text", "cursor"} to {"start", "end", "candidates"}: what may stand at the cursor, counted in characters."""
    given = request.get_json(silent=True)
    if not isinstance(given, dict) or not isinstance(given.get("cursor"), int):
        abort(400, _("Send the text and the cursor: %(example)s", example='{"text": "- name: a", "cursor": 9}'))
    found = complete(str(given.get("text", ""))[:MOST_TEXT], given["cursor"], offered(services().site.read()))
    return jsonify(
        {
            "start": found.start,
            "end": found.end,
            "candidates": [
                {
                    "text": item.text,
                    "shown": item.shown,
                    "kind": item.kind,
                    "type": item.type,
                    "doc": in_own_words(item.doc),
                }
                for item in found.candidates
            ],
        }
    )


def flaw_json(text: str, flaw: Flaw) -> dict[str, Any]:
    return {
        "line": flaw.line,
        "start": flaw.start,
        "end": flaw.end,
        "key": flaw.key,
        "message": in_own_words(flaw.message),
        "pointed": pointed(text, flaw),
    }
