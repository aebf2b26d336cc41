"""The disk of a site is really full: nobody is let in, it is told once there is room, and nothing recorded is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_site import MINUTES, FaultySite, started
from patience import eventually
from small_disk import WHY_NONE, full, small_disk

pytestmark = pytest.mark.timeout(900)

LASTS_S = 60 * MINUTES or 3.0
SIZE_MB = 128


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("disk")
    with small_disk(folder, SIZE_MB) as is_mounted:
        if not is_mounted:
            pytest.skip(WHY_NONE)
        yield folder


@pytest.fixture(scope="module")
def site(disk: Path) -> Iterator[FaultySite]:
    with started(disk) as site:
        yield site


def test_a_full_disk_is_told_and_all_goes_on_when_there_is_room(disk: Path, site: FaultySite) -> None:
    assert eventually(lambda: site.badge() == "authorize", 60)
    site.remember()
    with full(disk):
        assert eventually(lambda: site.badge() != "authorize", 60)
        ends_s = time.monotonic() + LASTS_S
        while time.monotonic() < ends_s:
            assert site.badge() != "authorize"
            time.sleep(0.2)
    with site.recovering("the disk is full"):
        assert eventually(lambda: site.badge() == "authorize", 60 + LASTS_S)
    site.check()
    assert eventually(lambda: any("cannot be written" in reason for reason in told_of(site)), 20), told_of(site)


def told_of(site: FaultySite) -> list[str]:
    return [reason for event in site.events("health.degraded") for reason in event["reasons"]]
