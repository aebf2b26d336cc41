"""New rules from templates: choose one, fill in its blanks, look at the rule, and go on in the editor."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as AnyResponse

from surveillance.dashboard.guards import needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.rule_editor import Editing, page
from surveillance.dashboard.rule_shelf import read_shelf
from surveillance.rules.templates import TEMPLATES, Template, fill_template, offer_template, offers

pages = Blueprint("templates", __name__)
MISSING = {  # what a site lacks -> what to do, and the page where that is done
    "camera": (_l("Attach a camera first"), "cameras.listing"),
    "zone": (_l("Draw a zone on a camera first"), "cameras.listing"),
    "scene": (_l("Watch a part of a camera's picture first"), "cameras.listing"),
    "task_behavior": (_l("Let a camera tell how they move first (its task behavior)"), "cameras.listing"),
    "task_objects": (_l("Let a camera tell what was left or taken first (its task objects)"), "cameras.listing"),
    "schedule": (_l("Add a schedule first"), "schedules.listing"),
    "door": (_l("Add a door first"), "doors.listing"),
    "door_camera": (_l("Give a door its camera first"), "doors.listing"),
    "group": (_l("Put people into a group first"), "people.listing"),
}


@pages.get("/rules/new")
@needs("rules.edit")
def choose() -> str:
    """All templates, and the blank page."""
    subject = request.args.get("on", "")
    return render_template("rule_new.html", offers=offers(read_shelf().site), missing=first_steps(), subject=subject)


@pages.get("/rules/new/<name>")
@needs("rules.edit")
def fill(name: str) -> str:
    """The blanks of one template."""
    return _page(find(name), {}, {})


@pages.post("/rules/new/<name>")
@needs("rules.edit")
def filled(name: str) -> AnyResponse:
    """The editor with the rule that was filled in, or the blanks again with what is wrong."""
    template, shelf = find(name), read_shelf()
    made = fill_template(template, request.form, shelf.site, shelf.names(), in_own_words)
    if made.faults:
        return Response(_page(template, request.form, made.faults), 422)
    return Response(page(Editing(made.text, subject=request.form.get("subject", "")), shelf, fresh=True))


def first_steps() -> dict[str, tuple[str, str | None]]:
    """What a site lacks -> what to do, and the address where that is done if there is one."""
    there = current_app.view_functions
    return {
        kind: (str(words), url_for(endpoint) if endpoint in there else None)
        for kind, (words, endpoint) in MISSING.items()
    }


def find(name: str) -> Template:
    template = TEMPLATES.get(name)
    if template is None:
        abort(404, _("No template is called %(name)s.", name=repr(name)))
    return template


def _page(template: Template, given: Any, faults: Any) -> str:
    offer = offer_template(template, read_shelf().site)
    values = {blank.key: given.get(blank.key, blank.default if not given else "") for blank in template.blanks}
    subject = request.values.get("subject", request.args.get("on", ""))
    return render_template(
        "rule_template.html", offer=offer, values=values, faults=faults, missing=first_steps(), subject=subject
    )
