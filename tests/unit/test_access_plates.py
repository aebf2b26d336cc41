"""Whose plate a camera reads: exact gives its person, near is only shown, and at a door it confirms and never names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import NOON, observation

from surveillance.access.desk import AccessDesk
from surveillance.access.plates import KnownPlates
from surveillance.access.seen_factors import SeenFactors
from surveillance.domain.plates import spelled
from surveillance.domain.site import Credential, Door, Person, Site
from surveillance.domain.values import AccessRequest, Doubt, Factor, Observation, Presented

DAY = timedelta(days=1)


def hashed(kind: str, value: str) -> str:
    return f"{kind}/{spelled(value)}"


ADA = Person(
    "Ada", frozenset({"staff"}), (Credential("badge", hashed("badge", "A1")), Credential("plate", "plate/AB12CDE"))
)
OLD = Person("Old", frozenset(), (Credential("plate", "plate/OLD1234", valid_until=NOON - DAY),))
SITE = Site(doors=(Door("gate", camera="yard"), Door("back")), people=(ADA, OLD))


def identified(plate: str | Doubt, **more: object) -> Observation:
    seen = observation(label="vehicle", attributes={"plate": plate}, **more)
    return KnownPlates(lambda: SITE, hashed)(seen)


@pytest.mark.parametrize(
    ("plate", "person", "told"),
    [
        ("AB12CDE", "Ada", {"plate_match": "exact", "plate_of": "Ada"}),
        ("A812CDE", None, {"plate_match": "near", "plate_of": "Ada", "plate_how": "8 for B in place 2"}),
        ("AB12CD", None, {"plate_match": "near", "plate_of": "Ada", "plate_how": "E missing in place 7"}),
        ("XY12CDE", None, {"plate_match": "none", "plate_of": ""}),
        ("OLD1234", None, {"plate_match": "exact", "plate_of": "Old"}),  # it counts no more
        ("", None, {"plate_match": "", "plate_of": ""}),
    ],
)
def test_how_a_plate_stands_to_the_known_ones(plate: str, person: str | None, told: dict[str, str]) -> None:
    seen = identified(plate)
    assert (seen.identity, seen.attributes) == (person, {"plate": plate, **told})


def test_a_doubt_about_the_plate_is_one_about_whose_it_is() -> None:
    doubt = Doubt("text cannot be read")
    assert identified(doubt).attributes == {"plate": doubt, "plate_match": doubt, "plate_of": doubt}
    plain = observation()
    assert KnownPlates(lambda: SITE, hashed)(plain) is plain


def test_who_is_removed_is_known_no_more() -> None:
    site = SITE
    plates = KnownPlates(lambda: site, hashed)
    seen = observation(label="vehicle", attributes={"plate": "AB12CDE"})
    assert plates(seen).identity == "Ada"
    site = replace(SITE, people=(OLD,))
    assert plates(seen).identity is None


def ask(seen: SeenFactors, door: str = "gate", badge: str = "A1", after_s: float = 0.0) -> AccessRequest:
    at = NOON + timedelta(seconds=after_s)
    desk = AccessDesk(lambda: SITE, hashed, seen=seen)
    return desk(Presented("r1", at, door, (Factor("badge", badge),), at + timedelta(seconds=2)))


def seeing(*observations: Observation) -> SeenFactors:
    seen = SeenFactors()
    for one in observations:
        seen.hear(one)
    return seen


def test_the_plate_that_the_doors_camera_reads_is_a_factor_of_whom_the_badge_names() -> None:
    request = ask(seeing(identified("AB12CDE")))
    assert (request.person, request.factors, request.plate) == ("Ada", {"badge", "plate"}, "AB12CDE")


@pytest.mark.parametrize(
    "seen",
    [
        seeing(identified("A812CDE")),  # near
        seeing(identified("OLD1234")),  # another's
        seeing(identified("AB12CDE", camera="street")),
        seeing(identified("AB12CDE"), identified("AB12CDE", change="left")),
        seeing(identified("AB12CDE", at=NOON - timedelta(seconds=4))),
        seeing(),
    ],
)
def test_what_is_not_that_persons_plate_there_and_now_is_no_factor(seen: SeenFactors) -> None:
    assert ask(seen).factors == {"badge"}


def test_a_plate_names_nobody_at_a_reader() -> None:
    request = ask(seeing(identified("AB12CDE")), badge="unknown")
    assert (request.person, request.factors, request.credential) == (None, frozenset(), "unauthorized")
    assert ask(seeing(identified("AB12CDE")), door="back").plate is None  # it has no camera
