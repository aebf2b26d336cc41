"""What is held of a person: shown, handed over as a file, or erased for good."""

from __future__ import annotations

import re
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.dashboard import trail
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.domain.errors import UserMistake

pages = Blueprint("people_privacy", __name__)
MEMORY = 2**20  # a larger file is written to the disk meanwhile


@pages.get("/person-held")
@needs("people.erase")
def held() -> str:
    return page_of(request.args.get("name", ""))


def page_of(name: str, fault: str = "") -> str:
    outlook = services().subjects.look(name)
    trail.viewed("person", name)
    return render_template("person_held.html", outlook=outlook, held=outlook.held, fault=in_own_words(fault))


@pages.post("/person-held/file")
@needs("people.erase")
def hand_over() -> Response:
    """Everything held of the person as a ZIP; put on record."""
    name = request.form.get("name", "")
    with ExitStack() as kept:
        file = kept.enter_context(SpooledTemporaryFile(MEMORY))
        services().subjects.export(name, file, actor().name)
        file.seek(0)
        told = re.sub(r"\W+", "-", name).strip("-").lower() or "person"
        answer = send_file(file, "application/zip", as_attachment=True, download_name=f"{told}.zip")
        answer.call_on_close(kept.pop_all().close)  # with the answer
    return answer


@pages.post("/person-held/erase")
@needs("people.erase")
def erase() -> str | Response:
    """Erases whoever the form names twice."""
    name = request.form.get("name", "")
    if request.form.get("again", "").strip() != name:
        return page_of(name, _("Type the name as it stands above."))
    try:
        services().subjects.erase(name, actor().name)
    except UserMistake as mistake:
        return page_of(name, str(mistake))
    flash(_("The person is erased. Events say so in place of the name."))
    return redirect(url_for("people.listing"))
