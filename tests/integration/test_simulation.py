"""Who would be let in, and why: by the rules and the record of any moment, without a request."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from judging import SITE, rule
from ledger_samples import open_desk

from surveillance.app.simulation import Asked, questions, simulate
from surveillance.app.store import open_store
from surveillance.cli import cli
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.site import Credential, Door, Person
from surveillance.domain.values import CameraReport, Input
from surveillance.settings import Settings

STAFF = rule("staff", "access", "authorize", '"badge" in factors and "staff" in groups and people == 1')
OVER = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = (
    Person("Ada", frozenset({"staff"}), (Credential("badge", "a"), Credential("pin", "1"))),
    Person("Grace", frozenset({"guards"}), (Credential("qr", "g"),)),
    Person("Old", frozenset({"staff"}), (Credential("badge", "o", valid_until=OVER),)),
)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path, now: datetime) -> Settings:
    """Staff may pass by the rules of now; a while ago nobody could."""
    url = f"sqlite:///{tmp_path / 'site.db'}"
    desk = open_desk(tmp_path, url=url)
    inputs: list[Input] = [CameraReport("front", now + timedelta(seconds=step), "live") for step in range(120)]
    desk.ledger([(entry, ()) for entry in inputs])
    settings = Settings(data_dir=tmp_path, storage={"url": url})
    site = open_store(settings).site
    site.seed(replace(SITE, people=PEOPLE, doors=(Door("front", "front"), Door("back"))))
    site.save_rules([("staff", STAFF)], "ada")
    return settings


def verdict(settings: Settings, *asked: Any, **more: Any) -> tuple[str, list[str]]:
    [(_, told)] = simulate(settings, [Asked(*asked, **more)])
    return told["verdict"], told["reasons"]


def test_one_person_in_view_is_let_in_and_two_are_not(settings: Settings) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    assert verdict(settings, "Ada", "front", later, people=1)[0] == "authorize"
    denied, reasons = verdict(settings, "Ada", "front", later, people=2)
    assert (denied, reasons[-1]) == ("deny", "no authorize rule was true: staff needs people == 1 but people = 2")
    [(_, told)] = simulate(settings, [Asked("Grace", "front", later, people=1)])
    assert told["needed"]["ways"] == [
        {"rule": "staff", "wishes": [{"text": '"staff" in groups', "found": 'groups = {"guards"}', "holds": True}]}
    ]


def test_what_is_presented_and_whether_it_still_holds_counts(settings: Settings) -> None:
    at = datetime.now(UTC)
    assert verdict(settings, "Old", "front", at, people=1)[1][0] == "credential_expired"
    assert verdict(settings, "Old", "front", OVER - timedelta(days=1), people=1)[1][0] != "credential_expired"
    assert "no authorize rule was true" in verdict(settings, "Ada", "front", at, frozenset({"pin"}), 1)[1][-1]
    with pytest.raises(UserMistake, match="no factor is called 'bagde'; did you mean 'badge'"):
        verdict(settings, "Ada", "front", at, frozenset({"bagde"}))
    with pytest.raises(NotFound, match="no person is called 'Adda'"):
        questions(settings, "Adda", None, {})


def test_the_camera_is_believed_as_far_as_it_was_heard(settings: Settings, now: datetime) -> None:
    assert (
        "camera front is stale, and door front says on_camera_stale: deny"
        in verdict(settings, "Ada", "front", now + timedelta(minutes=30))[1]
    )
    assert "people = 0" in verdict(settings, "Ada", "front", now + timedelta(seconds=110))[1][-1]


def test_a_moment_that_has_passed_has_its_own_rules(settings: Settings) -> None:
    store = open_store(settings)
    asked = Asked("Ada", "front", datetime.now(UTC), people=1)
    [(_, before)] = simulate(settings, [asked])
    store.site.save_rules([("guards", STAFF.replace("staff", "guards"))], "ada")
    [(_, after)] = simulate(settings, [replace(asked, at=datetime.now(UTC) + timedelta(seconds=1))])
    [(_, then)] = simulate(settings, [asked])
    assert [told["verdict"] for told in (before, after, then)] == ["authorize", "deny", "authorize"]
    assert (after["rulebook_version"], then["rulebook_version"]) == (3, 2)


def test_the_command_answers_one_question_in_full_and_many_in_a_table(settings: Settings) -> None:
    where = {"SURVEILLANCE__DATA_DIR": str(settings.data_dir), "SURVEILLANCE__STORAGE__URL": settings.storage.url}

    def said(*words: str) -> str:
        return CliRunner().invoke(cli, ["access", "simulate", *words], env=where, catch_exceptions=False).stdout

    one = said("--person", "Ada", "--door", "front", "--people", "1")
    assert "access.granted" in one
    assert 'yes "badge" in factors   [factors = {"badge"}]' in one
    table = said("--door", "front", "--people", "1").splitlines()
    assert [" ".join(line.split()[:3]) for line in table] == ["Ada front may", "Grace front denied", "Old front denied"]
    assert json.loads(said("--person", "Ada", "--door", "back", "--json"))["verdict"] == "deny"
