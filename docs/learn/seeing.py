"""Chapters 1 to 3: what kernels, ReLU, pooling and softmax make of a picture, computed and drawn."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from gathered import Gathered, beside, grid, table
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from networks import sizes_of
from numpy.typing import NDArray
from runs import PICTURES, Places, read_idx, say
from torch import nn

from surveillance.demo.synthetic import Scene
from surveillance.perception.inside import open_model
from surveillance.perception.registry import build_classifier, softmax
from surveillance.training.plots import Shown, Theme, draw_sheet
from surveillance.training.runs import load_parts, load_run, run_card

NAMES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
SHOWN = (1, 16, 5, 3, 19, 8, 18, 6, 23, 0)  # a picture of each class, by its row in Fashion-MNIST
BOOT = 0
WINDOW = (6, 9, 9)  # upper row, left column and side of the part of the boot whose numbers are shown
EDGE, FLAT = (9, 12), (9, 15)  # the middles of the places that are computed by hand
STANDING = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])  # Sobel's kernel: finds edges that stand
LYING = STANDING.T
DOOR_S = 6.5  # second of the demo's timetable at which somebody stands at the door
UNSURE = (0.4, 0.6)  # the best chance of the shirt that softmax is shown on
MAP_ROW = 9  # of the boot, whose answers are shown before and after ReLU

Gray = NDArray[Any]


def convolved(picture: Gray, kernel: Gray) -> Gray:
    """(height, width) by one kernel, without padding."""
    batch, weights = (torch.from_numpy(np.asarray(part, np.float32))[None, None] for part in (picture, kernel))
    return nn.functional.conv2d(batch, weights)[0, 0].numpy()


def tell_kernels(places: Places, found: Gathered) -> None:
    """Chapter 1."""
    pictures = read_idx(places.data, PICTURES).reshape(-1, 28, 28)
    boot = pictures[BOOT].astype(int)
    for name, (row, column) in (("edge", EDGE), ("flat", FLAT)):
        patch = boot[row - 1 : row + 2, column - 1 : column + 2]
        products = patch * STANDING
        found.tell(**{f"{name}_sum": int(products.sum())})
        found.tell(**{f"{name}_by_hand": beside(grid(patch), grid(STANDING, 4), grid(products), signs=("x", "="))})
        assert convolved(boot, STANDING)[row - 1, column - 1] == products.sum(), "by hand as by torch"
    found.tell(all_pictures=len(pictures), values_of_one=boot.size, values_of_color=640 * 360 * 3)
    samples = [Shown(np.repeat(pictures[row][..., None], 3, 2), NAMES[place]) for place, row in enumerate(SHOWN)]
    found.draw("classes", partial(draw_sheet, samples, across=5))
    found.draw("numbers", partial(draw_numbers, boot))
    scene = cv2.cvtColor(Scene("front-door").draw(DOOR_S), cv2.COLOR_BGR2GRAY)
    found.draw("edges", partial(draw_edges, scene), is_photograph=True)


def tell_maps(places: Places, found: Gathered) -> None:
    """Chapter 2, and the learned kernels of chapter 1: `surveillance inspect` on the boot."""
    run = places.runs / "fashion-simple"
    boot = read_idx(places.data, PICTURES).reshape(-1, 28, 28)[BOOT]
    with TemporaryDirectory() as scratch:
        picture, saved = Path(scratch) / "boot.png", Path(scratch) / "inside"
        cv2.imwrite(str(picture), boot)
        say("inspect", picture, "--model", run, "--save", saved)
        for source, name in (("kernels", "learned-kernels"), ("maps-1-1", "maps-first"), ("maps-2-4", "maps-second")):
            found.keep(saved / f"{source}.png", name)
        inside = open_model(run_card(run), run)
        maps = inside.layers(np.repeat(boot[..., None], 3, 2))[0].maps
    answers = convolved(boot, STANDING)
    row = answers[MAP_ROW - 1, 8:18]
    found.tell(relu=table([["before", *(f"{v:g}" for v in row)], ["after", *(f"{v:g}" for v in np.maximum(row, 0))]]))
    part = boot[8:12, 11:15].astype(int)
    pooled = nn.functional.max_pool2d(torch.from_numpy(part)[None].float(), 2)[0].int().numpy()
    found.tell(pooling=beside(grid(part), grid(pooled), signs=("->",)))
    found.tell(sizes=_sizes(), maps_first=len(maps))
    card = run_card(run)
    layers, weights = sizes_of(card.architecture, 10, 1, 28, card.parameters)
    found.tell(simple_layers=layers, simple_weights=weights)


def _sizes() -> str:
    rows = [["kernel", "stride", "padding", "in", "out"]]
    for kernel, stride, padding, side in ((3, 1, 0, 28), (3, 1, 1, 28), (3, 2, 1, 28), (5, 1, 0, 28), (3, 2, 1, 64)):
        out = nn.Conv2d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, side, side)).shape[-1]
        rows.append([f"{kernel} x {kernel}", f"{stride}", f"{padding}", f"{side}", f"{out}"])
    return table(rows)


def tell_lenet(places: Places, found: Gathered) -> None:
    """Chapter 3: LeNet's layers, and softmax on a shirt that `simple_cnn` is unsure of."""
    layers, weights = sizes_of("lenet5", 10, 1, 28, {})
    found.tell(lenet_layers=layers, lenet_weights=weights)
    run = places.runs / "fashion-simple"
    classifier = build_classifier(run_card(run), run)
    shirt = classifier.card.labels[NAMES.index("shirt")]
    for sample in load_parts(load_run(run))["validation"]:
        if sample.label != shirt:
            continue
        logits = classifier.logits([sample.load()])[0].astype(float)
        if UNSURE[0] <= softmax(logits[None])[0].max() <= UNSURE[1]:
            break
    chances = softmax(logits[None])[0]
    found.tell(softmax=_softmax_table(logits), powers=f"{np.exp(logits).sum():,.1f}")
    first, second = (int(place) for place in np.argsort(-chances)[:2])
    found.tell(first_label=NAMES[first], second_label=NAMES[second])
    found.tell(first_chance=f"{chances[first]:.0%}", second_chance=f"{chances[second]:.0%}")
    found.draw("softmax", partial(draw_softmax, sample.load(), chances))


