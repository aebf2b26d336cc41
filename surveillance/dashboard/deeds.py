"""What people and programs did, as sentences for the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from flask_babel import lazy_gettext as _l

from surveillance.dashboard.languages import in_own_words, language
from surveillance.dashboard.wording import detail_words, key_words, kind_words
from surveillance.translations.details import thing_words

SENTENCES = {
    "user.signed_in": _l("signed in"),
    "user.signed_out": _l("signed out"),
    "user.locked": _l("was locked after wrong passwords"),
    "user.unlocked": _l("unlocked an account"),
    "user.added": _l("added a user"),
    "user.changed": _l("changed a user"),
    "user.enabled": _l("let a user sign in again"),
    "user.disabled": _l("disabled a user"),
    "user.removed": _l("removed a user"),
    "user.password_changed": _l("changed a password"),
    "user.password_reset": _l("made a one-time password"),
    "user.session_ended": _l("ended a session"),
    "user.sessions_ended": _l("ended sessions"),
    "user.second_factor_added": _l("set up a second factor"),
    "user.second_factor_removed": _l("switched a second factor off"),
    "user.recovery_codes_made": _l("made new recovery codes"),
    "user.token_made": _l("made an API token"),
    "user.token_revoked": _l("revoked an API token"),
    "user.viewed": _l("looked at footage"),
    "user.searched": _l("searched footage"),
    "user.exported": _l("exported"),
    "user.reviewed": _l("reviewed an event"),
    "user.reopened": _l("took a review back"),
    "user.corrected": _l("corrected a label"),
    "user.labeled": _l("labeled crops"),
    "user.unlabeled": _l("took labels back"),
    "configuration.changed": _l("changed the site"),
    "configuration.mode_set": _l("set the arming mode"),
    "area.forgiven": _l("forgave where somebody was by record"),
    "area.": _l("forgiving at areas"),
    "threat.changed": _l("set the threat level"),
    "threat.": _l("threat levels"),
    "user.": _l("everything about accounts and footage"),
    "door.": _l("commands at doors"),
    "configuration.": _l("changes of the site"),
}
SHOWN_APART = frozenset({"actor", "from"})
NAMES = ("user", "token", "thing", "name", "door", "camera", "change", "event")  # need no word before them
EMPTY: tuple[Any, ...] = (None, "", {}, [])


def deed(kind: str) -> str:
    """What was done, in a few words after a name: `ada` `signed in`."""
    return str(SENTENCES.get(kind, kind_words(kind)))


def about(details: Mapping[str, Any]) -> str:
    """What it was about, in one line: whom or which thing first, then the rest of what is on record."""
    told = {name: value for name, value in details.items() if name not in SHOWN_APART and value not in EMPTY}
    if told.get("user") == details.get("actor"):
        told.pop("user", None)
    if "thing" in told:
        told["thing"] = thing_words(told["thing"], language())
    named = [in_own_words(str(told.pop(name))) for name in NAMES if name in told]
    return " · ".join(named + [f"{key_words(name)}: {detail_words(value, name)}" for name, value in told.items()])


def register(pages: Blueprint) -> None:
    """Makes these available to templates."""
    pages.add_app_template_filter(deed, "deed")
    pages.add_app_template_filter(about, "about")
