"""What the command line says of the code in a picture: whose badge it is and whether it counts, never what it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from surveillance.access.badges import PHONE, BadgeSeal, is_code
from surveillance.access.credentials import HashCredential, faults_of
from surveillance.access.roster import mark_of
from surveillance.app.commands import known_site
from surveillance.app.looking import open_picture
from surveillance.app.store import open_store
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Site
from surveillance.settings import Settings


@dataclass(frozen=True, slots=True)
class ReadBadge:
    """`kind` is none, code (no badge), foreign (not signed here), printed, phone or link (to a badge on a phone)."""

    path: Path
    kind: str
    person: str | None = None
    mark: str = ""  # by which the person's page names it
    issued: datetime | None = None
    expires: datetime | None = None
    faults: tuple[str, ...] = ()  # why it does not count now


def read_badges(settings: Settings, images: Sequence[Path], now: datetime) -> Iterator[ReadBadge]:
    """The code in each picture. Raises SourceError, and SettingsError where no site is configured."""
    from surveillance.perception.codes import read_code

    site = known_site(settings)
    if site is None:
        raise SettingsError("badges are read with the keys of a site, and none is configured here: see `site apply`")
    keys = open_store(settings).keys
    seal = BadgeSeal(keys.key("badges"), keys.older("badges"))
    for path in images:
        yield _badge_of(path, read_code(open_picture(path)), seal, site, keys.hash_credential, now)


def _badge_of(
    path: Path, text: str, seal: BadgeSeal, site: Site, hash_credential: HashCredential, now: datetime
) -> ReadBadge:
    if not text:
        return ReadBadge(path, "none")
    link = seal.read_link(text.rpartition("/")[2])
    badge = link or seal.read(text)
    if badge is None:
        return ReadBadge(path, "foreign" if is_code(text) else "code")
    value = hash_credential(badge.kind, badge.id)
    held = [(person, item) for person in site.people for item in person.credentials if item.value == value]
    faults = faults_of(held[0][1], now) if held else {"nobody has it any more"}
    if badge.is_over(now):
        faults = faults | {"credential_expired"}
    kind = "link" if link else "phone" if badge.kind == PHONE else "printed"
    person = held[0][0].name if held else None
    return ReadBadge(path, kind, person, mark_of(value), badge.issued, badge.expires, tuple(sorted(faults)))
