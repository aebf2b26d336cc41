"""Who is let in, told as stories: a sentence each, the verdict, and words that must be among its reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from fakes import observation
from judging import book, rule

from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Camera, Door, Person, Site, parse_schedule
from surveillance.domain.threats import ThreatOrder
from surveillance.domain.values import AccessRequest, CameraReport, DoorReport, Input, ModeReport, Tick
from surveillance.rules.judge import RuleJudge
from surveillance.rules.settings import RuleSettings

FRIDAY = datetime(2026, 11, 20, tzinfo=UTC)
HOURS = {"mon": ["08:00-18:00"], "fri": ["08:00-18:00"]}
SITE = Site(
    version=1,
    cameras=(Camera("porch", "synthetic://porch"), Camera("drive", "synthetic://drive", tasks=("plates",))),
    doors=(
        Door("front", "porch"),
        Door("side", "porch", on_camera_stale="badge_only"),
        Door("gate", "drive"),
        Door("cellar"),
    ),
    people=(Person("Ada", frozenset({"staff"})), Person("Grace", frozenset({"guards"})), Person("Bob")),
    access_levels=(
        AccessLevel("staff-hours", frozenset({"staff"}), frozenset({"front", "cellar"}), "office"),
        AccessLevel("guards-always", frozenset({"guards"}), frozenset({"front"})),
    ),
    schedules=(parse_schedule("office", {"time_zone": "UTC", "weekly": HOURS, "holidays": ["2026-12-25"]}),),
)
RULES = "".join(
    (
        rule("staff by day", "access", "authorize",
             'door in {"front", "side"} and "staff" in groups and "badge" in factors and people <= 1'
             ' and schedule("office")'),
        rule("staff by night", "access", "authorize",
             'door == "front" and "staff" in groups and {"badge", "face"} <= factors and not schedule("office")'),
        rule("guards", "access", "authorize", '"guards" in groups and {"badge", "pin"} <= factors'),
        rule("side in need", "access", "authorize",
             'door == "side" and "staff" in groups and {"badge", "pin"} <= factors'),
        rule("known car", "access", "authorize",
             'door == "gate" and "plate" in factors and count("vehicle") >= 1', camera_only="true"),
        rule("a crowd", "access", "deny", 'door == "front" and people > 2'),
        rule("an animal", "access", "deny", 'door == "front" and count("animal") > 0'),
        rule("forced", "access", "deny", 'door_alarm == "forced_open"'),
        rule("only guards in danger", "access", "deny", 'threat == "elevated" and "guards" not in groups'),
        rule("shut down", "access", "deny", 'mode == "disarmed" and door == "gate"'),
    )
)  # fmt: skip
BADGE = '"badge" in factors'
LEVELS = rule("by-levels", "access", "authorize", f"permitted and {BADGE}")


@dataclass(frozen=True)
class Story:
    """Somebody at a door. Times are hours of a Friday; `seen` are labels of what the door's camera follows."""

    tells: str
    verdict: str
    because: str = ""
    who: str | None = "Ada"
    factors: str = "badge"
    door: str = "front"
    hour: float = 10.0
    day: int = 0  # days after that Friday
    seen: tuple[str, ...] = ("person",)
    camera: str = "live"  # a state, silent or new
    credential: str = "valid"
    mode: str = "locked"
    alarm: str = "normal"
    armed: str = "armed"
    threat: str = "normal"
    late: bool = False
    groups: frozenset[str] | None = None
    rules: str = field(default=RULES, repr=False)


