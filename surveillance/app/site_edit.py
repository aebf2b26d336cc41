"""Edits of the configured site, each checked like a site file and saved as one version that nobody else overwrote."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from surveillance.app.detectors import card_of_kind
from surveillance.app.rulebook import build_rulebook
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.domain.errors import EditConflict, ModelError, NotFound, RuleError, SettingsError, UserMistake
from surveillance.domain.levels import level_faults
from surveillance.domain.site import Site
from surveillance.domain.suggest import no_such
from surveillance.settings import Settings
from surveillance.storage.ledger import Note
from surveillance.storage.site_document import site_yaml
from surveillance.storage.site_file import load_site, rules_offset
from surveillance.storage.site_plan import Change, changes_between

TRIES = 4  # how often an edit is made anew because somebody else was quicker


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit came to: the version it made (or found, when nothing differs) and every difference."""

    version: int
    changes: tuple[Change, ...]
    site: Site


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a site file would change, and the version that it was compared with."""

    wanted: Site
    changes: tuple[Change, ...]
    version: int


def open_site(settings: Settings) -> Store:
    """The store; where there is no database at all, an empty one is made."""
    if settings.storage.url is None and not (settings.data_dir / "surveillance.db").is_file():
        upgrade_database(settings)
    return open_store(settings)


def author() -> str:
    """Whom an edit from the command line is put down to: the user of the operating system."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not have a name
        return f"user {os.getuid()}"


def edit_site(
    settings: Settings,
    edit: Callable[[Site], Site],
    by: str | None = None,
    notes: Callable[[Site], Sequence[Note]] = lambda before: (),
) -> Edited:
    """Applies an edit to the site as it is now, checked, as one version.

    It is put down to `by`, or to whoever types; `notes(before)` go on record with it.

    Raises SettingsError or RuleError for a site that could not be run, and whatever `edit` raises.
    """
    for _ in range(TRIES):
        with suppress(EditConflict):
            return _edit_once(settings, edit, by or author(), notes)
    return _edit_once(settings, edit, by or author(), notes)


def _edit_once(
    settings: Settings, edit: Callable[[Site], Site], by: str, notes: Callable[[Site], Sequence[Note]]
) -> Edited:
    store = open_site(settings)
    before = store.site.read()
    after = store.site.prepared(edit(before))
    changes = changes_between(before, after)
    if not changes:
        return Edited(before.version, (), before)
    check_site(settings, before, after)
    return Edited(store.site.save(after, by, before.version, notes(before)), changes, after)


def plan_site(settings: Settings, file: Path) -> Plan:
    """The difference between a site file and the database. Raises SettingsError or RuleError for a faulty file."""
    given = load_site(file)
    store = open_site(settings)
    before = store.site.read()
    try:
        wanted = store.site.prepared(given)
        changes = changes_between(before, wanted)
        check_site(settings, before, wanted)
    except RuleError as mistake:
        offset = rules_offset(file.read_text(encoding="utf-8"))
        raise RuleError([_placed(fault, file, offset) for fault in mistake.faults]) from None
    except SettingsError as mistake:
        raise SettingsError("\n".join(f"{file}: {line}" for line in str(mistake).splitlines())) from None
    return Plan(wanted, changes, before.version)


def _placed(fault: str, file: Path, offset: int) -> str:
    """A fault of the database's rules where the file has it."""
    return re.sub(r"^database:(\d+)", lambda found: f"{file}:{int(found[1]) + offset}", fault)


def apply_plan(settings: Settings, plan: Plan) -> int:
    """Puts a planned site in force as one version. Raises EditConflict when the site was edited since."""
    return open_site(settings).site.save(plan.wanted, author(), plan.version)


def export_site(settings: Settings) -> str:
    """The site as a site file without secrets, with which `plan_site` finds no difference."""
    return site_yaml(open_site(settings).site.read())


def check_site(settings: Settings, before: Site, after: Site) -> None:
    """Raises UserMistake for what would not run: an unknown model, or rules that the edit makes unreadable."""
    refuse_unknown_models(settings, before, after)
    refuse_unknown_places(before, after)
    same_rules = after.rules == before.rules
    known = [fault for fault in rule_faults(settings, before) if same_rules or not fault.startswith("database:")]
    new = [fault for fault in rule_faults(settings, after) if fault not in known]
    if new and not same_rules:
        raise RuleError(new)
    if new:
        raise SettingsError("\n".join(f"a rule names what this takes away: {first_line(fault)}" for fault in new))


def refuse_unknown_places(before: Site, after: Site) -> None:
    """Raises SettingsError where an access level names a door or schedule that the edit takes away, or never was."""
    known = set(_levels_without_place(before))
    wrong = [line for line in _levels_without_place(after) if line not in known]
    if wrong:
        raise SettingsError("\n".join(wrong))


def _levels_without_place(site: Site) -> Iterator[str]:
    doors, schedules = [door.name for door in site.doors], [schedule.name for schedule in site.schedules]
    for number, field, words in level_faults(site.access_levels, doors, schedules):
        yield f"access level {site.access_levels[number].name}: {field}: {words}"


def refuse_unknown_models(settings: Settings, before: Site, after: Site) -> None:
    """Raises SettingsError for a camera or scene whose model is new and has no card, a detector included."""
    asked = _models_of(after) - _models_of(before)
    wrong: list[str] = []
    if asked:
        known = model_names(settings)
        wrong += [f"{what}: {no_such('model', model, known)}" for what, model in asked if model not in known]
    detecting = _with_detector(after) - _with_detector(before)
    if detecting:
        try:
            card_of_kind(settings, "detector", settings.perception.detect.model)
        except (NotFound, ModelError) as mistake:
            wrong += [f"camera {name}: {mistake}" for name in detecting]
    if wrong:
        raise SettingsError("\n".join(sorted(wrong)))


def _with_detector(site: Site) -> set[str]:
    return {camera.name for camera in site.cameras if camera.proposer == "detector"}


def _models_of(site: Site) -> set[tuple[str, str]]:
    """Who asks for which model."""
    cameras = {(f"camera {camera.name}", camera.model) for camera in site.cameras if camera.model is not None}
    return cameras | {
        (f"camera {camera.name}: scene {scene.name}", scene.model) for camera in site.cameras for scene in camera.scenes
    }


def model_names(settings: Settings) -> list[str]:
    """Every model card's name, the default one first."""
    from surveillance.perception.cards import list_cards

    names = [card.name for card in list_cards(settings.model_dirs)]
    return sorted(names, key=lambda name: (name != settings.perception.model, name))


def model_labels(settings: Settings, name: str | None) -> tuple[str, ...]:
    """What that model can say (None: the default one), in its card's order; nothing where the card is not there."""
    from surveillance.perception.cards import find_card

    with suppress(NotFound, ModelError):
        return find_card(name or settings.perception.model, settings.model_dirs).labels
    return ()


def rule_faults(settings: Settings, site: Site) -> list[str]:
    """Everything that keeps the rules from being read with that site."""
    try:
        build_rulebook(settings, site)
    except RuleError as mistake:
        return mistake.faults
    except UserMistake as mistake:  # the watched folder itself
        return [str(mistake)]
    return []


def first_line(fault: str) -> str:
    return fault.partition("\n")[0]
