"""PINs for duress that were typed, for those who may know; everybody else meets no trace of them."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from surveillance.dashboard import trail
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.services import services
from surveillance.domain import duress
from surveillance.storage.queries import EventFilter

pages = Blueprint("duress", __name__)


@pages.get("/duress")
@needs(duress.PERMISSION)
def listing() -> str:
    wanted = EventFilter(kind=duress.EVENT, reach=actor().reach)
    rows, older = services().events.page(wanted, request.args.get("before"), services().settings.page_size)
    trail.searched("events", {"kind": duress.EVENT})
    return render_template("duress.html", rows=rows, older=older)
