"""A guard is hired, in the browser: added, given one camera, signed in twice over, and shut out again."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pyotp
from browser import Tab, open_tab, serving
from dashboard_site import NAME, PASSWORD, now_decision, open_site
from ledger_samples import shot
from playwright.sync_api import Browser, expect

CHOSEN = "a password of my own"


def add_guard(tab: Tab, name: str, camera: str) -> str:
    """As an administrator does; the one-time password."""
    page = tab.page
    page.locator("details.menu summary").click()
    page.get_by_role("link", name="Users").click()
    page.get_by_role("button", name="Add a user").or_(page.get_by_role("link", name="Add a user")).first.click()
    page.get_by_label("Name to sign in with").fill(name)
    page.get_by_label("Guard").check()
    page.get_by_label("Only these cameras").check()
    page.get_by_role("checkbox", name=camera).check()
    page.get_by_role("button", name="Add").click()
    return page.locator(".once code").inner_text()


def set_up_second_factor(tab: Tab) -> str:
    """As the guard does, with a phone; its secret."""
    page = tab.page
    tab.open("/account")
    page.get_by_text("Set it up").click()
    assert page.locator(".qr").evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.get_by_label("Code").fill(code_of(secret, -1))
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".codes li")).to_have_count(10)
    return secret


def code_of(secret: str, steps_away: int = 0) -> str:
    totp = pyotp.TOTP(secret)
    return totp.generate_otp(totp.timecode(datetime.now(UTC)) + steps_away)


def test_a_guard_from_hire_to_leave(chromium: Browser, tmp_path: Path) -> None:
    site = open_site(tmp_path)
    site.record(now_decision(camera="gate", track=1), shot())
    site.record(now_decision(camera="front", track=2), shot())
    with serving(site.app) as address:
        admin, guard = open_tab(chromium, address), open_tab(chromium, address)
        admin.open("/sign-in")
        admin.sign_in(NAME, PASSWORD)
        given = add_guard(admin, "bob", "gate")
        guard.open("/sign-in")
        guard.sign_in_first("bob", given, CHOSEN)
        while time.time() % 30 > 20:  # so that no code ends while it is typed
            guard.page.wait_for_timeout(500)
        secret = set_up_second_factor(guard)
        guard.page.locator("details.menu summary").click()
        guard.page.get_by_role("button", name="Sign out").click()
        guard.sign_in("bob", CHOSEN, "**/sign-in/code*")
        guard.page.get_by_label("Code from your phone").fill(code_of(secret))
        guard.page.get_by_role("button", name="Sign in").click()
        guard.page.wait_for_url("**/events*")
        guard.open("/users")
        expect(guard.page.get_by_role("heading", level=1)).to_contain_text("Not allowed")
        admin.open("/audit?who=bob")
        expect(admin.page.locator("tbody")).to_contain_text("set up a second factor")
        admin.open("/user/bob")
        admin.page.get_by_role("button", name="Disable").click()
        expect(admin.page.get_by_role("button", name="Enable")).to_be_visible()
        guard.open("/events")
        expect(guard.page).to_have_url(f"{address}/sign-in?next=/events")
        assert admin.complaints == []
