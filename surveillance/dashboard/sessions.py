"""Who is signed in: a signed cookie that holds a user's id and since when, checked against the accounts each time."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, g, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import Unauthorized

from surveillance.dashboard.services import services
from surveillance.storage.accounts import User


class SiteSessions(SecureCookieSessionInterface):
    """Flask's signed cookie with SHA-256, marked Secure as the settings say; `auto` looks at each request."""

    digest_method = staticmethod(hashlib.sha256)
    salt = "surveillance-session"

    def __init__(self, secure: str) -> None:
        self._secure = secure

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure if self._secure == "auto" else self._secure == "always"


def sign_in(user: User) -> None:
    """Starts a fresh session: whatever a visitor brought along is gone."""
    session.clear()
    session.permanent = True
    session["user"] = user.id
    session["changed_at"] = user.changed_at.isoformat()


def sign_out() -> None:
    session.clear()


def current_user() -> User | None:
    """The signed-in user, looked up once a request. A session from before a change of password or role is over."""
    if "user" not in g:
        known = session.get("user")
        user = services().accounts.user(known) if known is not None else None
        g.user = user if user is not None and user.changed_at.isoformat() == session.get("changed_at") else None
    found: User | None = g.user
    return found


def signed_in() -> User:
    """The user, where a signed-in one was needed to come here."""
    user = current_user()
    if user is None:
        raise Unauthorized("Sign in first.")
    return user


def asks_for_page() -> bool:
    """Whether a person waits for a whole page, rather than a script for data, a fragment or a picture."""
    if request.path.startswith(("/api/", "/metrics")) or "HX-Request" in request.headers:
        return False
    accepted = request.accept_mimetypes
    return not accepted or (accepted.accept_html and accepted.best != "text/event-stream")


def safe_next(target: Any) -> str:
    """`target` when it is a path on this server, else the first page: no redirect leads elsewhere."""
    home = url_for("events.listing")
    if not isinstance(target, str) or not target.startswith("/") or target.startswith(("//", "/\\")):
        return home
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or "\\" in target or not target.isprintable():
        return home
    return target
