"""The arming mode: a person's order first, then the schedules in order; the judge hears of it as of anything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from judging import NOON, SITE, after, book, decide, rule, sight, told

from surveillance.domain.errors import RecordFailed, RuleError
from surveillance.domain.site import Arming, ModeOrder, parse_schedule
from surveillance.domain.values import Input, ModeReport
from surveillance.jobs import arming as job
from surveillance.rules.arming import mode_at, next_mode
from surveillance.rules.judge import RuleJudge
from surveillance.rules.schedules import edges

ALL_DAY = parse_schedule("all-day", {"time_zone": "UTC", "weekly": {"fri": ["00:00-24:00"]}})
ARMED = replace(
    SITE,
    schedules=(*SITE.schedules, ALL_DAY),
    arming=Arming("disarmed", (("armed", "night"), ("away", "office-hours"), ("armed-by-day", "all-day"))),
)
MIDNIGHT = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # Friday's night window runs until 06:00


@pytest.mark.parametrize(
    ("at", "mode", "reason"),
    [
        (NOON, "away", "schedule office-hours is open"),
        (NOON + timedelta(hours=7), "armed-by-day", "schedule all-day is open"),
        (MIDNIGHT, "armed", "schedule night is open"),
        (MIDNIGHT + timedelta(hours=6), "disarmed", "no schedule of another mode is open"),
    ],
)
def test_the_first_open_schedule_decides_else_the_default(at: datetime, mode: str, reason: str) -> None:
    assert mode_at(at, ARMED, None, "armed") == ModeReport(at, mode, reason)


def test_an_order_comes_first_until_its_time_is_over() -> None:
    until = NOON + timedelta(hours=2)
    order = ModeOrder("disarmed", "ada", NOON, until)
    held = mode_at(NOON, ARMED, order, "armed")
    assert held == ModeReport(NOON, "disarmed", "set by hand until 2026-11-20T14:00:00.000Z", "ada")
    assert mode_at(until, ARMED, order, "armed").mode == "away"
    for_good = mode_at(until + timedelta(days=300), ARMED, replace(order, until=None), "armed")
    assert (for_good.mode, for_good.reason) == ("disarmed", "set by hand")


def test_a_site_without_arming_is_in_the_mode_of_the_settings() -> None:
    assert mode_at(NOON, SITE, None, "armed").mode == "armed"


@pytest.mark.parametrize(
    ("at", "order", "follows"),
    [
        (NOON, None, (6, "armed-by-day")),  # Friday 18:00: the office closes
        (NOON + timedelta(hours=7), None, (10, "armed")),
        (MIDNIGHT, None, (18, "disarmed")),
        (MIDNIGHT + timedelta(hours=7), None, (68, "away")),  # Monday 08:00
        (NOON, ModeOrder("disarmed", "ada", NOON, NOON + timedelta(hours=2)), (2, "away")),
        (NOON, ModeOrder("away", "ada", NOON, NOON + timedelta(hours=2)), (6, "armed-by-day")),
        (NOON, ModeOrder("disarmed", "ada", NOON), None),
    ],
)
def test_the_mode_that_follows(at: datetime, order: ModeOrder | None, follows: tuple[int, str] | None) -> None:
    report = next_mode(mode_at(at, ARMED, order, "armed"), ARMED, order, "armed")
    expected = None if follows is None else (NOON + timedelta(hours=follows[0]), follows[1])
    assert (None if report is None else (report.at, report.mode)) == expected


def test_an_edge_at_an_hour_that_the_clock_repeats_comes_twice() -> None:
    autumn = parse_schedule("autumn", {"time_zone": "Europe/Berlin", "weekly": {"sun": ["02:30-12:00"]}})
    night = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    found = sorted(set(edges(autumn, night, night + timedelta(hours=3))))
    assert found == [night + timedelta(minutes=30), night + timedelta(minutes=90)]


class Orders:
    """Orders as a database holds them, which may be away."""

    def __init__(self) -> None:
        self.order: ModeOrder | None = None
        self.away = False

    def __call__(self) -> ModeOrder | None:
        if self.away:
            raise RecordFailed("the database is away")
        return self.order


def test_the_job_tells_changes_and_repeats_itself_every_hour() -> None:
    now = [NOON]
    orders = Orders()
    heard: list[ModeReport] = []
    arming = job.Arming(lambda: ARMED, orders, heard.append, "armed", lambda: now[0])
    said = []
    for minutes in (0, 1, 59, 60, 61, 6 * 60, 12 * 60):
        now[0] = NOON + timedelta(minutes=minutes)
        said.append(arming().words)
    assert [(report.at - NOON, report.mode) for report in heard] == [
        (timedelta(minutes=0), "away"),
        (timedelta(minutes=60), "away"),
        (timedelta(hours=6), "armed-by-day"),
        (timedelta(hours=12), "armed"),
    ]
    assert said[-1] == "armed: schedule night is open"


def test_the_job_takes_an_order_back_when_its_time_is_over() -> None:
    now = [NOON]
    orders = Orders()
    heard: list[ModeReport] = []
    arming = job.Arming(lambda: ARMED, orders, heard.append, "armed", lambda: now[0])
    arming()
    orders.order = ModeOrder("disarmed", "ada", NOON, after(60))
    for second in (1, 59, 60, 61):
        now[0] = after(second)
        arming()
    assert [(report.at, report.mode) for report in heard] == [
        (NOON, "away"),
        (after(1), "disarmed"),
        (after(60), "away"),
    ]


def test_the_last_known_order_holds_while_the_database_is_away() -> None:
    orders = Orders()
    heard: list[ModeReport] = []
    orders.order = ModeOrder("disarmed", "ada", NOON)
    arming = job.Arming(lambda: ARMED, orders, heard.append, "armed", lambda: NOON)
    arming()
    orders.away = True
    assert arming().words == "disarmed: set by hand"
    assert [report.mode for report in heard] == ["disarmed"]


# --- in the judge --------------------------------------------------------------------------------------------------

WHEN_ARMED = rule("when-armed", "sighting", "alert", 'mode == "away" and label == "person"')


def test_rules_follow_the_mode_and_a_change_is_an_event() -> None:
    judge = RuleJudge(book(WHEN_ARMED, ARMED), ARMED)
    assert judge(ModeReport(NOON, "armed", "schedule night is open")) == (), "as it was"
    assert judge(sight(1)) == ()
    [changed] = judge(ModeReport(NOON, "away", "set by hand", "ada"))
    assert (changed.kind, changed.verdict, changed.at, changed.reasons) == (
        "configuration.mode_changed",
        None,
        NOON,
        ("away: set by hand",),
    )
    assert changed.details == {"mode": "away", "before": "armed", "actor": "ada"}
    [alert] = judge(sight(1))
    assert (alert.rule, alert.facts["mode"]) == ("when-armed", "away")


def test_replay_meets_each_observation_in_the_mode_of_its_time() -> None:
    story: list[Input] = [
        ModeReport(NOON, "disarmed", "x"),
        sight(1, track=1),
        ModeReport(after(5), "away", "x"),
        sight(6, track=2),
        ModeReport(after(9), "disarmed", "x"),
        sight(10, track=3),
    ]
    judged = [told(decide(RuleJudge(book(WHEN_ARMED, ARMED), ARMED), story)) for _ in range(2)]
    changed = ("configuration.mode_changed", None)
    assert judged == [[changed, changed, ("sighting.alerted", "when-armed"), changed]] * 2


def test_recalled_inputs_bring_the_mode_back() -> None:
    judge = RuleJudge(book(WHEN_ARMED, ARMED), ARMED)
    judge.recall([ModeReport(NOON - timedelta(hours=1), "away", "x")])
    assert judge(ModeReport(NOON, "away", "x")) == ()
    assert [decision.rule for decision in judge(sight(1))] == ["when-armed"]


def test_a_rule_names_a_mode_of_its_site() -> None:
    book(WHEN_ARMED, ARMED)
    with pytest.raises(RuleError, match="'awya'; did you mean 'away'"):
        book(WHEN_ARMED.replace("away", "awya"), ARMED)
    with pytest.raises(RuleError, match="no mode is called 'away'"):
        book(WHEN_ARMED, SITE)
