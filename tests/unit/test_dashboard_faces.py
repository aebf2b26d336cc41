"""A person's face on the pages: enrolled, shown, noted, refused with the reason, and removed with its key."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from cards import face_card
from dashboard_site import DashboardSite, open_site, somebody, token_of
from flask.testing import FlaskClient
from ledger_samples import decision, shot

from surveillance.app.enrolling import Photo
from surveillance.domain.errors import SettingsError
from surveillance.storage.faces import NewFace
from surveillance.storage.queries import EventFilter

GOOD, OTHER = bytes(512), bytes(511) + b"\x01"


def look(settings: object, photo: Photo) -> NewFace:
    """What a child process would say of these photos."""
    if photo.data == b"blurred":
        raise SettingsError(f"{photo.source}: the face is blurred: sharpness 0.004, at least 0.015 is needed")
    return NewFace(GOOD, b"\xff\xd8 " + photo.data, photo.source)


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    face_card(tmp_path / "models")
    return open_site(tmp_path, look=look)


@pytest.fixture
def client(site: DashboardSite) -> FlaskClient:
    return site.user()


def post(client: FlaskClient, address: str, **given: Any) -> Any:
    given["csrf_token"] = token_of(client.get("/people").text)
    return client.post(address, data=given, follow_redirects=True, content_type="multipart/form-data")


def photos(*contents: bytes) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(data), f"ada-{number}.jpg") for number, data in enumerate(contents, 1)]


def test_a_face_is_enrolled_shown_and_removed_with_its_key(site: DashboardSite, client: FlaskClient) -> None:
    page = post(client, "/person/face", name="Ada", photos=photos(b"one", b"two")).text
    assert "2 faces are enrolled." in page
    assert page.count('class="quiet is-grave" aria-label="Remove the face from ada-') == 2
    address = re.search(r'src="(/person/face\.jpg[^"]+)"', page)[1].replace("&amp;", "&")
    picture = client.get(address)
    assert (picture.data, picture.mimetype) == (b"\xff\xd8 one", "image/jpeg")
    assert picture.headers["Cache-Control"] == "no-store"
    keys = site.services.faces
    first, _ = keys.of("Ada")
    assert (first.author, first.source) == ("ada", "ada-1.jpg")
    assert "The face is removed." in post(client, "/person/face/remove", name="Ada", id=first.id).text
    assert "their key is erased" in post(client, "/person/face/remove", name="Ada").text
    assert keys.of("Ada") == []
    assert client.get(address).status_code == 404
    told = [event["kind"] for event in site.services.events.page(EventFilter(), None, 20)[0]]
    assert told.count("configuration.changed") >= 3
    assert "user.viewed" in told


def test_a_photo_that_would_not_do_is_refused_beside_the_form(site: DashboardSite, client: FlaskClient) -> None:
    page = post(client, "/person/face", name="Ada", photos=photos(b"one", b"blurred")).text
    assert "ada-2.jpg: the face is blurred: sharpness 0.004, at least 0.015 is needed" in page
    assert site.services.faces.of("Ada") == []
    assert "Choose a photo." in post(client, "/person/face", name="Ada").text
    assert post(client, "/person/face", name="Nobody", photos=photos(b"one")).status_code == 404


def test_the_picture_of_an_event_enrolls(site: DashboardSite, client: FlaskClient) -> None:
    id = site.record(decision(camera="front", identity="Ada"), shot())
    assert f'<option value="{id}">' in client.get("/person?name=Ada").text
    assert "1 face is enrolled." in post(client, "/person/face/event", name="Ada", event=id).text
    assert site.services.faces.of("Ada")[0].source == f"event {id}"
    assert post(client, "/person/face/event", name="Ada", event="nothing").status_code == 404


def test_who_may_not_edit_people_sees_no_face(site: DashboardSite, client: FlaskClient) -> None:
    post(client, "/person/face", name="Ada", photos=photos(b"one"))
    [face] = site.services.faces.of("Ada")
    guard = somebody(site, "guard")
    page = guard.get("/person?name=Ada")
    assert page.status_code == 200
    assert "face.jpg" not in page.text
    assert guard.get(f"/person/face.jpg?name=Ada&id={face.id}").status_code == 403


def test_without_models_the_page_says_what_to_do(tmp_path: Path) -> None:
    client = open_site(tmp_path).user()
    assert "no face embedding is here: `surveillance models pull sface` gets one" in client.get("/person?name=Ada").text
