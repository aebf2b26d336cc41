"""What is held of a person on the pages: shown and handed over to administrators, and erased once the name is typed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from dashboard_site import DashboardSite, now_decision, open_site, somebody, token_of
from ledger_samples import shot

from surveillance.storage.queries import EventFilter


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def test_a_person_is_exported_and_erased(site: DashboardSite) -> None:
    id = site.record(now_decision(camera="gate", identity="Ada", reasons=("Ada may pass",)), shot())
    client = site.user()
    page = client.get("/person?name=Ada").text
    assert 'href="/person-held?name=Ada"' in page
    page = client.get("/person-held?name=Ada").text
    assert "<dt>Events</dt><dd>1</dd>" in page
    given = {"csrf_token": token_of(page), "name": "Ada"}
    answer = client.post("/person-held/file", data=given)
    assert answer.headers["Content-Disposition"] == "attachment; filename=ada.zip"
    assert "held.json" in zipfile.ZipFile(io.BytesIO(answer.data)).namelist()
    answer.close()
    assert "Type the name as it stands above." in client.post("/person-held/erase", data=given | {"again": "Bob"}).text
    answer = client.post("/person-held/erase", data=given | {"again": "Ada"}, follow_redirects=True)
    assert "The person is erased." in answer.text
    told = site.services.events.one(id)
    assert told is not None
    assert told["identity"].startswith("erased person ")
    assert told["evidence_gone"] == "erased on request"
    assert client.get("/person-held?name=Ada").status_code == 404
    assert "Ada" not in [person.name for person in site.services.site.read().people]
    kinds = [row["kind"] for row in site.services.events.page(EventFilter(actor="ada"))[0]]
    assert {"user.exported", "user.erased", "configuration.changed"} <= set(kinds)


def test_only_administrators_see_what_is_held(site: DashboardSite) -> None:
    operator = somebody(site, "operator")
    assert "/person-held" not in operator.get("/person?name=Ada").text
    assert operator.get("/person-held?name=Ada").status_code == 403
