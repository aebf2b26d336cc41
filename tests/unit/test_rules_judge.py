"""The judge's stories: what was seen and asked, told in seconds after noon, and what was decided."""

from dataclasses import replace
from typing import Any

import pytest
from judging import SITE, after, book, decide, door_report, judge, report, request, rule, sight, told

from surveillance.domain.site import Site
from surveillance.domain.values import Clause, Decision, Input, Judged, Tick

LAWN = frozenset({"lawn"})
STORE = frozenset({"store"})

STAFF = rule("staff", "access", "authorize", 'door == "front" and "badge" in factors and people == 1')
CROWD = rule("crowd", "access", "deny", "people > 1")
BACK = rule("back", "access", "authorize", 'door == "back" and "badge" in factors')


def one(decisions: list[Decision]) -> Decision:
    [decision] = decisions
    return decision


# --- sightings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "inputs", "expected"),
    [
        pytest.param(
            [rule("seen", "sighting", "log", "true")],
            [sight(1), sight(2), sight(3, track=2), sight(4, change="left")],
            [("sighting.logged", "seen"), ("sighting.logged", "seen")],
            id="once a track",
        ),
        pytest.param(
            [rule("seen", "sighting", "log", "ended")],
            [sight(1), sight(2, change="left")],
            [("sighting.logged", "seen")],
            id="when it has left",
        ),
        pytest.param(
            [rule("seen", "sighting", "log", "true")],
            [sight(1, label="background"), sight(2, label="unknown"), sight(3)],
            [("sighting.logged", "seen")],
            id="never on background or a vote that does not agree",
        ),
        pytest.param(
            [rule("seen", "sighting", "log", "true")],
            [sight(1, change="left"), sight(9, track=1, started_at=after(8))],
            [("sighting.logged", "seen"), ("sighting.logged", "seen")],
            id="a number used again is another track",
        ),
        pytest.param(
            [rule("lawn", "sighting", "alert", '"lawn" in zones', cooldown_s=10)],
            [sight(second, zones=LAWN) for second in (1, 5, 10.9, 11)] + [sight(12, track=2, zones=LAWN)],
            [("sighting.alerted", "lawn"), ("sighting.alerted", "lawn")],
            id="a cooldown counts for the camera",
        ),
        pytest.param(
            [rule("lawn", "sighting", "alert", "true", cooldown_s=10, per="track")],
            [sight(1), sight(2, track=2), sight(3), sight(4, track=2), sight(11)],
            [("sighting.alerted", "lawn")] * 3,
            id="or for each track",
        ),
        pytest.param(
            [rule("lawn", "sighting", "alert", "true", cooldown_s=10, per="site")],
            [sight(1), sight(2, camera="front"), sight(11, camera="front")],
            [("sighting.alerted", "lawn")] * 2,
            id="or for the whole site",
        ),
        pytest.param(
            [rule("a", "sighting", "log", "true"), rule("b", "sighting", "alert", "true")],
            [sight(1)],
            [("sighting.logged", "a"), ("sighting.alerted", "b")],
            id="alerts and logs never combine away",
        ),
        pytest.param(
            [rule("a", "sighting", "log", "true", mode="off")],
            [sight(1)],
            [],
            id="a rule that is off",
        ),
        pytest.param(
            [rule("two", "sighting", "alert", "people >= 2")],
            [sight(1), sight(1.2, track=2), sight(2, track=2, change="left"), sight(3, track=3)],
            [("sighting.alerted", "two"), ("sighting.alerted", "two")],
            id="people who are there now",
        ),
        pytest.param(
            [rule("two", "sighting", "alert", 'count("person", "lawn") >= 2')],
            [sight(1, zones=LAWN), sight(2, track=2), sight(5.1, track=3, zones=LAWN), sight(5.2, track=4, zones=LAWN)],
            [("sighting.alerted", "two")],
            id="a track not seen for three seconds does not count",
        ),
        pytest.param(
            [rule("stay", "sighting", "alert", 'dwell_s >= 5 and dwell_in("store") < 1')],
            [sight(4, dwell_s={"lawn": 4.0}), sight(5, dwell_s={"lawn": 5.0})],
            [("sighting.alerted", "stay")],
            id="dwell",
        ),
        pytest.param(
            [rule("night", "sighting", "alert", 'schedule("night")'), rule("day", "sighting", "log", "true")],
            [sight(1), sight(36_000, track=2)],
            [("sighting.logged", "day"), ("sighting.logged", "day"), ("sighting.alerted", "night")],
            id="a schedule by the time of the input",
        ),
    ],
)
def test_sightings(rules: list[str], inputs: list[Input], expected: list[tuple[str, str]]) -> None:
    assert told(decide(judge(*rules), inputs)) == expected


