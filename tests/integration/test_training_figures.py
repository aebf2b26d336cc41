"""Figures of a model: each number worked out by hand, and the page that tells them."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from cards import embedded_card

from surveillance.domain.errors import ModelError, NotFound
from surveillance.perception.cards import Input, ModelCard
from surveillance.training import plots
from surveillance.training.datasets import Sample
from surveillance.training.evaluate import Evaluation, calibration_error, evaluate_samples, measure
from surveillance.training.report import Mistake, worst_mistakes, write_report
from surveillance.training.runs import open_model

CARD = ModelCard(
    name="two",
    version="1",
    architecture="compact_cnn",
    parameters={},
    labels=("cat", "dog"),
    input=Input(size=8),
    temperature=1.0,
    reject_below=0.5,
    weights_file="two.safetensors",
    weights_sha256="",
    licence="MIT",
)


def _sample(label: str, source: str) -> Sample:
    return Sample(Path(f"{source}_1.jpg"), label, source, f"{label}/{source}_1.jpg")


def test_figures_by_hand() -> None:
    samples = [_sample("cat", "a"), _sample("cat", "a"), _sample("cat", "b"), _sample("dog", "b")]
    logits = np.array([[9, 0], [9, 0], [0, 9], [0, 9]], np.float32)
    figures = measure(samples, logits, CARD)
    assert (figures.pop("ece"), figures.pop("ece_raw")) == pytest.approx((0.25, 0.25), abs=1e-3)
    assert figures == {
        "accuracy": 0.75,
        "macro_f1": 0.7333,
        "count": 4,
        "per_class": {
            "cat": {"precision": 1.0, "recall": 0.6667, "f1": 0.8, "support": 3},
            "dog": {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "support": 1},
        },
        "per_source": {
            "a": {"accuracy": 1.0, "count": 2, "recall": {"cat": 1.0}},
            "b": {"accuracy": 0.5, "count": 2, "recall": {"cat": 0.0, "dog": 1.0}},
        },
        "confusion": {"cat": {"cat": 2, "dog": 1}, "dog": {"cat": 0, "dog": 1}},
    }


def test_class_without_crops_spoils_no_mean() -> None:
    figures = measure([_sample("cat", "a")], np.array([[1, 0]], np.float32), CARD)
    assert figures["macro_f1"] == 1.0
    assert figures["per_class"]["dog"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}


def test_calibration_error_is_the_gap_between_said_and_true() -> None:
    said = np.full(10, 0.9)
    assert calibration_error(said, np.arange(10) < 9) == pytest.approx(0.0)
    assert calibration_error(said, np.arange(10) < 4) == pytest.approx(0.5)


def _evaluation(folder: Path, card: ModelCard = CARD) -> Evaluation:
    """Four pictures, of which the second is called wrong surely and the third by a hair."""
    samples = []
    for index, label in enumerate(("cat", "cat", "dog", "dog")):
        path = folder / f"cam_{index}.png"
        cv2.imwrite(str(path), np.full((12, 20, 3), 40 * index, np.uint8))
        samples.append(Sample(path, label, "cam", f"{label}/{path.name}"))
    logits = np.array([[4, 0], [0, 5], [0.1, 0], [0, 2]], np.float32)
    return Evaluation(card, tuple(samples), logits, measure(samples, logits, card))


def test_worst_mistakes_are_the_surest_wrong_answers(tmp_path: Path) -> None:
    evaluation = _evaluation(tmp_path)
    surely, barely = evaluation.samples[1], evaluation.samples[2]
    assert worst_mistakes(evaluation) == (
        Mistake(surely, "dog", pytest.approx(0.9933, abs=1e-4), pytest.approx(0.0067, abs=1e-4)),
        Mistake(barely, "cat", pytest.approx(0.5250, abs=1e-4), pytest.approx(0.4750, abs=1e-4)),
    )
    assert worst_mistakes(evaluation, 1) == worst_mistakes(evaluation)[:1]


def test_report_is_one_page_that_needs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "epochs.jsonl").write_text(
        '{"epoch": 1, "loss": 0.9, "validation": 0.5}\n{"epoch": 2, "loss": 0.7, "validation": 0.6}\n'
    )
    evaluation = _evaluation(tmp_path, replace(CARD, labels=("cat", "dog"), name="<two>", temperature=1.5))
    path = write_report(evaluation, tmp_path / "out", "pets", tmp_path)
    page = path.read_text()
    assert path == tmp_path / "out" / "report.html"
    assert [
        address[:40] for address in re.findall(r'(?:src|srcset|href)="([^"]*)', page) if address[:5] != "data:"
    ] == []
    assert len(re.findall(r'="data:image/svg', page)) == 6  # three drawings, each for a light and a dark page
    text = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))
    for words in (
        "How good is &lt;two&gt;?",
        "on pets",
        "50.00%",
        "2 of them wrong",
        "How it learned",
        "said dog , 96.6%",
    ):
        assert words in text, words


def test_report_without_a_mistake_or_a_run(tmp_path: Path) -> None:
    evaluation = _evaluation(tmp_path)
    right = replace(evaluation, logits=np.array([[4, 0], [5, 0], [0, 1], [0, 2]], np.float32))
    right = replace(right, figures=measure(right.samples, right.logits, CARD))
    page = write_report(right, tmp_path / "page.html", "pets", tmp_path).read_text()
    assert "None: every answer is right." in page
    assert "How it learned" not in page
    assert "no temperature yet" in page


def test_bins_of_confidence_by_hand() -> None:
    chances = np.array([[0.9, 0.1], [0.92, 0.08], [0.4, 0.6]])
    bins = plots.bins_of(chances, np.array([0, 1, 1]), 10)
    assert bins.confidence == pytest.approx([0.6, 0.91])
    assert bins.right == pytest.approx([1.0, 0.5])
    assert bins.count.tolist() == [1, 2]


@pytest.mark.parametrize("count", [2, 17, 80])
def test_a_matrix_of_any_number_of_classes_is_drawn(count: int, tmp_path: Path) -> None:
    labels = [f"class {index}" for index in range(count)]
    confusion = {label: dict.fromkeys(labels, 1) for label in labels}
    path = plots.save_png(lambda theme: plots.draw_confusion(confusion, theme), tmp_path / "a.png")
    drawn = cv2.imread(str(path))
    assert drawn is not None
    assert min(drawn.shape[:2]) >= 500


def test_a_model_is_named_by_name_card_or_run(tmp_path: Path) -> None:
    card = embedded_card()
    shipped = Path(__file__).parents[2] / "config" / "models"
    assert open_model("embedded", [shipped], tmp_path) == (card, tmp_path)
    path = shipped / "embedded.yaml"
    assert open_model(str(path), [tmp_path], tmp_path) == (card, shipped)
    with pytest.raises(NotFound, match="no model is called 'embeded'; did you mean 'embedded'"):
        open_model("embeded", [shipped], tmp_path)
    with pytest.raises(ModelError, match="holds no run with a finished epoch"):
        open_model(str(tmp_path), [shipped], tmp_path)


def _noise(folder: Path) -> list[Sample]:
    draw = np.random.default_rng(4)
    samples = []
    for index in range(70):  # more than one batch
        path = folder / f"noise_{index}.png"
        cv2.imwrite(str(path), draw.integers(0, 256, (*draw.integers(16, 90, 2), 3), np.uint8))
        samples.append(Sample(path, ("person", "vehicle")[index % 2], "noise", path.name))
    return samples


def test_every_backend_evaluates_alike(tmp_path: Path) -> None:
    card, samples = embedded_card(), _noise(tmp_path)
    by_torch = evaluate_samples(card, None, samples, "torch", "cpu")
    by_openvino = evaluate_samples(card, None, samples, "openvino", "cpu")
    np.testing.assert_allclose(by_openvino.logits, by_torch.logits, atol=5e-3)
    assert by_openvino.figures["confusion"] == by_torch.figures["confusion"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_evaluates_as_the_cpu_does(tmp_path: Path) -> None:
    card, samples = embedded_card(), _noise(tmp_path)
    exact, quick = (evaluate_samples(card, None, samples, "torch", device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(quick.logits, exact.logits, atol=0.1)
    assert quick.figures["accuracy"] == pytest.approx(exact.figures["accuracy"], abs=1.5 / len(samples))
