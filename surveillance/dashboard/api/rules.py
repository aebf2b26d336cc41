"""/api/rules: the rules in force, their texts and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Told
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.domain.errors import RuleError
from surveillance.rules.book import Rule, parse_rulebook

resource = Resource("Rules", "What is authorized, denied, alerted and logged.")


class RuleTold(Told):
    """A rule as it is judged."""

    name: str
    on: str = Field(description="`sighting`, `presence`, `access`, `door` or `camera`.")
    verdict: str
    mode: str = Field(description="`active`, `shadow` (judged, never acts) or `off`.")
    description: str
    when: str = Field(description="Its condition.")
    cooldown_s: float | None
    per: str
    notify: list[str]
    camera_only: bool
    origin: str = Field(description="Where it stands: `database:3`, or a file, which only its folder changes.")


class Rules(Told):
    version: int
    rules: list[RuleTold]
    faults: list[str] = Field(
        description="Why the texts cannot be read. No rule is told then, and core goes on with those it read before."
    )


@resource.get("/rules", gives=Rules)
@needs("rules.view")
def list_rules() -> Rules:
    """All rules, by name, with what keeps their texts from being read."""
    site = services().site.read()
    faults: Sequence[str] = ()
    rules: Sequence[Rule] = ()
    try:
        rules = parse_rulebook(services().rule_documents(site), site, site.version).rules
    except RuleError as error:
        faults = error.faults
    return Rules(version=site.version, rules=[told(rule) for rule in rules], faults=list(faults))


def told(rule: Rule) -> RuleTold:
    """A rule as the API tells of it."""
    return RuleTold(
        name=rule.name,
        on=rule.trigger,
        verdict=rule.verdict,
        mode=rule.mode,
        description=rule.description,
        when=rule.condition.text,
        cooldown_s=rule.cooldown_s,
        per=rule.per,
        notify=list(rule.notify),
        camera_only=rule.camera_only,
        origin=rule.origin,
    )
