"""Badges to print: a card with a signed QR code, shown once. Switching its credential off revokes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import segno
from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from markupsafe import Markup

from surveillance.access import people as edits
from surveillance.access.badges import QR, Badge
from surveillance.access.roster import mark_of
from surveillance.dashboard import trail
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Credential
from surveillance.domain.values import rfc3339

pages = Blueprint("badges", __name__)
DAYS = (1, 7, 31, 365)


def issued(kind: str, make: Callable[[datetime, datetime], tuple[Badge, str]]) -> tuple[str, Badge, str, str]:
    """Gives the posted person a badge of that kind: name, badge, its secret text and the mark of its credential."""
    name, days = request.form.get("name", ""), request.form.get("days", "")
    if days not in map(str, DAYS):
        raise UserMistake(_("Choose how long the badge is valid."))
    now = datetime.now(UTC)
    badge, text = make(now, now + timedelta(days=int(days)))
    value = services().site.hash_credential(kind, badge.id)
    held = Credential(kind, value, valid_from=badge.issued, valid_until=badge.expires)
    edit_site(lambda site: edits.changed(site, name, lambda person: edits.with_credential(person, held)))
    trail.exported("badge", f"{name} {mark_of(value)}")
    return name, badge, text, mark_of(value)


@pages.post("/badges")
@needs("people.edit")
def issue() -> tuple[str, int]:
    """Makes a badge for a person and shows it: the code's text is not kept."""
    name, badge, text, mark = issued(QR, services().badges.issue)
    page = render_template(
        "badge.html",
        person=edits.person_of(services().site.read(), name),
        mark=mark,
        code=code_of(text),
        until=None if badge.expires is None else rfc3339(badge.expires),
        site=services().settings.site_name,
    )
    return page, 201


def code_of(text: str) -> Markup:
    """The code as SVG without styles, since the pages permit none; it withstands 15 % of dirt.

    With more redundancy its modules are smaller, and a camera reads it from less far: of 40 codes 200 pixels wide and
    askew it read 36, and 23 of those that withstand 30 %.
    """
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(omitsize=True, border=4, svgclass=None, lineclass=None, unit=None))  # noqa: S704
