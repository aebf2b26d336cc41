"""A draft is tried on the last days from its editor: what core answers, as a page and as a part of one."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import RULES, SITE, DashboardSite, core_that_answers, now_decision, open_site, somebody, token_of
from judging import after, judge, rule, sight

from surveillance.domain.verdicts import Was
from surveillance.rules.backtest import backtest

LATER = rule("later", "sighting", "alert", "track_s > 2")


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    site = open_site(tmp_path, site=replace(SITE, rules=RULES))
    site.record(now_decision())
    return site


def answer_of(rules: str = LATER) -> dict[str, Any]:
    """What core's errand says: one verdict gone, one new."""
    was = [Was(0, "01a2152e-a892-73ef-8138-3d85c04c1757", after(1), "sighting", "later", "alert", False, "yard")]
    inputs = enumerate([sight(1), sight(3)])
    return backtest(judge(rules), inputs, was, (after(0), after(60))).as_json()


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_draft_goes_to_core_among_the_other_rules_and_its_verdicts_come_back(site: DashboardSite) -> None:
    user = somebody(site, "operator")
    token = token_of(user.get("/rules/new").text)
    form = {"csrf_token": token, "text": LATER, "original": "", "days": "1"}
    with core_that_answers(site, answer_of()) as asked:
        said = user.post("/rules/backtest", data=form, headers={"X-Part": "trial"})
        page = user.post("/rules/backtest", data=form).text
    assert [(each["kind"], each["days"], each["rule"]) for each in asked] == 2 * [("rules.backtest", 1, "later")]
    [document] = asked[0]["documents"]
    assert document["text"] == f"{RULES.strip()}\n{LATER}"
    assert "2 verdicts would have been different." in words(said.text)
    assert "later fired 1 times and would have fired 1 times." in words(said.text)
    assert 'href="/events/01a2152e-a892-73ef-8138-3d85c04c1757"' in said.text
    assert "<svg" in said.text
    assert "2 verdicts would have been different." in words(page)
    assert 'id="editor"' in page


def test_faults_are_said_and_nothing_is_asked(site: DashboardSite) -> None:
    user = somebody(site, "operator")
    token = token_of(user.get("/rules/new").text)
    with core_that_answers(site, {"fault": "nothing is on record", "reason": ""}) as asked:
        wrong = user.post(
            "/rules/backtest", data={"csrf_token": token, "text": "- name: x"}, headers={"X-Part": "trial"}
        )
        assert asked == []
        said = user.post("/rules/backtest", data={"csrf_token": token, "text": LATER}, headers={"X-Part": "trial"})
    assert "The rule has faults" in words(wrong.text)
    assert "nothing is on record" in words(said.text)
