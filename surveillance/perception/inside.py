"""A network and one picture become what can be seen of it: first kernels, feature maps, and where it looked.

Where it looked is Grad-CAM (Selvaraju et al. 2017) by captum, at the last layer that still has places: which of them
spoke for a label, coarsely. It tells what the answer rests on, not that the answer is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from captum.attr import LayerAttribution, LayerGradCam
from numpy.typing import NDArray
from torch import Tensor, nn

from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.geometry import Box
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Bgr
from surveillance.perception.cards import Input, ModelCard
from surveillance.perception.registry import build_network, preprocess, softmax

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Hardswish, nn.SiLU, nn.GELU, nn.Tanh)
LEAST_CHANCE = 0.005  # of a label that is still worth a picture
LEAST_PX = 320  # the longer side of a painted picture

Map = NDArray[np.float32]  # (height, width)


@dataclass(frozen=True, slots=True)
class Look:
    """How much each place of the picture spoke for a label: 0..1, the warmest place is 1; all 0 where none did."""

    label: str
    chance: float
    heat: Map


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer made of the picture: (maps, height, width), after its activation."""

    name: str
    maps: NDArray[np.float32]


def open_model(card: ModelCard, folder: Path | None = None) -> Inside:
    """The card's model with its weights from `folder`, or else what ships. Raises ModelError."""
    return Inside(card, build_network(card, folder))


class Inside:
    """One model, opened. Its answers are those of the torch backend on a CPU."""

    def __init__(self, card: ModelCard, network: nn.Module) -> None:
        self.card = card
        self._network = network.float().eval()
        for module in self._network.modules():
            if hasattr(module, "inplace"):
                setattr(module, "inplace", False)  # noqa: B010 - else it writes over the very maps that are looked at

    def looks(self, picture: Bgr, most: int = 3) -> tuple[Look, ...]:
        """Of the likeliest labels, likeliest first. Raises ModelError for a network without a layer of places."""
        batch = self._batch(picture)
        layer = self._network.get_submodule(self.look_layer(picture))
        chances = self.chances(picture)
        first, *others = (int(place) for place in np.argsort(-chances)[:most])
        places = [first, *(place for place in others if chances[place] >= LEAST_CHANCE)]
        grad_cam = LayerGradCam(self._network, layer)
        found = grad_cam.attribute(batch.repeat(len(places), 1, 1, 1), target=places, relu_attributions=True)
        wide = LayerAttribution.interpolate(found, tuple(batch.shape[2:]), "bilinear").detach().numpy()[:, 0]
        return tuple(
            Look(self.card.labels[place], float(chances[place]), _spread(heat, picture, self.card.input))
            for place, heat in zip(places, wide, strict=True)
        )

    def chances(self, picture: Bgr) -> NDArray[np.float64]:
        """(labels,) probabilities, as the running system tells them."""
        with torch.inference_mode():
            logits = self._network(self._batch(picture)).numpy()
        return np.asarray(softmax(logits, self.card.temperature)[0])

    def look_layer(self, picture: Bgr) -> str:
        """The last convolution whose maps have places, with what closes around it: a residual block, say."""
        if any(isinstance(module, nn.MultiheadAttention) for module in self._network.modules()):
            raise ModelError(
                f"{self.card.name} ({self.card.architecture}) sees by attention: it has no convolutional feature "
                "layer, so Grad-CAM cannot tell where it looked"
            )
        traced = self._trace(picture, nn.Module)
        sizes = {name: maps.shape[2:] for name, _, maps in traced}
        whole = [name for name, module, maps in traced if isinstance(module, nn.Conv2d) and maps[0, 0].numel() > 1]
        if not whole:
            raise ModelError(f"{self.card.name} ({self.card.architecture}) has no convolutional layer with places")
        chosen = whole[-1]
        while sizes.get(outer := chosen.rpartition(".")[0]) == sizes[chosen]:
            chosen = outer
        return chosen

    def layers(self, picture: Bgr, only: str | None = None) -> tuple[Layer, ...]:
        """Every layer's maps after its activation, in order; of networks that hide it, after each convolution.

        `only` names a layer, or a part of the network and all in it. Raises NotFound.
        """
        traced = self._trace(picture, ACTIVATIONS) or self._trace(picture, nn.Conv2d)
        named = [(name, _channels_first(maps)) for name, _, maps in traced]
        layers = [Layer(name, maps[0].numpy()) for name, maps in named if maps[0, 0].numel() > 1]
        chosen = tuple(layer for layer in layers if only is None or f"{layer.name}.".startswith(f"{only}."))
        if not chosen and only is not None:
            raise NotFound(no_such("layer", only, {layer.name for layer in layers}))
        return chosen

    def kernels(self) -> tuple[Bgr, ...]:
        """What the first convolution looks for, as pictures: gray is nothing, brighter is for it, darker against it."""
        first = next((module for module in self._network.modules() if isinstance(module, nn.Conv2d)), None)
        if first is None:
            raise ModelError(f"{self.card.name} ({self.card.architecture}) has no convolution")
        weights = first.weight.detach().numpy().transpose(0, 2, 3, 1)
        weights = weights / np.maximum(np.abs(weights).max(axis=(1, 2, 3), keepdims=True), 1e-12)
        painted = (128 + 127 * weights).round().astype(np.uint8)
        if painted.shape[3] != 3:
            painted = np.repeat(painted[..., :1], 3, axis=3)
        return tuple(painted[..., ::-1] if self.card.input.color == "rgb" else painted)

    def _batch(self, picture: Bgr) -> Tensor:
        return torch.from_numpy(preprocess([picture], self.card.input))

    def _trace(self, picture: Bgr, kinds: Any) -> list[tuple[str, nn.Module, Tensor]]:
        """Each module of those kinds that gave maps, in the order of the walk; called again, it comes again."""
        traced: list[tuple[str, nn.Module, Tensor]] = []

        def remember(name: str) -> Any:
            def hook(module: nn.Module, _inputs: Any, out: Any) -> None:
                if isinstance(out, Tensor) and out.ndim == 4:
                    traced.append((name, module, out))

            return hook

        named = ((name, module) for name, module in self._network.named_modules() if name and isinstance(module, kinds))
        hooks = [module.register_forward_hook(remember(name)) for name, module in named]
        try:
            with torch.inference_mode():
                self._network(self._batch(picture))
        finally:
            for hook in hooks:
                hook.remove()
        return traced


