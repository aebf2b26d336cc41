"""Badges on phones: a link, shown once, opens a page that shows a fresh code every few seconds.

The page is open to whoever has the link, which is all that it asks for; switching the credential off ends it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.access import people as edits
from surveillance.access.badges import PHONE, Badge
from surveillance.access.credentials import faults_of
from surveillance.access.roster import mark_of
from surveillance.dashboard import trail
from surveillance.dashboard.badges import DAYS, code_of
from surveillance.dashboard.guards import needs, public
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Credential, Person
from surveillance.domain.values import rfc3339

pages = Blueprint("phone_badges", __name__)
COOKIE = "surveillance_badge"


@pages.post("/badges/phone")
@needs("people.edit")
def issue() -> tuple[str, int]:
    """Makes a badge for a person's phone and shows its link: the link is not kept."""
    name, days = request.form.get("name", ""), request.form.get("days", "")
    if days not in map(str, DAYS):
        raise UserMistake(_("Choose how long the badge is valid."))
    now = datetime.now(UTC)
    badge, text = services().badges.issue_link(now, now + timedelta(days=int(days)))
    value = services().site.hash_credential(PHONE, badge.id)
    held = Credential(PHONE, value, valid_from=badge.issued, valid_until=badge.expires)
    edit_site(lambda site: edits.changed(site, name, lambda person: edits.with_credential(person, held)))
    trail.exported("badge", f"{name} {mark_of(value)}")
    link = url_for("phone_badges.open_link", link=text, _external=True)
    page = render_template(
        "badge_link.html",
        person=edits.person_of(services().site.read(), name),
        mark=mark_of(value),
        code=code_of(link),
        link=link,
        until=None if badge.expires is None else rfc3339(badge.expires),
    )
    return page, 201


@pages.get("/badge/<link>")
@public
def open_link(link: str) -> Response:
    """Remembers the link in this browser, and takes it out of the address."""
    answer = redirect(url_for("phone_badges.show"))
    badge = services().badges.read_link(link)
    if badge is not None and badge.expires is not None:
        answer.set_cookie(
            COOKIE, link, expires=badge.expires, samesite="Lax", httponly=True, secure=request.is_secure,
            path=url_for("phone_badges.show"),
        )  # fmt: skip
    return answer


@pages.get("/badge")
@public
def show() -> tuple[str, int]:
    """A fresh code, for whoever has a link that counts."""
    now = datetime.now(UTC)
    link = services().badges.read_link(request.cookies.get(COOKIE, ""))
    person = None if link is None else holder_of(link, now)
    if link is None or person is None:
        return render_template("badge_phone.html", person=None, code=None), 404
    _badge, text = services().badges.show(link, now)
    return render_template("badge_phone.html", person=person, code=code_of(text)), 200


def holder_of(link: Badge, now: datetime) -> Person | None:
    """Whose badge it is, as long as it counts."""
    if link.is_over(now):
        return None
    value = services().site.hash_credential(PHONE, link.id)
    for person in services().site.read().people:
        for item in person.credentials:
            if item.kind == PHONE and item.value == value and not faults_of(item, now):
                return person
    return None
