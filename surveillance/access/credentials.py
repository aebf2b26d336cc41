"""Turns what was presented into the person it belongs to, by keyed hashes; doubt ends without a person.

Tokens (badge, card, plate, qr, phone) name a person; a PIN only confirms the person that a token named. Clear values
are hashed on arrival, compared in constant time, and never kept, shown or logged.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from surveillance.domain import duress
from surveillance.domain.site import Credential, Person
from surveillance.domain.values import Factor

HashCredential = Callable[[str, str], str]  # kind, value as read -> the keyed hash that the site keeps

TOKENS = ("badge", "card", "plate", "qr", "phone")
PRESENTABLE = ("badge", "card", "plate", "pin")  # qr and phone are badges whose signature the desk verified
PINS = ("pin", duress.KIND)  # what a PIN at a reader may be
GIVEN = (*PRESENTABLE, duress.KIND)  # what people are given by its value
VALID, NONE = "valid", "none"
DENIALS = (  # ONVIF's denial reasons that a credential can have, the gravest first
    "unauthorized",
    "invalid_pin",
    "credential_not_enabled",
    "credential_expired",
    "credential_not_active",
)


@dataclass(frozen=True, slots=True)
class Identified:
    """Whom the factors name, which kinds of them are verified for that person, and every denial that applies."""

    person: Person | None
    factors: frozenset[str]
    denials: tuple[str, ...]  # of DENIALS, in that order
    duress: bool = False  # the PIN was the one for that

    @property
    def status(self) -> str:
        """The one word for `credential`: the gravest denial, else "valid" or, for nothing presented, "none"."""
        if self.denials:
            return self.denials[0]
        return VALID if self.person else NONE


def identify(
    factors: Sequence[Factor], people: Iterable[Person], hash_credential: HashCredential, at: datetime
) -> Identified:
    """Looks each factor up. Tokens of two persons, or one that nobody has, name no one for certain: unauthorized."""
    people = tuple(people)
    digests = [(factor.kind, hash_credential(factor.kind, factor.value)) for factor in factors]
    tokens = [(kind, _holders(people, kind, digest)) for kind, digest in digests if kind in TOKENS]
    owners = {person.name: person for _, held in tokens for person, _ in held}
    if len(owners) != 1:
        return Identified(None, frozenset(), ("unauthorized",) if factors else ())
    (person,) = owners.values()
    verified: set[str] = set()
    denials: set[str] = set()
    typed: set[str] = set()
    for kind, digest in digests:
        kinds = PINS if kind == "pin" else (kind,)
        held = [one for each in kinds for _, one in _holders((person,), each, digest)]
        typed |= {one.kind for one in held}
        if not held:
            denials.add("invalid_pin" if kind == "pin" else "unauthorized")
            continue
        faults = min((faults_of(credential, at) for credential in held), key=len)
        denials |= faults
        if not faults:
            verified.add(kind)
    denied = tuple(word for word in DENIALS if word in denials)
    return Identified(person, frozenset(verified), denied, duress.KIND in typed)


def _holders(people: Sequence[Person], kind: str, digest: str) -> list[tuple[Person, Credential]]:
    """Who has that credential; every one is compared, so that the time taken does not tell where it lies."""
    return [
        (person, credential)
        for person in people
        for credential in person.credentials
        if credential.kind == kind and hmac.compare_digest(credential.value.encode(), digest.encode())
    ]


def faults_of(credential: Credential, at: datetime) -> set[str]:
    """What is wrong with a credential at that time; it is valid from `valid_from` on and before `valid_until`."""
    faults = set()
    if not credential.enabled:
        faults.add("credential_not_enabled")
    if credential.valid_from is not None and at < credential.valid_from:
        faults.add("credential_not_active")
    if credential.valid_until is not None and at >= credential.valid_until:
        faults.add("credential_expired")
    return faults
