"""Figures of a model become pictures: confusion matrix, reliability diagram, training curve, sheet of mistakes.

Each is drawn for a light or a dark page, on no background of its own in SVG and on the page's color in PNG.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from surveillance.domain.values import Bgr

MOST_NUMBERS = 16  # a matrix of more classes has no room for numbers
MOST_NAMES = 60
ACROSS = 6  # pictures in a row of a sheet
NO_CURVE = frozenset({"epoch", "rate", "learning_rate", "seconds", "best"})  # told by each epoch, but no figure of it
FONTS = ["DejaVu Sans"]  # comes with matplotlib


@dataclass(frozen=True, slots=True)
class Theme:
    """The colors of a page."""

    page: str
    ink: str
    faint: str
    grid: str
    good: str
    bad: str


LIGHT = Theme("#ffffff", "#1d2733", "#5b6775", "#d5dce4", "#1f5f8b", "#b3422f")
DARK = Theme("#14191f", "#e4e9ef", "#9aa7b5", "#38424e", "#6db3e2", "#e88a76")


@dataclass(frozen=True, slots=True)
class Bins:
    """Answers by how sure they were: the mean confidence, the share that was right, and how many there are."""

    confidence: NDArray[np.float64]
    right: NDArray[np.float64]
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with the words below it."""

    picture: Bgr
    words: str


def bins_of(chances: NDArray[np.float64], truth: NDArray[np.int64], bins: int) -> Bins:
    """(n, labels) probabilities and (n,) true places; empty bins are left out."""
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    there = np.unique(place)
    return Bins(
        np.asarray([confidence[place == bin].mean() for bin in there]),
        np.asarray([right[place == bin].mean() for bin in there]),
        np.asarray([np.sum(place == bin) for bin in there]),
    )


