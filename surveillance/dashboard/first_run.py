"""The first run: five steps from an empty site to a first alert, each done on the page it belongs to, or skipped.

What is done is read from the site itself, so the steps can be left and taken up again; skips are remembered with the
session.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.dashboard.asking import ask_core
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.services import services
from surveillance.dashboard.sessions import current_user
from surveillance.storage.queries import EventFilter

pages = Blueprint("first_run", __name__)
QUESTION, TESTED = "rule.test", "rule.tested"
TEST_S = 5.0
ON_RECORD_S = 3.0
SKIPPED, STATE = "first_run_skipped", "first_run"  # in the session


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the page it is done on, if it has one and can be done now, and how far it is."""

    key: str
    title: str
    words: str
    deed: str
    address: str
    state: str  # done | skipped | now | later


@dataclass(frozen=True, slots=True)
class Progress:
    """All steps, with the one that is due; None when nothing is."""

    steps: tuple[Step, ...]

    @property
    def now(self) -> Step | None:
        return next((step for step in self.steps if step.state == "now"), None)

    @property
    def number(self) -> int:
        """Of the step that is due, from 1."""
        return next((number for number, step in enumerate(self.steps, 1) if step.state == "now"), len(self.steps))


@pages.get("/first-run")
@needs("site.edit")
def show() -> str:
    session[STATE] = "on"
    event = newest_test()
    told = services().events.one(event["id"]) if event else None
    return render_template("first_run.html", progress=progress(), event=told, targets=services().site.read().notify)


@pages.post("/first-run/skip")
@needs("site.edit")
def skip() -> Response:
    """Leaves a step for later, or takes it up again."""
    step, skipped = request.form.get("step", ""), set(session.get(SKIPPED, []))
    session[SKIPPED] = sorted(skipped ^ {step} & set(titles()))
    return redirect(url_for("first_run.show"))


@pages.post("/first-run/end")
@needs("site.edit")
def end() -> Response:
    """Shows the steps no more, until they are asked for."""
    session[STATE] = "over"
    flash(_("The steps are in the menu, under Set up, whenever you want them."))
    return redirect(url_for("events.home"))


@pages.post("/first-run/test")
@needs("site.edit")
def test() -> Response:
    """Has core put a test event on record, and waits until it is there."""
    asked = {"actor": actor().name, "from": actor().address}
    answer = ask_core(QUESTION, asked, TEST_S, {"refused": _("core did not answer in time; is the service running?")})
    if "event" not in answer:
        flash(_("No test event: %(why)s", why=answer.get("refused", "")), "error")
        return redirect(url_for("first_run.show"))
    ends_s = time.monotonic() + ON_RECORD_S
    while services().events.one(answer["event"]) is None and time.monotonic() < ends_s:
        time.sleep(0.05)
    return redirect(url_for("first_run.show") + "#test")


# --- how far one is ------------------------------------------------------------------------------------------------


def is_wanted() -> bool:
    """Whether whoever comes in is led to the steps: somebody who sets up a site that has no camera yet."""
    return session.get(STATE) != "over" and actor().may("site.edit") and not services().site.read().cameras


@pages.app_template_global("first_run")
def under_way() -> Progress | None:
    """The steps, for the line above every page, while somebody is at them."""
    if current_user() is None or not actor().may("site.edit"):
        return None
    return progress() if session.get(STATE) == "on" or is_wanted() else None


def progress() -> Progress:
    done, skipped = done_steps(), set(session.get(SKIPPED, []))
    steps = []
    is_due = True
    for key, (title, words, deed) in titles().items():
        state = "done" if key in done else "skipped" if key in skipped else "now" if is_due else "later"
        is_due = is_due and state != "now"
        steps.append(Step(key, title, words, deed, address_of(key), state))
    return Progress(tuple(steps))


def done_steps() -> set[str]:
    """What the site says is done."""
    site, user = services().site.read(), current_user()
    facts = {
        "administrator": user is not None and not user.must_change,
        "camera": bool(site.cameras),
        "zone": any(camera.zones for camera in site.cameras),
        "rule": any(document.text.strip() for document in services().rule_documents(site)),
        "test": newest_test() is not None,
    }
    return {key for key, is_done in facts.items() if is_done}


def newest_test() -> dict[str, Any] | None:
    found, _older = services().events.page(EventFilter(kind=TESTED), None, 1)
    return found[0] if found else None


def address_of(key: str) -> str:
    """The page that a step is done on; empty for a zone without a camera, and for the test, which is done here."""
    cameras = services().site.read().cameras
    if key == "zone":
        return url_for("cameras.shapes.draw", name=cameras[0].name) if cameras else ""
    places = {"administrator": "account.show", "camera": "cameras.setup.add", "rule": "rules.templates.choose"}
    return url_for(places[key]) if key in places else ""


def titles() -> dict[str, tuple[str, str, str]]:
    """By step: its title, why it is one, and what its button says."""
    return {
        "administrator": (
            _("Your own password"),
            _("The first password was printed where the service was started, so others may have read it."),
            _("Choose a password"),
        ),
        "camera": (
            _("The first camera"),
            _("Give its address, or search the network. It is tried, and its picture shown, before it is saved."),
            _("Add a camera"),
        ),
        "zone": (
            _("A zone"),
            _("Draw on the picture where something matters: a door, a yard, a gate. Rules name it."),
            _("Draw a zone"),
        ),
        "rule": (
            _("A rule"),
            _("Take a template, such as an intruder at night, and say where. It can be tried before it is saved."),
            _("Choose a template"),
        ),
        "test": (
            _("A test event"),
            _("An alert marked as a test goes on record and to everybody who is to be notified. No door moves."),
            _("Send a test event"),
        ),
    }
