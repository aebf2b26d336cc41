"""The configured site: seeded once, read back whole, edited by version, and no secret in the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ledger_samples import open_desk

from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Zone
from surveillance.domain.site import Credential, Person
from surveillance.storage.database import reading
from surveillance.storage.keys import KeyStore
from surveillance.storage.queries import EventFilter, Events
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.site_file import parse_site
from surveillance.storage.tables import metadata

SITE = parse_site(
    """\
cameras:
  - name: front
    url: rtsp://user:hunter2@10.0.0.9/1
    sub_url: rtsp://user:hunter2@10.0.0.9/2
    zones:
      - {name: yard, points: [[0, 0], [1, 0], [1, 1]], restricted: true}
      - {name: gate, points: [[0, 0], [0.5, 0], [0.5, 0.7]]}
    lines: [{name: line, start: [0, .5], end: [1, .5]}]
    masks: [[[0, 0], [0.1, 0], [0.1, 0.1]]]
  - {name: back, url: back.mp4, model: garden, analyze_fps: 8, view: top}
doors:
  - {name: main, camera: front, reader: r1, relay: "http://u:hunter2@10.0.0.5/doors/main", on_camera_stale: badge_only}
  - {name: shed, reader: "mqtts://u:hunter2@10.0.0.6/a/topic/as/long/as/they/are", relay: "mqtt://u:hunter2@10.0.0.6/shed"}
people:
  - {name: Ada, groups: [staff, admins], credentials: [{kind: badge, value: 0077123456}]}
  - {name: Bob}
schedules:
  office:
    time_zone: Europe/Berlin
    weekly: {mon: ["08:00-12:00", "13:00-24:00"]}
    holidays: {2026-12-24: ["08:00-12:00"]}
rules:
  - {name: seen, on: sighting, verdict: log}
  - {name: staff, on: access, verdict: authorize}
notify:
  - {name: ops, kind: webhook, url: "https://example.org/hunter2", secret: whsec_hunter2}
  - {name: book, kind: log}
""",
    "site.yaml",
)
SEEN = ("seen", "- {name: seen, on: sighting, verdict: log}\n")
STAFF = ("staff", "- {name: staff, on: access, verdict: authorize}\n")


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


def site_of(desk) -> SqlSite:
    return SqlSite(desk.engine, KeyStore(desk.directory / "keys"))


def hashed(desk):
    value = KeyStore(desk.directory / "keys").hash_credential("badge", "0077123456")
    return replace(SITE.people[0], credentials=(Credential("badge", value),))


def test_a_site_is_taken_over_once_and_reads_back_whole(desk):
    site = site_of(desk)
    assert site.version() == 0
    assert site.seed(SITE)
    assert not site.seed(SITE)
    expected = replace(SITE, version=1, people=(hashed(desk), SITE.people[1]), rules=SEEN[1] + STAFF[1])
    assert site.read() == expected
    assert site_of(desk)() == expected
    assert site.rules() == [SEEN, STAFF]
    [noted] = Events(desk.engine).page()[0]
    assert (noted["kind"], noted["details"]) == (
        "configuration.changed",
        {"actor": "site file", "version": 1, "change": "site taken over"},
    )


def test_no_secret_is_in_the_database(desk):
    site_of(desk).seed(SITE)
    files = [path for path in Path(desk.directory).glob("site.db*") if path.is_file()]
    with reading(desk.engine) as connection:
        held = [repr(connection.execute(table.select()).all()).encode() for table in metadata.sorted_tables]
    for content in [*held, *(path.read_bytes() for path in files)]:
        assert b"hunter2" not in content
        assert b"0077123456" not in content


def test_a_database_with_another_key_says_so(desk):
    site_of(desk).seed(SITE)
    with pytest.raises(SettingsError, match="put the key file back"):
        SqlSite(desk.engine, KeyStore(desk.directory / "other")).read()


def test_an_edit_is_seen_by_others_and_keeps_hashes(desk):
    site, other = site_of(desk), site_of(desk)
    site.seed(SITE)
    before = other.read()
    yard = Zone("yard", ((0.0, 0.0), (0.9, 0.0), (0.9, 1.0)), restricted=True)
    front = replace(before.cameras[0], zones=(yard,))
    edited = replace(before, cameras=(front, before.cameras[1]), people=(*before.people, Person("Cy")))
    assert site.save(edited, "ada") == 2
    after = other.read()
    assert after == replace(edited, version=2, cameras=(replace(front, zones_version=2), before.cameras[1]))


def test_rules_have_versions_and_the_newest_are_live(desk):
    site = site_of(desk)
    site.seed(SITE)
    changed = ("seen", "- {name: seen, on: sighting, verdict: alert}\n")
    assert site.save_rules([SEEN, STAFF], "ada") == 1
    assert site.save_rules([changed], "ada") == 2
    assert site.rules() == [changed]
    assert site.save_rules([STAFF, changed], "bob") == 3
    assert site.rules() == [STAFF, changed]
    assert site.read().rules == STAFF[1] + changed[1]
    assert [(row.version, row.text, row.author) for row in site.rule_history("staff")] == [
        (3, STAFF[1], "bob"),
        (2, "", "ada"),
        (1, STAFF[1], "site file"),
    ]
    rows = Events(desk.engine).page(EventFilter(kind="configuration.changed"))[0]
    assert [row["details"]["change"] for row in rows] == [
        "rules changed: staff, seen",
        "rules changed: seen, staff",
        "site taken over",
    ]


def test_reading_an_unchanged_site_asks_nothing_of_the_tables(desk):
    site = site_of(desk)
    site.seed(SITE)
    assert site.read() is site.read()
