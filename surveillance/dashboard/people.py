"""The people who may pass: their groups and credentials. Values are hashed when they are saved, and never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from math import ceil
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from surveillance.access import people as edits
from surveillance.access.credentials import PINS
from surveillance.access.duress import without_duress
from surveillance.access.roster import PIN, mark_of, moment_of
from surveillance.dashboard import trail
from surveillance.dashboard.access_levels import seen_levels
from surveillance.dashboard.clock import moment, site_zone
from surveillance.dashboard.guards import actor, needs, see_door
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.presenting import presenting
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.dashboard.wording import Chip, has_picture
from surveillance.domain import duress
from surveillance.domain.errors import NotFound, SettingsError, UserMistake
from surveillance.domain.site import Credential, Person, Site
from surveillance.domain.values import rfc3339
from surveillance.storage.queries import EventFilter
from surveillance.storage.site_file import parse_person

pages = Blueprint("people", __name__)
MOST_SHOWN = 200
RECENT = 8
KINDS = {
    "badge": _l("Badge"),
    "card": _l("Card"),
    "pin": _l("PIN"),
    duress.KIND: _l("PIN for duress"),
    "plate": _l("Number plate"),
    "qr": _l("Printed QR badge"),
    "phone": _l("Badge on a phone"),
}
MADE_HERE = ("qr", "phone")  # by pages of their own
WEAK = ("plate", "qr")  # anybody who sees one can copy it
VALID = Chip(_l("Valid"), "check", "good")
SWITCHED_OFF = Chip(_l("Switched off"), "ban", "bad")
OVER = Chip(_l("Expired"), "clock", "warn")
EARLY = Chip(_l("Not valid yet"), "clock", "warn")
NOTHING = Chip(_l("No credential"), "info", "calm")


def state_of(item: Credential, now: datetime) -> Chip:
    """Whether a credential counts now."""
    if not item.enabled:
        return SWITCHED_OFF
    if item.valid_until is not None and now >= item.valid_until:
        return OVER
    return EARLY if item.valid_from is not None and now < item.valid_from else VALID


def standing_of(person: Person, now: datetime) -> Chip:
    """Whether a person has any credential that counts now; else the reason of the first."""
    states = [state_of(item, now) for item in person.credentials]
    return next((state for state in states if state is VALID), states[0] if states else NOTHING)


def sees_duress() -> bool:
    """Whether whoever asks may know of PINs for duress."""
    return actor().may(duress.PERMISSION)


def seen_people(people: Iterable[Person]) -> list[Person]:
    """The people as whoever asks may know them."""
    return list(people) if sees_duress() else [without_duress(person) for person in people]


# --- looking --------------------------------------------------------------------------------------------------------


@pages.get("/people")
@needs("people.view")
def listing() -> str:
    words = request.args.get("q", "").strip()
    found = edits.matching(services().site.read().people, words)
    if words:
        trail.searched("people", {"words": words})
    now = datetime.now(site_zone(services()))
    return render_template(
        "people.html",
        people=[(person, standing_of(person, now)) for person in seen_people(found[:MOST_SHOWN])],
        count=len(found),
        total=len(services().site.read().people),
        words=words,
        kinds=KINDS,
    )


@pages.get("/person")
@needs("people.view")
def one() -> str:
    return page_of(request.args.get("name", ""))


def page_of(name: str, fault: str = "", where: str = "") -> str:
    """A person's page; `fault` is said beside the form called `where`."""
    person = seen_people([edits.person_of(services().site.read(), name)])[0]
    trail.viewed("person", name)
    zone = site_zone(services())
    now = datetime.now(zone)
    rows, _older = services().events.page(EventFilter(identity=name, reach=actor().reach), None, RECENT)
    may_edit = actor().may("people.edit")
    wait = presenting().find(request.args.get("wait", ""), actor().name)
    return render_template(
        "person.html",
        wait=wait,
        left_s=0 if wait is None else ceil(presenting().left_s(wait)),
        doors=[door.name for door in services().site.read().doors if actor().reach.sees_door(door.name)],
        person=person,
        items=[(item, mark_of(item.value), state_of(item, now)) for item in person.credentials],
        kinds=KINDS if sees_duress() else {kind: word for kind, word in KINDS.items() if kind != duress.KIND},
        weak=WEAK,
        rows=rows,
        faces=services().faces.of(name),
        faces_missing=in_own_words(services().faces.missing()) if may_edit else "",
        pictured=[row for row in rows if has_picture(row)] if may_edit else [],
        made_here=MADE_HERE,
        fault=in_own_words(fault),
        where=where,
        given=request.form,
        levels=seen_levels(services().site.read(), person),
        groups=sorted({group for known in services().site.read().people for group in known.groups}),
        told=lambda at: moment(rfc3339(at), zone).full,
        local=lambda at: "" if at is None else f"{at.astimezone(zone):%Y-%m-%dT%H:%M}",
    )


# --- editing --------------------------------------------------------------------------------------------------------


@pages.get("/person-setup")
@needs("people.edit")
def new() -> str:
    return render_template("person_new.html", given={}, fault="")


@pages.post("/person-setup")
@needs("people.edit")
def add() -> str | Response:
    try:
        person = parse_person({"name": request.form.get("name", "").strip(), "groups": groups_given()})
        edit_site(lambda site: edits.added(site, person))
    except SettingsError as mistake:
        return render_template("person_new.html", given=request.form, fault=in_own_words(plain(mistake)))
    flash(_("%(name)s is added. Next: a badge, card or PIN.", name=person.name))
    return redirect(url_for("people.one", name=person.name))


