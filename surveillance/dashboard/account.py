"""One's own account: the password, the second factor, and where one is signed in."""

from __future__ import annotations

from datetime import datetime, tzinfo
from io import BytesIO

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.dashboard import sessions
from surveillance.dashboard.agents import browser_of, system_of
from surveillance.dashboard.clock import Moment, moment
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.values import rfc3339
from surveillance.storage.accounts import PASSWORD_MIN

pages = Blueprint("account", __name__)
Page = Response | str | tuple[str, int]


@pages.get("/account")
@needs("account.own")
def show() -> Page:
    return _account()


@pages.post("/account")
@needs("account.own")
def change_password() -> Page:
    """Asks for the present password again, ends every other session, and keeps this one."""
    user, accounts = sessions.signed_in(), services().accounts
    if not accounts.confirm(user.id, request.form.get("password", "")[:1000]):
        return _account(_("The present password is not right.")), 400
    fresh = request.form.get("fresh", "")
    if fresh != request.form.get("again"):
        return _account(_("The new password was typed in two ways.")), 400
    if fresh == request.form.get("password"):
        return _account(_("The new password is the present one.")), 400
    try:
        accounts.passwd(user.name, fresh, actor=user.name)
    except UserMistake as mistake:
        return _account(str(mistake)), 400
    sessions.sign_in(user)
    flash(_("Your password has been changed; other sessions have ended."))
    return redirect(sessions.safe_next(None))


@pages.app_template_filter("device")
def device(agent: str) -> str:
    """A browser in words, such as `Firefox on Windows`."""
    browser, system = browser_of(agent), system_of(agent)
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or _("Unknown device")


@pages.app_template_filter("at_zone")
def at_zone(at: datetime, zone: tzinfo) -> Moment:
    return moment(rfc3339(at), zone)


def _account(fault: str = "") -> str:
    user, current = sessions.signed_in(), sessions.current_session()
    return render_template(
        "account.html",
        fault=fault,
        length=PASSWORD_MIN,
        mine=services().sessions.of(user.id),
        current=current.id if current else "",
        codes_left=services().second_factor.recovery_left(user.id),
    )


# --- the second factor ---------------------------------------------------------------------------------------------


@pages.get("/account/second-factor")
@needs("account.own")
def second_factor() -> Page:
    """The secret as a picture and as text, and a place for the first code."""
    if sessions.signed_in().has_second_factor:
        return redirect(url_for("account.show"))
    return _draft()


@pages.post("/account/second-factor")
@needs("account.own")
def add_second_factor() -> Page:
    """Shows the recovery codes, this once."""
    user = sessions.signed_in()
    if user.has_second_factor:
        return redirect(url_for("account.show"))
    try:
        codes = services().second_factor.confirm(user.id, request.form.get("code", "")[:20])
    except UserMistake:
        return _draft(_("That is not the code. Is the clock of the phone right?")), 400
    return render_template("recovery_codes.html", codes=codes)


@pages.post("/account/recovery-codes")
@needs("account.own")
def renew_recovery_codes() -> Page:
    user = sessions.signed_in()
    if not services().accounts.confirm(user.id, request.form.get("password", "")[:1000]):
        return _account(_("The password is not right.")), 400
    try:
        return render_template("recovery_codes.html", codes=services().second_factor.renew_recovery(user.id))
    except UserMistake:
        return redirect(url_for("account.second_factor"))


@pages.post("/account/second-factor/remove")
@needs("account.own")
def remove_second_factor() -> Page:
    user = sessions.signed_in()
    if not services().accounts.confirm(user.id, request.form.get("password", "")[:1000]):
        return _account(_("The password is not right.")), 400
    services().second_factor.remove(user.id, user.name)
    flash(_("The second factor is switched off."))
    return redirect(url_for("account.show"))


@pages.get("/account/second-factor.svg")
@needs("account.own")
def second_factor_picture() -> Response:
    """The QR code that a phone reads. Raises UserMistake where a second factor is in use."""
    draft = services().second_factor.draft(sessions.signed_in().id)
    picture = BytesIO()
    segno.make(draft.uri, error="m").save(picture, kind="svg", scale=5, border=4, dark="#000", light="#fff")
    return Response(picture.getvalue(), mimetype="image/svg+xml")


def _draft(fault: str = "") -> str:
    secret = services().second_factor.draft(sessions.signed_in().id).secret
    groups = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
    return render_template("second_factor.html", secret=groups, fault=fault)


# --- sessions ------------------------------------------------------------------------------------------------------


@pages.post("/account/sessions/<id>/end")
@needs("account.own")
def end_session(id: str) -> Page:
    user, current = sessions.signed_in(), sessions.current_session()
    if current is not None and current.id == id:
        sessions.sign_out()
        return redirect(url_for("sign_in.show"))
    try:
        services().sessions.end(id, user.name, user_id=user.id)
        flash(_("That session has ended."))
    except NotFound:
        flash(_("That session had ended already."))
    return redirect(url_for("account.show"))


@pages.post("/account/sessions/end-others")
@needs("account.own")
def end_other_sessions() -> Page:
    user, current = sessions.signed_in(), sessions.current_session()
    services().sessions.end_all(user.id, user.name, keep=current.id if current else None)
    flash(_("Your other sessions have ended."))
    return redirect(url_for("account.show"))
