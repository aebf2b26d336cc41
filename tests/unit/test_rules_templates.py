"""Every template: what a site offers it, what it writes, and that the written rule does what its sentence says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as some
from judging import SITE, after, book, decide, judge, report, request, sight, told

from surveillance.domain.geometry import Zone
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Camera, Door, NotifyTarget, Person, SceneWatch, Schedule, Site
from surveillance.domain.values import Input, SceneReport
from surveillance.rules.form import read_form
from surveillance.rules.templates import TEMPLATES, Template, fill_template, free_name, offer_template, offers

SHAPE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
TASKS = ("behavior", "objects")
NIGHT = 11 * 3600  # seconds after noon, when schedule night is open
LAWN = {"zones": frozenset({"lawn"})}


def filled(key: str, site: Site = SITE, **given: str) -> str:
    made = fill_template(TEMPLATES[key], given, site)
    assert made.faults == {}
    return made.text


def kinds(text: str, *inputs: Input) -> list[tuple[str, str | None]]:
    return told(decide(judge(text), inputs))


def test_a_filled_template_is_a_rule_with_its_sentence_above_it() -> None:
    text = filled("intruder", place="yard/lawn", schedule="night", notify="ops")
    assert (
        text
        == """\
# A person in zone lawn of camera yard for 2 s while schedule night is open: alert, at most once in
# two minutes, and ops is told.
- name: intruder-lawn
  on: sighting
  verdict: alert
  when: camera == "yard" and label == "person" and "lawn" in zones and dwell_in("lawn") >= 2 and schedule("night")
  cooldown_s: 120
  notify: [ops]
