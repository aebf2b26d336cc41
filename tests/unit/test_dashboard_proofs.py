"""Proofs on the pages: an evidence bundle to take along, and what the last audit came to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from dashboard_site import DashboardSite, open_site, sign_in
from ledger_samples import decision, shot

from surveillance.app.audit import STATE, told_of
from surveillance.storage.audit import Walk
from surveillance.storage.bundle_check import check_bundle
from surveillance.storage.keys import KeyStore
from surveillance.storage.state import SharedState


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def audited(site: DashboardSite) -> str:
    """The audit page after an audit."""
    found = Walk(site.desk.engine, KeyStore(site.desk.directory / "keys"), None)()
    SharedState(site.desk.engine).put(STATE, told_of(found))
    return site.user().get("/audit").text


def test_a_bundle_is_for_those_who_may_export_and_is_on_record(site, tmp_path):
    made = site.record(decision(), shot())
    page = site.user().get(f"/events/{made}").text
    assert f"/events/{made}/evidence" in page
    with site.user().get(f"/events/{made}/evidence") as answer:
        (tmp_path / "bundle.zip").write_bytes(answer.data)
    told = check_bundle(tmp_path / "bundle.zip")
    assert (told.faults, told.event) == ([], made)
    exported = [row["details"] for row in site.services.events.page()[0] if row["kind"] == "user.exported"]
    assert [(one["thing"], one["name"]) for one in exported] == [("evidence", made)]
    site.services.accounts.add("vic", "viewer", "correct horse battery")
    viewer = site.visitor()
    sign_in(viewer, "vic", "correct horse battery")
    assert f"/events/{made}/evidence" not in viewer.get(f"/events/{made}").text
    assert viewer.get(f"/events/{made}/evidence").status_code == 403


def test_the_audit_page_says_what_the_last_audit_came_to(site):
    made = site.record(decision())
    assert "The record has not been verified yet" in site.user().get("/audit").text
    assert "The record was last verified" in audited(site)
    with closing(sqlite3.connect(site.desk.directory / "site.db")) as file:
        file.execute("UPDATE event SET rule = 'mine' WHERE id = ?", [made])
        file.commit()
    page = audited(site)
    assert "The record was changed past this program" in page
    assert f"(event {made}): its row was changed" in page
