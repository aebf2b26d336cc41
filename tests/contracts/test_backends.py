"""Every backend gives the network's own answer: what one learns in training is what another says in use.

Tolerance: 1e-3 of a logit in single precision (the backends fuse and order sums differently).
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cards import embedded_card

from surveillance import plugins
from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.values import Bgr
from surveillance.perception.architectures import compact_cnn
from surveillance.perception.cards import Input
from surveillance.perception.registry import Backend, build_classifier, fit_crop, preprocess

TOLERANCE = 1e-3
SIZE = 40
SHAPE = Input(SIZE)


def _network() -> torch.nn.Module:
    torch.manual_seed(7)
    network = compact_cnn(4, stem=8, widths=(8, 16, 24, 32), depths=(1, 1, 1, 1))
    network.train()
    with torch.no_grad():
        network(torch.randn(32, 3, SIZE, SIZE))  # so that folded normalization has something to fold
    return network.eval()


@pytest.fixture(scope="module", params=["torch", "openvino"])
def backend(request: pytest.FixtureRequest) -> Backend:
    made: Backend = plugins.load("backends", request.param)(_network, SHAPE, "cpu")
    return made


def _fitted(count: int, seed: int = 0) -> list[Bgr]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8))


@pytest.mark.parametrize("count", [1, 3, 8, 17])
def test_answers_as_the_network_itself(backend: Backend, count: int) -> None:
    crops = _fitted(count)
    with torch.inference_mode():
        expected = _network()(torch.from_numpy(preprocess(crops, SHAPE))).numpy()
    found = backend(crops)
    assert found.shape == (count, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["torch", "openvino"])
@pytest.mark.parametrize(
    "shape",
    [
        Input(8, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        Input(8, (0.1, 0.2, 0.3), (0.2, 0.3, 0.4), "bgr"),
        Input(8, (0.4,), (0.3,), "gray"),
    ],
)
def test_prepares_pixels_as_training_does(name: str, shape: Input) -> None:
    crops = list(np.random.default_rng(3).integers(0, 256, (5, 8, 8, 3), np.uint8))
    run: Backend = plugins.load("backends", name)(torch.nn.Flatten, shape, "cpu")
    np.testing.assert_allclose(run(crops), preprocess(crops, shape).reshape(5, -1), atol=1e-5)


def test_earlier_answers_stay(backend: Backend) -> None:
    answer = backend(_fitted(2, seed=1))
    kept = answer.copy()
    backend(_fitted(2, seed=2))
    np.testing.assert_array_equal(answer, kept)


@pytest.mark.parametrize(("name", "device"), [("openvino", "cuda"), ("torch", "cuda:0")])
def test_device_that_is_not_there_is_a_clear_mistake(name: str, device: str) -> None:
    if name == "torch" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match="set device to auto or cpu"):
        plugins.load("backends", name)(_network, SHAPE, device)


def test_unknown_backend_is_a_clear_mistake() -> None:
    with pytest.raises(NotFound, match="no backend is called 'abacus'; there are: openvino, torch"):
        build_classifier(embedded_card(), backend="abacus")


def test_shipped_model_says_the_same_on_every_backend() -> None:
    card = embedded_card()
    draw = np.random.default_rng(5)
    crops = [draw.integers(0, 256, (*draw.integers(8, 200, 2), 3), np.uint8) for _ in range(9)]
    by_torch = build_classifier(card, backend="torch", device="cpu").logits(crops)
    by_openvino = build_classifier(card, backend="openvino").logits(crops)
    np.testing.assert_allclose(by_openvino, by_torch, atol=5e-3)


def test_in_bf16_the_shipped_model_says_nearly_the_same() -> None:
    draw = np.random.default_rng(5)
    crops = [draw.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(9)]
    exact, coarse = (
        [seen.scores for seen in build_classifier(embedded_card(), backend="openvino", precision=precision)(crops)]
        for precision in ("f32", "bf16")
    )
    for one, other in zip(exact, coarse, strict=True):
        assert one == pytest.approx(other, abs=0.05)
    with pytest.raises(ModelError, match="set precision: f32 or backend: openvino"):
        build_classifier(embedded_card(), backend="torch", device="cpu", precision="bf16")


def test_crops_that_a_worker_has_fitted_are_not_fitted_again() -> None:
    shape = replace(embedded_card().input, fit="crop", resize=80)
    card = replace(embedded_card(), input=shape)
    crops = list(np.random.default_rng(2).integers(0, 256, (3, 90, 120, 3), np.uint8))
    sent = [fit_crop(crop, shape.size, shape.fit, shape.resize) for crop in crops]
    expected = build_classifier(card, backend="openvino").logits(crops)
    np.testing.assert_array_equal(build_classifier(card, backend="openvino", are_fitted=True).logits(sent), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_half_precision_on_a_gpu_keeps_the_answer() -> None:
    card = embedded_card()
    draw = np.random.default_rng(5)
    crops = [draw.integers(0, 256, (60, 40, 3), np.uint8) for _ in range(17)]
    exact = build_classifier(card, backend="torch", device="cpu").logits(crops)
    np.testing.assert_allclose(build_classifier(card, backend="torch", device="cuda").logits(crops), exact, atol=0.1)