def test_a_sighting_is_recorded_whole() -> None:
    seen = sight(2, media_s=2.0, zones=LAWN)
    text = 'label == "person" and not ended'
    decided = judge(rule("seen", "sighting", "alert", text, notify="[ops]"))(seen)
    clause = Clause(
        f"({text})"[1:-1],
        True,
        "",
        (
            Clause('label == "person"', True, 'label = "person"'),
            Clause("not ended", True, "", (Clause("ended", False, "ended = false"),)),
        ),
    )
    assert decided == (
        Decision(
            id="id-1",
            at=after(2),
            media_s=2.0,
            trigger="sighting",
            kind="sighting.alerted",
            verdict="alert",
            rule="seen",
            rulebook_version=1,
            reasons=('label = "person"', "ended = false"),
            judged=(Judged("seen", "alert", True, clause),),
            facts={
                "label": "person",
                "confidence": 0.9,
                "camera": "yard",
                "zones": ["lawn"],
                "track_s": 2.0,
                "crossed": [],
                "ended": False,
                "person": "",
            },
            subject="seen-1-2",
            camera="yard",
            label="person",
            confidence=0.9,
            track=1,
            zones=("lawn",),
            box=seen.box,
            notify=("ops",),
            details={"began_at": "2026-11-20T12:00:00.000Z", "followed_s": 2.0, "began_media_s": 0.0},
        ),
    )


def test_a_shadow_rule_is_recorded_as_such_and_holds_nobody_back() -> None:
    decided = decide(judge(rule("a", "sighting", "alert", "true", mode="shadow")), [sight(1), sight(2)])
    assert [(decision.kind, decision.shadow, decision.judged[0].note) for decision in decided] == [
        ("sighting.alerted", True, "shadow: judged, never acts")
    ]


def test_an_unknown_alert_does_not_fire_and_tells_its_cause_once_an_hour() -> None:
    crowd = judge(rule("crowd", "sighting", "alert", "people >= 1"), rule("other", "sighting", "alert", "people >= 2"))
    inputs: list[Input] = [report(0, "yard", "frozen")]
    inputs += [sight(second, track=second) for second in (1, 2, 3000, 3601, 3602)]
    decided = decide(crowd, [*inputs, report(3603, "yard", "live"), report(3604, "yard", "lost"), sight(3605)])
    assert [(decision.kind, decision.reasons) for decision in decided] == [
        ("health.degraded", ("camera yard is frozen", "rule crowd could not be told")),
        ("health.degraded", ("camera yard is frozen", "rule crowd could not be told")),
        ("health.restored", ("camera yard is live",)),
        ("health.degraded", ("camera yard is lost", "rule crowd could not be told")),
    ]


def test_a_task_that_is_off_is_no_matter_of_a_live_camera() -> None:
    runs = judge(rule("runs", "sighting", "alert", "running"))
    decided = decide(runs, [sight(1), report(2, "yard"), sight(3), report(4, "yard")])
    why = "running is not told by camera yard: switch its task behavior on"
    assert [(decision.kind, decision.reasons) for decision in decided] == [
        ("health.degraded", (why, "rule runs could not be told"))
    ]


def test_a_camera_that_comes_and_goes_is_told_once_an_hour() -> None:
    crowd = judge(rule("crowd", "sighting", "alert", "people >= 1 and track_s > 0.5"))
    inputs: list[Input] = []
    for second in range(0, 100, 10):
        inputs += [report(second, "yard", "frozen"), sight(second + 1, second), report(second + 2, "yard")]
    assert told(decide(crowd, inputs)) == [("health.degraded", None), ("health.restored", None)]


# --- presence ------------------------------------------------------------------------------------------------------

DAY = rule("day", "presence", "authorize", 'label == "person" and schedule("office-hours")', notify="boss")
NO_PAIR = rule("pair", "presence", "deny", "people > 1", notify="ops")


