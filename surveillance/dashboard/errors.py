"""Errors as a page in the house style or, for scripts, as a JSON problem (RFC 9457)."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable
from werkzeug.exceptions import NotFound as NotFoundPage

from surveillance.dashboard.sessions import asks_for_page
from surveillance.domain.errors import NotFound, RecordFailed, UserMistake

_log = logging.getLogger(__name__)

TITLES = {
    400: "That request could not be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not done this way",
    413: "Too large",
    429: "Too many tries",
    500: "Something broke",
    503: "Busy",
}
TEXTS = {
    404: "The address is wrong, or what it showed has been removed.",
    405: "This address does not take that kind of request.",
    413: "The request is larger than this server accepts.",
    429: "Wait a minute, then try again.",
    500: "The fault is on record in the server's log. Go back and try again.",
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
    return answer(status, text or "", error)


def show_stale_form(error: CSRFError) -> Response:
    return answer(400, "The form was open for too long. Go back, reload the page and send it again.", error)


def show_mistake(mistake: UserMistake) -> Response:
    error = NotFoundPage() if isinstance(mistake, NotFound) else BadRequest()
    return answer(error.code, str(mistake), error)


def show_away(failure: RecordFailed) -> Response:
    """Nothing was read or written; a reader denies on it, as on any answer that is no grant.

    The page is bare and comes back by itself: the house's own asks the database who is signed in.
    """
    _log.warning("%s %s not answered: %s", request.method, request.path, failure)
    text = "The database is away, so nothing was done. Try again in a moment."
    if not asks_for_page():
        return answer(503, text, ServiceUnavailable())
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
    return Response(f"{head}<title>{TITLES[503]}</title><h1>{TITLES[503]}</h1><p>{text}</p></html>", 503)


def answer(status: int, text: str, error: HTTPException) -> Response:
    title = TITLES.get(status, error.name)
    if asks_for_page():
        response = Response(render_template("error.html", status=status, title=title, text=text))
    else:
        response = jsonify({"type": "about:blank", "title": title, "status": status, "detail": text})
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
