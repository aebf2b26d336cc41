"""Doors at most once, notifications at least once: against a real listener, with an outbox that keeps every mark."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from listener import DROP, HANG, listening
from ports import free_port

from surveillance.actions.dispatch import OutboxDispatch
from surveillance.actions.outcomes import Outcomes
from surveillance.actions.relays import HttpRelay
from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import ActionFailed, NotFound, RecordFailed
from surveillance.domain.ports import Deed
from surveillance.domain.site import Door, Site
from surveillance.domain.values import Action

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=5)
SETTINGS = ActionSettings(
    relay_connect_timeout_s=5.0, relay_timeout_s=10.0, retry_first_s=4.0, retry_max_s=10.0, waiting_per_target=2
)
IMPATIENT = ActionSettings(relay_timeout_s=0.3)
OPEN = Action("a1", "e1", "door.open", "front", AT + timedelta(seconds=2), key="e1")
TELL = Action("a2", "e1", "notify", "ops", AT + timedelta(hours=1), key="k2")


class KeptOutbox:
    """What the outbox table does, in memory: it survives a dispatcher, and can be told to fail."""

    def __init__(self, *actions: Action) -> None:
        self.actions = {action.id: action for action in actions}
        self.marks: list[tuple[str, str]] = []
        self.broken = False
        self.unreadable: Exception | None = None

    def due(self, now: datetime) -> Sequence[Action]:
        if self.unreadable is not None:
            raise self.unreadable
        return [action for action in self.actions.values() if action.state in ("pending", "attempting")]

    def mark(self, action: Action) -> None:
        if self.broken:
            raise RecordFailed("the disk is full")
        self.actions[action.id] = action
        self.marks.append((action.id, action.state))


class Told:
    """A deed that keeps what it was asked, and fails as long as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked: list[Action] = []

    def __call__(self, action: Action) -> None:
        self.asked.append(action)
        if self.failures:
            raise self.failures.pop(0)


def dispatching(
    outbox: KeptOutbox,
    door: Deed,
    notifier: Callable[[str], Deed] = lambda name: Told(),
    is_allowed: Callable[[Action], bool] = lambda action: True,
    is_committed: Callable[[str], bool] = lambda event: True,
) -> OutboxDispatch:
    return OutboxDispatch(outbox, door, notifier, SETTINGS, is_allowed, is_committed, jitter=lambda: 1.0)


def relay_to(url: str, settings: ActionSettings = SETTINGS) -> HttpRelay:
    site = Site(doors=(Door("front", relay=url), Door("back", relay=url)))
    return HttpRelay(lambda: site, lambda door: "token", settings)


def stuck_until(released: threading.Event) -> Deed:
    def wait(action: Action) -> None:
        released.wait(60)

    return wait


def states(actions: Sequence[Action]) -> list[tuple[str, str]]:
    return [(action.id, action.state) for action in actions]


def test_a_door_is_marked_before_it_is_pulsed_and_then_done() -> None:
    outbox = KeptOutbox(OPEN)
    with listening(200) as controller:
        dispatch = dispatching(outbox, relay_to(controller.url))
        assert dispatch(AT) == ()
        assert outbox.marks[0] == ("a1", "attempting")
        assert states(dispatch.drain(AT, 60)) == [("a1", "done")]
        assert dispatch(AT) == ()
        assert len(controller.received) == 1
    assert outbox.marks == [("a1", "attempting"), ("a1", "done")]
    assert outbox.actions["a1"].attempts == 1


def test_a_door_waits_until_its_grant_is_known_to_be_committed_and_else_stays_shut() -> None:
    """Where the line to the database broke as it committed, the reader was denied though a grant may be on record."""
    committed: set[str] = set()
    for is_told in (True, False):
        outbox, door = KeptOutbox(OPEN), Told()
        dispatch = dispatching(outbox, door, is_committed=lambda event: event in committed)
        assert dispatch(AT) == ()
        assert (outbox.marks, door.asked) == ([], [])
        if is_told:
            committed.add(OPEN.event)
            dispatch(AT)
            assert states(dispatch.drain(AT, 60)) == [("a1", "done")]
            committed.clear()
        else:
            assert states(dispatch(OPEN.deadline)) == [("a1", "expired")]
            assert door.asked == []


@pytest.mark.parametrize(("answer", "state"), [(409, "failed"), (307, "failed"), (HANG, "unknown"), (DROP, "unknown")])
def test_a_door_is_never_asked_twice(answer: int, state: str) -> None:
    outbox = KeptOutbox(OPEN)
    with listening(answer) as controller:
        dispatch = dispatching(outbox, relay_to(controller.url, IMPATIENT if answer == HANG else SETTINGS))
        dispatch(AT)
        assert states(dispatch.drain(AT, 15)) == [("a1", state)]
        assert (dispatch(AT), dispatch(LATER)) == ((), ())
        assert controller.arrived.wait(60)
        assert len(controller.received) == 1


