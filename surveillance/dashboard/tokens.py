"""Tokens of programs: made, shown once, listed with their last use, and revoked. For administrators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.dashboard.users import parse_reach, site_names
from surveillance.domain.errors import UserMistake
from surveillance.domain.permissions import SCOPES, WHOLE, Reach

pages = Blueprint("tokens", __name__)
Page = Response | str | tuple[str, int]
ENDS = {"30d": timedelta(days=30), "90d": timedelta(days=90), "1y": timedelta(days=365), "never": None}


@pages.get("/tokens")
@needs("tokens.edit")
def listing() -> str:
    return render_template("tokens.html", tokens=services().accounts.list_tokens(), now=datetime.now(UTC))


@pages.get("/tokens/new")
@needs("tokens.edit")
def new() -> str:
    return _form({"scopes": ["events:read"], "ends": "90d"}, WHOLE)


@pages.post("/tokens/new")
@needs("tokens.edit")
def add() -> Page:
    """Shows the token, this once."""
    name, scopes, ends = request.form.get("name", "").strip(), request.form.getlist("scopes"), request.form.get("ends")
    reach, lasts = parse_reach(request.form), ENDS.get(ends or "", ENDS["90d"])
    accounts = services().accounts
    fault = ""
    if not scopes:
        fault = _("Choose what the token may do.")
    elif any(known.name == name for known in accounts.list_tokens()):
        fault = _("There is a token of that name already: choose another, or revoke that one first.")
    else:
        try:
            expires_at = None if lasts is None else datetime.now(UTC) + lasts
            token = accounts.create_token(name, scopes, actor().name, reach, expires_at)
            return render_template("token_made.html", name=name, token=token)
        except UserMistake as mistake:
            fault = in_own_words(str(mistake))
    return _form({"name": name, "scopes": scopes, "ends": ends}, reach, fault), 400


@pages.post("/tokens/revoke")
@needs("tokens.edit")
def revoke() -> Page:
    name = request.form.get("name", "")
    services().accounts.revoke_token(name, actor().name)
    flash(_("The token %(name)s no longer holds.", name=name))
    return redirect(url_for("tokens.listing"))


def _form(values: Mapping[str, Any], reach: Reach, fault: str = "") -> str:
    return render_template(
        "token_new.html", values=values, reach=reach, scopes=list(SCOPES), ends=list(ENDS), fault=fault, **site_names()
    )
