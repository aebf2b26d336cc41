"""The face models and persons of the test footage, for tests that recognize faces."""

from __future__ import annotations

from pathlib import Path

from surveillance.training.known_weights import find_by_file, pull

MODELS = ("yunet_n_640_640.onnx", "mobilefacenet.onnx")


def take_face_models(footage: Path, data_dir: Path) -> None:
    """Puts both into a data directory, as `models import` does."""
    for file in MODELS:
        known = find_by_file(footage / "models" / file)
        assert known is not None
        pull(known, data_dir / "models", None, footage / "models" / file)


def photos_of(footage: Path, person: int, numbers: range) -> list[Path]:
    return [footage / "faces" / "orl" / f"s{person}" / f"{number}.pgm" for number in numbers]
