"""The rules as they are judged now, read-only, each with where it comes from."""

from __future__ import annotations

from flask import Blueprint, render_template

from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.domain.errors import RuleError
from surveillance.domain.values import TRIGGERS
from surveillance.rules.book import Rule, parse_rulebook

pages = Blueprint("rules", __name__)


@pages.get("/rules")
@needs("rules.view")
def listing() -> str:
    """By trigger; where the rules cannot be read, their faults and the texts as they are."""
    site = services().site.read()
    documents = services().rule_documents(site)
    try:
        rules, faults = parse_rulebook(documents, site, site.version).rules, []
    except RuleError as error:
        rules, faults = (), error.faults
    return render_template("rules.html", groups=grouped(rules), faults=faults, documents=documents)


def grouped(rules: tuple[Rule, ...]) -> list[tuple[str, list[Rule]]]:
    """(trigger, its rules), for each trigger that has one."""
    by_trigger = [(trigger, [rule for rule in rules if rule.trigger == trigger]) for trigger in TRIGGERS]
    return [(trigger, found) for trigger, found in by_trigger if found]