YES, NO = "authorize", "deny"
NIGHT, EVENING, SATURDAY, CHRISTMAS = 23.0, 18.0, 1, 35
TWO, THREE = ("person",) * 2, ("person",) * 3
STORIES = (
    # by day
    Story("staff with a badge, alone, by day", YES, "staff by day"),
    Story("staff with a badge and nobody in the picture", YES, "people = 0", seen=()),
    Story("staff with a badge and somebody beside them", NO, "people = 2", seen=TWO),
    Story("three at the door: a rule against crowds", NO, "deny rule a crowd was true", seen=THREE),
    Story("staff without anything", NO, '"badge" in factors', who=None, factors="", credential="none"),
    Story("staff with a PIN alone", NO, '"badge" in factors', factors="pin"),
    Story("staff by face alone", NO, '"badge" in factors', factors="face"),
    Story("staff by plate alone at the front door", NO, '"badge" in factors', factors="plate"),
    Story("staff with a badge and a PIN", YES, "staff by day", factors="badge pin"),
    Story("a person of no group", NO, '"staff" in groups', who="Bob"),
    Story("a badge that nobody has", NO, "unauthorized", who=None, factors="", credential="unauthorized"),
    Story("an animal at their feet", NO, "deny rule an animal was true", seen=("person", "animal")),
    Story("a vehicle in the picture does not matter", YES, "staff by day", seen=("person", "vehicle")),
    Story("background in the picture does not matter", YES, "staff by day", seen=("person", "background")),
    # doubt about who is there
    Story("something that may be another person", NO, "cannot tell from a person", seen=("person", "unknown")),
    Story("the camera is lost", NO, "camera porch is lost", camera="lost"),
    Story("the camera is frozen", NO, "camera porch is frozen", camera="frozen"),
    Story("the camera is covered", NO, "camera porch is blinded", camera="blinded"),
    Story("the camera was turned away", NO, "camera porch is moved", camera="moved"),
    Story("the camera has been silent for a while", NO, "camera porch is stale", camera="silent"),
    Story("the camera never reported", NO, "has not reported yet", camera="never"),
    Story("the camera has only just come back", NO, "was only just found", camera="new"),
    Story("a lost camera and a rule that asks for nothing of it", NO, "on_camera_stale: deny", camera="lost",
          who="Grace", factors="badge pin"),
    Story("a guard with badge and PIN needs no count of people", YES, "guards", who="Grace", factors="badge pin"),
    Story("a deny rule that cannot be told", NO, "deny rule a crowd could not be told", camera="lost"),
    # by night and on holidays
    Story("staff with a badge by night", NO, "not_permitted_at_this_time", hour=NIGHT),
    Story("staff with badge and face by night", YES, "staff by night", hour=NIGHT, factors="badge face"),
    Story("badge and face by night, two in the picture", YES, "staff by night", hour=NIGHT, factors="badge face",
          seen=TWO),
    Story("badge and face by night, three in the picture", NO, "a crowd", hour=NIGHT, factors="badge face", seen=THREE),
    Story("badge without face at night, two in frame, camera dead", NO, "camera porch is lost", hour=NIGHT, seen=TWO,
          camera="lost"),
    Story("a face without a badge by night", NO, '{"badge", "face"} <= factors', hour=NIGHT, factors="face"),
    Story("on the stroke of closing", NO, "not_permitted_at_this_time", hour=EVENING),
    Story("a minute before closing", YES, "staff by day", hour=EVENING - 1 / 60),
    Story("on the stroke of opening", YES, "staff by day", hour=8.0),
    Story("a minute before opening", NO, "not_permitted_at_this_time", hour=8.0 - 1 / 60),
    Story("on a Saturday", NO, "not_permitted_at_this_time", day=SATURDAY),
    Story("on a holiday that is a Friday", NO, "not_permitted_at_this_time", day=CHRISTMAS),
    Story("on a holiday with badge and face", YES, "staff by night", day=CHRISTMAS, factors="badge face"),
    Story("a guard at any hour", YES, "guards", who="Grace", factors="badge pin", hour=3.0, day=SATURDAY),
    Story("a guard without the PIN", NO, '{"badge", "pin"} <= factors', who="Grace"),
    # credentials
    Story("a badge that is over", NO, "credential_expired", credential="credential_expired"),
    Story("a badge that is not valid yet", NO, "credential_not_active", credential="credential_not_active"),
    Story("a badge that was taken away", NO, "credential_not_enabled", credential="credential_not_enabled"),
    Story("a wrong PIN with a good badge", NO, "invalid_pin", credential="invalid_pin"),
    Story("a badge used twice in one direction", NO, "antipassback_violation", credential="antipassback_violation"),
    Story("a credential of a kind nobody knows", NO, "credential: odd", credential="odd"),
    Story("a guard whose badge is over", NO, "credential_expired", who="Grace", factors="badge pin",
          credential="credential_expired"),
    # how the door stands
    Story("the door is locked down", NO, "the door is locked down", mode="locked_down"),
    Story("a guard at a door that is locked down", NO, "the door is locked down", who="Grace", factors="badge pin",
          mode="locked_down"),
    Story("the door is blocked", NO, "the door is blocked", mode="blocked"),
    Story("nobody knows how the door stands", NO, "nobody knows how the door stands", mode="unknown"),
    Story("the door is held unlocked by a command", YES, "staff by day", mode="unlocked"),
    Story("the door was forced open", NO, "deny rule forced was true", alarm="forced_open"),
    Story("the door stands open too long", YES, "staff by day", alarm="open_too_long"),
    Story("staff by day while the threat level is elevated", NO, "deny rule only guards in danger", threat="elevated"),
    Story("a guard while the threat level is elevated", YES, "guards", who="Grace", factors="badge pin",
          threat="elevated"),
    Story("a request that comes too late", NO, "past its deadline", late=True),
    Story("a door that the site does not have", NO, "is not configured", door="attic"),
    # other doors
    Story("the side door, alone", YES, "staff by day", door="side"),
    Story("the side door with its camera lost", NO, "people = unknown", door="side", camera="lost"),
    Story("the side door, its camera lost, badge and PIN", YES, "side in need", door="side", camera="lost",
          factors="badge pin"),
    Story("the side door by night with badge and face", NO, "not_permitted_at_this_time", door="side", hour=NIGHT,
          factors="badge face"),
    Story("a known car at the gate", YES, "known car", door="gate", factors="plate", seen=("vehicle",)),
    Story("a known plate and no car to be seen", NO, 'count("vehicle") >= 1', door="gate", factors="plate", seen=()),
    Story("a plate on foot", NO, 'count("vehicle") = 0', door="gate", factors="plate", seen=("person",)),
    Story("a car whose plate nobody knows", NO, '"plate" in factors', door="gate", who=None, factors="",
          credential="none", seen=("vehicle",)),
    Story("the gate while the site is disarmed", NO, "deny rule shut down was true", door="gate", factors="plate",
          seen=("vehicle",), armed="disarmed"),
    Story("a badge at the gate on foot", NO, '"plate" in factors', door="gate"),
    Story("the cellar, which no rule opens for staff", NO, "guards needs", door="cellar"),
    Story("a guard in the cellar, which has no camera", YES, "guards", door="cellar", who="Grace", factors="badge pin"),
    # access levels
    Story("a level that names group and door, in its hours", YES, "access level staff-hours", door="cellar",
          rules=LEVELS),
    Story("a level that is closed says when it opens", NO, "staff-hours opens at 2026-11-23 08:00 (UTC)", hour=NIGHT,
          door="cellar", rules=LEVELS),
    Story("a level that is closed is a matter of time", NO, "not_permitted_at_this_time", hour=NIGHT, door="cellar",
          rules=LEVELS),
    Story("a level that is closed on a holiday", NO, "not_permitted_at_this_time", day=CHRISTMAS, door="cellar",
          rules=LEVELS),
    Story("a level without a schedule holds at any hour", YES, "guards-always", who="Grace", hour=3.0, day=SATURDAY,
          rules=LEVELS),
    Story("no level names that door for them", NO, "no access level names their groups and this door", who="Grace",
          door="cellar", rules=LEVELS),
    Story("no level, no matter of time", NO, "unauthorized", door="side", rules=LEVELS),
    Story("a person of no group by levels", NO, "no access level names", who="Bob", rules=LEVELS),
    Story("a level is not enough where the rule asks for a badge", NO, '"badge" in factors', factors="pin",
          rules=LEVELS),
    Story("a closed level and no badge are two reasons", NO, "not_permitted_at_this_time | unauthorized",
          factors="pin", hour=NIGHT, rules=LEVELS),
    Story("a deny rule overrides a level", NO, "a crowd", seen=THREE,
          rules=LEVELS + rule("a crowd", "access", "deny", "people > 2")),
    # the rules themselves
    Story("no rule at all", NO, "there is no authorize rule for door front", rules=""),
    Story("a rule that is off", NO, "there is no authorize rule",
          rules=rule("x", "access", "authorize", BADGE, mode="'off'")),
    Story("a rule that is a shadow", NO, "there is no authorize rule",
          rules=rule("x", "access", "authorize", BADGE, mode="shadow")),
    Story("a shadow that would deny", YES, "x",
          rules=rule("x", "access", "authorize", BADGE) + rule("y", "access", "deny", "true", mode="shadow")),
)  # fmt: skip