def test_a_door_that_cannot_be_reached_has_failed_for_certain() -> None:
    dispatch = dispatching(KeptOutbox(OPEN), relay_to(f"http://127.0.0.1:{free_port()}"))
    dispatch(AT)
    (ended,) = dispatch.drain(AT, 60)
    assert (ended.state, "cannot connect" in ended.reason) == ("failed", True)


def test_a_crash_after_the_mark_never_opens_the_door() -> None:
    outbox = KeptOutbox(OPEN)
    hung = threading.Event()
    before = dispatching(outbox, stuck_until(hung))
    before(AT)
    assert states(list(outbox.actions.values())) == [("a1", "attempting")]

    door = Told()
    (ended,) = dispatching(outbox, door)(AT)
    assert (ended.state, ended.reason) == ("unknown", "found half done after a restart; it is not tried again")
    assert dispatching(outbox, door)(AT) == ()
    assert door.asked == []
    hung.set()


def test_a_grant_that_is_too_old_is_never_sent() -> None:
    door = Told()
    outbox = KeptOutbox(OPEN)
    assert states(dispatching(outbox, door)(OPEN.deadline)) == [("a1", "expired")]
    assert (door.asked, outbox.marks) == ([], [("a1", "expired")])


def test_a_grant_that_waited_behind_a_slow_controller_expires_unsent() -> None:
    soon = AT + timedelta(milliseconds=200)
    outbox = KeptOutbox(OPEN, replace(OPEN, id="b1", key="e2", deadline=soon))
    with listening(HANG, 200) as controller:
        dispatch = dispatching(outbox, relay_to(controller.url, IMPATIENT))
        dispatch(AT)
        assert states(dispatch.drain(AT, 15)) == [("a1", "unknown"), ("b1", "expired")]
        assert controller.arrived.wait(60)
        assert len(controller.received) == 1


def test_nothing_is_done_that_could_not_be_marked() -> None:
    door, outbox = Told(), KeptOutbox(OPEN)
    outbox.broken = True
    dispatch = dispatching(outbox, door)
    assert (dispatch(AT), dispatch.drain(AT, 1), door.asked) == ((), (), [])
    outbox.broken = False
    assert states(dispatch(LATER)) == [("a1", "expired")]


def test_an_outbox_that_is_away_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    outbox = KeptOutbox(OPEN)
    outbox.broken = True
    dispatch = dispatching(outbox, Told())
    for seconds in (0, 0.05, 1, 59, 60, 61):
        dispatch(AT + timedelta(seconds=seconds))
    assert caplog.messages == ["outbox is away"] * 2


def test_a_result_that_cannot_be_marked_is_kept_and_never_done_again() -> None:
    door, outbox = Told(), KeptOutbox(OPEN)
    dispatch = dispatching(outbox, door)
    dispatch(AT)
    outbox.broken = True
    assert (dispatch.drain(AT, 0.3), dispatch(AT)) == ((), ())
    outbox.broken = False
    assert states([*dispatch(AT), *dispatch.drain(AT, 60)]) == [("a1", "done")]
    assert len(door.asked) == 1


def test_a_door_that_is_locked_down_stays_shut() -> None:
    door = Told()
    (ended,) = dispatching(KeptOutbox(OPEN), door, is_allowed=lambda action: action.target != "front")(AT)
    assert (ended.state, ended.reason, door.asked) == ("failed", "the door is in a mode that no grant opens", [])


def test_a_notification_is_tried_with_its_key_until_it_arrives() -> None:
    ops = Told(ActionFailed("answered 503"), ValueError("a bug"))
    outbox = KeptOutbox(TELL)
    dispatch = dispatching(outbox, Told(), lambda name: ops)
    dispatch(AT)
    (first,) = dispatch.drain(AT, 60)
    assert (first.state, first.attempts, first.reason) == ("pending", 1, "answered 503")
    dispatch(AT + timedelta(seconds=3.9))  # waits 4 s, then 8 s, then 10 s at most
    assert len(ops.asked) == 1
    dispatch(AT + timedelta(seconds=4))
    (second,) = dispatch.drain(AT + timedelta(seconds=4), 60)
    assert (second.state, second.attempts, second.reason) == ("pending", 2, "ValueError in its driver")
    dispatch(AT + timedelta(seconds=12))
    assert states(dispatch.drain(AT, 60)) == [("a2", "done")]
    assert [action.key for action in ops.asked] == ["k2"] * 3


def test_a_notification_ends_with_its_deadline() -> None:
    dispatch = dispatching(KeptOutbox(TELL), Told(), lambda name: Told(ActionFailed("answered 503")))
    dispatch(AT)
    dispatch.drain(AT, 60)
    (ended,) = dispatch(TELL.deadline)
    assert (ended.state, ended.reason) == ("expired", "not done before its deadline, after 1 attempts")


