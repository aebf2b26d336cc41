"""What a request asks of others: an escort, a second person. It can turn a grant into a denial, never the other way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from surveillance.domain.company import LetIn
from surveillance.domain.site import Site
from surveillance.domain.values import AccessRequest, rfc3339
from surveillance.rules.book import Rule
from surveillance.rules.company import Company
from surveillance.rules.facts import Facts
from surveillance.rules.permission import Permission, Refusal, reasons_of
from surveillance.rules.settings import RuleSettings


@dataclass(frozen=True, slots=True)
class Others:
    """Who else is at the doors of a site."""

    company: Company
    site: Site
    settings: RuleSettings

    def allow(
        self, permission: Permission, request: AccessRequest, facts: Facts, rules: Sequence[Rule]
    ) -> tuple[Permission, dict[str, Any]]:
        """The permission, denied where it takes others who are not there; and what the record says of that."""
        if permission.verdict != "authorize":
            return permission, {}
        one = LetIn(request.door, request.person or "", request.groups, request.at, request.id)
        details: dict[str, Any] = {}
        group = self._escort_of(one.person)
        if group:
            since = one.at - timedelta(seconds=self.settings.escort_s)
            host = self.company.was_let_in(one.door, group, since, one.at, besides=one.person)
            if not host:
                return _denied(permission, _alone(one.person, group, self.settings.escort_s)), {}
            details["escorted_by"] = host
        if _takes_two(facts, rules):
            within = timedelta(seconds=self.settings.second_person_s)
            other = self.company.waiting(one.door, one.person, one.at, within) if one.person else None
            if other is None:
                return _waits(permission, one, self.company, one.at + within)
            self.company.served(one.door, one.person, other)
            details["second_of"] = other
        if one.person:
            self.company.let_in(one)
        return permission, details

    def _escort_of(self, name: str) -> str | None:
        """The group of which somebody has to be let in before them."""
        return next((person.escort for person in self.site.people if person.name == name), None) if name else None


def _alone(name: str, group: str, within_s: float) -> str:
    return f"{name} is let in only within {within_s:g} s after somebody of {group} at this door"


def _waits(permission: Permission, one: LetIn, company: Company, until: datetime) -> tuple[Permission, dict[str, Any]]:
    if not one.person:
        return _denied(permission, "it takes two persons here, and nobody was named"), {}
    company.wait(one)
    told = {"waits_until": rfc3339(until)}
    return _denied(permission, f"it takes two persons here: {one.person} waits for a second one"), told


def _denied(permission: Permission, sentence: str) -> Permission:
    reasons = reasons_of([Refusal("other", sentence)])
    return replace(permission, verdict="deny", rule=None, reasons=reasons, notify=())


def _takes_two(facts: Facts, rules: Sequence[Rule]) -> bool:
    """Whether every access level by which they are permitted asks for two persons, and no rule lets them in without."""
    if facts.levels is None or not facts.levels.takes_two:
        return False
    alone = facts.without_levels()
    return not any(
        rule.condition.evaluate(alone) is True
        for rule in rules
        if rule.verdict == "authorize" and not rule.is_shadow and rule.condition.evaluate(facts) is True
    )