def inputs_of(story: Story, at: datetime) -> list[Input]:
    """Ten seconds in which the camera reports each second what it sees."""
    door = SITE.door(story.door)
    camera = door.camera if door is not None and door.camera else "porch"
    told: list[Input] = [ModeReport(at - timedelta(seconds=20), story.armed)]
    told.append(ThreatOrder("threat", at - timedelta(seconds=20), story.threat, "grace", "a drill"))
    if story.mode != "locked" or story.alarm != "normal":
        told.append(DoorReport(story.door, at - timedelta(seconds=15), story.mode, story.alarm))
    if story.camera == "never":
        return told
    first, last = (9 if story.camera == "new" else 0), (3 if story.camera == "silent" else 10)
    for second in range(first, last + 1):
        when = at - timedelta(seconds=10 - second)
        state = story.camera if story.camera in ("lost", "frozen", "blinded", "moved") and second > 5 else "live"
        told += [Tick(when), CameraReport(camera, when, state, changed=second == first)]
        told += [
            observation(number, label, when, camera=camera, id=f"seen-{number}-{second}", change="heartbeat")
            for number, label in enumerate(story.seen)
            if state == "live"
        ]
    return told


def request_of(story: Story, at: datetime) -> AccessRequest:
    door = SITE.door(story.door)
    person = next((person for person in SITE.people if person.name == story.who), None)
    fails = story.credential not in ("valid", "none")
    return AccessRequest(
        id="request",
        at=at,
        door=story.door,
        camera=door.camera if door else None,
        factors=frozenset(story.factors.split()),
        person=story.who,
        groups=person.groups if person else frozenset(),
        credential=story.credential,
        deadline=at + timedelta(seconds=-1 if story.late else 2),
        denials=(story.credential,) if fails and story.credential != "odd" else (),
    )


@pytest.mark.parametrize("story", STORIES, ids=[story.tells for story in STORIES])
def test_who_is_let_in(story: Story) -> None:
    at = FRIDAY + timedelta(days=story.day, hours=story.hour)
    judge = RuleJudge(book(story.rules, SITE), SITE, RuleSettings())
    judge.recall(inputs_of(story, at))
    decision = next(
        made for made in judge(request_of(story, at)) if made.kind.startswith("access.") and not made.shadow
    )
    assert decision.verdict == story.verdict, decision.reasons
    assert story.because in " | ".join(decision.reasons)


def test_there_are_enough_of_them_and_no_two_tell_the_same() -> None:
    assert len({story.tells for story in STORIES}) == len(STORIES) >= 60