"""
    )


def test_an_intruder_is_somebody_who_stands_there_at_night() -> None:
    text = filled("intruder", place="yard/lawn", schedule="night", seconds="3")
    alert = [("sighting.alerted", "intruder-lawn")]
    there = {**LAWN, "dwell_s": {"lawn": 3.0}}
    assert kinds(text, sight(NIGHT, **there)) == alert
    assert kinds(text, sight(NIGHT, **there), sight(NIGHT + 60, **there), sight(NIGHT + 121, **there)) == alert * 2
    assert kinds(text, sight(5, **there)) == []  # by day
    assert kinds(text, sight(NIGHT, zones=frozenset(), dwell_s={"lawn": 3.0})) == []  # has left the zone
    assert kinds(text, sight(NIGHT, **LAWN, dwell_s={"lawn": 2.9})) == []
    assert kinds(text, sight(NIGHT, label="animal", **there)) == []
    assert kinds(text, sight(NIGHT, camera="front", **there)) == []


def test_loitering_is_told_of_each_person_again_while_it_lasts() -> None:
    text = filled("loitering", place="yard/lawn", seconds="60")
    there = {**LAWN, "dwell_s": {"lawn": 60.0}}
    inputs = [sight(60, 1, **there), sight(70, 2, **there), sight(80, 1, **there), sight(361, 1, **there)]
    assert kinds(text, *inputs) == [("sighting.alerted", "loitering-lawn")] * 3
    assert kinds(text, sight(59, **LAWN, dwell_s={"lawn": 59.0})) == []


def test_who_stays_runs_or_fell_is_told_by_cameras_that_watch_for_it() -> None:
    site = replace(SITE, cameras=(replace(SITE.cameras[0], tasks=("behavior",)), SITE.cameras[1]))
    assert fill_template(TEMPLATES["fallen"], {"camera": "front"}, site).faults == {
        "camera": "no camera is called 'front'; there are: yard"
    }
    calm = {"loiter_s": 10.0, "running": False, "fallen": False}
    for key, word, value in (("staying", "loiter_s", 120.0), ("running", "running", True), ("fallen", "fallen", True)):
        text = filled(key, site, camera="yard", **({"schedule": "night"} if key == "running" else {}))
        inputs = [sight(NIGHT, attributes=calm), sight(NIGHT + 1, attributes=calm | {word: value})]
        assert told(decide(judge(text, site=site), inputs)) == [("sighting.alerted", f"{key}-yard")]


def test_what_was_left_is_told_once_it_has_lain_and_what_was_taken_at_once() -> None:
    site = replace(SITE, cameras=(replace(SITE.cameras[0], tasks=("objects",)),))
    left = filled("left-behind", site, camera="yard", seconds="30")
    taken = filled("taken-away", site, camera="yard")

    def things(text: str, became: str) -> list[tuple[str, str | None]]:
        lying = [sight(second, 1, f"{became} object", attributes={"object": became}) for second in (5, 29, 31, 40)]
        return told(decide(judge(text, site=site), lying))

    assert things(left, "left") == [("sighting.alerted", "left-behind-yard")]
    assert things(taken, "removed") == [("sighting.alerted", "taken-away-yard")]
    assert things(left, "removed") == things(taken, "left") == []


def test_a_staff_door_opens_for_a_badge_or_card_of_the_group() -> None:
    text = filled("staff-door", door="front", group="staff")
    granted, denied = [("access.granted", "staff-door-front")], [("access.denied", None)]

    def asked(**more: object) -> list[tuple[str, str | None]]:
        return kinds(text, report(0), report(1), request(**more))  # type: ignore[arg-type]

    assert asked() == granted
    assert asked(factors=frozenset({"card"})) == granted
    assert asked(factors=frozenset({"face"})) == denied
    assert asked(groups=frozenset({"guards"})) == denied
    assert asked(door="soft") == denied


def test_a_staff_door_for_one_at_a_time_counts_them() -> None:
    text = filled("staff-door", door="front", group="staff", alone="yes")
    one = [report(0), sight(0.5, 1, camera="front")]
    assert kinds(text, *one, request()) == [("access.granted", "staff-door-front")]
    assert kinds(text, *one, sight(0.6, 2, camera="front"), request()) == [("access.denied", None)]
    faulty = fill_template(TEMPLATES["staff-door"], {"door": "back", "group": "staff", "alone": "yes"}, SITE)
    assert faulty.faults == {"alone": "door back has no camera that could count people"}


def test_doors_open_by_access_levels() -> None:
    site = replace(SITE, access_levels=(AccessLevel("day", frozenset({"staff"}), frozenset({"front"}), "night"),))
    for pin, factors in (("", {"badge"}), ("yes", {"badge", "pin"})):
        text = filled("by-levels", site, pin=pin)
        night, day = request(NIGHT, factors=frozenset(factors)), request(factors=frozenset(factors))
        seen = [report(0), report(NIGHT)]
        assert told(decide(judge(text, site=site), [*seen, night])) == [("access.granted", "by-levels")]
        assert told(decide(judge(text, site=site), [report(0), day])) == [("access.denied", None)]
    bare = request(NIGHT, factors=frozenset({"badge"}))
    assert told(decide(judge(text, site=site), [*seen, bare])) == [("access.denied", None)]


def test_a_vehicle_gate_opens_only_before_a_vehicle() -> None:
    text = filled("vehicle-gate", door="front", group="staff")
    vehicle = sight(0.5, 1, "vehicle", camera="front")
    assert kinds(text, report(0), vehicle, request()) == [("access.granted", "vehicle-gate-front")]
    assert kinds(text, report(0), request()) == [("access.denied", None)]


def test_a_covered_camera_alerts_and_a_live_one_does_not() -> None:
    text = filled("camera-covered", camera="front", seconds="60")
    dark = report(1, state="blinded", changed=True)
    assert kinds(text, report(0), dark) == [("camera.blinded", None), ("camera.blinded", "camera-covered-front")]
    assert kinds(text, report(0, changed=True)) == [("camera.found", None)]
    assert kinds(text, report(1, camera="yard", state="lost", changed=True)) == [("camera.lost", None)]
    everywhere = filled("camera-covered")
    assert ("camera.lost", "camera-covered") in kinds(everywhere, report(1, camera="yard", state="lost", changed=True))


def test_a_gate_left_open_after_hours_is_told_while_it_lasts() -> None:
    site = replace(SITE, cameras=(replace(SITE.cameras[0], scenes=(SceneWatch("gate", "m"),)), *SITE.cameras[1:]))
    given = {"scene": "yard/gate", "state": "open", "seconds": "300", "schedule": "office-hours"}
    text = filled("left-open", site, **given)
    asked, fired = judge(text, site=site), []
    for second in range(5 * 3600, 7 * 3600, 10):
        told_of = SceneReport("yard", after(second), "gate", "open", since=after(5 * 3600))
        made = decide(asked, [report(second, "yard"), told_of])
        fired += [(second - 6 * 3600, decision.kind) for decision in made if decision.rule == "left-open-gate"]
    assert fired == [(600 * number, "scene.alerted") for number in range(6)]
    faulty = fill_template(TEMPLATES["left-open"], {"scene": "yard/gaet", "state": ""}, site)
    assert faulty.faults == {
        "scene": "no scene is called 'yard/gaet'; did you mean 'yard/gate'?", "state": "write the state",
    }  # fmt: skip


def test_a_delivery_is_a_vehicle_that_stops() -> None:
    text = filled("delivery", place="yard/lawn", seconds="20", notify="boss")
    there = {**LAWN, "dwell_s": {"lawn": 20.0}}
    assert kinds(text, sight(20, 1, "vehicle", **there)) == [("sighting.logged", "delivery-lawn")]
    assert kinds(text, sight(20, 1, "person", **there)) == []
    assert [decision.notify for decision in decide(judge(text), [sight(20, 1, "vehicle", **there)])] == [("boss",)]


def test_a_template_offers_what_the_site_has() -> None:
    offer = offer_template(TEMPLATES["intruder"], SITE)
    assert offer.choices == {
        "place": (("yard/lawn", "yard: lawn"), ("yard/store", "yard: store")),
        "schedule": (("office-hours", "office-hours"), ("night", "night")),
        "seconds": (),
        "notify": (("ops", "ops"), ("boss", "boss")),
    }
    assert offer.missing == ()


def test_a_bare_site_is_told_what_to_make_first() -> None:
    assert {offer.template.key: offer.missing for offer in offers(Site())} == {
        "intruder": ("camera", "zone", "schedule"),
        "loitering": ("camera", "zone"),
        "staying": ("camera",),
        "running": ("camera", "schedule"),
        "fallen": ("camera",),
        "left-behind": ("camera",),
        "taken-away": ("camera",),
        "staff-door": ("door", "group"),
        "by-levels": (),
        "vehicle-gate": ("door", "group"),
        "camera-covered": ("camera",),
        "left-open": ("camera", "scene"),
        "delivery": ("camera", "zone"),
    }
    with_door = Site(doors=(Door("front"),), cameras=(Camera("yard", "synthetic://yard"),))
    assert offer_template(TEMPLATES["vehicle-gate"], with_door).missing == ("door_camera", "group")
    assert offer_template(TEMPLATES["loitering"], with_door).missing == ("zone",)
    assert offer_template(TEMPLATES["fallen"], with_door).missing == ("task_behavior",)


def test_what_cannot_be_filled_in_is_said_at_its_blank() -> None:
    made = fill_template(TEMPLATES["intruder"], {"place": "yard/lwan", "seconds": "nan", "notify": "nobody"}, SITE)
    assert made.text == ""
    assert made.faults == {
        "place": "no place is called 'yard/lwan'; did you mean 'yard/lawn'?",
        "schedule": "choose one",
        "seconds": "'nan' is no number of seconds from 0 to a day",
        "notify": "no target is called 'nobody'; there are: boss, ops",
    }


def test_a_name_in_use_gets_a_number() -> None:
    made = fill_template(TEMPLATES["camera-covered"], {}, SITE, {"camera-covered", "camera-covered-2"})
    assert made.name == "camera-covered-3"
    assert len(free_name("x" * 80, {"x" * 64})) <= 64


names = some.from_regex(r"[A-Za-z][A-Za-z0-9 ._-]{0,8}[A-Za-z0-9]", fullmatch=True)


@some.composite
def sites(draw: some.DrawFn) -> Site:
    some_names = draw(some.lists(names, min_size=6, max_size=6, unique=True))
    camera, zone, door, group, schedule, target = some_names
    return replace(
        SITE,
        cameras=(
            *SITE.cameras,
            Camera(camera, "synthetic://x", zones=(Zone(zone, SHAPE),), tasks=TASKS, scenes=(SceneWatch(zone, "m"),)),
        ),
        doors=(Door(door, camera),),
        people=(Person("Ada", frozenset({group})),),
        schedules=(*SITE.schedules, Schedule(schedule, "UTC", {})),
        notify=(NotifyTarget(target, "log"),),
    )


@given(sites(), some.floats(0, 86400).map(lambda seconds: f"{seconds:g}"))
@settings(max_examples=25, deadline=None)
def test_every_valid_filling_is_a_rule_with_rows(site: Site, seconds: str) -> None:
    for template in TEMPLATES.values():
        for given_values in fillings(template, site, seconds):
            made = fill_template(template, given_values, site, {"intruder-x"})
            if "alone" in made.faults:
                continue
            assert made.faults == {}
            [rule] = book(made.text, site).rules
            form = read_form(made.text)
            assert (rule.name, rule.trigger, rule.verdict) == (made.name, template.on, template.verdict)
            assert form.rows is not None
            assert made.text.startswith("# ")
            assert rule.notify == ((given_values["notify"],) if given_values.get("notify") else ())


def fillings(template: Template, site: Site, seconds: str) -> list[Mapping[str, str]]:
    choices = offer_template(template, site).choices
    columns = []
    for blank in template.blanks:
        written = {"seconds": [seconds], "state": ["open"]}
        values = written.get(blank.kind) or [value for value, _ in choices[blank.key]]
        values += ["yes"] if blank.kind == "flag" else []
        columns.append(values if blank.required or blank.kind == "seconds" else ["", *values])
    keys = [blank.key for blank in template.blanks]
    return [dict(zip(keys, row, strict=True)) for row in product(*columns)]
