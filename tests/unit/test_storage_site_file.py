"""The site file: what it means, and every fault at once with its place."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Line, Zone
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Camera, Credential, Door, NotifyTarget, Person, Schedule, Site
from surveillance.storage.rule_texts import split_rules
from surveillance.storage.site_file import load_site, parse_site

SITE = """\
cameras:
  - name: front
    url: rtsp://user:secret@10.0.0.9/1
    sub_url: ~
    zones:
      - {name: yard, points: [[0, 0], [1, 0], [1, 1]], restricted: true}
    lines:
      - {name: gate, start: [0, .5], end: [1, .5]}
    masks: [[[0, 0], [0.1, 0], [0.1, 0.1]]]
    analyze_fps: 8
  - {name: yard, url: yard.mp4, model: garden, view: top}
doors:
  - {name: main, camera: front, relay: "http://10.0.0.5/doors/main", pulse_s: 4, on_camera_stale: badge_only}
people:
  - name: Ada
    groups: [staff]
    credentials:
      - {kind: badge, value: 0012}
      - {kind: pin, value: 4711, enabled: no, valid_from: 2026-01-01T00:00:00+01:00, valid_until: 2027-01-01}
schedules:
  office:
    time_zone: Europe/Berlin
    weekly: {mon: ["08:00-18:00"]}
    holidays: [2026-12-25]
rules:
  # who is there
  - name: seen
    on: sighting
    verdict: log
    when: track_s > 1   # a second
notify:
  - {name: ops, kind: webhook, url: "https://example.org/hook", secret: whsec_abc}
"""


def test_a_site_file_is_read_as_it_is_written():
    berlin = Schedule("office", "Europe/Berlin", {0: ((time(8), time(18)),)}, {date(2026, 12, 25): ()})
    assert parse_site(SITE, "site.yaml") == Site(
        cameras=(
            Camera(
                "front",
                "rtsp://user:secret@10.0.0.9/1",
                zones=(Zone("yard", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), True),),
                lines=(Line("gate", (0.0, 0.5), (1.0, 0.5)),),
                masks=(((0.0, 0.0), (0.1, 0.0), (0.1, 0.1)),),
                analyze_fps=8.0,
            ),
            Camera("yard", "yard.mp4", model="garden", view="top"),
        ),
        doors=(Door("main", "front", None, "http://10.0.0.5/doors/main", 4.0, "badge_only"),),
        people=(
            Person(
                "Ada",
                frozenset({"staff"}),
                (
                    Credential("badge", "0012"),
                    Credential(
                        "pin",
                        "4711",
                        enabled=False,
                        valid_from=datetime(2025, 12, 31, 23, tzinfo=UTC),
                        valid_until=datetime(2027, 1, 1, tzinfo=UTC),
                    ),
                ),
            ),
        ),
        schedules=(berlin,),
        notify=(NotifyTarget("ops", "webhook", "https://example.org/hook", "whsec_abc"),),
        rules="# who is there\n- name: seen\n  on: sighting\n  verdict: log\n  when: track_s > 1   # a second\n",
    )


def test_an_empty_file_is_an_empty_site():
    assert parse_site("", "site.yaml") == Site()
    assert parse_site("cameras:\nrules:\n", "site.yaml") == Site()


def test_every_fault_is_told_at_once_with_its_place():
    text = """\
cameras:
  - name: front
    uri: a.mp4
    zones:
      - name: yard
        points: [[0, 0], [1, 2], [1, 0]]
      - name: gate
        points: [[0, 0], [1, 0]]
      - {name: bow, points: [[0, 0], [1, 1], [1, 0], [0, 1]]}
  - name: side
    url: gopher://somewhere
    analyze_fps: fast
doors:
  - {name: main, pulse_s: -1, name: again}
people: [{name: Ada, credentials: [{kind: badg, value: 1}]}]
schedules: [{name: office, time_zone: Mars/Olympus, weekly: {mon: 08:00}}]
rules:
  - on: sighting
  - name: seen
  - name: seen
camera: 1
"""
    with pytest.raises(SettingsError) as caught:
        parse_site(text, "s.yaml")
    assert str(caught.value).splitlines() == [
        "s.yaml:2: cameras[0].url: is missing; write it",
        "s.yaml:3: cameras[0].uri: unknown key; did you mean 'url'?",
        "s.yaml:6: cameras[0].zones[0].points[1]: [1, 2] is outside the picture; coordinates go from 0 to 1",
        "s.yaml:8: cameras[0].zones[1].points: needs at least 3 points (there are 2)",
        "s.yaml:9: cameras[0].zones[2].points: its edges cross or enclose nothing; list the corners in the order of "
        "walking around",
        "s.yaml:11: cameras[1].url: gopher:// is no camera address; use one of file, http, https, rtsp, rtsps, "
        "synthetic, usb, v4l2",
        "s.yaml:12: cameras[1].analyze_fps: must be a valid number, unable to parse string as a number "
        "(there is 'fast')",
        "s.yaml:14: doors[0].name: is there twice; keep one",
        "s.yaml:14: doors[0].pulse_s: must be greater than 0 (there is '-1')",
        "s.yaml:15: people[0].credentials[0].kind: "
        "must be 'badge', 'card', 'pin', 'plate', 'qr', 'phone' or 'duress' (there is 'badg')",
        "s.yaml:16: schedules[0]: time_zone: 'Mars/Olympus' is no time zone; write one such as Europe/Berlin or UTC",
        "s.yaml:16: schedules[0]: weekly.mon[0]: '08:00' is no window; write it in quotes, as \"08:00-18:00\"",
        "s.yaml:18: a rule needs a name; write `- name: ...`",
        "s.yaml:20: there are two rules called 'seen'; rename one",
        "s.yaml:21: camera: unknown key; did you mean 'cameras'?",
    ]


def test_parts_that_contradict_each_other_are_told():
    text = """\
