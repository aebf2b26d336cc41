"""What each view needs, and whether whoever asks has it: `@needs("events.view")` or `@public` under every route.

A view without either makes `create_app` fail. A signed-in user has the permissions of the role, a bearer token under
/api/ (and /metrics) those of its scopes; both reach only their cameras and doors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flask import Flask, g, redirect, request, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized
from werkzeug.wrappers import Response

from surveillance.dashboard.services import services
from surveillance.dashboard.sessions import asks_for_page, current_user, unfinished
from surveillance.domain import duress
from surveillance.domain.permissions import PERMISSIONS, SCOPES, Reach, permissions_in, permissions_of
from surveillance.storage.ledger import acting_from
from surveillance.storage.tokens import Token

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC = "public"
LOOK_AGAIN_S = 3.0  # how long a stream may outlive its session
BY_TOKEN = ("/api/", "/metrics")  # where programs come


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in this request. `name` is what goes on record, `address` where the request came from."""

    name: str
    permissions: frozenset[str]
    reach: Reach
    address: str
    is_program: bool = False

    def may(self, permission: str) -> bool:
        return permission in self.permissions


def needs(permission: str) -> Callable[[View], View]:
    """The view is for those who have that permission of the declared table."""
    if permission not in PERMISSIONS:
        raise ValueError(f"no permission is called {permission!r}")
    return _marked(permission)


def public(view: View) -> View:
    """The view is for anybody."""
    return _marked(PUBLIC)(view)


def needed(app: Flask, endpoint: str) -> str:
    """The permission that an endpoint needs, or PUBLIC. Raises LookupError where none is declared."""
    if endpoint == "static":
        return PUBLIC
    declared = getattr(app.view_functions[endpoint], "needs", None)
    if declared is None:
        raise LookupError(f"the view {endpoint} declares neither @needs(...) nor @public")
    return str(declared)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Puts the check before every request. Raises LookupError for a view that declares nothing."""
    for endpoint in app.view_functions:
        needed(app, endpoint)

    @app.before_request
    def check() -> Response | None:
        acting_from.set(request.remote_addr or "")
        if request.endpoint == "static":
            return None
        if request.endpoint is None:  # no such page: told only to those who are signed in
            return None if _known() else _ask_to_sign_in()
        permission = needed(app, request.endpoint)
        who = _known()
        if who is None and permission != PUBLIC:
            return _ask_to_sign_in(permission)
        if who is not None and permission != PUBLIC and not who.may(permission):
            raise Forbidden(_refusal(who, permission))
        if who is None or not who.is_program:
            csrf.protect()
        return None if permission == PUBLIC else _unfinished()

    @app.teardown_request
    def forget(error: BaseException | None) -> None:
        acting_from.set("")

    app.jinja_env.globals["may"] = lambda permission: (who := _known()) is not None and who.may(permission)


def actor() -> Actor:
    """Who acts in this request. Raises Unauthorized where nobody does."""
    who = _known()
    if who is None:
        raise Unauthorized(_("Sign in first."))
    return who


def see_camera(name: str) -> None:
    """Raises NotFound for a camera that whoever asks does not reach; it reads like one that does not exist."""
    if not actor().reach.sees_camera(name):
        raise NotFound(_("No camera is called %(name)s.", name=repr(name)))


def see_door(name: str) -> None:
    """Raises NotFound for a door that whoever asks does not reach."""
    if not actor().reach.sees_door(name):
        raise NotFound(_("No door is called %(name)s.", name=repr(name)))


def refuse_bound() -> None:
    """Raises Forbidden for whoever reaches some cameras and doors only: what is new or of all is in nobody's reach."""
    if not actor().reach.is_whole:
        raise Forbidden(_("This is for those who reach the whole site."))


class GoingOn:
    """Whether whoever opened a stream still may have it, asked anew every few seconds for as long as it is open.

    A session that was ended, a role or reach that was changed ends the stream; the browser comes back and is told why.
    """

    def __init__(self, permission: str) -> None:
        self._permission = permission
        self._reach = actor().reach
        self._looks_s = time.monotonic() + LOOK_AGAIN_S

    def __call__(self) -> bool:
        if time.monotonic() < self._looks_s:
            return True
        self._looks_s = time.monotonic() + LOOK_AGAIN_S
        for known in ("web_session", "user", "actor", "token"):  # what the request remembers of it
            g.pop(known, None)
        who = _known()
        return who is not None and who.may(self._permission) and who.reach == self._reach


def bearer_token() -> Token | None:
    """The token of the request's Authorization header (RFC 6750), None where there is none that is valid."""
    if "token" not in g:
        text = request.headers.get("Authorization", "").partition(" ")[2]
        g.token = services().accounts.find_token(text.strip()) if _comes_by_token() else None
    found: Token | None = g.token
    return found


def _marked(permission: str) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.needs = permission  # type: ignore[attr-defined]
        return view

    return mark


def _known() -> Actor | None:
    if "actor" not in g:
        g.actor = _by_token() if _comes_by_token() else _by_session()
    found: Actor | None = g.actor
    return found


def _comes_by_token() -> bool:
    scheme = request.headers.get("Authorization", "").partition(" ")[0]
    return scheme.lower() == "bearer" and request.path.startswith(BY_TOKEN)


def _by_token() -> Actor | None:
    token = bearer_token()
    if token is None:
        return None
    return _actor(token.name, permissions_in(token.scopes), token.reach, is_program=True)


def _by_session() -> Actor | None:
    user = current_user()
    if user is None:
        return None
    return _actor(user.name, permissions_of(user.role), user.reach)


def _actor(name: str, permissions: frozenset[str], reach: Reach, is_program: bool = False) -> Actor:
    reach = replace(reach, silent=duress.PERMISSION in permissions)
    return Actor(name, permissions, reach, request.remote_addr or "", is_program)


def _ask_to_sign_in(permission: str = "") -> Response:
    scopes = scopes_with(permission)
    if scopes and request.path.startswith(BY_TOKEN):
        raise Unauthorized(
            _("Sign in, or send a bearer token of scope %(scope)s: Authorization: Bearer ...", scope=scopes[0])
        )
    if not asks_for_page():
        raise Unauthorized(_("Sign in first."))
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("sign_in.show", next=wanted if wanted != "/" else None))


def scopes_with(permission: str) -> list[str]:
    """The token scopes that give a permission, the narrowest first."""
    giving = [scope for scope, given in SCOPES.items() if permission in given]
    return sorted(giving, key=lambda scope: len(SCOPES[scope]))


def _unfinished() -> Response | None:
    """To the page where a user chooses a password or sets up a second factor, which comes before anything else."""
    user = None if _comes_by_token() else current_user()
    page = None if user is None else unfinished(user)
    if page is None or request.blueprint in ("account", "sign_in"):
        return None
    if not asks_for_page():
        raise Forbidden(_("Choose your own password first, or set up the second factor that your role needs."))
    return redirect(url_for(page))


def _refusal(who: Actor, permission: str) -> str:
    if who.is_program:
        scopes = scopes_with(permission)
        if not scopes:
            return _("This is not done with a token.")
        return _("This token lacks the scope %(scope)s.", scope=scopes[0])
    if permission == "access.request":
        return _("Only readers ask at doors, with a bearer token of scope access:request.")
    return _("Your role does not include this. An administrator can change it.")
