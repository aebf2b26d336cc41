"""Recipes: what learns learns, what is frozen stays still, and a run that is killed goes on to the same result."""

from __future__ import annotations

import json
import pickle
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from patience import eventually
from safetensors.torch import load_file
from stripes import RECIPE, write_tree
from torch import nn

from surveillance import plugins
from surveillance.app.training import parse_parameters, train
from surveillance.domain.errors import ModelError, NotFound, UserMistake
from surveillance.perception.cards import Input, load_card
from surveillance.perception.registry import build_classifier
from surveillance.settings import Settings
from surveillance.training.datasets import load_samples
from surveillance.training.fit import fit, score
from surveillance.training.freezing import feature_blocks, freeze, keep_still
from surveillance.training.pictures import Pictures, common_input
from surveillance.training.pretrained import adopt, head_of, load_start
from surveillance.training.publish import publish
from surveillance.training.recipes import (
    IMAGENET,
    RECIPES,
    all_parameters,
    build_recipe,
    parse_recipe,
    recipe_page,
    takes_gray,
)

GRAY = Input(size=32, mean=(0.5,), std=(0.25,), color="gray")
LAST_BLOCKS = {
    "alexnet": "features.10",
    "compact_cnn": "7",
    "convnext_tiny": "features.7.2",
    "efficientnet_b0": "features.8",
    "googlenet": "inception5b",
    "lenet5": "3",
    "mobilenet_v1_025": "stage3.1",
    "mobilenet_v3_large": "features.16",
    "mobilenet_v3_small": "features.12",
    "resnet152": "layer4.2",
    "resnet18": "layer4.1",
    "resnet50": "layer4.2",
    "simple_cnn": "3",
    "vgg16": "features.28",
    "vit_b_16": "encoder.layers.encoder_layer_11",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("stripes"), 120)


