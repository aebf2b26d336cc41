"""All rules there are, one by one: the database's, which can be edited, and those of watched files, which cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app

from surveillance.dashboard.services import services
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Site
from surveillance.rules.book import Rule, RuleDocument, read_rules
from surveillance.rules.complete import Offered, offered_names
from surveillance.rules.draft import read_draft
from surveillance.rules.fields import Flaw
from surveillance.storage.rule_texts import split_rules


@dataclass(frozen=True, slots=True)
class Shelved:
    """A rule as it is on record. `rule` is None where it has `flaws`; `origin` is file:line, empty for the database's.

    `version` is that of its text in the database, 0 for a file's.
    """

    name: str
    text: str
    rule: Rule | None
    flaws: tuple[Flaw, ...] = ()
    origin: str = ""
    version: int = 0
    author: str = ""

    @property
    def is_own(self) -> bool:
        """Whether the database holds it, so that it can be edited."""
        return not self.origin


@dataclass(frozen=True, slots=True)
class Shelf:
    """Every rule, and faults of files that are of no single rule."""

    site: Site
    rules: tuple[Shelved, ...]
    faults: tuple[str, ...] = ()

    def find(self, name: str) -> Shelved | None:
        return next((rule for rule in self.rules if rule.name == name), None)

    def names(self, but: str | None = None) -> frozenset[str]:
        """The names in use, without that one."""
        return frozenset(rule.name for rule in self.rules if rule.name != but)

    def readable(self) -> list[Rule]:
        return [shelved.rule for shelved in self.rules if shelved.rule is not None]


def offered(site: Site) -> Offered:
    """The names that rules may use, with the states that the models of its scenes can tell."""
    models = {scene.model for camera in site.cameras for scene in camera.scenes}
    return offered_names(site, states={label for model in models for label in services().model_labels(model)})


def read_shelf() -> Shelf:
    """The rules as they are now; parsed again only when one of them or the site has changed."""
    site = services().site.read()
    key = site.version, tuple(services().rule_documents(site))
    known = current_app.extensions.get("shelf")
    if known is None or known[0] != key:
        known = current_app.extensions["shelf"] = (key, _shelve(site, key[1]))
    shelf: Shelf = known[1]
    return shelf


def _shelve(site: Site, documents: Sequence[RuleDocument]) -> Shelf:
    shelved = [_own(text.name, text.text, text.version, text.author, site) for text in services().site.live_rules()]
    faults: list[str] = []
    for document in documents:
        if document.origin != "database":
            shelved += _of_file(document, site, faults)
    return Shelf(site, tuple(shelved), tuple(faults))


def _own(name: str, text: str, version: int, author: str, site: Site) -> Shelved:
    draft = read_draft(text, site)
    return Shelved(name, text, draft.rule, draft.flaws, "", version, author)


def _of_file(document: RuleDocument, site: Site, faults: list[str]) -> Sequence[Shelved]:
    rules, flaws = read_rules([document], site)
    try:
        texts = dict(split_rules(document.text, document.origin))
    except SettingsError as error:
        faults += [str(flaw) for flaw in flaws] or [str(error)]
        return ()
    known = {rule.name: rule for rule in rules}
    found = []
    for name, text in texts.items():
        own = tuple(flaw for flaw in flaws if flaw.rule == name)
        origin = known[name].origin if name in known else document.origin
        found.append(Shelved(name, text, known.get(name), own, origin))
    faults += [str(flaw) for flaw in flaws if flaw.rule not in texts]
    return found
