"""The disk of a site is really full: nobody is let in, it is told once there is room, and nothing recorded is lost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from faulty_site import MINUTES, FaultySite, started
from patience import eventually

pytestmark = pytest.mark.timeout(900)

LASTS_S = 60 * MINUTES or 3.0
SIZE_MB = 128


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk in memory, mounted."""
    folder = tmp_path_factory.mktemp("disk")
    options = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(options, capture_output=True).returncode:
        pytest.skip("only root may mount a disk, and not in every container")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def site(disk: Path) -> Iterator[FaultySite]:
    with started(disk) as site:
        yield site


@contextmanager
def full(disk: Path) -> Iterator[None]:
    ballast = disk / "ballast"
    try:
        with ballast.open("ab", buffering=0) as file:
            for size in (2**20, 4096, 1):
                with suppress(OSError):  # no space left on device
                    while True:
                        file.write(bytes(size))
        yield
    finally:
        ballast.unlink()


def test_a_full_disk_is_told_and_all_goes_on_when_there_is_room(disk: Path, site: FaultySite) -> None:
    assert eventually(lambda: site.badge() == "authorize", 60)
    site.remember()
    with full(disk):
        assert eventually(lambda: site.badge() != "authorize", 30)
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
