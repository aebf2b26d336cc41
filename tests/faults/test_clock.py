"""The clock of the machine is set under a running site: nothing on record is lost, doors stay right, all goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from faulty_site import OVER, VALID, FaultySite, started
from patience import eventually
from shifted_clock import ShiftedClock, shifted_clock

pytestmark = pytest.mark.timeout(300)

HOUR_S = 3600
LONG_AGO_S = -1_780_000_000  # 1970, as a machine says whose clock has no battery


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShiftedClock]:
    with shifted_clock(tmp_path_factory.mktemp("clock")) as clock:
        yield clock


@pytest.fixture(scope="module")
def site(clock: ShiftedClock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultySite]:
    """Its events are read from the beginning of time on."""
    with started(tmp_path_factory.mktemp("jumps")) as site:
        site.began = datetime(1960, 1, 1, tzinfo=UTC)
        yield site


def opens(site: FaultySite) -> bool:
    """Both doors, that whose camera must be fresh too; and never to a badge that is over."""
    assert site.badge("back", OVER) != "authorize"
    return {site.badge(door, VALID) for door in ("back", "side")} == {"authorize"}


def is_told(site: FaultySite, words: str) -> bool:
    return any(words in reason for event in site.events("health.degraded") for reason in event["reasons"])


def test_it_is_set_ahead_by_an_hour_and_back(site: FaultySite, clock: ShiftedClock) -> None:
    assert eventually(lambda: opens(site), 60)
    site.remember()
    clock.set(HOUR_S)
    with site.recovering("the clock is set ahead by an hour"):
        assert eventually(lambda: is_told(site, "was set ahead by 1:00:00") and opens(site), 60)
    site.remember()
    clock.set(0)
    with site.recovering("the clock is set back by an hour"):
        assert eventually(lambda: is_told(site, "was set back by 1:00:00") and opens(site), 60)
    site.check()


def test_a_machine_starts_without_knowing_what_time_it_is(site: FaultySite, clock: ShiftedClock) -> None:
    """Whatever ends some day would be valid again in 1970."""
    assert eventually(lambda: opens(site), 60)
    clock.set(LONG_AGO_S)
    names = ["core", "recognizer", "web", *site.running.settings.engine.worker_names]
    site.kill("all start in 1970", names, lambda: is_told(site, "before this version was made") and site.serves())
    assert {site.badge(door, badge) for door in ("back", "side") for badge in (VALID, OVER)} == {"deny"}
    site.remember()
    clock.set(0)
    with site.recovering("the clock of 1970 is put right"):
        assert eventually(lambda: opens(site), 60)
    site.check()