def test_presence_in_a_restricted_zone_is_denied_by_default_and_alerts_once() -> None:
    decided = decide(judge(), [sight(1, zones=LAWN), sight(2, zones=STORE | LAWN), sight(3, zones=STORE)])
    denied = one(decided)
    assert (denied.kind, denied.verdict, denied.rule, denied.zones, denied.at) == (
        "presence.denied",
        "deny",
        None,
        ("lawn", "store"),
        after(2),
    )
    assert (denied.reasons, denied.details, denied.notify) == (
        ("unauthorized", "there is no authorize rule"),
        {"restricted_zones": ["store"], "alerts": True},
        (),
    )


def test_presence_is_judged_again_for_another_label_and_when_the_permission_is_lost() -> None:
    story = [
        sight(1, zones=STORE),
        sight(2, zones=STORE),
        sight(3, track=2, zones=LAWN),
        sight(4, zones=STORE),
        sight(5, zones=STORE),
        sight(6, zones=STORE, label="animal"),
        sight(7, zones=STORE, label="unknown"),
        sight(8, zones=STORE, label="animal"),
    ]
    decided = decide(judge(DAY, NO_PAIR), story)
    assert [(decision.kind, decision.rule, decision.at, decision.notify) for decision in decided] == [
        ("presence.authorized", "day", after(1), ("boss",)),
        ("presence.denied", "pair", after(4), ("ops",)),
        ("presence.denied", None, after(6), ()),
    ]


def test_a_track_that_is_neither_restricted_nor_told_asks_nothing() -> None:
    assert decide(judge(), [sight(1, zones=LAWN), sight(2, zones=STORE, label="background")]) == []


# --- access --------------------------------------------------------------------------------------------------------

ALONE: list[Input] = [report(0), sight(0, camera="front")]


@pytest.mark.parametrize(
    ("rules", "inputs", "changes", "expected"),
    [
        pytest.param([STAFF], ALONE, {}, ("authorize", "staff"), id="granted"),
        pytest.param([], ALONE, {}, ("deny", None), id="default deny"),
        pytest.param([STAFF, CROWD], ALONE, {}, ("authorize", "staff"), id="a deny rule that is false"),
        pytest.param(
            [STAFF, CROWD], [*ALONE, sight(0.5, 2, camera="front")], {}, ("deny", "crowd"), id="deny overrides"
        ),
        pytest.param([STAFF], [report(0)], {}, ("deny", None), id="nobody is seen"),
        pytest.param(
            [STAFF],
            [*ALONE, sight(0.5, 2, "unknown", camera="front")],
            {},
            ("deny", None),
            id="somebody, and something that may be another",
        ),
        pytest.param(
            [STAFF],
            [*ALONE, sight(0.5, 2, "unknown", camera="front"), sight(0.9, 2, "background", camera="front")],
            {},
            ("authorize", "staff"),
            id="that turned out to be nothing",
        ),
        pytest.param([STAFF], [report(0, state="lost")], {}, ("deny", None), id="camera lost"),
        pytest.param([STAFF], [], {}, ("deny", None), id="camera never heard of"),
        pytest.param([STAFF], ALONE, {"factors": frozenset({"pin"})}, ("deny", None), id="another factor"),
        pytest.param([STAFF], ALONE, {"credential": "credential_expired"}, ("deny", None), id="credential expired"),
        pytest.param([STAFF], ALONE, {"credential": "something new"}, ("deny", None), id="credential not understood"),
        pytest.param([STAFF], ALONE, {"denials": ("invalid_pin",)}, ("deny", None), id="a denial beside a valid badge"),
        pytest.param([STAFF], ALONE, {"deadline": after(0.5)}, ("deny", None), id="past its deadline"),
        pytest.param([STAFF], [*ALONE, Tick(after(4))], {}, ("deny", None), id="past its deadline by core's clock"),
        pytest.param([STAFF], [*ALONE, door_report(0, mode="locked_down")], {}, ("deny", None), id="locked down"),
        pytest.param([STAFF], [*ALONE, door_report(0, mode="unlocked")], {}, ("authorize", "staff"), id="unlocked"),
        pytest.param([BACK], [], {"door": "back", "camera": None}, ("authorize", "back"), id="a door without a camera"),
        pytest.param(
            [BACK, CROWD], [], {"door": "back", "camera": None}, ("deny", "crowd"), id="where a deny rule needs one"
        ),
        pytest.param(
            [rule("in", "access", "authorize", '"face" in factors', camera_only="true")],
            ALONE,
            {"factors": frozenset({"face"}), "credential": "none"},
            ("authorize", "in"),
            id="camera only, said so",
        ),
        pytest.param(
            [STAFF, rule("all", "access", "deny", "true", mode="shadow")],
            ALONE,
            {},
            ("authorize", "staff"),
            id="shadow",
        ),
        pytest.param(
            [rule("all", "access", "authorize", '"badge" in factors', mode="shadow")],
            ALONE,
            {},
            ("deny", None),
            id="too",
        ),
        pytest.param(
            [rule("all", "access", "deny", "true", mode="off"), STAFF], ALONE, {}, ("authorize", "staff"), id="off"
        ),
    ],
)
def test_access(rules: list[str], inputs: list[Input], changes: dict[str, Any], expected: tuple[str, str]) -> None:
    judged_by = judge(*rules)
    decide(judged_by, inputs)
    main = judged_by(replace(request(1), **changes))[0]
    kinds = {"authorize": "access.granted", "deny": "access.denied"}
    assert (main.verdict, main.rule) == expected
    assert (main.kind, main.shadow, main.subject) == (kinds[expected[0]], False, "request-1")
    assert main.reasons


