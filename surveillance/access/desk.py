"""The desk: what a reader presented becomes a request with its person looked up, which the judge can read.

`parse_presented` checks the reader's JSON; `AccessDesk` looks it up in the site as it is now. Neither result, and no
error, holds a secret value beyond the Presented itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from surveillance.access.badges import PHONE, QR, Badge, is_code
from surveillance.access.collecting import Collecting
from surveillance.access.credentials import DENIALS, PRESENTABLE, HashCredential, Identified, identify
from surveillance.access.faces import FaceAnswer
from surveillance.access.seen_factors import SeenFactors
from surveillance.domain.clock import RELEASED
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import Site
from surveillance.domain.suggest import no_such
from surveillance.domain.values import AccessRequest, Factor, Presented

MAX_FACTORS = 8
MAX_VALUE = 256
NO_FACE = FaceAnswer(False, "")
CheckFace = Callable[[str, str, datetime], FaceAnswer]  # the door's camera, the person, when
UNDATABLE = "the clock of this machine is wrong, so nobody can tell what has expired"
REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")


class AccessDesk:
    """Presented in, AccessRequest out. Implements the port Desk."""

    def __init__(
        self,
        site: SiteReader,
        hash_credential: HashCredential,
        read_badge: Callable[[str], Badge | None] = lambda text: None,
        seen: SeenFactors | None = None,
        check_face: CheckFace | None = None,
        collecting: Collecting | None = None,
    ) -> None:
        self._site = site
        self._hash_credential = hash_credential
        self._read_badge = read_badge
        self._seen = seen or SeenFactors()
        self._check_face = check_face
        self._collecting = collecting or Collecting()

    def __call__(self, presented: Presented) -> AccessRequest:
        """Raises NotFound for a door that the site does not have."""
        site = self._site()
        door = site.door(presented.door)
        if door is None:
            raise NotFound(no_such("door", presented.door, (door.name for door in site.doors)))
        found, once = self._identified(presented, site)
        undatable = (UNDATABLE,) if presented.at < RELEASED else ()
        face = self._face(door.camera, found, presented.at)
        return AccessRequest(
            id=presented.id,
            at=presented.at,
            door=door.name,
            camera=door.camera,
            factors=self._factors(found, door.camera, presented.at) | ({"face"} if face.is_confirmed else frozenset()),
            person=found.person.name if found.person else None,
            groups=found.person.groups if found.person else frozenset(),
            credential=found.status,
            deadline=presented.deadline,
            denials=(*found.denials, *undatable),
            plate=self._seen.plate(door.camera, presented.at),
            face=face.words,
            once=once,
            duress=found.duress,
        )

    def _identified(self, presented: Presented, site: Site) -> tuple[Identified, str]:
        """Who it is by all that was presented here in the last seconds, and what counts once of what is new.

        A PIN that came before its token and is not that person's was somebody else's.
        """
        factors, is_over, once = self._verified(presented.factors, presented.at)
        before, was_over, _ = self._verified(self._collecting.add(presented), presented.at)
        found = identify((*before, *factors), site.people, self._hash_credential, presented.at)
        if before and "invalid_pin" in found.denials and all(factor.kind == "pin" for factor in before):
            found = identify(factors, site.people, self._hash_credential, presented.at)
            was_over = False
        if (is_over or was_over) and found.person is not None:
            found = expired(found)
        return found, once

    def _face(self, camera: str | None, found: Identified, at: datetime) -> FaceAnswer:
        """What the door's camera says of the person that was presented. A face confirms; by itself it names nobody."""
        if self._check_face is None or camera is None or found.person is None or not found.factors:
            return NO_FACE
        return self._check_face(camera, found.person.name, at)

    def _factors(self, found: Identified, camera: str | None, at: datetime) -> frozenset[str]:
        """What was presented, and what the door's camera sees of that person now."""
        coded = frozenset({"badge"}) if found.factors & {QR, PHONE} else frozenset()
        seen = self._seen.of(found.person.name, camera, at) if found.person else frozenset()
        return found.factors | coded | seen

    def _verified(self, presented: Iterable[Factor], at: datetime) -> tuple[list[Factor], bool, str]:
        """The factors, a code by the id that its signature vouches for; whether one is over; what counts once."""
        factors, is_over, once = [], False, ""
        for factor in presented:
            if factor.kind == "badge" and is_code(factor.value):
                badge = self._read_badge(factor.value)
                factor = Factor(QR, "")  # nobody has an empty one
                if badge is not None:
                    factor = Factor(badge.kind, badge.id)
                    is_over |= badge.is_over(at)
                    once = badge.once or once
            factors.append(factor)
        return factors, is_over, once


def expired(found: Identified) -> Identified:
    """The same person with a badge's code that is over, whatever the record says of its credential."""
    denials = {*found.denials, "credential_expired"}
    ordered = tuple(word for word in DENIALS if word in denials)
    return Identified(found.person, found.factors - {QR, PHONE}, ordered, found.duress)


def parse_presented(payload: object, now: datetime, deadline: datetime) -> Presented:
    """The JSON of POST /api/access/requests, checked and bounded:

        {"request_id": "...", "door": "front", "factors": [{"kind": "badge", "value": "..."}]}

    Raises UserMistake with one line that says what is wrong where; it never repeats a factor's value.
    """
    body = _mapping(payload, "the request", ("request_id", "door", "factors"))
    request_id = _text(body["request_id"], "request_id", 128)
    if not REQUEST_ID.fullmatch(request_id):
        raise UserMistake("request_id may hold only letters, digits and . _ : - (a UUID is a good choice)")
    factors = body["factors"]
    if not isinstance(factors, list):
        raise UserMistake('factors must be a list such as [{"kind": "badge", "value": "..."}]')
    if len(factors) > MAX_FACTORS:
        raise UserMistake(f"factors holds {len(factors)} entries; at most {MAX_FACTORS} are accepted")
    return Presented(
        id=request_id,
        at=now,
        door=_text(body["door"], "door", 128),
        factors=tuple(_factor(entry, f"factors[{index}]") for index, entry in enumerate(factors)),
        deadline=deadline,
    )


def _factor(entry: object, place: str) -> Factor:
    body = _mapping(entry, place, ("kind", "value"))
    kind = _text(body["kind"], f"{place}.kind", 32)
    if kind == "face":
        raise UserMistake(f"{place}.kind: a face is seen by the door's camera, a reader cannot present it")
    if kind not in PRESENTABLE:
        raise UserMistake(f"{place}.kind: {no_such('kind of factor', kind, PRESENTABLE)}")
    return Factor(kind, _text(body["value"], f"{place}.value", MAX_VALUE))


def _mapping(value: object, place: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """`value` as a mapping with exactly those keys."""
    if not isinstance(value, Mapping):
        raise UserMistake(f"{place} must be a JSON object with {', '.join(keys)}")
    for key in keys:
        if key not in value:
            raise UserMistake(f"{place} lacks {key!r}")
    for key in value:
        if key not in keys:
            raise UserMistake(f"{place}: {no_such('key', str(key), keys)}")
    return value


def _text(value: object, place: str, limit: int) -> str:
    if not isinstance(value, str) or not value:
        raise UserMistake(f"{place} must be a text that is not empty")
    if len(value) > limit:
        raise UserMistake(f"{place} has {len(value)} characters; at most {limit} are accepted")
    if not value.isprintable():
        raise UserMistake(f"{place} holds a control character")
    return value
