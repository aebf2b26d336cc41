"""Badges on phones: a link, shown once, opens a page that shows a fresh code every few seconds.

The page is open to whoever has the link, which is all that it asks for; switching the credential off ends it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from surveillance.access import people as edits
from surveillance.access.badges import PHONE, Badge
from surveillance.access.credentials import faults_of
from surveillance.dashboard.badges import code_of, issued
from surveillance.dashboard.guards import needs, public
from surveillance.dashboard.services import services
from surveillance.domain.site import Person
from surveillance.domain.values import rfc3339

pages = Blueprint("phone_badges", __name__)
COOKIE = "surveillance_badge"


@pages.post("/badges/phone")
@needs("people.edit")
def issue() -> tuple[str, int]:
    """Makes a badge for a person's phone and shows its link: the link is not kept."""
    name, badge, text, mark = issued(PHONE, services().badges.issue_link)
    link = url_for("phone_badges.open_link", link=text, _external=True)
    page = render_template(
        "badge_link.html",
        person=edits.person_of(services().site.read(), name),
        mark=mark,
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
