"""Printed badges: only what was signed here is one, and the desk asks the record all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.access.badges import PRINTED as PREFIX
from surveillance.access.badges import SHOWN_FOR, BadgeSeal
from surveillance.access.desk import AccessDesk
from surveillance.domain.site import Credential, Door, Person, Site
from surveillance.domain.values import AccessRequest, Factor, Presented

NOW = datetime(2026, 11, 25, 12, 0, 0, 500, tzinfo=UTC)
SEAL = BadgeSeal(b"k" * 32)
YEAR = timedelta(days=365)


def hashed(kind: str, value: str) -> str:
    return f"{kind}/{value}"


def ask(
    badge_id: str, text: str, at: datetime = NOW, kind: str = "badge", has: str = "qr", **credential: object
) -> AccessRequest:
    """Ada, who has a badge, presents a text."""
    held = replace(Credential(has, hashed(has, badge_id)), **credential)
    site = Site(doors=(Door("front"),), people=(Person("Ada", frozenset({"staff"}), (held,)),))
    desk = AccessDesk(lambda: site, hashed, SEAL.read)
    return desk(Presented("r1", at, "front", (Factor(kind, text),), at + timedelta(seconds=2)))


def test_a_badge_that_was_issued_names_its_person_and_is_marked_as_printed() -> None:
    badge, text = SEAL.issue(NOW, NOW + YEAR)
    request = ask(badge.id, text)
    assert (request.person, request.credential, request.factors) == ("Ada", "valid", {"badge", "qr"})
    assert len(text) < 128
    assert badge.id not in text


def test_a_badge_is_over_by_its_own_date_whatever_the_record_says() -> None:
    badge, text = SEAL.issue(NOW, NOW + YEAR)
    request = ask(badge.id, text, at=NOW + YEAR)
    assert (request.person, request.credential, request.factors) == ("Ada", "credential_expired", frozenset())
    assert SEAL.issue(NOW, None)[0].expires is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"enabled": False}, "credential_not_enabled"),
        ({"valid_until": NOW}, "credential_expired"),
        ({"valid_from": NOW + YEAR}, "credential_not_active"),
    ],
)
def test_a_badge_that_was_taken_back_is_denied(change: dict[str, object], word: str) -> None:
    badge, text = SEAL.issue(NOW, NOW + YEAR)
    assert ask(badge.id, text, **change).credential == word


def test_a_forged_or_altered_badge_names_nobody() -> None:
    badge, text = SEAL.issue(NOW, NOW + YEAR)
    _, foreign = BadgeSeal(b"x" * 32).issue(NOW, NOW + YEAR)
    turned = text[:20] + ("A" if text[20] != "A" else "B") + text[21:]
    for forged in (foreign, turned, text[:-4], text + "AAAA", PREFIX, text.lower(), "SB1.ü", badge.id):
        request = ask(badge.id, forged)
        assert (request.person, request.credential) == (None, "unauthorized"), forged


def test_nobody_can_present_the_id_behind_a_badge() -> None:
    badge, _ = SEAL.issue(NOW, None)
    for kind in ("badge", "card", "plate"):
        assert ask(badge.id, badge.id, kind=kind).person is None


def test_a_phone_shows_codes_that_count_for_seconds_and_are_each_another() -> None:
    link, address = SEAL.issue_link(NOW, NOW + YEAR)
    assert SEAL.read_link(address) == link
    (first, text), (second, _) = SEAL.show(link, NOW), SEAL.show(link, NOW)
    request = ask(link.id, text, has="phone")
    assert (request.person, request.factors, request.once) == ("Ada", {"badge", "phone"}, first.once)
    assert first.once != second.once
    late = ask(link.id, text, at=NOW + SHOWN_FOR, has="phone")
    assert (late.credential, late.factors) == ("credential_expired", frozenset())


def test_no_kind_of_code_is_taken_for_another() -> None:
    badge, printed = SEAL.issue(NOW, None)
    link, address = SEAL.issue_link(NOW, NOW + YEAR)
    _, shown = SEAL.show(link, NOW)
    assert SEAL.read_link(printed) is SEAL.read_link(shown) is SEAL.read(address) is None
    assert SEAL.read("SB1." + address[4:]) is SEAL.read_link("SP1." + printed[4:]) is None
    assert ask(link.id, address, has="phone").person is None  # the link opens a page, never a door
    assert ask(badge.id, shown).person is None


@given(st.text(max_size=200) | st.text(max_size=160).map(lambda text: PREFIX + text))
def test_no_text_breaks_the_reading(text: str) -> None:
    assert SEAL.read(text) is None
