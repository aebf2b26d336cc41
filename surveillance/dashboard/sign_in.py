"""Signing in and out. An unknown name, a wrong password, a wrong code and a locked account read alike."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from surveillance.dashboard import sessions
from surveillance.dashboard.guards import needs, public
from surveillance.dashboard.services import services

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
    if user.has_second_factor:
        sessions.await_code(user)
        return redirect(url_for("sign_in.ask_code", next=wanted or None))
    sessions.sign_in(user)
    return redirect(sessions.safe_next(wanted))


@pages.get("/sign-in/code")
@public
def ask_code() -> Response | str:
    if sessions.awaited_user() is None:
        return redirect(url_for("sign_in.show", next=request.args.get("next")))
    return render_template("sign_in_code.html", wanted=request.args.get("next", ""), failed=False)


@pages.post("/sign-in/code")
@public
def submit_code() -> Response | tuple[str, int]:
    awaited, wanted = sessions.awaited_user(), request.form.get("next", "")
    if awaited is None:
        return redirect(url_for("sign_in.show", next=wanted or None))
    user = services().accounts.second_step(awaited.id, request.form.get("code", "")[:100])
    if user is None:
        return render_template("sign_in_code.html", wanted=wanted, failed=True), 401
    sessions.sign_in(user)
    return redirect(sessions.safe_next(wanted))


@pages.post("/sign-out")
@needs("account.own")
def leave() -> Response:
    sessions.sign_out()
    return redirect(url_for("sign_in.show"))
