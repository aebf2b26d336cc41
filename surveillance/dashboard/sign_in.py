"""Signing in and out, and one's own password. An unknown name, a wrong password and a locked account read alike."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from surveillance.dashboard import sessions
from surveillance.dashboard.guards import needs, public
from surveillance.dashboard.services import services
from surveillance.domain.errors import UserMistake
from surveillance.storage.accounts import PASSWORD_MIN

pages = Blueprint("sign_in", __name__)


@pages.get("/sign-in")
@public
def show() -> Response | str:
    if sessions.current_user() is not None:
        return redirect(sessions.safe_next(request.args.get("next")))
    return render_template("sign_in.html", wanted=request.args.get("next", ""), name="", failed=False)


@pages.post("/sign-in")
@public
def submit() -> Response | tuple[str, int]:
    name, password = request.form.get("name", "")[:200], request.form.get("password", "")[:1000]
    wanted = request.form.get("next", "")
    user = services().accounts.authenticate(name, password)
    if user is None:
        return render_template("sign_in.html", wanted=wanted, name=name, failed=True), 401
    sessions.sign_in(user)
    return redirect(sessions.safe_next(wanted))


@pages.get("/account")
@needs("account.own")
def account() -> str:
    return render_template("account.html", fault="", length=PASSWORD_MIN)


@pages.post("/account")
@needs("account.own")
def change_password() -> Response | tuple[str, int]:
    """Asks for the present password again, ends every other session, and keeps this one."""
    user, accounts = sessions.signed_in(), services().accounts
    fault = ""
    if accounts.authenticate(user.name, request.form.get("password", "")[:1000]) is None:
        fault = "The present password is not right."
    elif request.form.get("fresh") != request.form.get("again"):
        fault = "The new password was typed in two ways."
    else:
        try:
            accounts.passwd(user.name, request.form.get("fresh", ""), actor=user.name)
        except UserMistake as mistake:
            fault = str(mistake)
    if fault:
        return render_template("account.html", fault=fault, length=PASSWORD_MIN), 400
    changed = accounts.user(user.id)
    if changed is not None:
        sessions.sign_in(changed)
    flash("Your password has been changed; other sessions have ended.")
    return redirect(url_for("events.listing"))


@pages.post("/sign-out")
@needs("account.own")
def leave() -> Response:
    sessions.sign_out()
    return redirect(url_for("sign_in.show"))
