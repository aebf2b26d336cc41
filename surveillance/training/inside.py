"""A model and a picture become pictures of the model's inside: where it looked, its first kernels, its feature maps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from surveillance.domain.errors import ModelError
from surveillance.domain.values import Bgr
from surveillance.perception.cards import ModelCard
from surveillance.perception.inside import Inside, Layer, Look, open_model, paint_heat
from surveillance.training.plots import Theme, save_png

MOST_KERNELS = 64
MOST_MAPS = 16
LAYERS = 4  # that are drawn when none is named, spread over the network
ACROSS = 8


def inspect_model(
    card: ModelCard, folder: Path | None, picture: Bgr, layer: str | None = None, save: Path | None = None
) -> Mapping[str, Any]:
    """What the model says of a picture and, with `save`, pictures of why, written there.

    {"labels": [[label, probability]], "layers": names, "look": {"layer"} or {"fault"}, "saved": paths}. Raises
    NotFound for a layer that is not there.
    """
    inside = open_model(card, folder)
    layers = inside.layers(picture, layer)
    chances = inside.chances(picture)
    told: dict[str, Any] = {
        "labels": [[card.labels[place], float(chances[place])] for place in np.argsort(-chances)[:5]],
        "layers": [each.name for each in (layers if layer else inside.layers(picture))],
    }
    looks: Sequence[Look] = ()
    try:
        told["look"] = {"layer": inside.look_layer(picture)}
        looks = inside.looks(picture)
    except ModelError as error:  # by attention, say: the rest can be looked at all the same
        told["look"] = {"fault": str(error)}
    return {**told, "saved": [] if save is None else _save(inside, picture, looks, layers if layer else None, save)}


def _save(
    inside: Inside, picture: Bgr, looks: Sequence[Look], chosen: Sequence[Layer] | None, folder: Path
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    layers = inside.layers(picture)
    spread = sorted({round(place) for place in np.linspace(0, len(layers) - 1, LAYERS)}) if layers else []
    saved = []
    if looks:
        saved.append(save_png(partial(draw_looks, picture, looks), folder / "looked-at.png"))
    saved.append(save_png(partial(draw_kernels, inside.kernels()), folder / "kernels.png"))
    for number, layer in enumerate(chosen or [layers[place] for place in spread], 1):
        name = re.sub(r"[^\w.-]", "_", layer.name)
        saved.append(save_png(partial(draw_maps, layer), folder / f"maps-{number}-{name}.png"))
    return saved


def draw_looks(picture: Bgr, looks: Sequence[Look], theme: Theme) -> Figure:
    """The picture, and beside it what spoke for each label: warm places did."""
    shown = [(paint_heat(picture, np.zeros(picture.shape[:2], np.float32)), "the picture")]
    shown += [(paint_heat(picture, look.heat), f"{look.label} {look.chance:.1%}") for look in looks]
    aspect = picture.shape[0] / picture.shape[1]
    figure = Figure((2.4 * len(shown), 2.4 * aspect + 0.6), layout="constrained")
    for axes, (drawn, words) in zip(figure.subplots(1, len(shown), squeeze=False).flat, shown, strict=True):
        axes.imshow(drawn[..., ::-1])
        axes.set_title(words, fontsize=10, color=theme.ink)
        axes.axis("off")
    return _captioned(figure, "Warm places spoke for the label, each picture scaled by itself (Grad-CAM).", theme)


def draw_kernels(kernels: Sequence[Bgr], theme: Theme) -> Figure:
    """What the first layer looks for."""
    shown = kernels[:MOST_KERNELS]
    height, width = shown[0].shape[:2]
    caption = f"First layer: {_first(len(shown), len(kernels), 'kernels')} of {height} x {width}. Gray is nothing, "
    return _captioned(_grid([kernel[..., ::-1] for kernel in shown]), caption + "each scaled by itself.", theme)


def draw_maps(layer: Layer, theme: Theme) -> Figure:
    """The first maps of a layer, brighter where it found something."""
    shown = layer.maps[:MOST_MAPS]
    silent = int(np.sum(layer.maps.max(axis=(1, 2)) <= 0))
    words = _first(len(shown), len(layer.maps), "maps")
    caption = f"Layer {layer.name}: {words} of {layer.maps.shape[1]} x {layer.maps.shape[2]}, each scaled by itself"
    tail = f"; {silent} of all found nothing." if silent else "."
    return _captioned(_grid([_bright(one) for one in shown], "magma"), caption + tail, theme)


def _grid(pictures: Sequence[np.ndarray[Any, Any]], colors: str | None = None) -> Figure:
    across = min(ACROSS, len(pictures))
    down = -(-len(pictures) // across)
    figure = Figure((1.0 * across, 1.0 * down + 0.5), layout="constrained")
    for axes in (grid := figure.subplots(down, across, squeeze=False)).flat:
        axes.axis("off")
    for axes, picture in zip(grid.flat, pictures, strict=False):
        axes.imshow(picture, cmap=colors, interpolation="nearest", vmin=0, vmax=1 if colors else None)
    return figure


def _bright(one: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    positive = np.maximum(one, 0)
    return np.asarray(positive / max(float(positive.max()), 1e-12))


def _first(shown: int, there: int, noun: str) -> str:
    return f"{there} {noun}" if shown == there else f"the first {shown} of {there} {noun}"


def _captioned(figure: Figure, words: str, theme: Theme) -> Figure:
    figure.supxlabel(words, fontsize=8, color=theme.faint)
    return figure
