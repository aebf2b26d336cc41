"""What the command line's smaller commands ask for; each opens what it needs and returns plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from surveillance.app.detectors import told_how_to_get
from surveillance.app.looking import open_picture
from surveillance.app.rulebook import build_rulebook
from surveillance.app.site_edit import author, open_site
from surveillance.app.store import Store, open_store, reader_token, relay_token, upgrade_database
from surveillance.app.worker import build_classifier
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.permissions import EVERYTHING, Reach
from surveillance.domain.site import Site
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Classification
from surveillance.rules.book import Rule, Rulebook, load_rules, parse_rulebook
from surveillance.rules.crossings import line_hints
from surveillance.rules.levels import hints
from surveillance.rules.needed import needed_of
from surveillance.settings import Settings
from surveillance.storage.accounts import Accounts
from surveillance.storage.queries import EventFilter
from surveillance.storage.rule_texts import split_rules
from surveillance.storage.second_factor import SecondFactor

PAGE = 500


def check_rules(settings: Settings, file: Path) -> tuple[Rulebook, bool, list[str]]:
    """The rulebook of a file, whether its names were checked against a site, and what is odd about levels and doors.

    Raises RuleError.
    """
    site = known_site(settings)
    book = parse_rulebook(load_rules(file), site)
    asks_levels = any("permitted" in rule.condition.keys for rule in book.rules)
    if site is None:
        return book, False, []
    return book, True, [*(hints(site) if asks_levels else ()), *line_hints(site)]


def known_site(settings: Settings) -> Site | None:
    """The configured site, or None where there is no database yet."""
    if settings.storage.url is None and not (settings.data_dir / "surveillance.db").is_file():
        return None
    try:
        site = open_store(settings).site.read()
    except SettingsError:  # made but never upgraded: as good as none
        return None
    return site if site.cameras or site.doors else None


def rules_in_force(settings: Settings) -> Sequence[Rule]:
    return build_rulebook(settings, open_store(settings).site.read()).rules


def apply_rules(settings: Settings, file: Path) -> tuple[int, int]:
    """Makes a file's rules the database's; returns their number and the configuration version."""
    store = open_store(settings)
    site = store.site.read()
    documents = load_rules(file)
    parse_rulebook(documents, site)
    parts = [part for document in documents for part in split_rules(document.text, document.origin)]
    store.site.save_rules(parts, author())
    return len(parts), store.site.version()


def list_events(
    settings: Settings, since: datetime | None, camera: str | None, kind: str | None, limit: int
) -> Iterator[Mapping[str, Any]]:
    """Events newest first. Raises NotFound for a camera that the site and its events never had."""
    store = open_store(settings)
    wanted = EventFilter(camera=camera, kind=kind, since=since, reach=EVERYTHING)
    cursor = None
    left = limit
    while left > 0:
        page, cursor = store.events.page(wanted, cursor, min(left, PAGE))
        if not page and left == limit and camera is not None:
            refuse_unknown_camera(store.site.read(), store.events.page(EventFilter(camera=camera), None, 1)[0], camera)
        yield from page
        left -= len(page)
        if cursor is None:
            return


def refuse_unknown_camera(site: Site, ever: Sequence[object], camera: str) -> None:
    names = [known.name for known in site.cameras]
    if not ever and camera not in names:
        raise NotFound(no_such("camera", camera, names))


def one_event(settings: Settings, id: str) -> Mapping[str, Any]:
    """An event with its explanation and, of a denial, what it `needed`. Raises NotFound."""
    event = open_store(settings).events.one(id, EVERYTHING)
    if event is None:
        raise NotFound(f"no event has the id {id!r}; `surveillance events list` shows those there are")
    needed = needed_of(event)
    return event if needed is None else event | {"needed": needed.as_json()}


def classify(
    settings: Settings, images: Sequence[Path], model: str | None
) -> Iterator[tuple[Path, Classification, bool]]:
    """Each picture, what it shows, and whether the model is sure by its card.

    Raises SourceError for a picture that cannot be read, ModelError, NotFound.
    """
    try:
        classifier = build_classifier(settings, model)
    except NotFound as mistake:
        raise told_how_to_get(str(model), mistake) from None
    for path in images:
        [seen] = classifier([open_picture(path)])
        yield path, seen, seen.confidence >= classifier.card.reject_below


def open_accounts(settings: Settings) -> Accounts:
    """The accounts; creates the database where there is none."""
    upgrade_database(settings)
    return open_store(settings).accounts


def known_reach(settings: Settings, reach: Reach) -> Reach:
    """The reach as it is. Raises NotFound for a camera or door that the site does not have."""
    if reach.is_whole:
        return reach
    site = open_site(settings).site.read()
    for kind, given, known in (("camera", reach.cameras, site.cameras), ("door", reach.doors, site.doors)):
        names = [each.name for each in known]
        for name in sorted((given or frozenset()) - set(names)):
            raise NotFound(no_such(kind, name, names))
    return reach


def remove_second_factor(settings: Settings, name: str, actor: str) -> None:
    """Takes a lost second factor away. Raises NotFound."""
    store = open_store(settings)
    known = {user.name: user.id for user in store.accounts.list_users()}
    if name not in known:
        raise NotFound(no_such("user", name, list(known)))
    SecondFactor(store.engine, store.keys).remove(known[name], actor)


def token_of_relay(settings: Settings, door: str) -> str:
    """The token that a door's controller must expect of us. Raises NotFound."""
    return relay_token(_store_with(settings, door).keys, door)


def token_of_reader(settings: Settings, door: str) -> str:
    """The key with which a door's reader signs what it sends over a broker. Raises NotFound."""
    return reader_token(_store_with(settings, door).keys, door)


def keys_of_osdp(settings: Settings, door: str) -> list[tuple[str, str]]:
    """Each OSDP device of a door with the key of its secure channel, in hexadecimal. Raises NotFound."""
    from surveillance.app.osdp import devices_of, key_of  # compiled code, for whoever has such devices

    store = _store_with(settings, door)
    devices = [device for line in devices_of(store.site.read().doors).values() for device in line]
    keys = [(device.place, key_of(store.keys, device.place)) for device in devices if door in device.tells_of]
    return [(str(place), key.hex() if key else "no secure channel") for place, key in keys]


def _store_with(settings: Settings, door: str) -> Store:
    store = open_store(settings)
    site = store.site.read()
    if site.door(door) is None:
        raise NotFound(no_such("door", door, (known.name for known in site.doors)))
    return store
