"""All rules, by trigger, each with where it comes from and a switch; what is edited is a page of its own."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template, request

from surveillance.dashboard import rule_edit, rule_history, rule_templates, rule_trials
from surveillance.dashboard.guards import needs
from surveillance.dashboard.rule_form import MODE_NAMES, MODE_WORDS, TRIGGER_WORDS
from surveillance.dashboard.rule_shelf import Shelved, read_shelf
from surveillance.dashboard.rule_subjects import find_subject
from surveillance.domain.values import TRIGGERS

pages = Blueprint("rules", __name__)
for part in (rule_edit, rule_history, rule_templates, rule_trials):
    pages.register_blueprint(part.pages)


@pages.get("/rules")
@needs("rules.view")
def listing() -> str:
    """By trigger; rules that cannot be read come first. `on` in the address is what one of them is to be tried on."""
    shelf = read_shelf()
    broken = [shelved for shelved in shelf.rules if shelved.rule is None]
    return render_template(
        "rules.html",
        groups=grouped(shelf.rules),
        broken=broken,
        faults=shelf.faults,
        subject=find_subject(request.args["on"]) if request.args.get("on") else None,
        trigger_words=TRIGGER_WORDS,
        mode_names=MODE_NAMES,
        mode_words=MODE_WORDS,
    )


def grouped(rules: Sequence[Shelved]) -> list[tuple[str, list[Shelved]]]:
    """(trigger, its readable rules), for each trigger that has one."""
    by_trigger = [
        (trigger, [shelved for shelved in rules if shelved.rule is not None and shelved.rule.trigger == trigger])
        for trigger in TRIGGERS
    ]
    return [(trigger, found) for trigger, found in by_trigger if found]
