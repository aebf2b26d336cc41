"""A rule is written, put right, tried on the record, saved and in force: in a browser, against the running system."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from browser import open_tab, serving
from dashboard_site import NAME, PASSWORD, now_decision, open_site
from ledger_samples import decision, observation
from playwright.sync_api import Browser, Page, expect
from ports import free_port

from surveillance.app.service import running_site
from surveillance.app.store import open_store, upgrade_database
from surveillance.dashboard import DashboardSettings
from surveillance.settings import Settings
from surveillance.storage.ledger import SqlLedger

SITE = """
cameras:
  - name: yard
    url: synthetic://yard
    zones:
      - {name: store, points: [[0.6, 0.5], [0.96, 0.5], [0.96, 1.0], [0.6, 1.0]]}
rules:
  - name: visitor
    on: sighting
    verdict: log
    when: label in {"person", "animal"} and "store" in zones and track_s >= 1
"""


def holding(words: str) -> re.Pattern[str]:
    return re.compile(re.escape(words))


def put_on_record(settings: Settings) -> None:
    """A visitor of yesterday, so that there is something to try a rule on."""
    upgrade_database(settings)
    store = open_store(settings)
    at = datetime.now(UTC) - timedelta(days=1)
    seen = observation(camera="yard", at=at, zones=frozenset({"store"}), dwell_s={"store": 3.0})
    made = decision(at=at, subject=seen.id, camera="yard", facts={"label": "person", "zones": ["store"]})
    SqlLedger(store.engine, store.evidence, lambda made: ())([(seen, (made,))])


def type_in(page: Page, text: str) -> None:
    page.keyboard.type(text, delay=15)


def test_write_a_rule_try_it_save_it_and_see_it_in_force(chromium: Browser, tmp_path: Path) -> None:
    site_file = tmp_path / "site.yaml"
    site_file.write_text(SITE, encoding="utf-8")
    settings = Settings(data_dir=tmp_path / "data", dashboard=DashboardSettings(port=free_port()))
    put_on_record(settings)
    told: list[str] = []
    with running_site(settings, site_file, told.append) as running:
        tab = open_tab(chromium, running.address)
        page = tab.page
        tab.open("/")
        tab.sign_in_first("admin", told[0].partition("password: ")[2].split()[0], "a password of my own")
        tab.open("/rules")
        page.get_by_role("button", name="New rule").click()
        page.get_by_role("link", name="Blank rule").click()
        text, problems, offers = page.locator("#rule-text"), page.locator("#problems"), page.get_by_role("listbox")

        # A misspelled label is marked where it stands, with what was meant.
        text.fill("# Who is at the store?\n- name: lingerer\n  on: sighting\n  verdict: log\n  when: label in {")
        text.press("Control+End")
        type_in(page, '"persn", "animal"}')
        expect(problems).to_contain_text("Line 5")
        expect(problems).to_contain_text("no label is called 'persn'; did you mean 'person'?")
        expect(problems.locator("pre")).to_contain_text("^^^^^^^")
        expect(page.locator(".code-under mark")).to_have_text('"persn"')
        problems.get_by_role("button", name="Line 5").click()
        type_in(page, '"person"')
        page.keyboard.press("Escape")
        expect(problems).to_contain_text("No faults")

        # The rest comes by suggestions: and, "store" in zones.
        text.press("Control+End")
        page.keyboard.press("Control+Space")
        expect(offers.get_by_role("option").first).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        type_in(page, '"sto')
        expect(offers.get_by_role("option", name='"store" in zones')).to_be_visible()
        page.keyboard.press("Tab")
        expect(text).to_have_value(
            "# Who is at the store?\n- name: lingerer\n  on: sighting\n  verdict: log\n"
            '  when: label in {"person", "animal"} and "store" in zones'
        )

        # The form shows the same rule; what is changed there changes its line only.
        expect(page.get_by_label("Name", exact=True)).to_have_value("lingerer")
        expect(page.locator("[name='c0-op']")).to_have_value("is one of")
        page.get_by_label("Then", exact=True).select_option("alert")
        expect(text).to_have_value(
            "# Who is at the store?\n- name: lingerer\n  on: sighting\n  verdict: alert\n"
            '  when: label in {"person", "animal"} and "store" in zones'
        )

        # Tried on what is on record, before it is saved.
        choices = page.get_by_label("What to try it on")
        past = choices.locator("option", has_text="Seen, no event").last
        choices.select_option(past.get_attribute("value"))
        page.get_by_role("button", name="Try", exact=True).click()
        trial = page.locator("#trial")
        expect(trial).to_contain_text("It would have alerted")
        expect(trial.locator(".leaf", has_text='"store" in zones').locator(".found")).to_contain_text("zones = ")
        page.get_by_role("button", name="Try on all of it").click()
        expect(trial).to_contain_text("lingerer fired 0 times and would have fired", timeout=90_000)
        expect(trial.locator("svg.timeline")).to_be_visible()

        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_url("**/rules/edit/lingerer")
        expect(page.get_by_text("is in force")).to_be_visible(timeout=60_000)
        assert tab.complaints == []
        page.context.close()


def test_what_is_typed_before_the_script_has_loaded_is_kept(chromium: Browser, tmp_path: Path) -> None:
    site = open_site(tmp_path)
    typed = "- name: lingerer\n  on: sighting\n  verdict: log\n  when: label in {"
    with serving(site.app) as address:
        tab = open_tab(chromium, address)
        page = tab.page
        page.route("**/rules.js*", lambda route: (page.locator("#rule-text").fill(typed), route.continue_())[1])
        page.goto(f"{address}/rules/new/blank")
        tab.sign_in(NAME, PASSWORD, "**/rules/new/blank")
        expect(page.locator("#problems")).to_contain_text("was never closed")
        page.locator("#rule-text").press("Control+End")
        type_in(page, '"person"} ')
        expect(page.locator("#problems")).to_contain_text("No faults")
        expect(page.locator("#rule-text")).to_have_value(typed + '"person"} ')
        expect(page.get_by_label("Name", exact=True)).to_have_value("lingerer")
        page.context.close()


def test_rows_come_and_go_and_the_keyboard_keeps_its_place(chromium: Browser, tmp_path: Path) -> None:
    site = open_site(tmp_path)
    site.record(now_decision())
    with serving(site.app) as address:
        tab = open_tab(chromium, address)
        page = tab.page
        tab.open("/rules/edit/night-yard")
        tab.sign_in(NAME, PASSWORD, "**/rules/edit/night-yard")
        text = page.locator("#rule-text")
        page.get_by_role("button", name="Row", exact=True).click()
        expect(text).to_have_value(holding('label == "animal"'))
        page.locator("[name='c2-word']").select_option("dwell_in")
        expect(text).to_have_value(holding('dwell_in("yard") >= 1'))
        page.locator("[name='c2-value']").fill("7")
        page.locator("[name='c2-value']").press("Tab")
        expect(text).to_have_value(holding('dwell_in("yard") >= 7'))
        page.locator(".row .remove").last.click()
        expect(text).not_to_have_value(holding("dwell_in"))
        assert page.evaluate("document.activeElement.closest('#rule-form') !== null")

        text.click()
        page.keyboard.press("Control+End")
        page.keyboard.type("mo", delay=20)
        expect(page.get_by_role("listbox").get_by_role("option", name="mode")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("listbox")).to_be_hidden()
        page.keyboard.type("d")
        expect(page.get_by_role("listbox").get_by_role("option", name="mode")).to_be_visible()
        page.keyboard.type("e")  # and taken at once, before the next suggestions come
        page.keyboard.press("Tab")
        expect(text).to_have_value(re.compile(r"\bmode(: )?$"))
        assert tab.complaints == []
        page.context.close()
