"""Where alerts go: notification targets, each checked as core would use it, and a test that says what became of it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from surveillance import plugins
from surveillance.actions.settings import ActionSettings
from surveillance.dashboard.asking import ask_core
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.rule_shelf import read_shelf
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.devices import check_device
from surveillance.domain.errors import EditConflict, SettingsError
from surveillance.domain.site import NotifyTarget, Site
from surveillance.domain.suggest import no_such
from surveillance.storage.site_file import parse_target
from surveillance.storage.site_secrets import hidden_target, restore_secrets

pages = Blueprint("notify", __name__)
QUESTION = "notify.test"
TEST_S = 20.0  # a receiver may take its time
KINDS = {"webhook": _l("Signed webhook"), "mqtt": _l("MQTT topic"), "log": _l("Line in the log of the service")}


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a test notification: `state` is done or failed, `event` the one on record."""

    event: str
    state: str
    reason: str


# --- pages ----------------------------------------------------------------------------------------------------------


@pages.get("/notify")
@needs("site.edit")
def listing() -> str:
    return listed()


@pages.get("/notify-setup")
@needs("site.edit")
def new() -> str:
    return form({"kind": "webhook", "secret": new_secret()}, None)


@pages.post("/notify-setup")
@needs("site.edit")
def add() -> str | Response:
    return saved(None)


@pages.get("/notify/<name>")
@needs("site.edit")
def setup(name: str) -> str:
    target = find(services().site.read(), name)
    return form(shown(target), target)


@pages.post("/notify/<name>")
@needs("site.edit")
def change(name: str) -> str | Response:
    return saved(find(services().site.read(), name))


@pages.post("/notify/<name>/remove")
@needs("site.edit")
def remove(name: str) -> str | Response:
    target = find(services().site.read(), name)
    try:
        edit_site(lambda site: without(site, name))
    except SettingsError as mistake:
        return form(shown(target), target, in_own_words(str(mistake)))
    flash(_("%(name)s is told nothing any more.", name=name))
    return redirect(url_for("notify.listing"))


@pages.post("/notify/<name>/test")
@needs("site.edit")
def test(name: str) -> str:
    """Sends a test and shows what became of it beside the target."""
    return listed(name, send_test(find(services().site.read(), name).name))


def listed(tested: str = "", sent: Sent | None = None) -> str:
    used: dict[str, list[str]] = {}
    for rule in read_shelf().readable():
        for name in rule.notify:
            used.setdefault(name, []).append(rule.name)
    targets = [hidden_target(target) for target in services().site.read().notify]
    return render_template("notify.html", targets=targets, kinds=KINDS, used=used, tested=tested, sent=sent)


def form(values: Mapping[str, str], known: NotifyTarget | None, fault: str = "") -> str:
    return render_template(
        "notify_setup.html", values=values, name=known.name if known else None, kinds=KINDS, fault=fault
    )


def shown(target: NotifyTarget) -> dict[str, str]:
    """A target as the form shows it, without its secret."""
    return {"name": target.name, "kind": target.kind, "url": hidden_target(target).url}


def saved(known: NotifyTarget | None) -> str | Response:
    """Saves what the form says, or shows it again with what is wrong."""
    given = {key: request.form.get(key, "").strip() for key in ("name", "kind", "url", "secret")}
    name = known.name if known else given["name"]
    try:
        target = checked(name, given["kind"], given["url"], given["secret"] or None, known)
        edit_site(lambda site: with_target(site, target, is_new=known is None))
    except (EditConflict, SettingsError) as mistake:
        return form(given, known, in_own_words(str(mistake)))
    flash(_("%(name)s is saved. Send it a test to see whether it arrives.", name=name))
    return redirect(url_for("notify.listing"))


# --- what pages and API share ---------------------------------------------------------------------------------------


def find(site: Site, name: str) -> NotifyTarget:
    target = next((target for target in site.notify if target.name == name), None)
    if target is None:
        raise NotFound(_("No notification target is called %(name)s.", name=repr(name)))
    return target


def checked(name: str, kind: str, url: str, secret: str | None, known: NotifyTarget | None) -> NotifyTarget:
    """The target, as core could use it. A secret that is not given, and `***`, stay as they are.

    Raises SettingsError for a kind, address or secret that cannot be used, AddressRefused for a forbidden place.
    """
    if kind not in plugins.names("actions"):
        raise SettingsError(no_such("kind", kind, plugins.names("actions")))
    if kind == "log":
        url, secret = "", None
    elif kind == "mqtt":
        secret = None  # the broker's login says who we are
    elif secret is None and known is not None:
        secret = known.secret
    given = Site(notify=(replace(parse_target({"name": name, "kind": kind, "url": url}), secret=secret),))
    [target] = restore_secrets(given, Site(notify=(known,) if known else ())).notify
    if target.url:
        check_device(target.url, "the target's address", services().settings.allow_loopback)
    plugins.load("actions", kind)(target, ActionSettings())  # raises SettingsError as it would when it is to tell
    return target


def with_target(site: Site, target: NotifyTarget, is_new: bool = False) -> Site:
    """The site with the target in the place of the one of its name, or at the end. Raises SettingsError."""
    names = [known.name for known in site.notify]
    if target.name not in names:
        return replace(site, notify=(*site.notify, target))
    if is_new:
        raise SettingsError(f"there is a target {target.name!r} already; choose another name")
    return replace(site, notify=tuple(target if known.name == target.name else known for known in site.notify))


def without(site: Site, name: str) -> Site:
    return replace(site, notify=tuple(target for target in site.notify if target.name != name))


def send_test(name: str) -> Sent:
    """Has core put a test on record and tell this one target; waits for what becomes of it."""
    late = {"event": "", "state": "failed", "reason": _("core did not answer in time; is the service running?")}
    asked = {"target": name, "actor": actor().name, "from": actor().address}
    answer: Mapping[str, Any] = ask_core(QUESTION, asked, TEST_S, late)
    return Sent(str(answer["event"]), str(answer["state"]), str(answer["reason"]))


def new_secret() -> str:
    """A key by which a receiver knows that a webhook is ours (Standard Webhooks)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