@pages.post("/person/groups")
@needs("people.edit")
def change_groups() -> str | Response:
    def change(person: Person) -> Person:
        return replace(person, groups=parse_person({"name": person.name, "groups": groups_given()}).groups)

    return edited(change, "groups", _("The groups are saved."))


@pages.post("/person/escort")
@needs("people.edit")
def change_escort() -> str | Response:
    def change(person: Person) -> Person:
        given = request.form.get("escort", "").strip() or None
        return replace(person, escort=parse_person({"name": person.name, "escort": given}).escort)

    return edited(change, "escort", _("The escort is saved."))


@pages.post("/person/credential")
@needs("people.edit")
def add_credential() -> str | Response:
    return edited(
        lambda person: edits.with_credential(person, credential_given()),
        "credential",
        _("The credential is saved. Its value is not shown again."),
    )


@pages.post("/person/credential/present")
@needs("people.edit")
def await_card() -> Response:
    """Waits for the next unknown card at a door's reader, whose number the page then fills in. On record."""
    name, door = request.form.get("name", ""), request.form.get("door", "")
    edits.person_of(services().site.read(), name)
    see_door(door)
    if services().site.read().door(door) is None:
        raise NotFound(_("No door is called %(name)s.", name=repr(door)))
    wait = presenting().wait(actor().name, door)
    if wait is None:
        flash(_("Too many wait for a card at this moment; try again soon."), "error")
        return redirect(url_for("people.one", name=name))
    services().accounts.tell("user.card_awaited", {"door": door, "name": name}, actor().name)
    return redirect(url_for("people.one", name=name, wait=wait.id) + "#f-value")


@pages.post("/person/credential/change")
@needs("people.edit")
def change_credential() -> str | Response:
    """One of: save its validity, switch it on or off, remove it."""
    act = request.form.get("act", "")
    changes: dict[str, tuple[Callable[[Credential], Credential | None], str]] = {
        "save": (with_validity_given, _("The validity is saved.")),
        "on": (lambda item: replace(item, enabled=True), _("It is switched on.")),
        "off": (lambda item: replace(item, enabled=False), _("It is switched off.")),
        "remove": (lambda item: None, _("It is removed.")),
    }
    if act not in changes:
        raise UserMistake(_("Say what is to be done with it."))
    change, told = changes[act]
    kind, mark = request.form.get("kind", ""), request.form.get("mark", "")
    if kind == duress.KIND and not sees_duress():
        raise NotFound(_("There is no such credential."))
    return edited(lambda person: edits.with_changed(person, kind, mark, change), f"{kind} {mark}", told)


@pages.post("/person/switch")
@needs("people.edit")
def switch() -> str | Response:
    """All credentials of a person on or off."""
    enabled = request.form.get("act") == "on"
    told = _("All credentials are switched on.") if enabled else _("All credentials are switched off.")
    return edited(lambda person: edits.switched(person, enabled), "switch", told)


@pages.post("/person/remove")
@needs("people.edit")
def remove() -> Response:
    name = request.form.get("name", "")
    edit_site(lambda site: edits.removed(site, name))
    flash(_("%(name)s is removed.", name=name))
    return redirect(url_for("people.listing"))


def edited(change: Callable[[Person], Person], where: str, told: str) -> str | Response:
    """Applies a change to the person that the form names; a mistake is said beside the form."""
    name = request.form.get("name", "")

    def edit(site: Site) -> Site:
        return edits.changed(site, name, change)

    try:
        edit_site(edit)
    except SettingsError as mistake:
        return page_of(name, plain(mistake), where)
    flash(told)
    return redirect(url_for("people.one", name=name))


def groups_given() -> list[str]:
    return [part.strip() for part in request.form.get("groups", "").split(",") if part.strip()]


def credential_given() -> Credential:
    """The credential of the form, its value hashed. Raises SettingsError; no message repeats the value."""
    kind, value = request.form.get("kind", ""), request.form.get("value", "").strip()
    if kind not in KINDS or kind in MADE_HERE or (kind == duress.KIND and not sees_duress()):
        raise SettingsError(_("Choose what kind of credential it is."))
    if not value or len(value) > 200 or not value.isprintable() or value.startswith("hmac-sha256:"):
        raise SettingsError(_("Write what the reader reads: at most 200 printable characters."))
    if kind in PINS and not PIN.fullmatch(value):
        raise SettingsError(_("A PIN has 4 to 12 digits."))
    return with_validity_given(Credential(kind, services().site.hash_credential(kind, value)))


def with_validity_given(item: Credential) -> Credential:
    """The credential with the validity of the form. Raises SettingsError."""
    zone = site_zone(services())
    moments: dict[str, Any] = {}
    for field in ("valid_from", "valid_until"):
        text = request.form.get(field, "").strip()
        try:
            moments[field] = moment_of(text, zone, last=field == "valid_until") if text else None
        except ValueError:
            raise SettingsError(_("%(text)s is no date; write it as 2026-12-31.", text=repr(text[:40]))) from None
    if moments["valid_from"] and moments["valid_until"] and moments["valid_until"] <= moments["valid_from"]:
        raise SettingsError(_("It ends before it begins."))
    return replace(item, **moments)


def plain(mistake: UserMistake) -> str:
    """The first fault without the name of its field: it is said beside the field."""
    line = str(mistake).splitlines()[0]
    field, mark, words = line.partition(": ")
    return words if mark and " " not in field else line
