"""Crops through shared memory: read as they were filled, never mixed with a later filling."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from surveillance.domain.errors import Expired
from surveillance.engines.slots import SlotReader, SlotWriter

SLOT_BYTES = 3 * 8 * 8 * 3


def crops(*values: int) -> list[np.ndarray]:
    return [np.full((8, 8, 3), value, np.uint8) for value in values]


def test_what_is_filled_is_read_elsewhere_as_a_copy(tmp_path: Path) -> None:
    writer = SlotWriter(tmp_path / "slots", 2, SLOT_BYTES)
    reader = SlotReader(tmp_path / "slots", 2, SLOT_BYTES)
    place = writer.fill(crops(1, 2, 3))
    assert place is not None
    read = reader.read(place)
    writer.take_back(place)
    writer.fill(crops(9, 9, 9))
    assert [int(crop[4, 4, 0]) for crop in read] == [1, 2, 3]
    assert read.shape == (3, 8, 8, 3)


def test_a_slot_taken_back_and_filled_anew_has_expired_for_its_first_reader(tmp_path: Path) -> None:
    writer = SlotWriter(tmp_path / "slots", 1, SLOT_BYTES)
    reader = SlotReader(tmp_path / "slots", 1, SLOT_BYTES)
    first = writer.fill(crops(1))
    assert first is not None
    assert writer.fill(crops(2)) is None, "there is one slot"
    writer.take_back(first)
    second = writer.fill(crops(2))
    assert second is not None
    with pytest.raises(Expired):
        reader.read(first)
    writer.take_back(first)  # late: the slot is another's now
    assert writer.fill(crops(3)) is None
    assert int(reader.read(second)[0, 0, 0, 0]) == 2


def test_more_than_fits_is_refused(tmp_path: Path) -> None:
    writer = SlotWriter(tmp_path / "slots", 1, SLOT_BYTES)
    with pytest.raises(ValueError, match="4 crops of 8 px do not fit"):
        writer.fill(crops(1, 2, 3, 4))
    assert writer.free == 1


def test_without_memory_there_is_no_place_instead_of_a_death(tmp_path: Path) -> None:
    writer = SlotWriter(tmp_path / "slots", 2, SLOT_BYTES)
    first = writer.fill(crops(1))
    assert first is not None
    writer.take_back(first)
    os.dup2(os.open(tmp_path / "slots", os.O_RDONLY), writer._file)  # nothing more can be reserved
    assert writer.fill(crops(2, 2)) is None
    assert writer.free == 2, "no slot is lost by it"
    assert writer.fill(crops(3)) is not None, "what was reserved before goes on"


def test_the_file_is_private_and_goes_with_its_owner(tmp_path: Path) -> None:
    writer = SlotWriter(tmp_path / "slots", 1, SLOT_BYTES)
    assert (tmp_path / "slots").stat().st_mode & 0o777 == 0o600
    writer.close()
    assert not (tmp_path / "slots").exists()


def test_a_reader_killed_while_it_reads_costs_no_slot(tmp_path: Path) -> None:
    writer = SlotWriter(tmp_path / "slots", 1, SLOT_BYTES)
    place = writer.fill(crops(7))
    assert place is not None
    reads = (
        "import sys, time; from pathlib import Path; from surveillance.engines.slots import *;"
        f"r = SlotReader(Path(sys.argv[1]), 1, {SLOT_BYTES});"
        f"print(int(r.read(Place(0, {place.generation}, 1, 8))[0, 0, 0, 0]), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", reads, str(tmp_path / "slots")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"7\n"
        os.kill(process.pid, signal.SIGKILL)
    writer.take_back(place)
    again = writer.fill(crops(8))
    assert again is not None
    assert again.generation == place.generation + 1