def paint_heat(picture: Bgr, heat: Map) -> Bgr:
    """The picture, warm where the heat is and as it was elsewhere; small ones are drawn larger."""
    scale = max(1.0, LEAST_PX / max(picture.shape[:2]))
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    warmth = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR).clip(0, 1)
    colors = cv2.applyColorMap((255 * warmth).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = 0.7 * warmth[..., None] ** 0.7
    return np.asarray((large * (1 - share) + colors * share).round(), np.uint8)


def _channels_first(maps: Tensor) -> Tensor:
    """Some networks turn their maps around inside a block; what they see is square, which tells."""
    is_turned = maps.shape[1] == maps.shape[2] != maps.shape[3]
    return maps.permute(0, 3, 1, 2) if is_turned else maps


def _spread(heat: Map, picture: Bgr, shape: Input) -> Map:
    """The square that the network saw, back over the picture that it was made of; what it did not see is cold."""
    height, width = picture.shape[:2]
    if shape.fit == "stretch":
        across, down = shape.size / width, shape.size / height
    else:
        whole = shape.fit == "letterbox"
        across = down = shape.size / max(height, width) if whole else max(shape.resize, shape.size) / min(height, width)
    left, top = (shape.size - across * width) / 2, (shape.size - down * height) / 2
    back = np.array([[across, 0, left + (across - 1) / 2], [0, down, top + (down - 1) / 2]])  # of pixels' centers
    spread = cv2.warpAffine(heat, back, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    peak = float(spread.max())
    return np.asarray(spread / peak if peak > 0 else spread, np.float32)


def painted_looks(
    card: ModelCard, folder: Path | None, jpeg: bytes, box: Box, most: int = 2
) -> tuple[tuple[str, float, bytes], ...]:
    """What that part of a kept picture looks like to a model, likeliest first: label, probability, JPEG with its heat.

    One thread works, since cameras need the others. Raises ModelError for a model without a layer of places, or for
    bytes that are no picture.
    """
    torch.set_num_threads(1)
    whole = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if whole is None:
        raise ModelError("the kept picture cannot be decoded")
    left, top, right, bottom = box.pixels(whole.shape[1], whole.shape[0])
    part = np.ascontiguousarray(whole[top:bottom, left:right], np.uint8)
    looks = open_model(card, folder).looks(part, most)
    return tuple((look.label, look.chance, _packed(paint_heat(part, look.heat))) for look in looks)


def _packed(picture: Bgr) -> bytes:
    _, packed = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 82))
    return packed.tobytes()
