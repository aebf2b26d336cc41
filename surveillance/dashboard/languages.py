"""The language of the pages: what this browser chose before, else what it asks for."""

from __future__ import annotations

from flask import Blueprint, Flask, redirect, request
from flask_babel import Babel, get_locale
from werkzeug.wrappers import Response

from surveillance.dashboard.guards import public
from surveillance.dashboard.sessions import safe_next
from surveillance.translations import DIRECTORY, LANGUAGES, said

pages = Blueprint("languages", __name__)
COOKIE = "surveillance_language"
YEAR_S = 365 * 24 * 3600


@pages.post("/language")
@public
def choose() -> Response:
    """Remembers the language in this browser."""
    answer = redirect(safe_next(request.form.get("next")))
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        answer.set_cookie(
            COOKIE, chosen, max_age=YEAR_S, samesite="Lax", httponly=True, secure=request.is_secure,
            path=request.script_root or "/",
        )  # fmt: skip
    return answer


def wanted_language() -> str:
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(list(LANGUAGES)) or "en"


def language() -> str:
    """The language of this request, as in `lang` attributes."""
    return str(get_locale() or "en")


def in_own_words(text: str) -> str:
    """A sentence from the record, or of a mistake, in the language of this request."""
    return said(text, language())


def register(app: Flask) -> None:
    Babel(  # type: ignore[no-untyped-call]
        app, locale_selector=wanted_language, default_translation_directories=str(DIRECTORY)
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True  # as the catalog is made
    app.jinja_env.filters["said"] = in_own_words
    app.jinja_env.globals.update(language=language, languages=LANGUAGES)