@pytest.mark.parametrize(
    ("rules", "inputs", "changes", "reasons"),
    [
        pytest.param(
            [STAFF],
            ALONE,
            {},
            ('staff: door = "front", factors = {"badge"}, people = 1',),
            id="granted",
        ),
        pytest.param(
            [STAFF, BACK],
            [*ALONE, sight(0.5, 2, camera="front")],
            {},
            ("unauthorized", "no authorize rule was true: staff needs people == 1 but people = 2"),
            id="near miss, other doors passed over",
        ),
        pytest.param([BACK], ALONE, {}, ("unauthorized", "there is no authorize rule for door front"), id="none"),
        pytest.param(
            [STAFF, CROWD],
            [*ALONE, sight(0.5, 2, camera="front")],
            {},
            (
                "unauthorized",
                "deny rule crowd was true: people = 2",
                "no authorize rule was true: staff needs people == 1 but people = 2",
            ),
            id="deny rule",
        ),
        pytest.param(
            [rule("shift", "access", "authorize", '"badge" in factors and schedule("night")')],
            ALONE,
            {},
            (
                "not_permitted_at_this_time",
                'no authorize rule was true: shift needs schedule("night") but schedule("night") = false',
            ),
            id="not now",
        ),
        pytest.param(
            [STAFF],
            [report(0, state="lost")],
            {},
            (
                "unauthorized",
                "other",
                "camera front is lost, and door front says on_camera_stale: deny",
                "no authorize rule was true: staff needs people == 1 but people = unknown (camera front is lost)",
            ),
            id="camera lost",
        ),
        pytest.param(
            [STAFF, CROWD],
            ALONE,
            {
                "credential": "credential_expired",
                "denials": ("credential_expired", "invalid_pin"),
                "factors": frozenset(),
                "deadline": after(0),
            },
            (
                "credential_expired",
                "invalid_pin",
                "unauthorized",
                "other",
                "the request is past its deadline",
                'no authorize rule was true: staff needs "badge" in factors but factors = {}',
            ),
            id="all that apply",
        ),
    ],
)
def test_every_reason_is_kept(
    rules: list[str], inputs: list[Input], changes: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    judged_by = judge(*rules)
    decide(judged_by, inputs)
    assert judged_by(replace(request(1), **changes))[0].reasons == reasons


def test_a_camera_just_found_is_not_asked_about_people() -> None:
    judged_by = judge(STAFF, settle_s=2.0)
    decide(judged_by, [report(0), sight(0, camera="front"), report(1), sight(1, camera="front")])
    early = judged_by(request(1))[0]
    decide(judged_by, [report(2), sight(2, camera="front")])
    later = judged_by(request(2.5))[0]
    decide(judged_by, [report(3, state="lost"), report(3.5), sight(3.5, camera="front")])
    again = judged_by(request(4))[0]
    assert [decision.verdict for decision in (early, later, again)] == ["deny", "authorize", "deny"]


def test_a_clock_set_back_makes_a_camera_stale_and_not_for_long() -> None:
    judged_by = judge(STAFF)
    decide(judged_by, [report(3600), sight(3600, camera="front")])
    before = judged_by(request(1))[0]
    decide(judged_by, [report(2), sight(2, camera="front")])
    assert [before.verdict, judged_by(request(2.5))[0].verdict] == ["deny", "authorize"]


def test_a_stale_camera_leaves_badge_rules_to_a_door_that_says_badge_only() -> None:
    badge = rule("badge", "access", "authorize", 'door == "soft" and "badge" in factors')
    alone = rule("alone", "access", "authorize", 'door == "soft" and "badge" in factors and people == 1')
    assert judge(badge)(request(1, "soft"))[0].verdict == "authorize"
    assert judge(alone)(request(1, "soft"))[0].verdict == "deny"
    denied, degraded = judge(badge, CROWD)(request(1, "soft"))
    assert (denied.reasons, degraded.kind) == (
        ("other", "deny rule crowd could not be told: camera front has not reported yet"),
        "health.degraded",
    )


def test_a_code_that_counts_once_is_refused_the_second_time_also_after_a_restart() -> None:
    inputs = [*ALONE, request(1, once="a1b2"), request(1.2, once="a1b2"), request(1.4, once="c3d4")]
    other_door = request(1.6, "back", once="a1b2")
    judged_by = judge(STAFF, BACK)
    decisions = decide(judged_by, [*inputs, other_door])
    assert [decision.verdict for decision in decisions if decision.trigger == "access"] == [
        "authorize", "deny", "authorize", "authorize",
    ]  # fmt: skip
    started_anew = judge(STAFF, BACK)
    started_anew.recall(inputs)
    [again] = started_anew(request(1.8, once="c3d4"))
    assert again.reasons == ("other", "this code was presented here before, and each counts once")


def test_what_the_doors_camera_reads_can_be_asked_for() -> None:
    free = rule("out", "access", "authorize", 'door == "front" and by_camera and plate != ""', camera_only="true")
    near = rule("stolen", "access", "deny", 'plate_near("AB12 CDE")')
    asked = {"by_camera": True, "person": None, "groups": frozenset(), "factors": frozenset(), "credential": "none"}
    for plate, verdict in (("XY34ZZZ", "authorize"), ("A812CDE", "deny"), ("", "deny"), (None, "deny")):
        judged_by = judge(free, near)
        decide(judged_by, ALONE)
        assert judged_by(request(1, **asked, plate=plate))[0].verdict == verdict, plate
    assert judge(free)(request(1, plate="XY34ZZZ"))[0].verdict == "deny"  # a reader asks


def test_an_access_decision_holds_every_rule_with_its_clauses() -> None:
    judged_by = judge(STAFF, CROWD, rule("late", "access", "deny", "true", mode="shadow"))
    decide(judged_by, ALONE)
    granted, shadow = judged_by(request(1))
    assert [(judged.rule, judged.verdict, judged.result, judged.note) for judged in granted.judged] == [
        ("crowd", "deny", False, ""),
        ("late", "deny", True, "shadow: judged, never acts"),
        ("staff", "authorize", True, ""),
    ]
    assert granted.judged[0].clause == Clause("people > 1", False, "people = 1")
    assert granted.facts == {
        "door": "front",
        "factors": ["badge"],
        "person": "Ada",
        "groups": ["staff"],
        "credential": "valid",
        "camera": "front",
        "door_alarm": "normal",
        "door_mode": "locked",
        "people": 1,
    }
    assert (granted.camera, granted.door, granted.identity) == ("front", "front", "Ada")
    assert granted.details == {"deadline": "2026-11-20T12:00:03.000Z"}
    assert (shadow.kind, shadow.verdict, shadow.rule, shadow.shadow) == ("access.denied", "deny", "late", True)


def test_a_door_that_the_site_does_not_have_stays_shut() -> None:
    gone = judge(rule("any", "access", "authorize", '"badge" in factors'), site=replace(SITE, doors=()))
    assert gone(request(1, camera=None))[0].reasons == ("other", "door front is not configured")


# --- cameras, doors, time ------------------------------------------------------------------------------------------


def test_a_change_of_a_camera_is_recorded_and_judged() -> None:
    dark = rule("dark", "camera", "alert", 'camera_state in {"lost", "frozen"} and camera == "front"', notify="ops")
    decided = decide(
        judge(dark),
        [
            report(0, changed=True),
            report(1),
            report(2, state="lost", changed=True, reason="timeout"),
            report(3, state="lost"),
            report(4, "yard", "lost", changed=True),
            report(5, changed=True),
        ],
    )
    assert [(decision.kind, decision.verdict, decision.rule, decision.reasons) for decision in decided] == [
        ("camera.found", None, None, ()),
        ("camera.lost", None, None, ("timeout",)),
        ("camera.lost", "alert", "dark", ('camera_state = "lost"', 'camera = "front"')),
        ("camera.lost", None, None, ()),
        ("camera.found", None, None, ()),
    ]


def test_a_change_at_a_door_is_recorded_and_judged() -> None:
    forced = rule("forced", "door", "alert", 'door_alarm == "forced_open"', cooldown_s=60)
    decided = decide(
        judge(forced),
        [
            door_report(0, mode="accessed"),
            door_report(1, alarm="forced_open"),
            door_report(2, mode="blocked", alarm="forced_open"),
            door_report(3, "back", alarm="forced_open"),
            door_report(4),
        ],
    )
    assert [(decision.kind, decision.verdict, decision.door) for decision in decided] == [
        ("door.accessed", None, "front"),
        ("door.forced_open", None, "front"),
        ("door.forced_open", "alert", "front"),
        ("door.blocked", None, "front"),
        ("door.forced_open", None, "back"),
        ("door.forced_open", "alert", "back"),
        ("door.locked", None, "front"),
    ]


def test_a_silent_worker_is_told_once() -> None:
    decided = decide(
        judge(), [report(0), Tick(after(9)), Tick(after(11)), Tick(after(12)), report(13), Tick(after(14))]
    )
    assert [(decision.kind, decision.reasons) for decision in decided] == [
        ("health.degraded", ("camera front is silent",)),
        ("health.restored", ("camera front is live",)),
    ]


def test_a_recording_has_its_own_time() -> None:
    """Its observations may be dated years from the clock; what is remembered of its tracks is not lost by that."""
    judged_by = judge(rule("seen", "sighting", "log", "people == 1"))
    inputs: list[Input] = [sight(1, media_s=1.0), Tick(after(40_000_000)), sight(2, media_s=2.0)]
    assert told(decide(judged_by, inputs)) == [("sighting.logged", "seen")]


# --- the judge itself ----------------------------------------------------------------------------------------------


def test_memory_is_rebuilt_from_stored_inputs() -> None:
    rules = [
        rule("lawn", "sighting", "alert", '"lawn" in zones', cooldown_s=60),
        rule("seen", "sighting", "log", "true"),
    ]
    story: list[Input] = [report(0), *(sight(second, zones=LAWN) for second in range(1, 20))]
    later: list[Input] = [sight(30, zones=LAWN), sight(31, 2, zones=LAWN), request(31), sight(70, zones=LAWN)]
    whole, restarted = judge(*rules, STAFF), judge(*rules, STAFF)
    decide(whole, story)
    restarted.recall(story)
    expected = decide(whole, later)
    assert told(expected) == [
        ("sighting.logged", "seen"),
        ("access.denied", None),
        ("health.degraded", None),
        ("sighting.alerted", "lawn"),
    ]
    assert [replace(decision, id="") for decision in decide(restarted, later)] == [
        replace(decision, id="") for decision in expected
    ]


def test_a_swap_takes_effect_with_the_next_input_and_keeps_what_is_remembered() -> None:
    judged_by = judge(rule("a", "sighting", "log", "true"))
    decide(judged_by, [sight(1), report(1)])
    judged_by.swap(book(rule("a", "sighting", "log", "true") + rule("b", "sighting", "alert", "true"), version=2), SITE)
    assert judged_by.version == 2
    assert [(decision.rule, decision.rulebook_version) for decision in judged_by(sight(2))] == [("b", 2)]
    judged_by.swap(book("", Site(), 3), Site())
    assert judged_by(request(2))[0].reasons[:2] == ("unauthorized", "other")


def test_memory_is_bounded() -> None:
    judged_by = judge(rule("seen", "sighting", "log", "people < 3"), max_tracks=2)
    decided = decide(judged_by, [sight(1 + number / 100, track=number) for number in range(50)])
    assert len(decided) == 50