@pytest.fixture(scope="module")
def checkpoint(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network that has seen stripes, as another's training script would have left them."""
    run = fit(tree, tmp_path_factory.mktemp("run"), replace(RECIPE, epochs=3))
    path = tmp_path_factory.mktemp("weights") / "stripes.pth"
    tensors = {f"module.{key}": value for key, value in load_file(run / "best.safetensors").items()}
    head = [key for key in tensors if key.endswith("weight")][-1]
    tensors[head] = torch.zeros(1000, tensors[head].shape[1])
    tensors[head.replace("weight", "bias")] = torch.zeros(1000)
    torch.save({"epoch": 3, "state_dict": tensors}, path)
    return path


@pytest.mark.parametrize("name", sorted(LAST_BLOCKS))
def test_every_architecture_gives_a_logit_per_label_and_has_a_head(name: str) -> None:
    with torch.device("meta"):
        build = plugins.load("architectures", name)
        shape = GRAY if takes_gray(name) else IMAGENET
        recipe = build_recipe("scratch", architecture=name, input=shape)
        network = build(7, **all_parameters(recipe)).eval()
        assert network(torch.zeros(2, shape.channels, shape.size, shape.size)).shape == (2, 7)
    head = network.get_submodule(head_of(network))
    assert isinstance(head, nn.Linear)
    assert head.out_features == 7
    assert feature_blocks(network)[-1] == LAST_BLOCKS[name]


@pytest.mark.parametrize("name", sorted(LAST_BLOCKS))
def test_what_is_frozen_is_frozen(name: str) -> None:
    with torch.device("meta"):
        network = plugins.load("architectures", name)(7)
    learns = {}
    for unfreeze in ("all", "block", "head"):
        freeze(network, unfreeze)
        learns[unfreeze] = {key for key, value in network.named_parameters() if value.requires_grad}
    assert learns["head"] == {f"{head_of(network)}.weight", f"{head_of(network)}.bias"}
    assert learns["head"] < learns["block"] < learns["all"] == set(dict(network.named_parameters()))
    assert any(key.startswith(f"{LAST_BLOCKS[name]}.") for key in learns["block"])
    network.train()
    freeze(network, "head")
    keep_still(network)
    assert not any(part.training for part in network.modules() if isinstance(part, nn.BatchNorm2d))


def test_no_architecture_is_forgotten() -> None:
    assert set(plugins.names("architectures")) - {"torchvision"} == set(LAST_BLOCKS), "torchvision is any, by a name"


def test_a_new_head_leaves_the_backbone_as_it_was(tree: Path, checkpoint: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, weights=str(checkpoint), unfreeze="head", epochs=4, augment="picture", balance=None)
    before = {k.removeprefix("module."): v for k, v in torch.load(checkpoint, weights_only=True)["state_dict"].items()}
    after = load_file(fit(tree, tmp_path, recipe) / "best.safetensors")
    changed = {key for key in after if after[key].shape != before[key].shape or not after[key].equal(before[key])}
    assert {key.rpartition(".")[0] for key in changed} == {list(after)[-1].rpartition(".")[0]}
    assert max(line["validation"] for line in _epochs(tmp_path)) >= 0.9


def test_the_last_block_learns_at_a_lower_rate(tree: Path, checkpoint: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, weights=str(checkpoint), unfreeze="block", old_rate=0.1, epochs=3, class_weights=True)
    before = {k.removeprefix("module."): v for k, v in torch.load(checkpoint, weights_only=True)["state_dict"].items()}
    after = load_file(fit(tree, tmp_path, recipe) / "best.safetensors")
    assert after["0.0.weight"].equal(before["0.0.weight"])
    assert not after["3.body.0.0.weight"].equal(before["3.body.0.0.weight"])
    assert max(line["validation"] for line in _epochs(tmp_path)) >= 0.9


def test_a_published_model_is_a_start_too(tree: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    run = fit(tree, tmp_path / "first", replace(RECIPE, epochs=2))
    publish(run, "stripes", tmp_path / "models")
    changes = {"epochs": 1, "weights": "stripes", "batch": 16, "threads": 1, "device": "cpu"}
    words = ("stem=8", "widths=[8,16]", "depths=[1,1]", "attend_from=1")
    train(
        settings, tree, tmp_path / "second", "finetune", {**changes, "architecture": "compact_cnn", "parameters": words}
    )
    publish(tmp_path / "second", "second", tmp_path / "models")
    second = load_card(tmp_path / "models" / "second.yaml")
    assert second.input == Input(size=24)
    assert second.training["recipe"]["weights"] == "stripes.yaml"
    assert _epochs(tmp_path / "second")[0]["validation"] >= 0.8


def test_gray_pictures_train_a_network_of_one_channel(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "gray", 60)
    import cv2

    for path in tree.rglob("*.png"):
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    changes = {"epochs": 6, "batch": 16, "threads": 1, "device": "cpu", "validation": 0.2}
    train(Settings(data_dir=tmp_path), tree, tmp_path / "run", "scratch", changes)
    card_path = publish(tmp_path / "run", "gray", tmp_path / "models")
    card = load_card(card_path)
    assert (card.architecture, card.input.color, card.input.size, card.parameters["channels"]) == (
        "simple_cnn",
        "gray",
        32,
        1,
    )
    assert card.input.mean[0] == pytest.approx(0.5, abs=0.1)
    seen = build_classifier(card, card_path.parent)([sample.load() for sample in load_samples(tree)[:4]])
    assert {answer.label for answer in seen} <= {"lying", "upright"}


def test_side_heads_help_while_learning(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "few", 16)
    recipe = build_recipe("scratch", architecture="googlenet", parameters={"aux_logits": True}, input=Input(size=64))
    fit(tree, tmp_path / "run", replace(recipe, epochs=1, batch=8, threads=1, validation=0.25, device="cpu"))
    assert any(key.startswith("aux1.") for key in load_file(tmp_path / "run" / "best.safetensors"))


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_run_goes_on_to_the_same_result(seed: int, tree: Path, tmp_path: Path) -> None:
    """SIGKILL at a random moment, twice, in the middle of epochs or of writing."""
    recipe = replace(RECIPE, epochs=6, parameters={**RECIPE.parameters, "dropout": 0.3}, schedule="plateau")
    whole = fit(tree, tmp_path / "whole", recipe)
    told = tmp_path / "recipe.json"
    told.write_text(json.dumps(recipe_page(recipe)))
    moment = random.Random(seed)
    for _ in range(2):
        started = len(_epochs(tmp_path / "killed"))
        child = subprocess.Popen(
            [sys.executable, "-c", GO_ON, str(told), str(tree), str(tmp_path / "killed")], stderr=subprocess.DEVNULL
        )
        eventually(lambda s=started, c=child: len(_epochs(tmp_path / "killed")) > s or c.poll() is not None, 60)
        time.sleep(moment.uniform(0, 0.4))
        child.send_signal(signal.SIGKILL)
        child.wait()
    fit(tree, tmp_path / "killed", recipe, resume=True)
    assert _epochs(tmp_path / "killed") == _epochs(whole)
    assert (tmp_path / "killed" / "best.safetensors").read_bytes() == (whole / "best.safetensors").read_bytes()


GO_ON = """
import json, sys
from pathlib import Path
from surveillance.training.fit import fit, score
from surveillance.training.recipes import parse_recipe
recipe, tree, run = sys.argv[1:]
fit(Path(tree), Path(run), parse_recipe(json.loads(Path(recipe).read_text())), resume=True)
"""


def test_blended_pictures_teach_too(tree: Path, tmp_path: Path) -> None:
    fit(tree, tmp_path, replace(RECIPE, mixup=0.4))
    assert max(line["validation"] for line in _epochs(tmp_path)) >= 0.9


def test_a_run_ends_when_it_gets_no_better(tree: Path, tmp_path: Path) -> None:
    fit(tree, tmp_path, replace(RECIPE, epochs=30, patience=2))
    scores = [score(line) for line in _epochs(tmp_path)]
    assert len(scores) < 30
    assert scores.index(max(scores)) == len(scores) - 3


def test_resuming_by_command_keeps_the_recipe(tree: Path, tmp_path: Path) -> None:
    changes = {"architecture": "lenet5", "epochs": 1, "batch": 16, "threads": 1, "device": "cpu", "validation": 0.2}
    train(Settings(data_dir=tmp_path), tree, tmp_path / "run", "scratch", {**changes, "size": 28})
    train(Settings(data_dir=tmp_path), tree, tmp_path / "run", "camera", {"epochs": 2}, resume=True)
    assert {path.name for path in (tmp_path / "run").glob("*.png")} >= {"curve.png", "confusion.png"}
    assert [line["epoch"] for line in _epochs(tmp_path / "run")] == [1, 2]
    kept = parse_recipe(json.loads((tmp_path / "run" / "run.json").read_text())["recipe"])
    assert (kept.name, kept.architecture, kept.epochs) == ("scratch", "lenet5", 2)
    assert (kept.input.color, kept.input.size) == ("rgb", 28)


@pytest.mark.parametrize("augment", ["camera", "picture", "shift", "none"])
def test_disturbed_pictures_are_repeatable_and_fit_the_network(augment: str, tree: Path) -> None:
    recipe = replace(RECIPE, augment=augment, balance=None, batch=32)
    pictures = Pictures(load_samples(tree), ("lying", "upright"), recipe)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again = (list(pictures.epoch(np.random.default_rng(3), 24)) for _ in range(2))
    assert torch.random.get_rng_state().equal(before), "dropout draws from torch's generator alone"
    assert [crops.shape for crops, _ in first] == [(32, 3, 24, 24)] * 3 + [(24, 3, 24, 24)]
    assert all(a.equal(b) and x.equal(y) for (a, x), (b, y) in zip(first, again, strict=True))
    assert sorted(torch.cat([answers for _, answers in first]).tolist()) == [0] * 60 + [1] * 60
    plain = torch.cat([crops for crops, _ in pictures.plain()])
    assert (abs(float(torch.cat([c for c, _ in first]).mean()) - float(plain.mean())) < 0.5) or augment == "camera"


def test_an_input_is_taken_from_the_pictures(tree: Path) -> None:
    shape = common_input(load_samples(tree), gray=True)
    assert (shape.size, shape.color, shape.fit, len(shape.mean)) == (32, "rgb", "stretch", 3)
    assert common_input(load_samples(tree), gray=True, size=48).size == 48
    assert shape.mean == pytest.approx((0.5, 0.5, 0.5), abs=0.05)


def test_mistakes_are_one_line(tree: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)

    def told(name: str = "scratch", **changes: object) -> str:
        with pytest.raises((UserMistake, ModelError, NotFound)) as caught:
            train(settings, tree, tmp_path / "run", name, {"device": "cpu", "threads": 1, **changes})
        assert "\n" not in str(caught.value)
        return str(caught.value)

    class Evil:
        def __reduce__(self) -> object:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"state_dict": Evil()}, protocol=2))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    assert "no recipe is called 'scrach'" in told("scrach")
    assert "no architecture is called 'simple_cn'" in told(architecture="simple_cn")
    assert "alexnet cannot take rgb pictures of 16 pixels" in told(architecture="alexnet", size=16)
    assert "vit_b_16 cannot take rgb pictures of 40 pixels" in told(architecture="vit_b_16", size=40)
    assert "builds on what was learned before: give it --weights" in told("transfer", weights="none", size=32)
    assert "no weights at" in told(weights=str(tmp_path / "none.pth"))
    assert "holds more than weights, or is damaged" in told(weights=str(tmp_path / "evil.pth"))
    assert not (tmp_path / "ran").exists()
    assert "does not fit this architecture: 0.weight is missing" in told(weights=str(tmp_path / "other.pth"))
    assert "torchvision has no weights for lenet5" in told(architecture="lenet5", weights="IMAGENET1K_V1")
    assert "resnet18 has no weights 'V9': there are IMAGENET1K_V1, a file, or none" in told(
        architecture="resnet18", weights="V9"
    )
    assert "--set dropout: say NAME=VALUE" in told(parameters=("dropout",))
    assert parse_parameters(("a=0.5", "b=[1,2]", "c=x")) == {"a": 0.5, "b": [1, 2], "c": "x"}


