"""Edits from the pages: put down to who is signed in, refused where somebody was quicker or the site could not run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dashboard_site import NAME, SITE, open_site
from flask import g

from surveillance.dashboard.guards import Actor
from surveillance.dashboard.site_edits import Saved, edit_site
from surveillance.domain.errors import EditConflict, SettingsError
from surveillance.domain.permissions import WHOLE, permissions_of
from surveillance.domain.site import Camera, Site
from surveillance.storage.camera_edits import with_new_camera, without_camera
from surveillance.storage.rulebook import SqlSite

Edit = Callable[..., Saved]


@pytest.fixture
def editing(tmp_path: Path) -> tuple[SqlSite, Edit]:
    """The site, and `edit_site` as the administrator."""
    site = open_site(tmp_path, check=refuse_a_camera_called_bad)

    def edit(change: Callable[[Site], Site], seen: int | None = None) -> Saved:
        with site.app.test_request_context():
            g.actor = Actor(NAME, permissions_of("administrator"), WHOLE, "192.0.2.9")
            return edit_site(change, seen)

    return site.services.site, edit


def refuse_a_camera_called_bad(before: Site, after: Site) -> None:
    if after.camera("bad"):
        raise SettingsError("a bad camera")


def test_an_edit_is_one_version_put_down_to_whoever_is_signed_in(editing: tuple[SqlSite, Edit]) -> None:
    site, edit = editing
    saved = edit(lambda known: with_new_camera(known, Camera("yard", "synthetic://yard")), site.version())
    assert (saved.version, [str(change) for change in saved.changes]) == (2, ["camera yard added"])
    assert [(made.author, made.change) for made in site.history(1)] == [(NAME, "camera yard added")]
    assert edit(lambda known: known) == Saved(2, ())


def test_a_form_that_shows_an_older_site_is_refused(editing: tuple[SqlSite, Edit]) -> None:
    site, edit = editing
    seen = site.version()
    edit(lambda known: with_new_camera(known, Camera("yard", "synthetic://yard")))
    with pytest.raises(EditConflict, match=rf"{NAME} edited the site meanwhile \(version 2, you saw 1\)"):
        edit(lambda known: without_camera(known, "gate"), seen)
    assert [camera.name for camera in site.read().cameras] == ["front", "gate", "yard"]


def test_an_edit_that_fits_any_site_is_made_anew(editing: tuple[SqlSite, Edit]) -> None:
    site, edit = editing

    def slowly(known: Site) -> Site:
        if known.version == 1:  # somebody else is quicker
            site.save(replace(known, people=()), "grace")
        return without_camera(known, "gate")

    assert edit(slowly).version == 3
    assert (site.read().people, [camera.name for camera in site.read().cameras]) == ((), ["front"])


def test_a_site_that_could_not_run_is_not_saved(editing: tuple[SqlSite, Edit]) -> None:
    site, edit = editing
    with pytest.raises(SettingsError, match="a bad camera"):
        edit(lambda known: with_new_camera(known, Camera("bad", "synthetic://yard")))
    assert site.read().cameras == SITE.cameras
