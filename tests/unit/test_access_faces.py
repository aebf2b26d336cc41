"""What a door makes of faces: only the badge's own person, over several frames, without doubt, is a factor."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from surveillance.access.desk import AccessDesk
from surveillance.access.faces import FaceCheck, FaceIdentity, Gallery, SeenFaces
from surveillance.access.settings import FaceMatchSettings
from surveillance.domain.faces import FaceFigures, FaceSeen, FacesFailed, vectors_of
from surveillance.domain.geometry import Box
from surveillance.domain.site import Camera, Credential, Door, Person, Site
from surveillance.domain.values import Factor, Observation, Presented
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.rules.judge import RuleJudge

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
FIGURES = FaceFigures(0.4, 0.001, 0.6, 0.0003, 10_000, "drawn")
CAMERA = Camera("front-cam", "rtsp://camera", tasks=("faces",), purpose="staff at the front door")
PEOPLE = (
    Person("Ada", frozenset({"staff"}), (Credential("badge", "badge:1"),)),
    Person("Bob", frozenset({"staff"}), (Credential("badge", "badge:2"),)),
)
SITE = Site(cameras=(CAMERA,), doors=(Door("front", "front-cam"),), people=PEOPLE)
RULES = """
- name: staff
  on: access
  verdict: authorize
  when: door == "front" and "staff" in groups and {"badge", "face"} <= factors
"""


def face(angle: float) -> bytes:
    """A vector; two are as alike as the cosine of the angle between them."""
    return np.array([np.cos(angle), np.sin(angle), 0, 0], "<f4").tobytes()


ADA, BOB, STRANGER = 0.0, np.pi / 2, np.pi
GALLERY = Gallery({"Ada": vectors_of([face(ADA)]), "Bob": vectors_of([face(BOB)])}, FIGURES, "drawn")


class Doorway:
    """A door with its camera's faces in memory."""

    def __init__(self, site: Site = SITE, gallery: Gallery = GALLERY) -> None:
        self.site = site
        self.faces = SeenFaces(4.0)
        settings = FaceMatchSettings()
        self.doubt = ""
        self.check = FaceCheck(self.faces, lambda: site, lambda: gallery, settings, lambda camera, at: self.doubt)
        self.identity = FaceIdentity(self.faces, lambda: site, lambda: gallery, settings)
        self.desk = AccessDesk(lambda: site, lambda kind, value: f"{kind}:{value}", check_face=self.check)
        self.judge = RuleJudge(parse_rulebook([RuleDocument(RULES, "rules")], site), site)

    def see(self, angle: float, count: int = 5, track: int = 1, ago_s: float = 0.0, **more: object) -> None:
        for place in range(count):
            at = NOON - timedelta(seconds=ago_s + 0.3 * place)
            seen = FaceSeen(
                "front-cam", track, NOON - timedelta(seconds=9), at, face(angle + 0.01 * place), 0.02 * place
            )
            self.faces.hear(replace(seen, **more))

    def ask(self, badge: str = "1"):
        presented = Presented("r", NOON, "front", (Factor("badge", badge),), NOON + timedelta(seconds=2))
        return self.desk(presented)


def test_a_badge_with_its_persons_face_is_granted_and_on_record():
    doorway = Doorway()
    doorway.see(ADA)
    request = doorway.ask()
    assert request.factors == {"badge", "face"}
    assert request.face == (
        "the face at camera front-cam is that of Ada: similarity 1.00 in 5 pictures, 0.40 is needed "
        "(a hint: the head did not move)"
    )


@pytest.mark.parametrize(
    ("see", "words"),
    [
        (lambda door: None, "saw no face within 4 s"),
        (lambda door: door.see(STRANGER), "is not that of Ada: similarity -1.00 in 5 pictures, 0.40 is needed"),
        (lambda door: door.see(BOB), "is not that of Ada"),
        (lambda door: door.see(ADA, count=2), "saw the face too briefly: 2 pictures, 3 are needed"),
        (lambda door: door.see(ADA, ago_s=5.0), "saw no face within 4 s"),
        (lambda door: (door.see(ADA), door.see(BOB, track=2)), "saw the face of Ada and another one beside it"),
        (lambda door: (door.see(ADA, 3), door.see(STRANGER, 2)), "the faces of one track at camera front-cam differ"),
        (lambda door: door.see(ADA, embedding=b"", fault="blurred"), "saw no good face: blurred"),
        (lambda door: (door.see(ADA), setattr(door, "doubt", "camera front-cam is lost")), "camera front-cam is lost"),
        (lambda door: door.faces.hear(FacesFailed("front-cam", NOON, "no model")), "tells of no faces: no model"),
    ],
)
def test_doubt_is_no_factor_and_says_why(see, words):
    doorway = Doorway()
    see(doorway)
    request = doorway.ask()
    assert request.factors == {"badge"}
    assert words in request.face
    [decision] = [each for each in doorway.judge(request) if each.kind == "access.denied"]
    assert any(words in reason for reason in decision.reasons)
    assert decision.details["face"] == request.face