def test_every_recipe_is_kept_by_its_page() -> None:
    for name in RECIPES:
        recipe = build_recipe(name)
        assert parse_recipe(json.loads(json.dumps(recipe_page(recipe)))) == recipe


def test_the_imagenet_checkpoint_of_the_small_mobilenet_fits(footage: Path) -> None:
    path = footage / "models" / "mobilenetV1X0.25_pretrain.tar"
    network = plugins.load("architectures", "mobilenet_v1_025")(3)
    start = load_start(str(path), "mobilenet_v1_025")
    assert start is not None
    assert start.input == IMAGENET
    assert adopt(network, start, path.name) == {"fc.weight", "fc.bias"}


def _epochs(run: Path) -> list[dict[str, float]]:
    path = run / "epochs.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def test_loaders_make_the_same_batches_as_a_thread(tmp_path: Path) -> None:
    samples = load_samples(write_tree(tmp_path / "data", 20))
    labels = sorted({sample.label for sample in samples})
    recipe = replace(RECIPE, batch=8)
    made = [
        list(Pictures(samples, labels, replace(recipe, loaders=loaders)).epoch(np.random.default_rng(4), 32))
        for loaders in (0, 2)
    ]
    assert len(made[0]) == len(made[1]) > 1
    for (crops, answers), (same_crops, same_answers) in zip(*made, strict=True):
        assert torch.equal(crops, same_crops)
        assert torch.equal(answers, same_answers)
