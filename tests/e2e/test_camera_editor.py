"""Zones, lines and masks drawn on a camera's picture in a real browser: with mouse, touch and keys; undone; saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import Tab, open_tab, serving
from dashboard_site import NAME, PASSWORD, DashboardSite, open_site
from patience import eventually
from playwright.sync_api import Browser, FloatRect, Page, expect

from surveillance.domain.geometry import Line, Point, Zone
from surveillance.domain.site import Camera
from surveillance.ingest.pictures import BgrPicture, encode_jpeg

NEAR = 0.01


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


@pytest.fixture
def address(site: DashboardSite) -> Iterator[str]:
    with serving(site.app) as address:
        yield address


def open_editor(browser: Browser, address: str, camera: str, **context: object) -> Tab:
    tab = open_tab(browser, address, **context)
    tab.open("/sign-in")
    tab.sign_in(NAME, PASSWORD)
    tab.open(f"/cameras/{camera}/zones")
    expect(tab.page.get_by_role("button", name="Zone", exact=True)).to_be_visible()
    return tab


def stage(page: Page) -> FloatRect:
    box = page.locator(".stage").bounding_box()
    assert box is not None
    return box


def place(page: Page, point: Point) -> Point:
    """Where on the screen a point of the picture is."""
    box = stage(page)
    return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]


def first_corner(page: Page) -> Point:
    """Where on the picture the first corner is shown."""
    shown, box = page.locator(".drawing .corner .dot").first.bounding_box(), stage(page)
    assert shown is not None
    x, y = shown["x"] + shown["width"] / 2, shown["y"] + shown["height"] / 2
    return (x - box["x"]) / box["width"], (y - box["y"]) / box["height"]


def camera_of(site: DashboardSite, name: str) -> Camera:
    found = site.services.site.read().camera(name)
    assert found is not None
    return found


def is_near(found: Point, wanted: Point) -> bool:
    return abs(found[0] - wanted[0]) < NEAR and abs(found[1] - wanted[1]) < NEAR


def save(tab: Tab, camera: str) -> None:
    tab.page.get_by_role("button", name="Save").click()
    tab.page.wait_for_url(f"**/cameras/{camera}**saved=*", wait_until="domcontentloaded")


def test_a_zone_is_drawn_reshaped_named_and_saved_with_the_mouse(
    chromium: Browser, site: DashboardSite, address: str
) -> None:
    tab = open_editor(chromium, address, "gate")
    page = tab.page
    page.get_by_role("button", name="Zone", exact=True).click()
    corners = [(0.2, 0.3), (0.6, 0.3), (0.6, 0.8), (0.2, 0.8)]
    for corner in (*corners, corners[0]):
        page.mouse.click(*place(page, corner))
    expect(page.locator(".shape")).to_have_count(1)
    page.keyboard.type("lawn")  # its name is chosen, to be written over
    expect(page.locator(".drawing text")).to_have_text("lawn")

    page.mouse.move(*place(page, (0.6, 0.8)))
    page.mouse.down()
    page.mouse.move(*place(page, (0.9, 0.95)), steps=4)
    page.mouse.up()
    page.mouse.click(*place(page, (0.4, 0.3)))  # the middle of an edge adds a corner there
    page.get_by_label("Who may be in it").select_option("yes")
    save(tab, "gate")
    expect(page.locator(".applied")).to_be_visible()

    [zone] = camera_of(site, "gate").zones
    assert (zone.name, zone.restricted) == ("lawn", True)
    wanted = [(0.2, 0.3), (0.4, 0.3), (0.6, 0.3), (0.9, 0.95), (0.2, 0.8)]
    assert len(zone.points) == len(wanted)
    assert all(is_near(*pair) for pair in zip(zone.points, wanted, strict=True)), zone.points
    assert tab.complaints == []
    page.context.close()


def test_everything_is_done_with_keys_alone_and_undone(chromium: Browser, site: DashboardSite, address: str) -> None:
    tab = open_editor(chromium, address, "gate")
    page = tab.page
    page.get_by_role("button", name="Line", exact=True).focus()
    page.keyboard.press("Enter")
    focused = page.locator(".drawing .corner:focus")
    expect(focused).to_have_attribute("aria-label", "line-1, start: 0.3, 0.5")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    expect(focused).to_have_attribute("aria-label", "line-1, start: 0.25, 0.495")
    page.keyboard.press("Tab")
    expect(focused).to_have_attribute("aria-label", "line-1, end: 0.7, 0.5")
    page.keyboard.press("Delete")
    expect(page.locator("[data-told]")).to_have_text("A line has two ends.")

    page.get_by_role("button", name="Mask", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Insert")
    expect(focused).to_have_attribute("aria-label", "Mask 1, corner 2 of 5: 0.5, 0.35")
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(page.locator(".drawing .corner")).to_have_count(3)
    page.keyboard.press("Control+z")
    expect(page.locator(".drawing .corner")).to_have_count(4)
    page.keyboard.press("Control+y")
    expect(page.locator(".drawing .corner")).to_have_count(3)
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/cameras/gate?saved=*", wait_until="domcontentloaded")

    camera = camera_of(site, "gate")
    assert camera.lines == (Line("line-1", (0.25, 0.495), (0.7, 0.5)),)
    assert camera.masks == (((0.65, 0.35), (0.65, 0.65), (0.35, 0.65)),)
    assert tab.complaints == []
    page.context.close()


def test_the_arrow_points_to_the_side_that_is_in(chromium: Browser, site: DashboardSite, address: str) -> None:
    tab = open_editor(chromium, address, "front")
    page = tab.page
    word = page.locator(".drawing [data-kind=line] text", has_text="in")
    before, line_y = word.bounding_box(), place(page, (0.5, 0.9))[1]
    assert before is not None
    assert before["y"] > line_y, "below a line that goes to the right"
    page.get_by_role("button", name="Swap in and out").click()
    after = word.bounding_box()
    assert after is not None
    assert after["y"] + after["height"] < line_y
    save(tab, "front")
    line = camera_of(site, "front").lines[0]
    assert line == Line("threshold", (0.8, 0.9), (0.2, 0.9))
    assert line.crossing((0.5, 0.95), (0.5, 0.85)) == "in"
    page.context.close()


def test_a_finger_draws_a_line_and_drags_its_end(chromium: Browser, site: DashboardSite, address: str) -> None:
    tab = open_editor(chromium, address, "gate", width=390, has_touch=True)
    page = tab.page
    page.get_by_role("button", name="Line", exact=True).tap()
    for point in ((0.2, 0.5), (0.8, 0.5)):
        page.touchscreen.tap(*place(page, point))
    expect(page.locator(".drawing .corner")).to_have_count(2)
    session = page.context.new_cdp_session(page)
    for kind, point in (("touchStart", (0.8, 0.5)), ("touchMove", (0.85, 0.7)), ("touchMove", (0.9, 0.8))):
        x, y = place(page, point)
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    save(tab, "gate")
    [line] = camera_of(site, "gate").lines
    assert is_near(line.start, (0.2, 0.5))
    assert is_near(line.end, (0.9, 0.8))
    page.context.close()


def test_a_fault_is_told_at_the_shape_and_what_was_drawn_stays(
    chromium: Browser, site: DashboardSite, address: str
) -> None:
    tab = open_editor(chromium, address, "front")
    page = tab.page
    field = page.locator(".shape[data-kind=zone] [name=points]")
    field.fill("0.1,0.1 0.9,0.9 0.9,0.1 0.1,0.9")
    fault = page.locator(".shape[data-kind=zone] .fault")
    expect(fault).to_contain_text("its edges cross")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#content > .form-error")).to_contain_text("a shape cannot be as it is")
    expect(fault).to_contain_text("its edges cross")
    expect(field).to_have_value("0.1,0.1 0.9,0.9 0.9,0.1 0.1,0.9")
    field.fill("0.1,0.1 0.9,0.1 0.9,0.9")
    expect(fault).to_be_hidden()
    save(tab, "front")
    assert camera_of(site, "front").zones == (Zone("yard", ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)), restricted=True),)
    page.context.close()


def test_the_picture_is_live_and_the_shapes_stay_on_it(chromium: Browser, site: DashboardSite, address: str) -> None:
    tab = open_editor(chromium, address, "front")
    page = tab.page
    expect(page.locator("[data-note]")).to_have_text("No picture yet; the coordinates can be set all the same.")
    tall = BgrPicture(np.full((240, 320, 3), 90, np.uint8))
    site.live.show("front", lambda: {"number": 1}, lambda size: encode_jpeg(tall, 320, 80))
    expect(page.locator("[data-note]")).to_have_text("Live picture")
    assert eventually(lambda: abs(stage(page)["width"] / stage(page)["height"] - 4 / 3) < NEAR)
    assert eventually(lambda: is_near(first_corner(page), (0.1, 0.5))), first_corner(page)
    page.context.close()
