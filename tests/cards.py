"""The model that ships, whatever the data directory of whoever runs the tests holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import yaml

from surveillance.domain.faces import FaceFigures
from surveillance.perception.cards import FACE_EMBEDDING, Input, ModelCard, find_card
from surveillance.places import shipped


def embedded_card() -> ModelCard:
    return find_card("embedded", [shipped("config") / "models"])


def face_card(folder: Path) -> None:
    """The card of a face embedding that was measured; there is no network with it."""
    figures = FaceFigures(0.4, 0.001, 0.5, 0.0003, 10_000, "drawn")
    card = ModelCard(
        name="drawn", version="1", architecture="", parameters={}, labels=(), input=Input(112), temperature=1.0,
        reject_below=0.0, weights_file="drawn.onnx", weights_sha256="ab" * 32, licence="none", kind=FACE_EMBEDDING,
        decoder="embedding", metrics={"faces": asdict(figures)},
    )  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "drawn.yaml").write_text(yaml.safe_dump(card.as_yaml()))