def _softmax_table(logits: Gray) -> str:
    powers = np.exp(logits)
    rows = [["", "logit", "e^logit", "share"]]
    for place in np.argsort(-logits):
        rows.append(
            [NAMES[place], f"{logits[place]:.2f}", f"{powers[place]:,.2f}", f"{powers[place] / powers.sum():.3f}"]
        )
    return table(rows)


# --- pictures ------------------------------------------------------------------------------------------------------


def draw_numbers(boot: Gray, theme: Theme) -> Figure:
    """The boot, and the numbers of a part of it."""
    top, left, side = WINDOW
    figure = Figure((8.4, 3.9), layout="constrained")
    whole, part = figure.subplots(1, 2, width_ratios=(1, 1.15))
    whole.imshow(boot, cmap="gray", interpolation="nearest")
    whole.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=theme.bad, linewidth=2))
    window = boot[top : top + side, left : left + side]
    part.imshow(window, cmap="gray", interpolation="nearest", vmin=0, vmax=255)
    for row, column in np.ndindex(window.shape):
        ink = "black" if window[row, column] > 120 else "white"
        part.text(column, row, f"{window[row, column]}", ha="center", va="center", fontsize=8, color=ink)
    for axes in (whole, part):
        bare(axes, theme)
    return figure


def draw_edges(scene: Gray, theme: Theme) -> Figure:
    """A camera's picture, and what two kernels answer to it: gray is nothing, white and black are edges."""
    figure = Figure((10.2, 2.3), layout="constrained")
    panels = [(scene, 0, 255), *((convolved(scene, kernel), -300, 300) for kernel in (STANDING, LYING))]
    for axes, (picture, low, high) in zip(figure.subplots(1, 3), panels, strict=True):
        axes.imshow(picture, cmap="gray", vmin=low, vmax=high)
        bare(axes, theme)
    return figure


def draw_softmax(shirt: Gray, chances: Gray, theme: Theme) -> Figure:
    figure = Figure((7.4, 2.9), layout="constrained")
    picture, bars = figure.subplots(1, 2, width_ratios=(1, 1.6))
    picture.imshow(shirt[..., ::-1], interpolation="nearest")
    bare(picture, theme)
    colors = [theme.bad if name == "shirt" else theme.good for name in NAMES]
    bars.barh(NAMES, chances, color=colors)
    bars.invert_yaxis()
    bars.set_xlim(0, 1)
    bars.tick_params(labelsize=8, colors=theme.ink, length=0)
    bars.spines[:].set_visible(False)
    bars.grid(axis="x", color=theme.grid, linewidth=0.6)
    bars.set_axisbelow(True)
    return figure


def bare(axes: Axes, theme: Theme) -> None:
    """A picture needs no scales."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(theme.grid)
