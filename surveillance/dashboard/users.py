"""Who may sign in: added, given a role and a reach, helped when locked out, and removed. For administrators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from surveillance.dashboard import sessions
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.permissions import ROLES, WHOLE, Reach
from surveillance.storage.accounts import User, one_time_password

pages = Blueprint("users", __name__)
Page = Response | str | tuple[str, int]


@pages.get("/users")
@needs("users.edit")
def listing() -> str:
    accounts = services().accounts
    counted = Counter(known.user_id for known in services().sessions.every())
    return render_template("users.html", users=accounts.list_users(), locked=accounts.locked(), counted=counted)


@pages.get("/users/new")
@needs("users.edit")
def new() -> str:
    return _form({"role": "viewer"}, WHOLE)


@pages.post("/users/new")
@needs("users.edit")
def add() -> Page:
    """Shows the one-time password of the new account, this once."""
    name, role, reach = request.form.get("name", "").strip(), request.form.get("role", ""), parse_reach(request.form)
    password = one_time_password()
    try:
        services().accounts.add(name, role, password, actor().name, reach, must_change=True)
    except UserMistake as mistake:
        return _form({"name": name, "role": role}, reach, in_own_words(str(mistake))), 400
    return render_template("user_password.html", name=name, password=password, is_new=True)


@pages.get("/user/<name>")
@needs("users.edit")
def one(name: str) -> str:
    return _one(find(name))


@pages.post("/user/<name>")
@needs("users.edit")
def change(name: str) -> Page:
    """Role and reach."""
    try:
        services().accounts.set(name, actor().name, request.form.get("role", ""), parse_reach(request.form))
    except NotFound:
        raise
    except UserMistake as mistake:
        return _one(find(name), in_own_words(str(mistake))), 400
    flash(_("%(name)s is changed; it holds at once.", name=name))
    return redirect(url_for("users.one", name=name))


@pages.post("/user/<name>/password")
@needs("users.edit")
def reset_password(name: str) -> Page:
    password = services().accounts.reset_password(find(name).name, actor().name)
    return render_template("user_password.html", name=name, password=password, is_new=False)


@pages.post("/user/<name>/unlock")
@needs("users.edit")
def unlock(name: str) -> Page:
    services().accounts.unlock(name, actor().name)
    return _done(name, _("%(name)s can try again.", name=name))


@pages.post("/user/<name>/disable")
@needs("users.edit")
def disable(name: str) -> Page:
    return _enabled(name, False, _("%(name)s can no longer sign in.", name=name))


@pages.post("/user/<name>/enable")
@needs("users.edit")
def enable(name: str) -> Page:
    return _enabled(name, True, _("%(name)s can sign in again.", name=name))


@pages.post("/user/<name>/second-factor/remove")
@needs("users.edit")
def remove_second_factor(name: str) -> Page:
    services().second_factor.remove(find(name).id, actor().name)
    return _done(name, _("%(name)s signs in without a second factor.", name=name))


@pages.post("/user/<name>/sessions/end")
@needs("users.edit")
def end_sessions(name: str) -> Page:
    services().sessions.end_all(find(name).id, actor().name)
    return _done(name, _("Every session of %(name)s has ended.", name=name))


@pages.post("/user/<name>/remove")
@needs("users.edit")
def remove(name: str) -> Page:
    try:
        services().accounts.remove(name, actor().name)
    except NotFound:
        raise
    except UserMistake as mistake:
        return _one(find(name), in_own_words(str(mistake))), 400
    flash(_("%(name)s is removed; what they did stays on record.", name=name))
    return redirect(url_for("users.listing"))


# --- everybody's sessions ------------------------------------------------------------------------------------------


@pages.get("/sessions")
@needs("users.edit")
def all_sessions() -> str:
    current = sessions.current_session()
    return render_template("sessions.html", every=services().sessions.every(), current=current.id if current else "")


@pages.post("/sessions/<id>/end")
@needs("users.edit")
def end_session(id: str) -> Page:
    current = sessions.current_session()
    if current is not None and current.id == id:
        sessions.sign_out()
        return redirect(url_for("sign_in.show"))
    try:
        services().sessions.end(id, actor().name)
        flash(_("That session has ended."))
    except NotFound:
        flash(_("That session had ended already."))
    return redirect(url_for("users.all_sessions"))


# --- forms ---------------------------------------------------------------------------------------------------------


def parse_reach(form: MultiDict[str, str]) -> Reach:
    """The ticked cameras and doors; a name that is none of the site's is kept, for it may come back."""
    limited = [
        frozenset(form.getlist(f"{kind}_named")[:1000]) if form.get(kind) == "some" else None
        for kind in ("cameras", "doors")
    ]
    return Reach(limited[0], limited[1])


def site_names() -> Mapping[str, list[str]]:
    """The cameras and doors to choose among."""
    site = services().site.read()
    return {"cameras": [each.name for each in site.cameras], "doors": [each.name for each in site.doors]}


def find(name: str) -> User:
    known = next((user for user in services().accounts.list_users() if user.name == name), None)
    if known is None:
        abort(404, _("No user is called %(name)s.", name=name))
    return known


def _form(values: Mapping[str, Any], reach: Reach, fault: str = "") -> str:
    return render_template("user_new.html", values=values, reach=reach, roles=ROLES, fault=fault, **site_names())


def _one(known: User, fault: str = "") -> str:
    return render_template(
        "user.html",
        known=known,
        is_me=known.id == sessions.signed_in().id,
        roles=ROLES,
        fault=fault,
        locked_until=services().accounts.locked().get(known.name),
        theirs=services().sessions.of(known.id),
        **site_names(),
    )


def _enabled(name: str, enabled: bool, words: str) -> Page:
    try:
        services().accounts.set_enabled(name, enabled, actor().name)
    except NotFound:
        raise
    except UserMistake as mistake:
        return _one(find(name), in_own_words(str(mistake))), 400
    return _done(name, words)


def _done(name: str, words: str) -> Response:
    flash(words)
    return redirect(url_for("users.one", name=name))
