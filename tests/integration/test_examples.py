"""The examples that ship: they load, answer by name, and are offered to no camera."""

from __future__ import annotations

from pathlib import Path

import pytest

from surveillance.app.promotion import promote
from surveillance.app.shelf import list_models
from surveillance.app.training import evaluate
from surveillance.domain.errors import NotFound
from surveillance.settings import Settings

TREES = {"animals": "transfer/animals3/train", "insects": "transfer/hymenoptera/train"}
CLOTHES = ("fashion-simple", "fashion-compact")


def test_examples_are_listed_and_given_to_no_camera(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    found = {shelved.card.name: shelved for shelved in list_models(settings)}
    assert {name for name, shelved in found.items() if shelved.origin == "example"} == {*TREES, *CLOTHES}
    assert all(shelved.size_bytes for shelved in found.values())
    with pytest.raises(NotFound, match="no model is called 'animals'"):
        promote(settings, "animals", ("yard",))


@pytest.mark.parametrize("name", TREES)
def test_photographs_are_known_again(name: str, footage: Path, tmp_path: Path) -> None:
    """Most of them were learned from: this holds the weights, the card and the preparation together."""
    figures, _ = evaluate(Settings(data_dir=tmp_path), name, footage / TREES[name], "cpu")
    assert figures["accuracy"] > 0.93


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOTHES)
def test_class_numbers_are_the_labels_of_clothes(name: str, footage: Path, tmp_path: Path) -> None:
    figures, _ = evaluate(Settings(data_dir=tmp_path), name, footage / "fashion-mnist", "cpu")
    assert figures["count"] == 60_000
    assert figures["accuracy"] > 0.93
