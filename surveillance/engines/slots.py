"""Crops from one process to another through shared memory: one file, many slots, each with a generation.

The owner fills a slot and sends its place; a reader copies it out and knows by the generation whether it was still
that filling. So a slot can be taken back at any time, and nothing is lost for ever when a reader is killed.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from surveillance.domain.errors import Expired
from surveillance.domain.values import Bgr

HEADER = 64  # bytes before a slot's pixels, of which eight are its generation; a cache line


@dataclass(frozen=True, slots=True)
class Place:
    """Where crops lie: (count, side, side, 3) uint8 in that slot, as long as its generation is this one."""

    slot: int
    generation: int
    count: int
    side: int

    @property
    def size(self) -> int:
        return self.count * self.side * self.side * 3


class Slots:
    """A file of `count` slots of `slot_bytes` each; memory is used only for what was ever filled."""

    def __init__(self, file: int, count: int, slot_bytes: int) -> None:
        self.slot_bytes = slot_bytes
        self._memory = mmap.mmap(file, count * (HEADER + slot_bytes))
        self._bytes = np.frombuffer(self._memory, np.uint8).reshape(count, HEADER + slot_bytes)
        self._generations = self._bytes[:, :8].view(np.uint64)[:, 0]

    def close(self) -> None:
        """Gives the memory back. Nothing may use the slots any more."""
        del self._generations, self._bytes
        self._memory.close()


class SlotWriter(Slots):
    """The owner's side. Safe to share between threads."""

    def __init__(self, path: Path, count: int, slot_bytes: int) -> None:
        """Makes the file, private to this user."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.ftruncate(self._file, count * (HEADER + slot_bytes))
            super().__init__(self._file, count, slot_bytes)
        except OSError:
            os.close(self._file)
            raise
        self.path = path
        self._reserved = [0] * count  # bytes of each slot that surely have memory
        self._free = list(range(count - 1, -1, -1))  # the slot freed last is filled next: it is in the cache
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        return len(self._free)

    def fill(self, crops: Sequence[Bgr]) -> Place | None:
        """Copies square crops of one size into a free slot; None when there is none, or no memory for it.

        Raises ValueError for crops that no slot can hold.
        """
        side = crops[0].shape[0]
        if len(crops) * crops[0].size > self.slot_bytes:
            raise ValueError(f"{len(crops)} crops of {side} px do not fit in a slot of {self.slot_bytes} bytes")
        with self._lock:
            if not self._free:
                return None
            slot = self._free[-1]
            if not self._reserve(slot, HEADER + len(crops) * crops[0].size):
                return None
            self._free.pop()
            self._generations[slot] += 1  # before the pixels change: whoever still reads the last filling will know
            generation = int(self._generations[slot])
        place = Place(slot, generation, len(crops), side)
        target = self._bytes[slot, HEADER : HEADER + place.size].reshape(place.count, side, side, 3)
        for number, crop in enumerate(crops):
            target[number] = crop
        return place

    def _reserve(self, slot: int, size: int) -> bool:
        """Whether there is memory for so much of a slot; writing where there is none would kill this process."""
        if self._reserved[slot] < size:
            try:
                os.posix_fallocate(self._file, slot * (HEADER + self.slot_bytes), size)
            except OSError:
                return False
            self._reserved[slot] = size
        return True

    def take_back(self, place: Place) -> None:
        """The slot may be filled again, whether or not it was read."""
        with self._lock:
            if int(self._generations[place.slot]) == place.generation and place.slot not in self._free:
                self._free.append(place.slot)

    def close(self) -> None:
        super().close()
        os.close(self._file)
        self.path.unlink(missing_ok=True)


class SlotReader(Slots):
    """Another process's side."""

    def __init__(self, path: Path, count: int, slot_bytes: int) -> None:
        file = os.open(path, os.O_RDWR)
        try:
            super().__init__(file, count, slot_bytes)
        finally:
            os.close(file)

    def read(self, place: Place) -> Bgr:
        """A copy of the crops, (count, side, side, 3). Raises Expired when the slot was filled anew meanwhile."""
        if place.size > self.slot_bytes:
            raise Expired("the place is larger than a slot")
        pixels = self._bytes[place.slot, HEADER : HEADER + place.size].copy()
        if int(self._generations[place.slot]) != place.generation:
            raise Expired("the slot was taken back before it was read")
        return pixels.reshape(place.count, place.side, place.side, 3)
