"""Chapters 2, 3 and 6: how large a network's layers are, how many multiplications they cost, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from time import process_time
from typing import Any

import numpy as np
import torch
from gathered import Gathered, table
from matplotlib.figure import Figure
from numpy.typing import NDArray
from runs import PICTURES, Places, read_idx
from torch import Tensor, nn

from surveillance import plugins
from surveillance.perception.backends.openvino_backend import OpenVinoBackend
from surveillance.perception.cards import Input
from surveillance.perception.registry import build_network, preprocess
from surveillance.training.plots import Theme
from surveillance.training.report import load_epochs
from surveillance.training.runs import run_card

TRIED_S, LEAST_ROUNDS = 4.0, 12  # the quickest round counts
COMPACT = {"stem": 24, "stem_stride": 1, "widths": [24, 48, 96], "depths": [1, 1, 1], "attend_from": 1}
COMPARED: tuple[tuple[str, str, int, int, Mapping[str, Any]], ...] = (  # name, architecture, channels, side, parameters
    ("lenet5", "lenet5", 1, 28, {}),
    ("simple_cnn", "simple_cnn", 1, 28, {}),
    ("compact_cnn, Fashion", "compact_cnn", 1, 28, {"channels": 1, **COMPACT}),
    ("compact_cnn, embedded", "compact_cnn", 3, 64, {}),
    ("mobilenet_v1_025", "mobilenet_v1_025", 3, 224, {}),
    ("mobilenet_v3_small", "mobilenet_v3_small", 3, 224, {}),
    ("resnet18", "resnet18", 3, 224, {}),
    ("resnet50", "resnet50", 3, 224, {}),
    ("vgg16", "vgg16", 3, 224, {}),
)
TOO_HEAVY = frozenset({"vgg16"})  # half a gigabyte of weights, to be told without being run


def build(architecture: str, labels: int, parameters: Mapping[str, Any]) -> nn.Module:
    network: nn.Module = plugins.load("architectures", architecture)(labels, **parameters)
    return network.eval()


def walk(network: nn.Module, channels: int, side: int, device: str = "cpu") -> list[tuple[nn.Module, Tensor]]:
    """Each layer with what it gave for one empty picture, in order."""
    met: list[tuple[nn.Module, Tensor]] = []
    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [leaf.register_forward_hook(lambda module, _given, out: met.append((module, out))) for leaf in leaves]
    with torch.inference_mode():
        network(torch.zeros(1, channels, side, side, device=device))
    for hook in hooks:
        hook.remove()
    return met


def weights_of(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def sizes_of(
    architecture: str, labels: int, channels: int, side: int, parameters: Mapping[str, Any]
) -> tuple[str, int]:
    """A table of layers, sizes and weights, and the number of all weights."""
    network = build(architecture, labels, parameters)
    rows = [["layer", "gives", "weights"], ["picture", f"{channels} x {side} x {side}", ""]]
    for module, out in walk(network, channels, side):
        if not isinstance(module, nn.Dropout | nn.Flatten):
            rows.append([_name(module), " x ".join(map(str, out.shape[1:])), f"{weights_of(module) or ''}"])
    rows = [[*row[:2], f"{int(row[2]):,}" if row[2].isdecimal() else row[2]] for row in rows]
    return table(rows), weights_of(network)


def _name(module: nn.Module) -> str:
    kind = type(module).__name__
    if isinstance(module, nn.Conv2d):
        return f"{kind} {module.kernel_size[0]} x {module.kernel_size[1]}"
    return kind


def multiplies_of(network: nn.Module, channels: int, side: int, device: str = "cpu") -> int:
    """How many weights are multiplied with a value for one picture, in convolutions and dense layers."""
    total = 0
    for module, out in walk(network, channels, side, device):
        if isinstance(module, nn.Conv2d):
            total += module.weight.numel() * out.shape[2] * out.shape[3]
        elif isinstance(module, nn.Linear):
            total += module.weight.numel() * (out.numel() // out.shape[-1])
    return total


def tell_networks(places: Places, found: Gathered) -> None:
    """Chapter 6."""
    rows, points = [["network", "picture", "weights", "million multiplications", "ms a picture"]], []
    for name, architecture, channels, side, parameters in COMPARED:
        with torch.device("meta"):
            network = build(architecture, 10, parameters)
        weights, multiplies = weights_of(network), multiplies_of(network, channels, side, "meta")
        ms = None if name in TOO_HEAVY else milliseconds(architecture, channels, side, parameters)
        told = "not measured" if ms is None else f"{ms:.2f}"
        rows.append([name, f"{channels} x {side} x {side}", f"{weights:,}", f"{multiplies / 1e6:,.1f}", told])
        points.append((name, weights, multiplies))
    found.tell(networks=table(rows), compact_weights=points[2][1])
    found.tell(vgg_millions=f"{points[8][2] / 1e6:,.0f}", mobilenet_millions=f"{points[5][2] / 1e6:,.0f}")
    found.tell(vgg_times=f"{points[8][2] / points[5][2]:,.0f}")
    found.draw("networks", partial(draw_networks, points))
    _tell_depthwise(found)
    _tell_shortcut(places, found)


def milliseconds(architecture: str, channels: int, side: int, parameters: Mapping[str, Any]) -> float:
    """Processor time for one picture, on one thread, by the code that serves cameras; waiting is not in it."""
    shape = Input(side, (0.5,) * channels, (0.25,) * channels, "gray" if channels == 1 else "rgb")
    backend = OpenVinoBackend(lambda: build(architecture, 10, parameters), shape)
    batch = [np.zeros((side, side, 3), np.uint8)]
    backend(batch)
    spent: list[float] = []
    while len(spent) < LEAST_ROUNDS or sum(spent) < TRIED_S:
        start = process_time()
        backend(batch)
        spent.append(process_time() - start)
    return 1000 * min(spent)


def _tell_depthwise(found: Gathered) -> None:
    """One block of MobileNet, 64 maps to 128, and the plain convolution that it stands for."""
    block = build("mobilenet_v1_025", 10, {}).get_submodule("stage2.0")
    apart, pointwise = (module for module in block.modules() if isinstance(module, nn.Conv2d))
    plain = nn.Conv2d(apart.in_channels, pointwise.out_channels, 3, bias=False)
    found.tell(plain_weights=weights_of(plain), apart_weights=weights_of(apart), point_weights=weights_of(pointwise))
    both = weights_of(apart) + weights_of(pointwise)
    found.tell(both_weights=both, depthwise_times=f"{weights_of(plain) / both:.1f}")


def _tell_shortcut(places: Places, found: Gathered) -> None:
    """One map before and after the first residual block of a trained network, and what its layers added."""
    run = places.runs / "fashion-compact"
    found.tell(compact_accuracy=max(line["validation"] for line in load_epochs(run)))
    card = run_card(run)
    network = build_network(card, run)
    boot = read_idx(places.data, PICTURES).reshape(-1, 28, 28)[0]
    batch = torch.from_numpy(preprocess([np.repeat(boot[..., None], 3, 2)], card.input))
    block = network.get_submodule("2")
    with torch.inference_mode():
        before = network.get_submodule("1")(network.get_submodule("0")(batch))
        added = block.get_submodule("attention")(block.get_submodule("body")(before))
        after = block(before)
    loudest = int(before[0].mean((1, 2)).argmax())
    found.draw("shortcut", partial(draw_shortcut, *(maps[0, loudest].numpy() for maps in (before, added, after))))


def draw_shortcut(before: NDArray[Any], added: NDArray[Any], after: NDArray[Any], theme: Theme) -> Figure:
    """On one scale: red is added, blue is taken away."""
    figure = Figure((7.6, 2.7), layout="constrained")
    most = max(float(np.abs(values).max()) for values in (before, added, after))
    panels = ((before, "in"), (added, "layers(in)"), (after, "out"))
    for axes, (values, title) in zip(figure.subplots(1, 3), panels, strict=True):
        axes.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        axes.set_title(title, fontsize=9, color=theme.ink, family="monospace")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color(theme.grid)
    return figure


def draw_networks(points: list[tuple[str, int, int]], theme: Theme) -> Figure:
    """Weights across, multiplications up, both in powers of ten."""
    figure = Figure((7.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, weights, multiplies in points:
        axes.plot(weights, multiplies, "o", color=theme.good, markersize=7)
        is_right = weights > 2e7
        axes.annotate(
            name, (weights, multiplies), (-8 if is_right else 8, -3), textcoords="offset points", fontsize=8.5,
            ha="right" if is_right else "left", color=theme.ink,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="weights", ylabel="multiplications for one picture", xlim=(3e4, 4e8))
    axes.tick_params(colors=theme.ink, labelsize=8)
    axes.grid(color=theme.grid, linewidth=0.6)
    axes.spines[:].set_color(theme.grid)
    return figure
