"""Who is signed in: a signed cookie holds the secret of a session in the database, which is looked up each time.

A password alone starts no session where a second factor is set up: the cookie then says whose code is awaited.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_babel import gettext as _
from werkzeug.exceptions import Unauthorized

from surveillance.dashboard.services import services
from surveillance.domain.errors import NotFound, RecordFailed
from surveillance.storage.accounts import User
from surveillance.storage.web_sessions import WebSession

CODE_S = 300  # how long a right password waits for its code


class SiteSessions(SecureCookieSessionInterface):
    """Flask's signed cookie with SHA-256, marked Secure as the settings say; `auto` looks at each request."""

    digest_method = staticmethod(hashlib.sha256)
    salt = "surveillance-session"

    def __init__(self, secure: str) -> None:
        self._secure = secure

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure if self._secure == "auto" else self._secure == "always"

    def get_cookie_path(self, app: Flask) -> str:
        return request.script_root or "/"


def register(app: Flask) -> None:
    """Has it written down, after each answer has gone out, that the session or token was used."""

    @app.after_request
    def remember(answer: Response) -> Response:
        used, token, address = g.get("web_session"), g.get("token"), request.remote_addr or ""
        if used is not None:
            answer.call_on_close(partial(_touch, partial(services().sessions.touch, used, address)))
        if token is not None:
            answer.call_on_close(partial(_touch, partial(services().accounts.touch_token, token)))
        return answer


def _touch(write: Any) -> None:
    with suppress(RecordFailed):  # the database is away: when something was last used is not worth an error
        write()


def sign_in(user: User) -> None:
    """Starts a fresh session: whatever a visitor brought along is gone."""
    session.clear()
    session.permanent = True
    lasts = timedelta(hours=services().settings.session_hours)
    address, agent = request.remote_addr or "", request.headers.get("User-Agent", "")
    session["key"] = services().sessions.start(user.id, address, agent, lasts)
    g.pop("web_session", None)
    g.pop("user", None)


def sign_out() -> None:
    """Ends the session on this side too, so that a copy of its cookie is worth nothing."""
    known = current_session()
    if known is not None:
        with suppress(NotFound):
            services().sessions.end(known.id, known.user)
    session.clear()
    g.pop("web_session", None)
    g.pop("user", None)


def await_code(user: User) -> None:
    """The password was right; the code of the second factor is asked for next."""
    session.clear()
    session["awaits"] = [user.id, user.changed_at.isoformat(), time.time() + CODE_S]


def awaited_user() -> User | None:
    """Whose code is awaited; None after five minutes or a change of the password."""
    awaits = session.get("awaits")
    if not awaits or awaits[2] < time.time():
        return None
    user = services().accounts.user(awaits[0])
    return user if user is not None and user.changed_at.isoformat() == awaits[1] else None


def current_session() -> WebSession | None:
    """The session of this request, looked up once."""
    if "web_session" not in g:
        key = session.get("key")
        g.web_session = services().sessions.find(key) if isinstance(key, str) else None
    found: WebSession | None = g.web_session
    return found


def current_user() -> User | None:
    """The signed-in user, looked up once a request, so that a change of role or reach holds at once."""
    if "user" not in g:
        known = current_session()
        g.user = None if known is None else services().accounts.user(known.user_id)
    found: User | None = g.user
    return found


def signed_in() -> User:
    """The user, where a signed-in one was needed to come here."""
    user = current_user()
    if user is None:
        raise Unauthorized(_("Sign in first."))
    return user


def unfinished(user: User) -> str | None:
    """The page on which a user has to do something before anything else; None when there is nothing."""
    if user.must_change:
        return "account.show"
    if user.role in services().settings.second_factor_roles and not user.has_second_factor:
        return "account.second_factor"
    return None


def asks_for_page() -> bool:
    """Whether a person waits for a whole page, rather than a script for data, a fragment or a picture."""
    if request.endpoint == "api.docs":  # the one page among what programs ask for
        return True
    if request.path.startswith(("/api/", "/metrics")) or "HX-Request" in request.headers:
        return False
    accepted = request.accept_mimetypes
    return not accepted or (accepted.accept_html and accepted.best != "text/event-stream")


def safe_next(target: Any) -> str:
    """`target` when it is a path of this application, else the first page: no redirect leads elsewhere."""
    has_begun = services().site.read().cameras
    home = url_for("events.listing" if has_begun else "events.home")  # which leads to the first run
    if not isinstance(target, str) or not target.startswith("/") or target.startswith(("//", "/\\")):
        return home
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or "\\" in target or not target.isprintable():
        return home
    return request.script_root + target
