"""Which decision asks for which deeds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from surveillance.actions.intend import Intend, grant_deadline
from surveillance.actions.settings import ActionSettings
from surveillance.domain.site import Door, NotifyTarget, Site
from surveillance.domain.values import Decision, Event, rfc3339

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SITE = Site(
    doors=(Door("front", relay="http://127.0.0.1:1/doors/front", pulse_s=4.0), Door("shed")),
    notify=(NotifyTarget("ops", "log"), NotifyTarget("night", "log")),
)
INTEND = Intend(lambda: SITE, ActionSettings(grant_ttl_s=2.0, notify_ttl_s=60.0), lambda: AT)
GRANTED = Decision(
    id="d1",
    at=AT,
    media_s=None,
    trigger="access",
    kind="access.granted",
    verdict="authorize",
    rule="staff",
    rulebook_version=1,
    reasons=(),
    judged=(),
    facts={},
    subject="r1",
    door="front",
)
ALERTED = replace(GRANTED, kind="sighting.alerted", verdict="alert", door=None, camera="yard", notify=("ops",))
STRANGER = replace(ALERTED, kind="presence.denied", verdict="deny", rule=None, notify=())


def test_a_grant_pulses_its_door_once_with_a_deadline_and_the_decision_as_key() -> None:
    (action,) = INTEND(GRANTED)
    assert (action.kind, action.target, action.event, action.key) == ("door.open", "front", "d1", "d1")
    assert (action.deadline, action.payload, action.state) == (AT + timedelta(seconds=2), {"pulse_s": 4.0}, "pending")
    assert INTEND(GRANTED) == (action,)
    assert (UUID(action.id).version, UUID(action.id).variant) == (7, RFC_4122)
    (later,) = INTEND(replace(GRANTED, id="d0", at=AT + timedelta(milliseconds=1)))
    assert later.id > action.id


def test_a_grant_ends_with_its_request() -> None:
    request_ends = AT + timedelta(seconds=1)
    assert grant_deadline(replace(GRANTED, details={"deadline": rfc3339(request_ends)}), 2.0) == request_ends
    assert grant_deadline(replace(GRANTED, details={"deadline": rfc3339(AT + timedelta(seconds=9))}), 2.0) == (
        AT + timedelta(seconds=2)
    )


def test_what_opens_nothing() -> None:
    silent = (
        replace(GRANTED, shadow=True),
        replace(GRANTED, kind="access.denied", verdict="deny"),
        replace(GRANTED, verdict="deny"),
        replace(GRANTED, kind="presence.authorized"),
        replace(GRANTED, door="shed"),
        replace(GRANTED, door="gone"),
        replace(GRANTED, door=None),
    )
    assert [INTEND(decision) for decision in silent] == [()] * len(silent)


def test_a_rule_tells_its_targets_once_each_with_the_event() -> None:
    decision = replace(ALERTED, notify=("ops", "night", "ops"))
    actions = INTEND(decision)
    assert [(action.kind, action.target, action.deadline) for action in actions] == [
        ("notify", "ops", AT + timedelta(seconds=60)),
        ("notify", "night", AT + timedelta(seconds=60)),
    ]
    assert all(action.payload == Event(0, decision).as_json() for action in actions)
    assert len({action.key for action in actions}) == 2


def test_a_stranger_in_a_restricted_zone_is_told_to_everybody() -> None:
    assert [action.target for action in INTEND(STRANGER)] == ["ops", "night"]
    assert [action.target for action in INTEND(replace(STRANGER, notify=("night",)))] == ["night"]
    assert INTEND(replace(STRANGER, rule="no-cats")) == ()
    assert INTEND(replace(STRANGER, shadow=True)) == ()
    assert INTEND(replace(ALERTED, notify=())) == ()


def test_an_alert_that_comes_on_record_late_is_still_told_and_a_grant_is_not() -> None:
    recorded_at = AT + timedelta(days=2)
    late = Intend(lambda: SITE, ActionSettings(grant_ttl_s=2.0, notify_ttl_s=60.0), lambda: recorded_at)
    (in_time,), (action,) = INTEND(ALERTED), late(ALERTED)
    assert (action.id, action.deadline) == (in_time.id, recorded_at + timedelta(seconds=60))
    assert action.payload == {**in_time.payload, "late_s": 2 * 24 * 3600}
    (pulse,) = late(GRANTED)
    assert pulse.deadline == AT + timedelta(seconds=2)
