"""The full picture and the clip on an event's page: shown, sent in ranges to signed-in people, or why there is none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from dashboard_site import DashboardSite, now_decision, open_site
from ledger_samples import JPEG
from sqlalchemy import insert

from surveillance.domain.kept import Keep, Kept, KeptFile
from surveillance.places import recording_place
from surveillance.storage.database import writing
from surveillance.storage.recordings import wish_rows
from surveillance.storage.tables import recording

VIDEO = bytes(range(256)) * 40


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def wanted(site: DashboardSite) -> Keep:
    """An event on record that wants a picture and a clip."""
    made = now_decision()
    site.record(made)
    keep = Keep(made.id, "front", made.at, made.at - timedelta(seconds=5), made.at + timedelta(seconds=5))
    with writing(site.desk.engine) as connection:
        connection.execute(insert(recording), wish_rows(keep))
    return keep


def kept(site: DashboardSite) -> Keep:
    keep = wanted(site)
    files = []
    for name, kind, data in (
        (f"{keep.event}-picture.jpg", "picture", JPEG),
        (f"{keep.event}-clip.mp4", "clip", VIDEO),
    ):
        place = recording_place(site.desk.directory / "media", name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        files.append(KeptFile(kind, name, keep.starts_at, keep.ends_at, len(data), "5" * 64))
    site.services.recordings.settle(Kept(keep.event, "front", tuple(files)))
    return keep


def page(site: DashboardSite, event: str) -> str:
    answer = site.user().get(f"/events/{event}")
    assert answer.status_code == 200
    return answer.text


def test_the_page_shows_the_picture_with_its_box_and_plays_the_clip(site: DashboardSite) -> None:
    keep = kept(site)
    text = page(site, keep.event)
    assert f'<img src="/recordings/{keep.event}-picture.jpg"' in text
    assert 'class="box"' in text
    assert f'src="/recordings/{keep.event}-clip.mp4"></video>' in text
    assert "10 s around it" in text
    assert "(10 KB)" in text
    assert "hx-trigger" not in text.partition('id="media"')[2].partition(">")[0]


def test_what_is_being_kept_is_looked_for_again(site: DashboardSite) -> None:
    keep = wanted(site)
    text = page(site, keep.event)
    assert "Being kept: the full picture and clip." in text
    assert 'hx-trigger="load delay:2s"' in text


def test_what_is_missing_says_why(site: DashboardSite) -> None:
    keep = wanted(site)
    site.services.recordings.give_up(keep.event, "the camera was lost at that time")
    assert "There is no full picture and no clip: the camera was lost at that time." in page(site, keep.event)


def test_a_file_that_is_gone_is_no_broken_picture(site: DashboardSite) -> None:
    keep = kept(site)
    site.services.recordings.path(f"{keep.event}-clip.mp4").unlink()
    text = page(site, keep.event)
    assert "There is no clip: its file is gone." in text
    assert "<video" not in text


def test_the_files_come_with_their_type_whole_or_in_ranges(site: DashboardSite) -> None:
    keep = kept(site)
    client = site.user()
    with client.get(f"/recordings/{keep.event}-picture.jpg") as picture:
        assert (picture.status_code, picture.mimetype, picture.data) == (200, "image/jpeg", JPEG)
    with client.get(f"/recordings/{keep.event}-clip.mp4", headers={"Range": "bytes=100-199"}) as video:
        assert (video.status_code, video.mimetype, video.data) == (206, "video/mp4", VIDEO[100:200])
        assert video.headers["Content-Range"] == f"bytes 100-199/{len(VIDEO)}"
        assert video.headers["X-Content-Type-Options"] == "nosniff"
        assert "media-src 'self'" in video.headers["Content-Security-Policy"]
    past = client.get(f"/recordings/{keep.event}-clip.mp4", headers={"Range": "bytes=999999-"})
    assert past.status_code == 416


def test_only_signed_in_people_see_them(site: DashboardSite) -> None:
    keep = kept(site)
    answer = site.visitor().get(f"/recordings/{keep.event}-clip.mp4")
    assert (answer.status_code, answer.data.find(VIDEO[:50])) in ((302, -1), (401, -1))


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2Fsite.db",
        "%2e%2e%2fsite.db",
        "0193abcd-clip.mp4",
        "site.db",
        "0193abcd-clip.mp4%0a",
        ".hidden-clip.mp4",
    ],
)
def test_no_other_file_is_sent(site: DashboardSite, name: str) -> None:
    kept(site)
    assert site.user().get(f"/recordings/{name}").status_code == 404


def test_the_json_of_an_event_carries_them(site: DashboardSite) -> None:
    keep = kept(site)
    told = site.user().get(f"/api/events/{keep.event}").get_json()
    assert [(row["kind"], row["state"], row["size_bytes"]) for row in told["recordings"]] == [
        ("picture", "kept", len(JPEG)),
        ("clip", "kept", len(VIDEO)),
    ]
