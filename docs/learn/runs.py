"""The trainings that the guide tells of: each by one command, done once and kept in its folder."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FEW, FEW_LEARNED = 2500, 500  # pictures of the small set, and those of them that are learned from
PICTURES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
HEADERS = {PICTURES: 16, LABELS: 8}  # bytes of an IDX file before its values
SEED = 0

_BY_HEART = (
    *("--recipe", "scratch", "--set", "dropout=0", "--label-smoothing", "0", "--weight-decay", "0", "--batch", "32"),
    *("--validation", str(1 - FEW_LEARNED / FEW), "--epochs", "30", "--patience", "0"),
)
_QUARTER = ("--architecture", "mobilenet_v1_025")


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie: Fashion-MNIST, the runs, and for what transfer tells the photographs and the checkpoint."""

    data: Path
    runs: Path
    transfer: Path | None = None
    checkpoint: Path | None = None
    photographs: Mapping[str, str] = field(
        default_factory=lambda: {"animals": "animals3/train", "insects": "hymenoptera/train"}
    )

    def model(self, name: str) -> Path:
        """The card of a published run."""
        return self.runs / "models" / f"{name}.yaml"


def say(*words: str | Path) -> str:
    """What `surveillance ...` prints; its progress goes to the terminal."""
    command = [sys.executable, "-m", "surveillance.cli", *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def train_all(places: Places) -> None:
    """Every run that is not there yet, and the card of the first."""
    write_few(places)
    few, shuffled = places.runs / "few", places.runs / "few-shuffled"
    _train(places, "fashion-simple", "--recipe", "scratch", "--data", places.data)
    _train(places, "few-bare", *_BY_HEART, "--augment", "none", "--data", few)
    _train(places, "few-moved", *_BY_HEART, "--augment", "shift", "--data", few)
    _train(places, "few-by-heart", *_BY_HEART, "--augment", "none", "--data", shuffled)
    _train_compact(places)
    _train_transfer(places)
    if not places.model("fashion-simple").is_file():
        say("publish", places.runs / "fashion-simple", "fashion-simple", "--out", places.runs / "models")


def _train_compact(places: Places) -> None:
    shape = ("stem=24", "stem_stride=1", "widths=[24,48,96]", "depths=[1,1,1]", "attend_from=1")
    settings = [word for each in shape for word in ("--set", each)]
    _train(
        places, "fashion-compact", "--recipe", "scratch", "--architecture", "compact_cnn", *settings, "--epochs", "30",
        "--data", places.data,
    )  # fmt: skip


def _train_transfer(places: Places) -> None:
    if places.transfer is None or places.checkpoint is None:
        return
    for name, below in places.photographs.items():
        data = ("--size", "256", "--data", places.transfer / below)
        start = ("--weights", places.checkpoint)
        _train(places, f"{name}-transfer", "--recipe", "transfer", *_QUARTER, *start, *data)
        _train(places, f"{name}-finetune", "--recipe", "finetune", *_QUARTER, *start, *data)


def _train(places: Places, name: str, *words: str | Path) -> None:
    if not (places.runs / name / "best.safetensors").is_file():
        say("train", *words, "--threads", "1", "--out", places.runs / name)


def write_few(places: Places) -> None:
    """The first pictures of Fashion-MNIST by themselves, and the same with their labels shuffled."""
    pictures, labels = (read_idx(places.data, name) for name in (PICTURES, LABELS))
    side = pictures.size // len(labels)
    shuffled = np.random.default_rng(SEED).permutation(labels[:FEW])
    for name, answers in (("few", labels[:FEW]), ("few-shuffled", shuffled)):
        folder = places.runs / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PICTURES).write_bytes(_header(3, FEW, 28, 28) + pictures[: FEW * side].tobytes())
        (folder / LABELS).write_bytes(_header(1, FEW) + answers.tobytes())


def read_idx(folder: Path, name: str) -> NDArray[np.uint8]:
    """The values of an IDX file, plain or packed, in one row."""
    plain, packed = folder / name, folder / f"{name}.gz"
    data = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
    return np.frombuffer(data, np.uint8, offset=HEADERS[name])


def _header(dimensions: int, *sizes: int) -> bytes:
    return bytes((0, 0, 8, dimensions)) + b"".join(size.to_bytes(4, "big") for size in sizes)