def draw_confusion(confusion: Mapping[str, Mapping[str, int]], theme: Theme) -> Figure:
    """True classes down, said classes across; a cell's shade is its share of the true class."""
    labels = list(confusion)
    counts = np.asarray([[confusion[true][said] for said in labels] for true in labels])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(0.5 * len(labels) + 1.8, 3.6, 9))
    figure = Figure((side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap=_shades(theme), vmin=0, vmax=1)
    named = labels if len(labels) <= MOST_NAMES else []
    slant: dict[str, Any] = (
        {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if max(map(len, labels)) > 3 else {}
    )
    axes.set_xticks(range(len(named)), named, **slant)
    axes.set_yticks(range(len(named)), named)
    if len(labels) <= MOST_NUMBERS:
        for row, column in np.ndindex(counts.shape):
            color = theme.page if shares[row, column] > 0.55 else theme.ink if counts[row, column] else theme.faint
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=color, fontsize=8)
    axes.set_xlabel("said")
    axes.set_ylabel("true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return _dress(figure, theme)


def draw_reliability(before: Bins | None, after: Bins, theme: Theme) -> Figure:
    """Confidence across, share of right answers up: on the diagonal a model means what it says. Crowds below.

    `before` is what it was without temperature, where the model has one.
    """
    figure = Figure((4.6, 5.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    top.plot((0, 1), (0, 1), color=theme.faint, linewidth=1, linestyle=(0, (4, 3)), label="honest")
    if before is not None:
        top.plot(before.confidence, before.right, "o-", color=theme.bad, markersize=3.5, linewidth=1.2, label="before")
    name = "as it is" if before is None else "after"
    top.plot(after.confidence, after.right, "o-", color=theme.good, markersize=4.5, linewidth=1.8, label=name)
    top.set(xlim=(0, 1.02), ylim=(0, 1.02), ylabel="share that was right")
    top.legend(loc="upper left", frameon=False, fontsize=8, labelcolor=theme.ink)
    bottom.bar(after.confidence, after.count, width=0.045, color=theme.good, alpha=0.75)
    bottom.set(xlabel="confidence", ylabel="pictures")
    for axes in (top, bottom):
        _open(axes, theme)
    return _dress(figure, theme)


def draw_curve(epochs: Sequence[Mapping[str, Any]], theme: Theme) -> Figure:
    """What is lost by epoch on the left, what is gained on the right; as far as each was told."""
    names = [name for name, value in epochs[0].items() if isinstance(value, int | float) and name not in NO_CURVE]
    losses = [name for name in names if "loss" in name]
    gains = [name for name in names if name not in losses]
    figure = Figure((8.4, 3.1), layout="constrained")
    for axes, drawn in zip(figure.subplots(1, 2), (losses, gains), strict=True):
        for name, color in zip(drawn, (theme.good, theme.bad, theme.ink, theme.faint), strict=False):
            reached = [(line["epoch"], line[name]) for line in epochs if line.get(name) is not None]
            axes.plot(*zip(*reached, strict=True), "-", color=color, linewidth=1.8, label=name.replace("_", " "))
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        _open(axes, theme)
        if drawn:
            axes.legend(frameon=False, fontsize=8, labelcolor=theme.ink)
    return _dress(figure, theme)


def draw_tuning(
    scores: Sequence[float], pruned: Sequence[bool], importance: Mapping[str, float], theme: Theme
) -> Figure:
    """What each trial reached and the best so far on the left; what decided it on the right, where that can be told."""
    figure = Figure((8.4, 3.3), layout="constrained")
    history, bars = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_history(history, scores, pruned, theme)
    names = sorted(importance, key=lambda name: importance[name])
    bars.barh([name.replace("_", " ") for name in names], [importance[name] for name in names], color=theme.good)
    bars.set_xlabel("share in a good result (a hint)")
    _open(bars, theme)
    bars.grid(visible=False, axis="y")
    if not names:
        bars.set_axis_off()
        told = "too few finished trials, or too alike,\nto tell what decides"
        bars.text(0.5, 0.5, told, transform=bars.transAxes, ha="center", va="center", color=theme.faint, fontsize=9)
    return _dress(figure, theme)


def _draw_history(axes: Axes, scores: Sequence[float], pruned: Sequence[bool], theme: Theme) -> None:
    numbers = np.arange(1, len(scores) + 1)
    reached, is_pruned = np.asarray(scores, np.float64), np.asarray(pruned, bool)
    best = np.maximum.accumulate(np.where(is_pruned, 0.0, reached))
    there = best > 0
    axes.step(numbers[there], best[there], where="post", color=theme.good, linewidth=1.8, label="best so far")
    axes.plot(numbers[~is_pruned], reached[~is_pruned], "o", color=theme.good, markersize=4.5, label="finished")
    if is_pruned.any():
        axes.plot(numbers[is_pruned], reached[is_pruned], "x", color=theme.bad, markersize=5, label="stopped early")
    axes.set(xlabel="trial (1: the recipe as it is)", ylabel="validation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 3}
    axes.legend(**above, frameon=False, fontsize=8, labelcolor=theme.ink)
    _open(axes, theme)


def draw_sheet(shown: Sequence[Shown], theme: Theme, across: int = ACROSS) -> Figure:
    """Pictures in rows, each with its words below."""
    down = max(1, -(-len(shown) // across))
    figure = Figure((1.55 * across, 2.0 * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False).flat
    for axes in grid:
        axes.axis("off")
    for axes, one in zip(figure.axes, shown, strict=False):
        is_tiny = max(one.picture.shape[:2]) < 96
        axes.imshow(one.picture[..., ::-1], interpolation="nearest" if is_tiny else "antialiased")
        axes.text(0.5, -0.04, one.words, transform=axes.transAxes, ha="center", va="top", fontsize=7, color=theme.ink)
    return _dress(figure, theme)


def svg_of(draw: Callable[[Theme], Figure], theme: Theme) -> bytes:
    """A drawing in vectors, without a background."""
    packed = io.BytesIO()
    with matplotlib.rc_context({"font.family": FONTS, "svg.hashsalt": "picture"}):
        draw(theme).savefig(packed, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return packed.getvalue()


def save_png(draw: Callable[[Theme], Figure], path: Path, theme: Theme = LIGHT) -> Path:
    """A drawing in pixels, on the page's color."""
    with matplotlib.rc_context({"font.family": FONTS}):
        draw(theme).savefig(path, format="png", dpi=160, facecolor=theme.page, metadata={"Software": None})
    return path


def _shades(theme: Theme) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("shades", [f"{theme.good}0a", theme.good])


def _open(axes: Axes, theme: Theme) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=theme.grid, linewidth=0.6)
    axes.set_axisbelow(True)


def _dress(figure: Figure, theme: Theme) -> Figure:
    for axes in figure.axes:
        axes.tick_params(colors=theme.ink, labelsize=8)
        axes.xaxis.label.set(color=theme.ink, size=9)
        axes.yaxis.label.set(color=theme.ink, size=9)
        axes.spines[:].set_color(theme.grid)
    return figure
