"""Whose number plate it is. Known plates are credentials, kept as keyed hashes, so that near ones are spelled out.

An exact plate gives its person; a near one is shown and may alert, and is never a factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from surveillance.access.credentials import HashCredential, faults_of
from surveillance.domain.plates import EXACT, NONE, Match, match, spellings
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import Credential, Person, Site
from surveillance.domain.values import Attribute, Doubt, Observation

PLATE, MATCH, OWNER, HOW = "plate", "plate_match", "plate_of", "plate_how"
REMEMBERED = 1000  # plates that were looked up


@dataclass(frozen=True, slots=True)
class Known:
    """How a plate stands to the known ones, and the nearest of them."""

    match: Match
    person: Person | None = None
    credential: Credential | None = None


NOBODY = Known(NONE)


class KnownPlates:
    """Looks plates up in the site as it is now. Implements domain.ports.Identify. Belongs to one thread."""

    def __init__(self, site: SiteReader, hash_credential: HashCredential) -> None:
        self._read_site = site
        self._hash = hash_credential
        self._site: Site | None = None
        self._holders: Mapping[str, tuple[Person, Credential]] = {}
        self._found: dict[str, Known] = {}

    def __call__(self, seen: Observation) -> Observation:
        """The observation of a plate with what is known of it; the person only where the plate counts at that time."""
        plate = seen.attributes.get(PLATE)
        if plate is None:
            return seen
        if not isinstance(plate, str):
            doubt = plate if isinstance(plate, Doubt) else Doubt("the plate is no text")
            return replace(seen, attributes={**seen.attributes, MATCH: doubt, OWNER: doubt})
        known = self.find(plate)
        more: dict[str, Attribute] = {MATCH: known.match.kind if plate else "", OWNER: ""}
        if known.person is not None:
            more[OWNER] = known.person.name
        if known.match.how:
            more[HOW] = known.match.how
        counts = known.match is EXACT and known.credential is not None and not faults_of(known.credential, seen.at)
        identity = known.person.name if counts and known.person is not None else seen.identity
        return replace(seen, identity=identity, attributes={**seen.attributes, **more})

    def find(self, plate: str) -> Known:
        """How a spelled plate stands to those of people."""
        self._take_up(self._read_site())
        if not plate or not self._holders:
            return NOBODY
        if plate not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[plate] = self._look_up(plate)
        return self._found[plate]

    def _look_up(self, plate: str) -> Known:
        held = self._holders.get(self._hash(PLATE, plate))
        if held is not None:
            return Known(EXACT, *held)
        for other in spellings(plate):
            held = self._holders.get(self._hash(PLATE, other))
            if held is not None:
                return Known(match(plate, other), *held)
        return NOBODY

    def _take_up(self, site: Site) -> None:
        if site is self._site:
            return
        self._site = site
        self._found.clear()
        self._holders = {
            item.value: (person, item) for person in site.people for item in person.credentials if item.kind == PLATE
        }