def test_a_notification_that_was_under_way_at_a_crash_is_sent_again() -> None:
    ops = Told()
    dispatch = dispatching(KeptOutbox(TELL.moved_to("attempting")), Told(), lambda name: ops)
    dispatch(AT)
    assert states(dispatch.drain(AT, 60)) == [("a2", "done")]
    assert [action.key for action in ops.asked] == ["k2"]


def test_a_slow_target_holds_up_neither_doors_nor_other_targets() -> None:
    stuck = threading.Event()
    door, ops = Told(), Told()

    def notifier(name: str) -> Deed:
        return stuck_until(stuck) if name == "slow" else ops

    slow = [replace(TELL, id=f"s{number}", target="slow") for number in range(5)]
    outbox = KeptOutbox(*slow, TELL, OPEN)
    dispatch = dispatching(outbox, door, notifier)
    dispatch(AT)
    ended: list[Action] = []
    while len(ended) < 2:
        ended += dispatch.drain(AT, 0.05)
    assert sorted(states(ended)) == [("a1", "done"), ("a2", "done")]
    stuck.set()
    assert len(dispatch.drain(AT, 60)) <= 3  # one under way and two waiting: the rest stays in the outbox
    dispatch(AT)
    dispatch.drain(AT, 60)
    dispatch(AT)
    dispatch.drain(AT, 60)
    assert {action.state for action in outbox.actions.values()} == {"done"}


def test_a_target_that_is_gone_and_a_kind_that_nobody_knows_are_told() -> None:
    def missing(name: str) -> Deed:
        raise NotFound(f"no notify target is called {name!r}")

    outbox = KeptOutbox(TELL, replace(OPEN, kind="sing"))
    dispatch = dispatching(outbox, Told(), missing)
    told = [*dispatch(AT), *dispatch.drain(AT, 60)]
    assert [(action.state, action.reason) for action in told] == [
        ("failed", "nothing knows how to do 'sing'"),
        ("pending", "no notify target is called 'ops'"),
    ]


def test_a_closed_dispatcher_begins_nothing_that_waits() -> None:
    stuck = threading.Event()
    asked: list[str] = []

    def door(action: Action) -> None:
        asked.append(action.id)
        stuck.wait(60)

    outbox = KeptOutbox(OPEN, replace(OPEN, id="b1", key="e2"))
    dispatch = dispatching(outbox, door)
    dispatch(AT)
    dispatch.close()
    stuck.set()
    dispatch.drain(AT, 0.3)
    assert asked in (["a1"], [])
    outbox.actions["c1"] = replace(OPEN, id="c1", key="e3")
    dispatch(AT)
    assert outbox.actions["c1"].state == "pending"


def test_what_became_of_doors_and_targets_is_told_in_moderation() -> None:
    tell = Outcomes()
    failing = replace(TELL, attempts=3, reason="answered 503")
    story = [
        (OPEN.moved_to("done"), AT),
        (replace(OPEN, state="unknown", reason="no answer"), AT),
        (replace(TELL, attempts=2), AT),
        (failing, AT),
        (failing, LATER),
        (failing, AT + timedelta(hours=1)),
        (TELL.moved_to("done"), AT),
        (TELL.moved_to("done"), AT),
    ]
    told = [(decision.kind, decision.door, decision.reasons) for action, at in story for decision in tell([action], at)]
    assert told == [
        ("door.open_unknown", "front", ("door.open front: no answer",)),
        ("health.degraded", None, ("notify ops: answered 503",)),
        ("health.degraded", None, ("notify ops: answered 503",)),
        ("health.restored", None, ("notify ops: works again",)),
    ]


@pytest.mark.parametrize("fault", [RecordFailed("the database is away"), OSError("the disk is gone")])
def test_what_ended_is_told_although_the_outbox_cannot_be_read(fault: Exception) -> None:
    outbox = KeptOutbox(OPEN)
    dispatch = dispatching(outbox, Told())
    dispatch(AT)
    outbox.unreadable = fault
    told: list[Action] = []
    ends_s = time.monotonic() + 60
    while outbox.marks[-1] != ("a1", "done") and time.monotonic() < ends_s:
        with suppress(OSError):
            told += dispatch(AT)
    outbox.unreadable = None
    told += dispatch(AT)
    dispatch.close()
    assert states(told) == [("a1", "done")]


def test_a_dispatcher_that_nobody_has_any_more_goes_and_ends_its_threads() -> None:
    """A lane that waits for its next job once kept the last one, and with it the whole site and its database."""
    outbox = KeptOutbox(replace(OPEN, target="forgotten"))
    dispatch = dispatching(outbox, Told())
    dispatch(AT)
    assert states(dispatch.drain(AT, 60)) == [("a1", "done")]
    [lane] = [thread for thread in threading.enumerate() if thread.name == "door forgotten"]
    gone = weakref.ref(dispatch)
    del dispatch
    gc.collect()
    lane.join(60)
    assert gone() is None
    assert not lane.is_alive()
