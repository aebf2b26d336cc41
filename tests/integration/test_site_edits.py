"""Edits of the site in the database: one version each, nobody's overwritten, and only what differs is written."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_samples import open_desk
from sqlalchemy import select

from surveillance.domain.errors import EditConflict, RecordFailed, SettingsError
from surveillance.domain.site import Camera, Credential, NotifyTarget, Person, Site
from surveillance.storage.database import open_database, reading, writing
from surveillance.storage.keys import KeyStore
from surveillance.storage.queries import EventFilter, Events
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.site_document import site_yaml
from surveillance.storage.site_file import parse_site
from surveillance.storage.site_plan import changes_between
from surveillance.storage.tables import camera

FRONT = Camera("front", "rtsp://viewer:hunter2@10.0.0.9/1")
SITE = Site(
    cameras=(FRONT, Camera("back", "back.mp4")),
    people=(Person("Ada", frozenset({"staff"}), (Credential("badge", "4711"), Credential("pin", "0012"))),),
    notify=(NotifyTarget("ops", "webhook", "https://example.org/hunter2", "whsec_hunter2"),),
    rules="- {name: seen, on: sighting, verdict: log, when: track_s > 1}\n",
)


@pytest.fixture
def site(tmp_path: Path, database: str) -> SqlSite:
    desk = open_desk(tmp_path, url=database)
    made = SqlSite(desk.engine, KeyStore(tmp_path / "keys"))
    made.seed(SITE)
    return made


def with_camera(site: Site, *cameras: Camera) -> Site:
    return replace(site, cameras=(*site.cameras, *cameras))


def test_an_edit_of_an_old_site_is_refused_and_changes_nothing(site: SqlSite) -> None:
    read = site.read()
    assert site.save(with_camera(read, Camera("ada's", "a.mp4")), "ada", read.version) == 2
    with pytest.raises(EditConflict) as refused:
        site.save(with_camera(read, Camera("bob's", "b.mp4")), "bob", read.version)
    assert str(refused.value) == (
        "ada edited the site meanwhile (version 2, you saw 1): look again and repeat your edit"
    )
    assert [known.name for known in site.read().cameras] == ["front", "back", "ada's"]


def test_many_editors_at_once_lose_no_edit(site: SqlSite) -> None:
    def edit(name: str) -> None:
        while True:
            read = site.read()
            try:
                site.save(with_camera(read, Camera(name, f"{name}.mp4")), name, read.version)
            except EditConflict:
                continue
            return

    editors = [threading.Thread(target=edit, args=(f"camera-{number}",)) for number in range(5)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join(60)
    assert {known.name for known in site.read().cameras} == {"front", "back", *(f"camera-{n}" for n in range(5))}
    assert sorted(edit.version for edit in site.history(10)) == [1, 2, 3, 4, 5, 6]


def test_an_edit_waits_longer_than_a_record_for_whoever_else_writes(tmp_path: Path, database: str) -> None:
    impatient = open_desk(tmp_path, lock_timeout_ms=100, url=database)
    edited = SqlSite(impatient.engine, KeyStore(tmp_path / "keys"))
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(open_database(database)):
            held.set()
            released.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    with pytest.raises(RecordFailed), writing(impatient.engine):
        pytest.fail("two wrote at once")
    threading.Timer(0.5, released.set).start()
    assert edited.seed(SITE), "an edit is made once the other is done"
    holder.join(30)


def test_the_same_site_makes_no_version(site: SqlSite) -> None:
    assert site.save(site.read(), "ada") == 1
    assert [edit.author for edit in site.history(10)] == ["site file"]


def test_every_edit_is_on_record_in_words_without_secrets(site: SqlSite) -> None:
    front = replace(FRONT, url="rtsp://viewer:hunter3@10.0.0.9/1", analyze_fps=2.0)
    site.save(replace(site.read(), cameras=(front,)), "ada")
    words = "camera front changed (url, analyze_fps); camera back removed"
    assert [(edit.version, edit.author, edit.change) for edit in site.history(1)] == [(2, "ada", words)]
    [noted, _] = Events(site._engine).page(EventFilter(kind="configuration.changed"))[0]
    assert noted["details"] == {"actor": "ada", "version": 2, "change": words}


def test_an_edit_writes_only_what_differs(site: SqlSite) -> None:
    def sealed() -> list[tuple[str, str]]:
        with reading(site._engine) as connection:
            return [(row.name, row.url) for row in connection.execute(select(camera.c.name, camera.c.url))]

    before = sealed()
    site.save(replace(site.read(), people=()), "ada")
    assert sealed() == before, "sealing anew would have written another text"
    assert site.rule_history("seen")[0].version == 1


def test_an_export_is_applied_without_a_difference(site: SqlSite) -> None:
    read = site.read()
    again = site.prepared(parse_site(site_yaml(read), "export.yaml"))
    assert changes_between(read, again) == ()
    assert again == replace(read, version=0)
    assert site.save(parse_site(site_yaml(read), "export.yaml"), "ada") == 1


def test_credentials_in_clear_equal_those_in_the_database(site: SqlSite) -> None:
    assert changes_between(site.read(), site.prepared(SITE)) == ()


def test_stars_keep_the_secret_through_another_edit(site: SqlSite) -> None:
    given = parse_site(site_yaml(site.read()).replace("10.0.0.9/1", "10.0.0.9/2"), "export.yaml")
    assert site.save(given, "ada") == 2
    after = site.read()
    assert after.cameras[0].url == "rtsp://viewer:hunter2@10.0.0.9/2"
    assert after.notify == SITE.notify


def test_a_database_that_keeps_no_secret_takes_no_stars(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    empty = SqlSite(desk.engine, KeyStore(tmp_path / "keys"))
    with pytest.raises(SettingsError, match=r"camera front: url: the database keeps nothing that \*\*\* could"):
        empty.seed(Site(cameras=(Camera("front", FRONT.shown_url),)))
    assert empty.version() == 0