def test_a_face_by_itself_names_nobody_and_opens_nothing():
    doorway = Doorway()
    doorway.see(ADA)
    request = doorway.ask(badge="unknown")
    assert (request.person, request.factors, request.face) == (None, frozenset(), "")
    rule = RULES.replace('{"badge", "face"} <= factors', '"face" in factors')
    with pytest.raises(Exception, match="what a camera sees alone could open this door"):
        parse_rulebook([RuleDocument(rule, "rules")], SITE)


def test_nobody_is_looked_for_where_it_is_off_or_nothing_is_enrolled_or_measured():
    camera_off = replace(SITE, cameras=(replace(CAMERA, tasks=()),))
    nobody = Gallery({}, FIGURES, "drawn")
    unmeasured = Gallery(GALLERY.templates, None, "drawn")
    told = []
    for doorway in (Doorway(camera_off), Doorway(gallery=nobody), Doorway(gallery=unmeasured)):
        doorway.see(ADA)
        request = doorway.ask()
        assert request.factors == {"badge"}
        told.append(request.face)
    assert told == [
        "camera front-cam recognizes no faces: its task faces is off",
        "no face of Ada is enrolled",
        "drawn was never measured: its model card holds no thresholds for faces",
    ]


def test_a_head_that_moved_is_a_hint():
    doorway = Doorway()
    for place, turn in enumerate((-0.1, 0.0, 0.1)):
        doorway.see(ADA, count=1, ago_s=0.3 * place, turn=turn)
    assert doorway.ask().face.endswith("(a hint: the head moved)")


# --- 1:N -----------------------------------------------------------------------------------------------------------


def observation(**other: object) -> Observation:
    given = {
        "id": "o", "camera": "front-cam", "at": NOON, "media_s": None, "change": "heartbeat", "track": 1,
        "label": "person", "confidence": 0.9, "box": Box(0.1, 0.1, 0.5, 0.9), "zones": frozenset(), "zones_version": 1,
        "dwell_s": {}, "track_s": 9.0, "started_at": NOON - timedelta(seconds=9),
    }  # fmt: skip
    return Observation(**(given | other))


def test_nobody_is_identified_unless_the_camera_is_told_to_for_a_purpose():
    told = []
    for tasks, purpose in ((("faces",), "staff"), (("identify",), ""), (("identify",), "lost children at the fair")):
        doorway = Doorway(replace(SITE, cameras=(replace(CAMERA, tasks=tasks, purpose=purpose),)))
        doorway.see(ADA)
        told.append(doorway.identity(observation()).identity)
    assert told == [None, None, "Ada"]


def test_identifying_is_stricter_and_holds_until_the_face_says_otherwise():
    doorway = Doorway(replace(SITE, cameras=(replace(CAMERA, tasks=("identify",)),)))
    doorway.see(0.95)  # like Ada by 0.58, and like Bob by 0.81
    assert doorway.identity(observation()).identity == "Bob"
    assert doorway.identity(observation(at=NOON + timedelta(seconds=60))).identity == "Bob"
    assert doorway.identity(observation(track=2)).identity is None
    unsure = Doorway(replace(SITE, cameras=(replace(CAMERA, tasks=("identify",)),)))
    unsure.see(np.pi / 4 + 0.3 + np.pi / 2)
    assert unsure.identity(observation()).identity is None


def test_the_memory_is_bounded_and_forgets():
    doorway = Doorway()
    doorway.see(ADA, count=500, ago_s=-150)
    assert sum(map(len, doorway.faces.of("front-cam", NOON).values())) <= 64
    doorway.faces.forget(NOON + timedelta(seconds=600))
    assert doorway.faces.of("front-cam", NOON) == {}
    assert "embedding" not in repr(FaceSeen("c", 1, NOON, NOON, b"secret"))