cameras: [{name: front, url: a.mp4}, {name: front, url: b.mp4}]
doors: [{name: main, camera: frnt}]
people:
  - {name: Ada, credentials: [{kind: badge, value: 77123}, {kind: pin, value: 1}]}
  - {name: Bob, credentials: [{kind: badge, value: 77123}, {kind: pin, value: 1}]}
notify: [{name: ops, kind: webhok}, {name: far, kind: webhook, url: "ftp://x"}]
"""
    with pytest.raises(SettingsError) as caught:
        parse_site(text, "s.yaml")
    assert str(caught.value).splitlines() == [
        "s.yaml:1: cameras[1].name: there are two of camera 'front'; rename one",
        "s.yaml:2: doors[0].camera: unknown camera 'frnt'; did you mean 'front'?",
        "s.yaml:5: people[1].credentials[0]: this badge belongs to Ada already; one credential, one person",
        "s.yaml:6: notify[0].kind: unknown kind 'webhok'; did you mean 'webhook'?",
        "s.yaml:6: notify[1].url: a webhook needs an address that starts with https:// or http://",
    ]
    assert "77123" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cameras: [", "s.yaml:1:11: not valid YAML"),
        ("- front", "s.yaml: a site file is a mapping"),
        ("rules: {a: 1}", "s.yaml:1: rules: must be a list"),
        ("schedules: soon", "s.yaml:1: schedules: must be a list, or a mapping by name"),
    ],
)
def test_text_that_is_no_site_is_refused_in_one_line(text, words):
    with pytest.raises(SettingsError) as caught:
        parse_site(text, "s.yaml")
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_in_one_line(tmp_path):
    with pytest.raises(SettingsError, match=r"no site file .*nowhere\.yaml"):
        load_site(tmp_path / "nowhere.yaml")


def test_an_access_level_names_doors_and_schedules_that_are_there() -> None:
    levels = """
access_levels:
  - {name: day, groups: [staff], doors: [main], schedule: office}
  - {name: all, groups: [staff, it], doors: [main]}
"""
    assert parse_site(SITE + levels, "site.yaml").access_levels == (
        AccessLevel("day", frozenset({"staff"}), frozenset({"main"}), "office"),
        AccessLevel("all", frozenset({"staff", "it"}), frozenset({"main"})),
    )
    with pytest.raises(SettingsError) as caught:
        parse_site(SITE + levels.replace("[main], s", "[mian], s").replace("office}", "ofice}"), "s.yaml")
    assert str(caught.value).splitlines() == [
        "s.yaml:35: access_levels[0].doors: no door is called 'mian'; did you mean 'main'?",
        "s.yaml:35: access_levels[0].schedule: no schedule is called 'ofice'; did you mean 'office'?",
    ]


def test_rules_come_apart_with_their_comments():
    text = """\
rules:
    # first
    - name: a
      on: sighting   # inline
      when: >
        label == "person"
        and track_s > 2

    # second
    # goes on
    - name: b
      when: [x,
        y]   # tail

    - {name: c, on: door}
"""
    assert split_rules(text, "r.yaml") == [
        ("a", '# first\n- name: a\n  on: sighting   # inline\n  when: >\n    label == "person"\n    and track_s > 2\n'),
        ("b", "# second\n# goes on\n- name: b\n  when: [x,\n    y]   # tail\n"),
        ("c", "- {name: c, on: door}\n"),
    ]
    assert split_rules("[{name: a}, {name: b}]", "r.yaml") == [("a", "- {name: a}\n"), ("b", "- {name: b}\n")]
    assert split_rules("# alone\nname: a\non: door\n", "r.yaml") == [("a", "# alone\n- name: a\n  on: door\n")]
    assert split_rules("", "r.yaml") == split_rules("~", "r.yaml") == []


def test_addresses_that_must_not_be_connected_to_are_faults_and_this_machine_is_none() -> None:
    text = """
cameras:
  - {name: a, url: "rtsp://169.254.169.254/latest"}
  - {name: b, url: "http://0x7f000001/x.mjpg", sub_url: "rtsp://[fe80::1]/2"}
  - {name: c, url: "rtsp://127.0.0.1:8554/c"}
doors:
  - {name: front, relay: "http://metadata.google.internal/"}
  - {name: back, relay: "http://127.0.0.1:8099/back"}
notify:
  - {name: ops, kind: webhook, url: "https://[::ffff:169.254.169.254]/", secret: whsec_x}
"""
    with pytest.raises(SettingsError) as caught:
        parse_site(text, "s.yaml")
    assert [line.partition(": ")[2].partition(":")[0] for line in str(caught.value).splitlines()] == [
        "cameras[0].url",
        "cameras[1].sub_url",
        "cameras[1].url",
        "doors[0].relay",
        "notify[0].url",
    ]


@pytest.mark.parametrize("task", ["faces", "identify"])
def test_a_camera_recognizes_faces_for_a_stated_purpose_only(task):
    camera = f"cameras: [{{name: front, url: 'rtsp://10.0.0.9/1', tasks: [{task}]"
    for purpose in ("", ", purpose: '  '"):
        with pytest.raises(
            SettingsError, match=r"s\.yaml:1: cameras\[0\]\.purpose: says nothing, and this camera is told"
        ):
            parse_site(f"{camera}{purpose}}}]", "s.yaml")
    site = parse_site(f"{camera}, purpose: staff at the front door}}]", "s.yaml")
    assert (site.cameras[0].tasks, site.cameras[0].purpose) == ((task,), "staff at the front door")
