"""Who is at the door: only what was verified for one and the same person counts, and doubt names nobody."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.access.collecting import Collecting
from surveillance.access.desk import UNDATABLE, AccessDesk, parse_presented
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.site import Credential, Door, Person, Site
from surveillance.domain.values import AccessRequest, Factor, Presented
from surveillance.rules.memory import Memory
from surveillance.rules.refusals import refusals_of
from surveillance.rules.settings import RuleSettings

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
DEADLINE = AT + timedelta(seconds=2)
DAY = timedelta(days=1)


def hashed(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


def has(kind: str, value: str, **rest: Any) -> Credential:
    return Credential(kind, hashed(kind, value), **rest)


SITE = Site(
    doors=(Door("front", camera="porch"), Door("yard-gate")),
    people=(
        Person("Ada", frozenset({"staff", "lab"}), (has("badge", "A1"), has("pin", "1234"), has("card", "AC"))),
        Person("Grace", frozenset({"staff"}), (has("badge", "G1"), has("pin", "9999"), has("plate", "B-GH 1"))),
        Person("Off", frozenset({"staff"}), (has("badge", "O1", enabled=False, valid_until=AT),)),
        Person("Old", frozenset(), (has("badge", "E1", valid_until=AT), has("pin", "1234"))),
        Person("New", frozenset(), (has("badge", "N1", valid_from=AT + DAY), has("card", "N2", valid_from=AT))),
        Person("Twin", frozenset(), (has("badge", "X1"),)),
        Person("Other twin", frozenset(), (has("badge", "X1"),)),
    ),
)
DESK = AccessDesk(lambda: SITE, hashed)


def ask(*factors: tuple[str, str], door: str = "front") -> AccessRequest:
    return DESK(Presented("r1", AT, door, tuple(Factor(kind, value) for kind, value in factors), DEADLINE))


def test_a_badge_names_its_person() -> None:
    assert ask(("badge", "A1")) == AccessRequest(
        id="r1",
        at=AT,
        door="front",
        camera="porch",
        factors=frozenset({"badge"}),
        person="Ada",
        groups=frozenset({"staff", "lab"}),
        credential="valid",
        deadline=DEADLINE,
    )


def test_nobody_is_let_in_by_a_clock_that_cannot_be_right() -> None:
    """A machine whose clock has no battery starts in 1970, when nothing had expired yet."""
    in_1970 = datetime(1970, 1, 1, tzinfo=UTC)
    asked = DESK(Presented("r1", in_1970, "front", (Factor("badge", "A1"),), in_1970 + DAY))
    assert (asked.credential, asked.denials) == ("valid", (UNDATABLE,))
    assert UNDATABLE in [reason.sentence for reason in refusals_of(asked, Memory(RuleSettings()), SITE, in_1970)]


@pytest.mark.parametrize(
    ("factors", "person", "verified", "denials"),
    [
        ([], None, set(), ()),
        ([("badge", "A1"), ("pin", "1234")], "Ada", {"badge", "pin"}, ()),
        ([("pin", "1234"), ("badge", "A1"), ("card", "AC")], "Ada", {"badge", "card", "pin"}, ()),
        ([("plate", "B-GH 1")], "Grace", {"plate"}, ()),
        ([("badge", "A1"), ("pin", "9999")], "Ada", {"badge"}, ("invalid_pin",)),  # the pin is Grace's
        ([("badge", "A1"), ("pin", "0000")], "Ada", {"badge"}, ("invalid_pin",)),
        ([("badge", "A1"), ("badge", "G1")], None, set(), ("unauthorized",)),
        ([("badge", "A1"), ("plate", "B-GH 1")], None, set(), ("unauthorized",)),
        ([("badge", "A1"), ("card", "lost")], "Ada", {"badge"}, ("unauthorized",)),
        ([("card", "A1")], None, set(), ("unauthorized",)),  # a badge's number on a card is another thing
        ([("badge", "nobody")], None, set(), ("unauthorized",)),
        ([("badge", "X1")], None, set(), ("unauthorized",)),  # two people share it
        ([("pin", "9999")], None, set(), ("unauthorized",)),  # a pin alone names nobody
        ([("face", "Ada")], None, set(), ("unauthorized",)),
        ([("badge", "A1"), ("face", "Ada")], "Ada", {"badge"}, ("unauthorized",)),
        ([("badge", "O1")], "Off", set(), ("credential_not_enabled", "credential_expired")),
        ([("badge", "E1")], "Old", set(), ("credential_expired",)),
        ([("badge", "E1"), ("pin", "1234")], "Old", {"pin"}, ("credential_expired",)),
        ([("badge", "E1"), ("pin", "1")], "Old", set(), ("invalid_pin", "credential_expired")),
        ([("badge", "N1")], "New", set(), ("credential_not_active",)),
        ([("card", "N2")], "New", {"card"}, ()),
    ],
)
def test_what_was_presented_is_looked_up(
    factors: list[tuple[str, str]], person: str | None, verified: set[str], denials: tuple[str, ...]
) -> None:
    request = ask(*factors)
    status = denials[0] if denials else "valid" if person else "none"
    assert (request.person, set(request.factors), request.denials, request.credential) == (
        person,
        verified,
        denials,
        status,
    )
    assert request.groups == next((entry.groups for entry in SITE.people if entry.name == person), frozenset())


@given(
    st.lists(
        st.sampled_from(
            [
                (c.kind, v)
                for c, v in [
                    (has("badge", "A1"), "A1"),
                    (has("badge", "G1"), "G1"),
                    (has("pin", "1234"), "1234"),
                    (has("pin", "9"), "9"),
                    (has("card", "AC"), "AC"),
                    (has("badge", "O1"), "O1"),
                    (has("plate", "?"), "?"),
                ]
            ]
        ),
        max_size=5,
    )
)
def test_only_a_valid_credential_comes_with_all_its_factors(factors: list[tuple[str, str]]) -> None:
    request = ask(*factors)
    presented = {kind for kind, _ in factors}
    assert request.factors <= presented
    assert (request.credential == "valid") == (bool(presented) and request.factors == presented and not request.denials)
    assert request == ask(*reversed(factors))


def test_a_badge_and_its_pin_some_seconds_later_are_one_request_in_any_order() -> None:
    badge, pin, wrong = ("badge", "A1"), ("pin", "1234"), ("pin", "9999")
    for told, after_s, factors, credential in (
        ([badge, pin], 9, {"badge", "pin"}, "valid"),
        ([pin, badge], 9, {"badge", "pin"}, "valid"),
        ([badge, pin], 11, set(), "unauthorized"),  # too late: a PIN alone names nobody
        ([badge, wrong], 1, {"badge"}, "invalid_pin"),
        ([badge, wrong, pin], 1, set(), "unauthorized"),  # one PIN for each badge
        ([badge, ("badge", "G1"), pin], 1, {"badge"}, "invalid_pin"),  # the other's badge began anew
        ([wrong, badge], 1, {"badge"}, "valid"),  # somebody else's PIN before it
    ):
        desk = AccessDesk(lambda: SITE, hashed, collecting=Collecting(10))
        for number, factor in enumerate(told):
            at = AT + timedelta(seconds=number * after_s)
            request = desk(Presented("r", at, "front", (Factor(*factor),), at + DAY))
        assert (request.factors, request.credential) == (frozenset(factors), credential), told


def test_what_was_presented_is_used_by_a_grant_and_stays_at_its_door() -> None:
    collecting = Collecting(10)
    desk = AccessDesk(lambda: SITE, hashed, collecting=collecting)
    for door in ("front", "yard-gate"):
        desk(Presented("r", AT, "front", (Factor("badge", "A1"),), DEADLINE))
        if door == "front":
            collecting.close(door)
        request = desk(Presented("r", AT, door, (Factor("pin", "1234"),), DEADLINE))
        assert (request.person, request.credential) == (None, "unauthorized")


def test_an_unknown_door_is_named_with_the_nearest() -> None:
    with pytest.raises(NotFound, match=r"^no door is called 'fornt'; did you mean 'front'\?$"):
        ask(("badge", "A1"), door="fornt")
    with pytest.raises(NotFound, match="there are: front, yard-gate"):
        ask(door="???")


def test_no_secret_is_shown() -> None:
    factor = Factor("badge", "A1-secret")
    shown = f"{factor!r} {Presented('r', AT, 'front', (factor,), DEADLINE)!r} {ask(('badge', 'A1-secret'))!r}"
    assert "A1-secret" not in shown
    assert hashed("badge", "A1") not in repr(SITE)


def test_a_request_is_parsed() -> None:
    payload = {"request_id": "0f-1", "door": "front", "factors": [{"kind": "badge", "value": "A1"}]}
    assert parse_presented(payload, AT, DEADLINE) == Presented("0f-1", AT, "front", (Factor("badge", "A1"),), DEADLINE)
    assert parse_presented({**payload, "factors": []}, AT, DEADLINE).factors == ()


def body(**changes: object) -> dict[str, object]:
    return {"request_id": "r1", "door": "front", "factors": [], **changes}


def factor(kind: object = "badge", value: object = "A1", **more: object) -> dict[str, object]:
    return body(factors=[{"kind": kind, "value": value, **more}])


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (None, "the request must be a JSON object with request_id, door, factors"),
        ([], "the request must be a JSON object with request_id, door, factors"),
        ({"door": "front", "factors": []}, "the request lacks 'request_id'"),
        (body(dor="front"), "the request: no key is called 'dor'; did you mean 'door'?"),
        (body(request_id=7), "request_id must be a text that is not empty"),
        (body(request_id="x" * 129), "request_id has 129 characters; at most 128 are accepted"),
        (body(request_id="a b"), "request_id may hold only letters, digits and . _ : - (a UUID is a good choice)"),
        (body(door=""), "door must be a text that is not empty"),
        (body(door="fro\nnt"), "door holds a control character"),
        (body(factors={}), 'factors must be a list such as [{"kind": "badge", "value": "..."}]'),
        (body(factors=[{}] * 9), "factors holds 9 entries; at most 8 are accepted"),
        (body(factors=["A1"]), "factors[0] must be a JSON object with kind, value"),
        (factor("bagde"), "factors[0].kind: no kind of factor is called 'bagde'; did you mean 'badge'?"),
        (factor("face"), "factors[0].kind: a face is seen by the door's camera, a reader cannot present it"),
        (factor(value=1234), "factors[0].value must be a text that is not empty"),
        (factor(value="9" * 257), "factors[0].value has 257 characters; at most 256 are accepted"),
        (factor(note=1), "factors[0]: no key is called 'note'; there are: kind, value"),
    ],
)
def test_a_wrong_request_gets_one_clear_line(payload: object, line: str) -> None:
    with pytest.raises(UserMistake) as caught:
        parse_presented(payload, AT, DEADLINE)
    assert str(caught.value) == line
