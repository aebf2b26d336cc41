"""The keys of the site: which there are, and new ones in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from surveillance.app.locks import only_core, only_service
from surveillance.app.site_edit import author, open_site
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.suggest import no_such
from surveillance.settings import Settings
from surveillance.storage.rotation import hand_over, reseal, succeed

WAIT_S = 1.0  # for a service that is just ending


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a key is for, and what comes of exchanging it. `refusal` says why that cannot be done."""

    words: str
    after: str = ""
    keeps: bool = False  # the old one, to read what it sealed or signed
    alone: bool = False  # only when it is named
    refusal: str = ""


PURPOSES: Mapping[str, Purpose] = {
    "sealing": Purpose("addresses and secrets of the site", "sealed anew", keeps=True),
    "badges": Purpose("signs printed badges and those on phones", "those made before still count", keeps=True),
    "chain": Purpose("links what is on record", "a link by both keys says so", keeps=True),
    "chain-signing": Purpose(
        "signs heads and evidence bundles", "hand out the new one: `surveillance audit key`", keeps=True
    ),
    "sessions": Purpose("signs cookies of the dashboard", "everybody signs in anew"),
    "pages": Purpose("hides what pages hand on"),
    "names": Purpose("hashes names that were tried at the sign-in"),
    "link": Purpose("by which the site's processes know each other"),
    "relays": Purpose(
        "makes the tokens of door controllers", "tell each its new one: `surveillance token relay DOOR`", alone=True
    ),
    "readers": Purpose(
        "makes the tokens of readers behind a broker",
        "tell each its new one: `surveillance token reader DOOR`",
        alone=True,
    ),
    "osdp": Purpose(
        "makes the keys of OSDP devices", "give each its new one: `surveillance token osdp DOOR`", alone=True
    ),
    "door-tests": Purpose("signs tests of doors", "those signed before still count", keeps=True),
    "credentials": Purpose("hashes badges, cards and PINs", refusal="their values are kept nowhere: present them anew"),
    "recovery": Purpose("hashes recovery codes", refusal="their values are kept nowhere: each user makes new ones"),
}


@dataclass(frozen=True, slots=True)
class SiteKey:
    """A key that is there."""

    name: str
    since: datetime
    retired: int  # how many before it are kept
    purpose: Purpose


def list_keys(settings: Settings) -> tuple[list[SiteKey], int]:
    """The keys of the site by name, and how many people have one."""
    keys = open_site(settings).keys
    found = [SiteKey(name, keys.made_at(name), len(keys.older(name)), _purpose(name)) for name in keys.purposes()]
    return found, len(keys.people.names())


def rotate(settings: Settings, name: str | None) -> list[tuple[str, Purpose]]:
    """New keys in place of that one, or of all that can be exchanged without anybody noticing; which.

    Raises NotFound, and SettingsError for one that cannot be exchanged or while the service runs.
    """
    store = open_site(settings)
    there = store.keys.purposes()
    if name is not None and name not in there:
        raise NotFound(no_such("key", name, there))
    if name is not None and _purpose(name).refusal:
        raise SettingsError(f"the key {name} cannot be exchanged: {_purpose(name).refusal}")
    all_quiet = [one for one in there if not (_purpose(one).alone or _purpose(one).refusal)]
    done: list[tuple[str, Purpose]] = []
    with only_service(settings, WAIT_S), only_core(settings, WAIT_S):
        for one in all_quiet if name is None else [name]:
            store.keys.exchange(one, _purpose(one).keeps)
            if one == "sealing":
                reseal(store.engine, store.keys)
            elif one == "chain":
                hand_over(store.engine)
            elif one == "chain-signing":
                succeed(store.engine, store.keys)
            store.accounts.tell("user.key_rotated", {"name": one}, author())
            done.append((one, _purpose(one)))
    return done


def _purpose(name: str) -> Purpose:
    return PURPOSES.get(name, Purpose("not known to this version", refusal="this version does not know what it is for"))
