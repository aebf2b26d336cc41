"""The threat level of the site: what it is, and setting it, after a question, with a reason and on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from surveillance.dashboard.asking import ask_core
from surveillance.dashboard.clock import moment, site_zone
from surveillance.dashboard.guards import actor, needs, refuse_bound
from surveillance.dashboard.health import pulse
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.dashboard.wording import Chip
from surveillance.domain.threats import LOCKDOWN, Threat
from surveillance.domain.values import rfc3339

pages = Blueprint("threat", __name__)
ANSWER_S = 8.0
WORDS = {"normal": _l("normal"), "elevated": _l("elevated"), LOCKDOWN: _l("lockdown")}  # of the usual levels


@pages.get("/threat")
@needs("doors.view")
def show() -> str:
    now, zone = in_force(), site_zone(services())
    return render_template(
        "threat.html",
        now=now,
        standing=chip_of(now.level),
        since=None if now.at is None else moment(rfc3339(now.at), zone),
        levels=[level for level in services().site.read().threat_levels if level != now.level],
        word=word_of,
        held=reached(now),
    )


@pages.get("/threat/<level>")
@needs("site.threat")
def confirm(level: str) -> str:
    """Asks before the level is set, and for the reason."""
    refuse_bound()
    return question(level)


@pages.post("/threat/<level>")
@needs("site.threat")
def give(level: str) -> str | Response:
    refuse_bound()
    reason = " ".join(request.form.get("reason", "").split())
    if not reason:
        return question(level, _("Say why; it goes on record."))
    answer = given(level, reason)
    if "event" in answer:
        flash(_("The threat level is %(level)s. It is on record.", level=word_of(level)))
    else:
        flash(in_own_words(str(answer["refused"])), "error")
    return redirect(url_for("threat.show"))


def question(level: str, fault: str = "") -> str:
    site, now = services().site.read(), in_force()
    if level not in site.threat_levels:
        abort(404, _("There is no such threat level."))
    check_release(now)
    locks = [door.name for door in site.doors if not door.lockdown_exempt] if level == LOCKDOWN else []
    return render_template(
        "threat_question.html",
        word=word_of(level),
        level=level,
        locks=locks,
        releases=sorted(now.held) if now.level == LOCKDOWN else [],
        fault=fault,
    )


def check_release(now: Threat) -> None:
    """Ending a lockdown is another permission than beginning one. Raises Forbidden."""
    if now.level == LOCKDOWN and not actor().may("doors.release"):
        raise Forbidden(_("Only who may release a lockdown can set another level now."))


def given(level: str, reason: str) -> Mapping[str, Any]:
    """Core's answer: {"event", "doors"}, or why not: {"refused"}."""
    check_release(in_force())
    silent = {
        "refused": _("Core did not answer in time, so nothing was done. Try again when the page shows it running.")
    }
    if not pulse().beats:
        return silent
    asked = {"level": level, "by": actor().name, "address": actor().address, "reason": reason}
    return ask_core("access.threat", asked, ANSWER_S, silent)


def reached(threat: Threat) -> list[str]:
    """The doors that it holds and that whoever asks reaches."""
    return sorted(door for door in threat.held if actor().reach.sees_door(door))


def in_force() -> Threat:
    """The level as it was last set."""
    return services().threats.read() or Threat(services().site.read().threat_levels[0])


def word_of(level: str) -> str:
    """A level as people say it; a site's own as it is."""
    return str(WORDS.get(level, level))


def chip_of(level: str) -> Chip:
    usual = level == services().site.read().threat_levels[0]
    tone = "calm" if usual else "bad" if level == LOCKDOWN else "warn"
    return Chip(word_of(level), "check" if usual else "ban" if level == LOCKDOWN else "warn", tone)
