"""A model in other formats: they answer as torch does, whoever runs them, or nothing is published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from models import made

from surveillance.domain.errors import ModelError
from surveillance.perception.backends.onnx_file import CORE
from surveillance.perception.cards import load_card
from surveillance.perception.registry import build_classifier, preprocess
from surveillance.perception.shelf import digest_of, pack, unpacked, write_model
from surveillance.training.exports import BOUND, cpu_name, parity, with_exports


def crops(count: int) -> list[np.ndarray]:
    draw = np.random.default_rng(4)
    return [draw.integers(0, 255, (40, 30, 3), dtype=np.uint8) for _ in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with both exports."""
    folder = tmp_path_factory.mktemp("models")
    card, files = with_exports(made("small", folder), folder, crops(20), ("onnx", "openvino"))
    write_model(card, files, folder)
    return folder


def test_the_card_lists_every_file_with_its_digest(folder: Path) -> None:
    card = load_card(folder / "small.yaml")
    assert {form: list(export["files"]) for form, export in card.exports.items()} == {
        "onnx": ["small.onnx"],
        "openvino": ["small.xml", "small.bin"],
    }
    assert {name: digest_of(folder / name) for name in card.files()} == card.files()
    for told in (*(export["parity"] for export in card.exports.values()), card.metrics["parity"]):
        assert (told["crops"], told["same_label"], told["bound"]) == (20, 20, BOUND)
        assert 0 <= told["largest"] <= BOUND
    speed = card.metrics["speed"]
    assert speed["crops_per_s"] > 0
    assert (speed["batch"], speed["threads"], speed["cpu"]) == (8, 1, cpu_name())


@pytest.mark.parametrize("count", [1, 3, 20])
def test_other_programs_get_the_same_answers(folder: Path, count: int) -> None:
    card = load_card(folder / "small.yaml")
    wanted = build_classifier(card, folder, "torch", "cpu").logits(crops(count))
    batch = preprocess(crops(count), card.input)
    session = onnxruntime.InferenceSession(str(folder / "small.onnx"), providers=["CPUExecutionProvider"])
    assert ([each.name for each in session.get_inputs()], [each.name for each in session.get_outputs()]) == (
        ["crops"],
        ["logits"],
    )
    [told] = session.run(None, {"crops": batch})
    np.testing.assert_allclose(told, wanted, atol=BOUND)
    network = CORE.compile_model(str(folder / "small.xml"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(network(batch)[0], wanted, atol=BOUND)


def test_exports_hold_numbers_only(folder: Path) -> None:
    model = onnx.load(folder / "small.onnx")
    onnx.checker.check_model(model)
    assert {node.domain for node in model.graph.node} == {""}
    assert str(folder) not in (folder / "small.xml").read_text() + str(model)


def test_a_bundle_carries_the_exports_too(folder: Path, tmp_path: Path) -> None:
    pack([load_card(folder / "small.yaml")], [folder], tmp_path / "models.zip")
    with unpacked(tmp_path / "models.zip", tmp_path / "in") as [model]:
        assert sorted(path.name for path in model.folder.iterdir()) == [
            "small.bin", "small.onnx", "small.safetensors", "small.xml",
        ]  # fmt: skip


def test_answers_that_differ_are_refused() -> None:
    wanted = np.array([[2.0, 0.0], [0.0, 1.0], [0.5, 0.502]], np.float32)
    assert parity(wanted[:, ::1].copy(), wanted, "small", "onnx") == {
        "crops": 3, "largest": 0.0, "bound": 0.01, "same_label": 3,
    }  # fmt: skip
    near = wanted + np.array([[0.004, 0.0], [0.0, 0.0], [0.004, 0.0]], np.float32)
    assert parity(near, wanted, "small", "onnx")["same_label"] == 2  # torch's own two best are as close as that
    for wrong in (wanted + 0.02, np.full_like(wanted, np.nan)):
        with pytest.raises(ModelError, match="small answers otherwise in onnx than in torch: a logit"):
            parity(wrong, wanted, "small", "onnx")


def test_weights_that_are_no_numbers_are_not_exported(tmp_path: Path) -> None:
    card = made("small", tmp_path, change=lambda tensors: {key: value * np.nan for key, value in tensors.items()})
    with pytest.raises(ModelError, match="holds what is no number; put the weights back"):
        with_exports(card, tmp_path, crops(2))
