"""The rules in force: the database's and those of the watched folder, parsed by the same code."""

from __future__ import annotations

from collections.abc import Sequence

from surveillance.domain.site import Site
from surveillance.rules.book import Rule, Rulebook, RuleDocument, load_rules, parse_rulebook, read_rules, rules_of
from surveillance.settings import Settings


def build_rulebook(settings: Settings, site: Site) -> Rulebook:
    """Raises RuleError with every fault, NotFound for a watched folder that is not there."""
    return parse_rulebook(rule_documents(settings, site), site, site.version)


def rules_in_documents(documents: Sequence[RuleDocument], site: Site) -> list[Rule]:
    """The rules that can be read, whatever else is wrong."""
    return read_rules(documents, site)[0]


def rule_documents(settings: Settings, site: Site) -> tuple[RuleDocument, ...]:
    """Every text that rules are read from, with its origin."""
    watched = () if settings.rules_dir is None else load_rules(settings.rules_dir)
    return (*rules_of(site), *watched)
