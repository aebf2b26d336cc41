"""A door whose camera asks: once per visit, only there, only now, and an unknown plate names nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from fakes import NOON, observation

from surveillance.access.badges import Badge
from surveillance.access.camera_desk import CameraDesk
from surveillance.access.desk import AccessDesk
from surveillance.access.plates import KnownPlates
from surveillance.access.seen_factors import SeenFactors
from surveillance.domain.plates import spelled
from surveillance.domain.site import Credential, Door, Person, Site
from surveillance.domain.values import AccessRequest, CodeSeen

GATE = Door("gate", camera="yard", camera_asks="plates", camera_zone="lane")
DOOR = Door("door", camera="yard", camera_asks="badges")
ADA = Person("Ada", frozenset({"staff"}), (Credential("plate", "plate/AB12CDE"), Credential("phone", "phone/A1")))
CODES = {"SB2.ada": Badge("A1", NOON, NOON + timedelta(seconds=30), "phone", "once")}
LANE = frozenset({"lane"})
BEGAN = NOON - timedelta(seconds=2)


def hashed(kind: str, value: str) -> str:
    return f"{kind}/{spelled(value)}"


class Gate:
    """The desk of a site at noon, and what it asked core."""

    def __init__(self, *doors: Door) -> None:
        self.site = Site(doors=doors, people=(ADA,))
        self.asked: list[AccessRequest] = []
        self.now: datetime = NOON
        seen = SeenFactors()
        self.whose = KnownPlates(lambda: self.site, hashed)
        desk = AccessDesk(lambda: self.site, hashed, lambda text: CODES.get(text), seen)
        self.desk = CameraDesk(lambda: self.site, desk, self.asked.append, lambda: self.now)

    def see(self, plate: str = "", zones: frozenset[str] = LANE, **more: object) -> None:
        values = {"label": "vehicle", "attributes": {"plate": plate}, "zones": zones, "started_at": BEGAN, **more}
        self.desk.hear(self.whose(observation(**values)))

    def told(self) -> list[tuple[str, str | None, set[str], str | None, str]]:
        return [(one.door, one.person, set(one.factors), one.plate, one.credential) for one in self.asked]


def code(text: str = "SB2.ada", at: datetime = NOON, track: int = 1) -> CodeSeen:
    return CodeSeen("yard", track, BEGAN, at, text)


def test_a_known_plate_asks_once_per_visit_for_its_person() -> None:
    gate = Gate(GATE, DOOR)
    gate.see()
    gate.see("AB12CDE")
    gate.see("AB12CDE", change="heartbeat")
    assert gate.told() == [("gate", "Ada", {"plate"}, "AB12CDE", "valid")]
    assert gate.asked[0].by_camera
    again = Gate(GATE)  # core was started anew: the same request, which it knows
    again.see("AB12CDE", change="heartbeat")
    assert again.asked[0].id == gate.asked[0].id


def test_an_unknown_or_a_near_plate_asks_for_nobody() -> None:
    gate = Gate(GATE)
    gate.see("XY12XYZ")
    gate.see("A812CDE", track=2)
    assert gate.told() == [
        ("gate", None, set(), "XY12XYZ", "none"),
        ("gate", None, set(), "A812CDE", "none"),
    ]


@pytest.mark.parametrize("more", [{"zones": frozenset()}, {"camera": "street"}, {"at": NOON - timedelta(seconds=9)}])
def test_what_is_elsewhere_or_past_asks_nothing(more: dict[str, object]) -> None:
    gate = Gate(GATE)
    gate.see("AB12CDE", **more)
    assert gate.asked == []
    if "zones" in more:  # it drives on
        gate.see("AB12CDE")
        assert len(gate.asked) == 1


def test_a_badge_asks_once_its_track_is_told() -> None:
    gate = Gate(GATE, DOOR)
    gate.desk.read(code())
    assert gate.asked == []
    gate.see()
    gate.desk.read(code())
    assert [(one.door, one.person, set(one.factors)) for one in gate.asked] == [("door", "Ada", {"badge", "phone"})]
    assert (gate.asked[0].once, gate.asked[0].by_camera) == ("once", True)
    gate.desk.read(code("SB2.forged"))
    gate.desk.read(code("https://example.org"))  # a poster, no badge
    assert gate.told()[1:] == [("door", None, set(), None, "unauthorized")]


def test_a_code_that_is_told_late_asks_nothing() -> None:
    gate = Gate(DOOR)
    gate.desk.read(code())
    gate.now = NOON + timedelta(seconds=9)
    gate.see()
    assert gate.asked == []


def test_a_door_that_does_not_say_so_is_never_asked_for() -> None:
    gate = Gate(replace(GATE, camera_asks="no"), replace(DOOR, camera_asks="plates", camera_zone="porch"))
    gate.see("AB12CDE")
    gate.desk.read(code())
    assert gate.asked == []
