"""The inside of a model: maps are what the network computed, and heat lies where the network found something."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from cards import embedded_card
from torch import nn

from surveillance import plugins
from surveillance.cli import main
from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.values import Bgr
from surveillance.perception.cards import Input, ModelCard
from surveillance.perception.inside import Inside, open_model, paint_heat
from surveillance.perception.registry import build_network, preprocess

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
GRAY = {"channels": 1, "size": 28}


def _card(architecture: str, shape: Input, labels: tuple[str, ...] = ("bright", "dark")) -> ModelCard:
    return replace(embedded_card(), architecture=architecture, labels=labels, input=shape, temperature=1.0)


def _brightness() -> nn.Module:
    """Says "bright" the more light there is anywhere: each place speaks for it by its own light."""
    network = nn.Sequential(
        nn.Conv2d(3, 1, 1, bias=False), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)
    )
    with torch.no_grad():
        network[0].weight.fill_(1 / 3)
        network[4].weight.copy_(torch.tensor([[40.0], [-40.0]]))
        network[4].bias.zero_()
    return network


def _lit(width: int, height: int, x: int, y: int) -> Bgr:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y - 5 : y + 6, x - 5 : x + 6] = 255
    return picture


@pytest.mark.parametrize("fit", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize(("width", "height"), [(120, 60), (60, 120), (30, 30)])
def test_heat_lies_on_what_speaks_for_the_label(fit: str, width: int, height: int) -> None:
    x, y = width // 2 + 8, height // 2 - 8
    shape = Input(size=40, fit=fit, resize=48 if fit == "crop" else 0, **PLAIN)
    picture = _lit(width, height, x, y)
    looks = Inside(_card("brightness", shape), _brightness()).looks(picture)
    [bright] = [look for look in looks if look.label == "bright"]
    assert bright.heat.shape == (height, width)
    assert bright.heat.max() == pytest.approx(1.0)
    rows, columns = np.nonzero(bright.heat > 0.5)
    assert (columns.mean(), rows.mean()) == (pytest.approx(x, abs=1.5), pytest.approx(y, abs=1.5))


def test_what_the_network_did_not_see_is_cold() -> None:
    shape = Input(size=40, fit="crop", **PLAIN)
    picture = np.maximum(_lit(120, 40, 60, 20), _lit(120, 40, 10, 20))  # the left light is cut away
    [bright, *_] = Inside(_card("brightness", shape), _brightness()).looks(picture)
    assert bright.heat[:, :35].max() == 0
    assert bright.heat[20, 60] > 0.9


def test_nothing_speaks_for_a_label_in_the_dark() -> None:
    inside = Inside(_card("brightness", Input(size=16, **PLAIN)), _brightness())
    looks = inside.looks(np.zeros((20, 20, 3), np.uint8))
    assert [(look.label, look.chance, float(look.heat.max())) for look in looks] == [
        ("bright", 0.5, 0),
        ("dark", 0.5, 0),
    ]


@pytest.mark.parametrize(
    ("architecture", "layer", "parameters"),
    [
        ("simple_cnn", "3", GRAY),
        ("lenet5", "3", GRAY),
        ("compact_cnn", "7", {}),
        ("mobilenet_v1_025", "stage3", {}),
        ("resnet18", "layer4", {}),
        ("mobilenet_v3_small", "features", {}),
        ("googlenet", "inception5b", {}),
        ("alexnet", "features.10", {}),
    ],
)
def test_the_last_layer_of_places_is_found_in_any_network(
    architecture: str, layer: str, parameters: dict[str, int]
) -> None:
    torch.manual_seed(1)
    is_gray = parameters is GRAY
    shape = Input(size=28, color="gray", mean=(0.5,), std=(0.25,)) if is_gray else Input(size=96)
    labels = tuple("abcde")
    inside = Inside(_card(architecture, shape, labels), plugins.load("architectures", architecture)(5, **parameters))
    picture = np.random.default_rng(2).integers(0, 256, (70, 50, 3), np.uint8)
    looks = inside.looks(picture)
    assert inside.look_layer(picture) == layer
    assert [look.heat.shape for look in looks] == [(70, 50)] * 3
    assert [look.chance for look in looks] == sorted(inside.chances(picture), reverse=True)[:3]
    assert all(layer.maps.shape[1] == layer.maps.shape[2] > 1 for layer in inside.layers(picture))
    assert inside.kernels()[0].shape[2] == 3


def test_a_network_of_attention_says_that_it_has_no_such_layer() -> None:
    network = plugins.load("architectures", "vit_b_16")(2, image_size=32)
    inside = Inside(_card("vit_b_16", Input(size=32)), network)
    with pytest.raises(ModelError, match="sees by attention: it has no convolutional feature layer"):
        inside.looks(np.zeros((8, 8, 3), np.uint8))


def test_maps_are_those_of_the_network_itself() -> None:
    card = embedded_card()
    picture = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    network = build_network(card)
    with torch.inference_mode():
        first = network[0](torch.from_numpy(preprocess([picture], card.input)))
        second = network[2](first.relu())
    layers = {layer.name: layer.maps for layer in open_model(card).layers(picture)}
    np.testing.assert_allclose(layers["1"], first.relu()[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(layers["2.activation"], second[0].numpy(), atol=1e-4)


def test_a_part_of_the_network_is_named_with_all_in_it() -> None:
    inside, picture = open_model(embedded_card()), np.zeros((9, 9, 3), np.uint8)
    assert [layer.name for layer in inside.layers(picture, "2")] == ["2.body.1", "2.activation"]
    with pytest.raises(NotFound, match=r"no layer is called '2.activatio'; did you mean '2.activation'\?"):
        inside.layers(picture, "2.activatio")


def test_kernels_have_the_colors_that_they_look_for() -> None:
    network = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, 0.0, -1.0]).reshape(1, 3, 1, 1))
    as_rgb, as_bgr = (
        Inside(_card("one", Input(size=2, color=color)), network).kernels()[0].tolist() for color in ("rgb", "bgr")
    )
    assert as_rgb == [[[1, 128, 255]]]  # blue, green, red: for red, against blue
    assert as_bgr == [[[255, 128, 1]]]


def test_paint_leaves_cold_places_as_they_were() -> None:
    picture = np.random.default_rng(5).integers(0, 256, (400, 340, 3), np.uint8)
    heat = np.zeros((400, 340), np.float32)
    heat[300:, :] = 1
    painted = paint_heat(picture, heat)
    np.testing.assert_array_equal(painted[:299], picture[:299])
    assert not np.array_equal(painted[301:], picture[301:])
    assert max(paint_heat(picture[:20, :40], heat[:20, :40]).shape) == 320


def test_inspect_writes_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path))
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(6).integers(0, 256, (50, 30, 3), np.uint8))
    with pytest.raises(SystemExit):
        main(["inspect", str(tmp_path / "a.png"), "--layer", "2", "--save", str(tmp_path / "out"), "--json"])
    told = json.loads(capsys.readouterr().out)
    names = ["looked-at.png", "kernels.png", "maps-1-2.body.1.png", "maps-2-2.activation.png"]
    assert told["saved"] == [str(tmp_path / "out" / name) for name in names]
    assert all(cv2.imread(path) is not None for path in told["saved"])
    assert told["look"] == {"layer": "7"}
    assert told["layers"] == ["2.body.1", "2.activation"]
    assert sum(chance for _, chance in told["labels"]) == pytest.approx(1.0)
