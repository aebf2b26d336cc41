"""Scenes as rules judge them: once when they change, by the clock while they last, unknown where nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from judging import SITE, after, book, decide, judge, report, request, rule, sight, told

from surveillance.domain.site import SceneWatch
from surveillance.domain.values import SceneReport

GATE = SceneWatch("gate", "gate-states")
WATCHED = replace(SITE, cameras=tuple(replace(camera, scenes=(GATE,)) for camera in SITE.cameras))


def scene(
    second: float, state: str = "", since: float | None = None, camera: str = "front", **more: Any
) -> SceneReport:
    values = {"scene": "gate", "confidence": 0.9, "since": after(second if since is None else since), **more}
    return SceneReport(camera, after(second), state=state, **values)


OPEN = rule("gate-open", "camera", "alert", 'scene("gate") == "open"')


def test_fires_once_when_it_becomes_true() -> None:
    stories = [
        report(0), scene(0, "closed", changed=True), report(10), scene(10, "closed", 0), report(12),
        scene(12, "open", changed=True), report(22), scene(22, "open", 12), report(25),
        scene(25, "closed", changed=True), report(30), scene(30, "open", changed=True),
    ]  # fmt: skip
    made = decide(judge(OPEN, site=WATCHED), stories)
    assert told(made) == [
        ("scene.changed", None),
        ("scene.changed", None), ("scene.alerted", "gate-open"),
        ("scene.changed", None),
        ("scene.changed", None), ("scene.alerted", "gate-open"),
    ]  # fmt: skip
    assert [decision.reasons for decision in made[:3]] == [
        ("gate: closed",), ("gate: closed -> open",), ('scene("gate") = "open"',),
    ]  # fmt: skip
    assert made[1].details == {"scene": "gate", "state": "open", "model": "", "confidence": 0.9, "before": "closed"}


def test_time_passes_and_schedules_close() -> None:
    """Friday noon is within office hours, which end at 18:00: told when they are over, and again by the cooldown."""
    when = 'scene("gate") == "open" and scene_s("gate") >= 60 and not schedule("office-hours")'
    left = rule("left-open", "camera", "alert", when, cooldown_s=600)
    asked = judge(left, site=WATCHED)
    fired = []
    for second in range(0, 7 * 3600, 10):
        made = decide(asked, [report(second), scene(second, "open", 0, changed=second == 0)])
        fired += [(second, decision.reasons) for decision in made if decision.rule]
    assert [second for second, _ in fired] == [6 * 3600 + 600 * number for number in range(6)]
    assert fired[0][1] == ('scene("gate") = "open"', 'scene_s("gate") = 21600', 'schedule("office-hours") = false')


def test_other_changes_of_the_camera_are_no_change_of_a_scene() -> None:
    lost = rule("lost", "camera", "alert", 'camera_state == "lost"')
    stories = [
        report(0), scene(0, "open", changed=True), report(1, state="lost", changed=True), report(3, changed=True),
        scene(4, "open", 0),
    ]  # fmt: skip
    made = decide(judge(OPEN, lost, site=WATCHED), stories)
    assert told(made) == [
        ("scene.changed", None), ("scene.alerted", "gate-open"), ("camera.lost", None), ("camera.lost", "lost"),
        ("camera.found", None),
    ]  # fmt: skip


def test_a_worker_started_anew_changes_nothing() -> None:
    asked = judge(OPEN, rule("long", "camera", "log", 'scene_s("gate") >= 30'), site=WATCHED)
    stories = [report(0), scene(0, "open", changed=True), report(10), scene(10, "open", 0), report(31)]
    assert told(decide(asked, [*stories, scene(31, "open", 28, changed=True)])) == [
        ("scene.changed", None), ("scene.alerted", "gate-open"), ("scene.logged", "long"),
    ]  # fmt: skip


def test_doubt_denies_and_says_what_to_do() -> None:
    enter = rule("enter", "access", "authorize", 'door == "front" and "badge" in factors and scene("gate") != "open"')
    missing = "there is no model 'gate-states'; train and publish one"
    asked = judge(enter, site=WATCHED)
    sure = [report(0), scene(0, "closed", changed=True)]
    assert told(decide(asked, [*sure, request(1.0)]))[-1] == ("access.granted", "enter")
    stories = [report(2), scene(2, doubt=missing, failed=True, changed=True), request(2.5), report(3), request(3.5)]
    made = decide(asked, stories)
    cause = f"scene gate of camera front: {missing}"
    assert [(decision.kind, decision.reasons[0]) for decision in made] == [
        ("health.degraded", cause), ("access.denied", "unauthorized"), ("access.denied", "unauthorized"),
    ]  # fmt: skip
    assert any(missing in reason for reason in made[1].reasons)
    restored = decide(asked, [report(4), scene(4, "closed", changed=True)])
    assert [(decision.kind, decision.details) for decision in restored] == [("health.restored", {"causes": [cause]})]


def test_unsure_stale_unheard_and_absent() -> None:
    any_gate = rule("any", "sighting", "log", 'scene("gate") == ""')
    front = rule("front-gate", "sighting", "log", 'scene("gate", "front") == "open"')
    asked = judge(any_gate, front, site=replace(WATCHED, cameras=(SITE.cameras[0], WATCHED.cameras[1])))
    assert told(decide(asked, [report(0, "yard"), sight(0)])) == [("sighting.logged", "any"), ("health.degraded", None)]
    stories = [report(1), scene(1, "open", changed=True), report(2), sight(2, track=2)]
    assert told(decide(asked, stories))[-1] == ("sighting.logged", "front-gate")
    doubts = []
    for second, entry in ((3, scene(3, doubt="its looks are unsure")), (4, scene(4, "open")), (40, report(40))):
        made = decide(asked, [report(second), entry, sight(second, track=second)])
        doubts += [reason for decision in made if decision.kind == "health.degraded" for reason in decision.reasons[:1]]
    assert doubts == [
        "scene gate of camera front: its looks are unsure",
        "scene gate of camera front has not been told yet",
    ]


def test_a_restart_fires_nothing_again() -> None:
    stories = [report(0), scene(0, "open", changed=True), report(10), scene(10, "open", 0)]
    asked = judge(OPEN, site=WATCHED)
    asked.recall(stories)
    assert decide(asked, [report(15), scene(15, "open", 13, changed=True), report(25), scene(25, "open", 13)]) == []


def test_an_edited_rule_begins_anew() -> None:
    asked = judge(OPEN, site=WATCHED)
    decide(asked, [report(0), scene(0, "open", changed=True)])
    asked.swap(book(OPEN.replace("alert", "log"), WATCHED), WATCHED)
    assert told(decide(asked, [report(10), scene(10, "open", 0)])) == [("scene.logged", "gate-open")]
    asked.swap(book(OPEN.replace("alert", "log"), WATCHED), WATCHED)
    assert decide(asked, [report(20), scene(20, "open", 0)]) == []


def test_events_of_tracks_and_doors_say_how_the_scenes_were() -> None:
    asked = judge(rule("seen", "sighting", "log", 'label == "person"'), site=WATCHED)
    stories = [report(0), report(0, "yard"), scene(0, "open", camera="yard", changed=True), scene(0, "closed")]
    decide(asked, stories)
    (logged,) = decide(asked, [sight(1)])
    denied = decide(asked, [request(1.5)])[0]
    assert (logged.details["scenes"], denied.details["scenes"]) == ({"gate": "open"}, {"gate": "closed"})
    decide(asked, [report(2, "yard"), scene(2, doubt="its model is unsure", camera="yard")])
    (logged,) = decide(asked, [sight(3, track=2)])
    assert "scenes" not in logged.details
