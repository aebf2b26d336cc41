"""Errors as a page in the house style or, for scripts, as a JSON problem (RFC 9457)."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, Conflict, HTTPException, ServiceUnavailable, UnprocessableEntity
from werkzeug.exceptions import NotFound as NotFoundPage

from surveillance.dashboard.languages import in_own_words, language
from surveillance.dashboard.services import services
from surveillance.dashboard.sessions import asks_for_page
from surveillance.domain.errors import EditConflict, NotFound, RecordFailed, UserMistake

_log = logging.getLogger(__name__)

TITLES = {
    400: _l("That request could not be read"),
    401: _l("Sign in first"),
    403: _l("Not allowed"),
    404: _l("Nothing here"),
    405: _l("Not done this way"),
    409: _l("Changed meanwhile"),
    413: _l("Too large"),
    415: _l("Not of a kind that is read here"),
    422: _l("Not accepted"),
    429: _l("Too many tries"),
    500: _l("Something broke"),
    503: _l("Busy"),
}
TEXTS = {
    404: _l("The address is wrong, or what it showed has been removed."),
    405: _l("This address does not take that kind of request."),
    413: _l("The request is larger than this server accepts."),
    429: _l("Wait a minute, then try again."),
    500: _l("The fault is on record in the server's log. Go back and try again."),
}


def register(app: Flask) -> None:
    app.register_error_handler(HTTPException, show_error)
    app.register_error_handler(CSRFError, show_stale_form)
    app.register_error_handler(UserMistake, show_mistake)
    app.register_error_handler(RecordFailed, show_away)


def show_error(error: HTTPException) -> Response:
    """Any error that has an HTTP status."""
    status = error.code or 500
    given = error.description if error.description != type(error).description else None
    text = TEXTS.get(status) if status in (405, 413, 429, 500) else given or TEXTS.get(status, "")
    return answer(status, in_own_words(str(text or "")), error)


def show_stale_form(error: CSRFError) -> Response:
    return answer(400, _("The form was open for too long. Go back, reload the page and send it again."), error)


def show_mistake(mistake: UserMistake) -> Response:
    """A page's form is read again; the API tells what reads well (422) from what does not (400)."""
    kinds: tuple[tuple[type[UserMistake], type[HTTPException]], ...] = (
        (NotFound, NotFoundPage),
        (EditConflict, Conflict),
    )
    otherwise = UnprocessableEntity if request.path.startswith("/api/") else BadRequest
    error = next((page for known, page in kinds if isinstance(mistake, known)), otherwise)()
    if isinstance(mistake, EditConflict):
        error.more = {"version": services().site.version()}  # type: ignore[attr-defined]
    return answer(error.code or 400, in_own_words(str(mistake)), error)


def show_away(failure: RecordFailed) -> Response:
    """Nothing was read or written; a reader denies on it, as on any answer that is no grant.

    The page is bare and comes back by itself: the house's own asks the database who is signed in.
    """
    _log.warning("%s %s not answered: %s", request.method, request.path, failure)
    text = _("The database is away, so nothing was done. Try again in a moment.")
    if not asks_for_page():
        return answer(503, text, ServiceUnavailable())
    head = f'<!doctype html><html lang="{language()}"><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
    return Response(f"{head}<title>{TITLES[503]}</title><h1>{TITLES[503]}</h1><p>{text}</p></html>", 503)


def answer(status: int, text: str, error: HTTPException) -> Response:
    """`more` on the error are further keys of its problem."""
    title = str(TITLES.get(status, error.name))
    if asks_for_page():
        response = Response(render_template("error.html", status=status, title=title, text=text))
    else:
        problem = {"type": "about:blank", "title": title, "status": status, "detail": text}
        response = jsonify(problem | getattr(error, "more", {}))
        response.mimetype = "application/problem+json"
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
        if "HX-Request" in request.headers:
            response.headers["HX-Redirect"] = url_for("sign_in.show")
    for name, value in error.get_headers():
        if name in ("Retry-After", "Allow"):
            response.headers[name] = value
    return response
