"""Two sites compared: every difference is told by name and field, none of it holds a secret, and an export has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surveillance import places
from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Line, Zone
from surveillance.domain.site import Arming, Camera, Credential, Door, NotifyTarget, Person, SceneWatch, Site
from surveillance.storage.keys import HASHED
from surveillance.storage.site_document import site_yaml
from surveillance.storage.site_file import load_site, parse_camera, parse_site
from surveillance.storage.site_plan import Change, FieldChange, changes_between, in_words
from surveillance.storage.site_secrets import hide_secrets, restore_secrets

BADGE = HASHED + "ab12cd34" * 8
YARD = Zone("yard", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
SITE = Site(
    version=7,
    cameras=(
        Camera(
            "front",
            "rtsp://viewer:hunter2@10.0.0.9:554/1?channel=1",
            sub_url="rtsp://viewer:hunter2@10.0.0.9/2?pwd=hunter2",
            zones=(YARD, replace(YARD, name="store", restricted=True)),
            lines=(Line("gate", (0.0, 0.5), (1.0, 0.5)),),
            masks=(((0.0, 0.0), (0.1, 0.0), (0.1, 0.123456789)),),
            scenes=(
                SceneWatch("yard gate", "gate-states", "yard", 0.5, 60.0, 0.75),
                SceneWatch("light", "daylight"),
            ),
        ),
        Camera(
            "back",
            "back.mp4",
            model="garden",
            analyze_fps=8.0,
            view="top",
            enabled=False,
            sensitivity=65,
            min_confidence=0.6,
            proposer="detector",
            blur="people",
            purpose="who is let in at the back",
        ),
    ),
    doors=(Door("main", "front", "r1", "http://u:hunter2@10.0.0.5/doors/main", 4.0, "badge_only"),),
    people=(Person("Zoë O'Neil", frozenset({"staff", "it"}), (Credential("badge", BADGE),)), Person("null")),
    schedules=load_site(places.shipped("config") / "site.example.yaml").schedules,
    arming=Arming("disarmed", (("armed", "night"),)),
    notify=(NotifyTarget("ops", "webhook", "https://example.org/hunter2", "whsec_hunter2"), NotifyTarget("log", "log")),
    rules=(
        "# who is there\n- name: seen\n  on: sighting\n  verdict: log\n  when: track_s > 1  # a second\n"
        "- {name: staff, on: access, verdict: deny, when: door == 'main'}\n"
    ),
)


def test_an_export_reads_back_as_the_same_site() -> None:
    text = site_yaml(SITE)
    read = parse_site(text, "export.yaml")
    assert "hunter2" not in text
    assert read == replace(hide_secrets(SITE), version=0)
    assert replace(restore_secrets(read, SITE), version=7) == SITE
    assert changes_between(SITE, restore_secrets(read, SITE)) == ()


@pytest.mark.parametrize("name", ["site.example.yaml", "demo/site.yaml"])
def test_the_shipped_sites_survive_an_export(name: str) -> None:
    site = load_site(places.shipped("config") / name)
    assert restore_secrets(parse_site(site_yaml(site), name), site) == site


def test_an_empty_site_has_an_export() -> None:
    assert parse_site(site_yaml(Site()), "export.yaml") == Site()


def test_every_difference_is_told_field_by_field() -> None:
    front, _ = SITE.cameras
    after = replace(
        SITE,
        cameras=(
            replace(
                front,
                url=front.url.replace("hunter2", "hunter3"),
                analyze_fps=2.5,
                zones=(YARD,),
                scenes=(replace(front.scenes[1], hold_s=20.0),),
            ),
            Camera("garden", "rtsp://a:hunter2@10.0.0.7/1"),
        ),
        people=(replace(SITE.people[0], groups=frozenset({"staff"})),),
        arming=None,
        notify=(replace(SITE.notify[0], secret="whsec_hunter3"), SITE.notify[1]),
        rules="- name: seen\n  on: sighting\n  verdict: alert\n  when: track_s > 1  # a second\n",
    )
    shown = "rtsp://***@10.0.0.9:554/1?channel=1"
    assert changes_between(SITE, after) == (
        Change(
            "camera",
            "front",
            "changed",
            (
                FieldChange("url", shown, shown, "a secret part differs"),
                FieldChange("analyze_fps", "5", "2.5"),
                FieldChange("zone store", "0,0 1,0 1,1 restricted", None),
                FieldChange("scene yard gate", "gate-states in zone yard, every 0.5 s, held 60 s, from 0.75", None),
                FieldChange(
                    "scene light",
                    "daylight in the whole picture, every 2 s, held 3 s, from 0.6",
                    "daylight in the whole picture, every 2 s, held 20 s, from 0.6",
                ),
            ),
        ),
        Change("camera", "back", "removed"),
        Change(
            "camera",
            "garden",
            "added",
            (
                FieldChange("url", None, "rtsp://***@10.0.0.7/1"),
                FieldChange("analyze_fps", None, "5"),
                FieldChange("view", None, "side"),
                FieldChange("enabled", None, "yes"),
                FieldChange("sensitivity", None, "50"),
                FieldChange("min_confidence", None, "0"),
                FieldChange("proposer", None, "motion"),
                FieldChange("blur", None, "none"),
            ),
        ),
        Change("person", "Zoë O'Neil", "changed", (FieldChange("groups", "it, staff", "staff"),)),
        Change("person", "null", "removed"),
        Change(
            "arming",
            "",
            "removed",
            (FieldChange("default", "disarmed", None), FieldChange("modes", "armed: night", None)),
        ),
        Change(
            "notification target",
            "ops",
            "changed",
            (FieldChange("secret", "***", "***", "a secret part differs"),),
        ),
        Change(
            "rule",
            "seen",
            "changed",
            (
                FieldChange("", "# who is there", None),
                FieldChange("", "  verdict: log", None),
                FieldChange("", None, "  verdict: alert"),
            ),
        ),
        Change("rule", "staff", "removed"),
    )
    assert in_words(changes_between(SITE, after)).startswith(
        "camera front changed (url, analyze_fps, zone store, scene yard gate, scene light); "
        "camera back removed; camera garden added; "
    )


def test_another_order_is_a_difference_too() -> None:
    after = replace(SITE, cameras=SITE.cameras[::-1])
    assert changes_between(SITE, after) == (
        Change("camera", "", "changed", (FieldChange("order", "front, back", "back, front"),)),
    )


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("rtsp://***@10.0.0.9:554/1?channel=1", "rtsp://viewer:hunter2@10.0.0.9:554/1?channel=1"),
        ("rtsp://***@10.0.0.9:8554/other", "rtsp://viewer:hunter2@10.0.0.9:8554/other"),
        ("rtsp://viewer:new@10.0.0.9/1", "rtsp://viewer:new@10.0.0.9/1"),
    ],
)
def test_stars_keep_what_the_database_has(url: str, kept: str) -> None:
    given = Site(cameras=(Camera("front", url),))
    assert restore_secrets(given, SITE).cameras[0].url == kept


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            Site(cameras=(Camera("front", "rtsp://***@192.0.2.66/1"),)),
            "camera front: url: *** keeps a password for the address it belongs to; write it out anew",
        ),
        (
            Site(cameras=(Camera("side", "rtsp://***@10.0.0.9/1"),)),
            "camera side: url: the database keeps nothing that *** could stand for; write it out",
        ),
        (
            Site(cameras=(Camera("back", "rtsp://***@10.0.0.9/1"),)),
            "camera back: url: *** keeps a password for the address it belongs to; write it out anew",
        ),
        (
            Site(notify=(NotifyTarget("log", "log", "", "***"),)),
            "notification target log: secret: the database keeps none that *** could stand for; write it",
        ),
        (
            Site(notify=(NotifyTarget("ops", "webhook", "https://elsewhere.org/***", "***"),)),
            "notification target ops: url: *** keeps a password for the address it belongs to; write it out anew",
        ),
    ],
)
def test_stars_that_stand_for_nothing_are_refused(given: Site, fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        restore_secrets(given, SITE)
    assert str(refused.value) == fault


def test_one_camera_is_checked_like_a_site_file() -> None:
    assert parse_camera({"name": "yard", "url": "yard.mp4", "analyze_fps": "2.5", "enabled": "no"}) == Camera(
        "yard", "yard.mp4", analyze_fps=2.5, enabled=False
    )
    with pytest.raises(SettingsError) as refused:
        parse_camera(
            {
                "name": "yard",
                "url": "",
                "analyze_fps": "fast",
                "zones": [
                    {"name": "gate", "points": [[0, 0], [1, 1]]},
                    {"name": "a/b", "points": [[0, 0], [1, 0], [1, 2]]},
                ],
                "masks": [[[0, 0], [1, 1]]],
            }
        )
    assert str(refused.value).splitlines() == [
        "camera yard: url: is empty; write the camera's address, such as rtsp://user:password@10.0.0.9/stream1",
        "camera yard: zone gate: needs at least 3 points (there are 2)",
        "camera yard: zone a/b: 'a/b' is no name; use letters, digits, blanks, dots, - and _, at most 100",
        "camera yard: zone a/b: [1, 2] is outside the picture; coordinates go from 0 to 1",
        "camera yard: mask 1: needs at least 3 points (there are 2)",
        "camera yard: analyze_fps: must be a valid number, unable to parse string as a number (there is 'fast')",
    ]


def test_a_hash_that_is_cut_off_is_no_credential() -> None:
    text = f"people:\n  - {{name: Ada, credentials: [{{kind: badge, value: {BADGE[:-1]}}}]}}\n"
    with pytest.raises(SettingsError, match=r"people\[0\].credentials\[0\].value: starts with hmac-sha256: but is no"):
        parse_site(text, "s.yaml")
