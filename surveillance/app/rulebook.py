"""The rules in force: the database's and those of the watched folder, parsed by the same code."""

from __future__ import annotations

from surveillance.domain.site import Site
from surveillance.rules.book import Rulebook, RuleDocument, load_rules, parse_rulebook, rules_of
from surveillance.settings import Settings


def build_rulebook(settings: Settings, site: Site) -> Rulebook:
    """Raises RuleError with every fault, NotFound for a watched folder that is not there."""
    return parse_rulebook(rule_documents(settings, site), site, site.version)


def rule_documents(settings: Settings, site: Site) -> tuple[RuleDocument, ...]:
    """Every text that rules are read from, with its origin."""
    watched = () if settings.rules_dir is None else load_rules(settings.rules_dir)
    return (*rules_of(site), *watched)
