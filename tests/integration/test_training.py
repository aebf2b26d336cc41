"""Crops to weights to card and back: what was learned is what is used, and nothing else is."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from stripes import RECIPE, stripes, write_tree

from surveillance.cli import main
from surveillance.domain.errors import DataError, ModelError, UserMistake
from surveillance.perception.cards import load_card
from surveillance.perception.registry import build_classifier, load_weights, softmax
from surveillance.training.datasets import load_samples, split_samples
from surveillance.training.evaluate import evaluate_card
from surveillance.training.fit import fit
from surveillance.training.pictures import sampling_weights
from surveillance.training.publish import choose_reject, fit_temperature, publish
from surveillance.training.recipes import all_parameters, parse_recipe
from surveillance.training.report import write_pictures


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("stripes"), 320)


@pytest.fixture(scope="module")
def run(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(tree, tmp_path_factory.mktemp("run"), replace(RECIPE, hold_out=("odd",)))


@pytest.fixture(scope="module")
def card_path(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(run, "stripes", tmp_path_factory.mktemp("models"), test_only=["zebra.mp4"])


def _epochs(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "epochs.jsonl").read_text().splitlines()]


def test_learns_what_is_there(run: Path) -> None:
    assert max(line["validation"] for line in _epochs(run)) >= 0.9


def test_learns_nothing_from_shuffled_labels(tmp_path: Path) -> None:
    run = fit(write_tree(tmp_path / "data", 240, shuffled=True), tmp_path / "run", replace(RECIPE, epochs=3))
    assert _epochs(run)[-1]["validation"] <= 0.72


def test_same_seed_gives_the_same_weights(tree: Path, tmp_path: Path) -> None:
    short = replace(RECIPE, epochs=1)
    first, second = (fit(tree, tmp_path / name, short) / "best.safetensors" for name in ("a", "b"))
    other = fit(tree, tmp_path / "c", replace(short, seed=1)) / "best.safetensors"
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_resumed_run_goes_on_where_it_stopped(tree: Path, tmp_path: Path) -> None:
    fit(tree, tmp_path, replace(RECIPE, epochs=1))
    first = _epochs(tmp_path)
    fit(tree, tmp_path, replace(RECIPE, epochs=2), resume=True)
    assert _epochs(tmp_path)[:1] == first
    assert [line["epoch"] for line in _epochs(tmp_path)] == [1, 2]


def test_a_run_is_not_overwritten_by_another(tree: Path, tmp_path: Path) -> None:
    fit(tree, tmp_path, replace(RECIPE, epochs=1))
    before = _epochs(tmp_path)
    with pytest.raises(UserMistake, match="holds a run already: go on with it by --resume, or name another folder"):
        fit(tree, tmp_path, replace(RECIPE, epochs=1))
    assert _epochs(tmp_path) == before


def test_a_device_that_is_not_there_is_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match=r"cannot train on device 'tpu': this machine has .*cpu; or say auto"):
        fit(tree, tmp_path, replace(RECIPE, device="tpu"))


def test_card_tells_how_the_model_came_about(card_path: Path, tree: Path) -> None:
    card = load_card(card_path)
    assert card.labels == ("lying", "upright")
    unstated = {"origin": "not stated", "licence": "not stated"}
    assert card.data == {
        "sources": {"even": {**unstated, "crops": {"lying": 128, "upright": 128}}},
        "held_out": {"odd": {**unstated, "crops": {"lying": 32, "upright": 32}}},
        "test_only": ["zebra.mp4"],
    }
    assert parse_recipe(card.training["recipe"]) == replace(
        RECIPE, hold_out=("odd",), parameters=all_parameters(RECIPE)
    )
    assert card.metrics["held_out"]["accuracy"] >= 0.9
    assert set(card.metrics["held_out"]["per_source"]) == {"odd"}


def test_photographs_with_names_of_their_own_share_a_line_of_the_card(tree: Path, tmp_path: Path) -> None:
    for path in sorted(tree.rglob("*.png")):
        (tmp_path / "data" / path.parent.name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / path.parent.name / f"p{path.stem[-4:]}_a.png").write_bytes(path.read_bytes())
    run = fit(tmp_path / "data", tmp_path / "run", replace(RECIPE, epochs=1))
    card = load_card(publish(run, "photos", tmp_path / "models"))
    assert {source: page["crops"] for source, page in card.data["sources"].items()} == {
        "single pictures": {"lying": 160, "upright": 160}
    }


def test_evaluation_reproduces_the_card(card_path: Path, tree: Path) -> None:
    card = load_card(card_path)
    assert evaluate_card(card, card_path.parent, tree, sources=["odd"]) == card.metrics["held_out"]


def test_evaluation_of_a_class_tree(card_path: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(8)
    for name, upright in (("lying", False), ("lying2", False), ("upright", True)):
        folder = tmp_path / name.rstrip("2")
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.png"), stripes(upright, draw))
    figures = evaluate_card(load_card(card_path), card_path.parent, tmp_path)
    perfect = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert max(figures.pop("ece"), figures.pop("ece_raw")) < 0.5
    assert figures == {
        "accuracy": 1.0,
        "macro_f1": 1.0,
        "count": 3,
        "per_class": {"lying": {**perfect, "support": 2}, "upright": {**perfect, "support": 1}},
        "per_source": {"all": {"accuracy": 1.0, "count": 3, "recall": {"lying": 1.0, "upright": 1.0}}},
        "confusion": {"lying": {"lying": 2, "upright": 0}, "upright": {"lying": 0, "upright": 1}},
    }


def test_altered_weights_are_refused(card_path: Path, tmp_path: Path) -> None:
    card = load_card(card_path)
    data = bytearray((card_path.parent / card.weights_file).read_bytes())
    data[-1] ^= 1
    (tmp_path / card.weights_file).write_bytes(data)
    with pytest.raises(ModelError, match=f"expected sha256 {card.weights_sha256}, found [0-9a-f]+; restore the file"):
        load_weights(card, tmp_path)


def test_missing_weights_say_where_they_should_be(card_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"stripes\.safetensors of stripes are not in .*; put them there"):
        load_weights(load_card(card_path), tmp_path)


def test_pickle_is_refused_even_with_its_checksum(card_path: Path, tmp_path: Path) -> None:
    data = b"\x80\x04\x95" + b"." * 40
    (tmp_path / "stripes.safetensors").write_bytes(data)
    card = replace(load_card(card_path), weights_sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(ModelError, match="is no safetensors file"):
        load_weights(card, tmp_path)


def test_other_labels_are_refused(card_path: Path) -> None:
    card = load_card(card_path)
    with pytest.raises(ModelError, match="was trained for lying, upright, the card of stripes says upright, lying"):
        load_weights(replace(card, labels=("upright", "lying")), card_path.parent)


def test_weights_of_another_shape_are_refused(card_path: Path) -> None:
    card = replace(load_card(card_path), parameters={"stem": 8, "widths": [8, 24], "depths": [1, 1], "attend_from": 1})
    with pytest.raises(ModelError, match=r"stripes\.safetensors does not fit compact_cnn with 2 labels"):
        build_classifier(card, card_path.parent)


def test_random_weights_know_nothing(card_path: Path, tree: Path, tmp_path: Path) -> None:
    """A single random network may be right or wrong by luck: of two classes it often tells apart some trait."""
    card = load_card(card_path)
    tensors = load_file(card_path.parent / card.weights_file)
    found = []
    for seed in range(8):
        draw = torch.Generator().manual_seed(seed)
        noise = {n: torch.randn(t.shape, generator=draw) * 0.1 if t.ndim > 1 else t for n, t in tensors.items()}
        save_file(noise, tmp_path / card.weights_file, metadata={"labels": json.dumps(list(card.labels))})
        digest = hashlib.sha256((tmp_path / card.weights_file).read_bytes()).hexdigest()
        figures = evaluate_card(replace(card, weights_sha256=digest), tmp_path, tree, sources=["odd"])
        found.append(figures["accuracy"])
    assert np.mean(found) < 0.75 < 0.8 <= card.metrics["held_out"]["accuracy"], found


def test_unknown_class_and_source_are_named(card_path: Path, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "spots").mkdir()
    cv2.imwrite(str(tmp_path / "spots" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match="has the classes spots; stripes knows lying, upright"):
        evaluate_card(load_card(card_path), card_path.parent, tmp_path)
    with pytest.raises(DataError, match="cannot hold out none: the data has the sources even, odd"):
        fit(tree, tmp_path, replace(RECIPE, hold_out=("none",)))
    with pytest.raises(DataError, match="has one class only"):
        fit(tmp_path, tmp_path / "run", RECIPE)
    with pytest.raises(ModelError, match="holds no run with a finished epoch"):
        publish(tmp_path, "x", tmp_path)
    for name in ("../x", "a b", ""):
        with pytest.raises(UserMistake, match="is no model name: use letters"):
            publish(tmp_path, name, tmp_path)


def test_neighbors_stay_on_one_side(tmp_path: Path) -> None:
    rows = ["file\tclass\tsource\tlicence_as_stated"]
    for index in range(200):
        name = f"a/clip_{index:03}.png"
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
        rows.append(f"{name}\ta\tme/clips@1:frame{index // 4}.jpg#{index % 4}\tMIT")
    (tmp_path / "MANIFEST.tsv").write_text("\n".join(rows))
    split = split_samples(load_samples(tmp_path), validation=0.2, seed=4)
    sides = [{s.origin.partition("#")[0] for s in part} for part in (split.train, split.validation)]
    assert sides[0].isdisjoint(sides[1])
    assert 30 <= len(split.validation) <= 50


def test_classes_are_drawn_alike_and_large_sources_less_than_their_size(tree: Path) -> None:
    samples = load_samples(tree)
    weights = sampling_weights(samples, 0.5)
    by_label: Counter[str] = Counter()
    by_source: Counter[str] = Counter()
    for sample, weight in zip(samples, weights, strict=True):
        by_label[sample.label] += weight
        by_source[sample.source] += weight
    assert by_label == pytest.approx({"lying": 0.5, "upright": 0.5})
    assert by_source == pytest.approx({"even": 2 / 3, "odd": 1 / 3})


def test_card_is_plain_yaml(card_path: Path) -> None:
    page = yaml.safe_load(card_path.read_text())
    assert list(page) == [
        "name", "version", "architecture", "labels", "input", "temperature", "reject", "weights", "licence", "data",
        "training", "metrics",
    ]  # fmt: skip


def test_temperature_makes_confidence_honest() -> None:
    draw = np.random.default_rng(2)
    honest = draw.normal(0, 1.5, (4000, 3)).astype(np.float32)
    answers = np.asarray([draw.choice(3, p=row) for row in softmax(honest)])
    assert fit_temperature(honest * 2.5, answers) == pytest.approx(2.5, rel=0.1)
    assert fit_temperature(honest * 0.5, answers) == pytest.approx(0.5, rel=0.1)


def test_reject_threshold_lets_right_answers_through() -> None:
    confidence = np.linspace(0.505, 0.995, 50)
    chances = np.stack([confidence, 1 - confidence], axis=1)
    assert choose_reject(chances, np.ones(50, bool), kept=0.9) == pytest.approx(0.55)
    assert choose_reject(chances, np.zeros(50, bool)) == 0.0


def test_a_run_is_evaluated_by_its_folder_before_it_is_published(
    run: Path, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(run), "--data", str(tree), "--json", "--save", str(tmp_path / "page.html")])
    told = capsys.readouterr()
    figures = json.loads(told.out)
    assert not ended.value.code
    assert figures["count"] == 320
    assert figures["accuracy"] >= 0.9
    assert figures["ece"] == figures["ece_raw"]  # a run has no temperature
    assert told.err.endswith(f"report: {tmp_path / 'page.html'}\n")
    assert "How it learned" in (tmp_path / "page.html").read_text()


def test_a_run_ends_with_pictures(run: Path, tree: Path) -> None:
    drawn = write_pictures(run, load_samples(tree))
    assert {path.name for path in drawn} >= {"confusion.png", "curve.png"}
    assert all(cv2.imread(str(path)) is not None for path in drawn)
