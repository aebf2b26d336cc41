"""What the command line asks about single rules: their history, an earlier text again, a draft tried on the record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from surveillance.app.rulebook import rule_documents, rules_in_documents
from surveillance.app.site_edit import author
from surveillance.app.store import open_store
from surveillance.domain.errors import NotFound, RuleError, UserMistake
from surveillance.domain.suggest import no_such
from surveillance.rules.book import Rule, load_rules, parse_rulebook
from surveillance.rules.draft import read_draft
from surveillance.rules.form import read_form
from surveillance.rules.source import with_key
from surveillance.rules.trial import SPAN_S, Trial, case_of_event, try_rule
from surveillance.settings import Settings
from surveillance.storage.event_filter import EventFilter
from surveillance.storage.rule_rows import RuleText
from surveillance.storage.rulebook import SqlSite


def rule_history(settings: Settings, name: str) -> list[RuleText]:
    """Every text the rule had, newest first. Raises NotFound."""
    return _history(open_store(settings).site, name)


def restore_rule(settings: Settings, name: str, version: int) -> int:
    """Makes an earlier text of a rule its newest; returns the configuration version.

    Raises NotFound, or RuleError for a text that does not fit the site any more.
    """
    store = open_store(settings)
    texts = _history(store.site, name)
    earlier = next((text for text in texts if text.version == version and text.text), None)
    if earlier is None:
        known = ", ".join(str(text.version) for text in texts if text.text)
        raise NotFound(f"rule {name} has no text of version {version}; there are: {known}")
    live, site = store.site.rule(name), store.site.read()
    names = {rule.name for rule in rules_in_documents(rule_documents(settings, site), site)}
    draft = read_draft(earlier.text, site, names - {name if live else ""})
    if draft.rule is None:
        raise RuleError([str(flaw) for flaw in draft.flaws])
    return store.site.save_rule(earlier.text, author(), live.name if live else None, live.version if live else None)


def promote_rule(settings: Settings, name: str) -> tuple[int, int]:
    """Makes a shadow rule act; returns the configuration version, and how many verdicts of its shadow are on record.

    Raises NotFound, and UserMistake for a rule that is no shadow or of a file that people keep.
    """
    store = open_store(settings)
    live, site = store.site.rule(name), store.site.read()
    if live is None:
        kept = [rule for rule in rules_in_documents(rule_documents(settings, site), site) if rule.name == name]
        if kept:
            raise UserMistake(f"rule {name} is kept in {kept[0].origin}: write `mode: active` there")
        raise NotFound(no_such("rule", name, (known for known, _ in store.site.rules())))
    mode = read_form(live.text).mode
    if mode != "shadow":
        raise UserMistake(f"rule {name} is {mode}, no shadow; there is nothing to promote")
    version = store.site.save_rule(with_key(live.text, "mode", None), author(), name, live.version)
    return version, store.events.count(EventFilter(rule=name, shadow=True), most=100_000)


def roll_back(settings: Settings, version: int) -> tuple[int, int]:
    """Puts the rules of an earlier configuration version in force again; returns their number and the new version.

    Raises NotFound for a version that never was, RuleError where they do not fit the site any more.
    """
    store = open_store(settings)
    site = store.site.read()
    if not 0 < version < site.version:
        raise NotFound(f"no earlier version {version}; `surveillance site history` shows those there are")
    rules = store.site.rules_at(version)
    text = "".join(text for _, text in rules)
    parse_rulebook(rule_documents(settings, replace(site, rules=text)), site)
    return len(rules), store.site.save_rules(rules, author())


def try_rules(settings: Settings, file: Path, event_id: str) -> list[tuple[Rule, Trial]]:
    """Each rule of a file with what it would have done at an event, beside the rules in force.

    Raises RuleError for a file with faults, NotFound for an event that is not on record.
    """
    store = open_store(settings)
    site = store.site.read()
    rules = parse_rulebook(load_rules(file), site).rules
    event = store.events.one(event_id)
    if event is None:
        raise NotFound(f"no event has the id {event_id!r}; `surveillance events list` shows those there are")
    inputs = store.events.inputs_until(event["input"], SPAN_S) if event["input"] is not None else []
    case = case_of_event(event, inputs)
    in_force = rules_in_documents(rule_documents(settings, site), site)
    return [(rule, try_rule(rule, case, site, in_force, settings.rules)) for rule in rules]


def _history(site: SqlSite, name: str) -> list[RuleText]:
    texts = site.rule_history(name)
    if not texts:
        raise NotFound(no_such("rule", name, (known for known, _ in site.rules())))
    return texts
