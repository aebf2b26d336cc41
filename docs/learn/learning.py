"""Chapters 4, 5 and 7: how trainings went, what they are worth, and what is taken over from another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gathered import Gathered, table
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from networks import build
from numpy.typing import NDArray
from runs import FEW_LEARNED, Places
from scipy.stats import binomtest
from seeing import NAMES
from torch import Tensor, nn

from surveillance.perception.cards import ModelCard, load_card
from surveillance.perception.registry import build_network, preprocess, softmax
from surveillance.training.datasets import Sample, named_by
from surveillance.training.evaluate import BINS, evaluate_samples
from surveillance.training.freezing import freeze
from surveillance.training.plots import (
    Bins,
    Shown,
    Theme,
    bins_of,
    draw_confusion,
    draw_curve,
    draw_reliability,
    draw_sheet,
)
from surveillance.training.report import load_epochs, worst_mistakes
from surveillance.training.runs import load_parts, load_run, run_card

LOOKED_AT = 1000  # pictures that the valley of one weight is drawn on
STEPS = (0, 1, 2, 5, 10, 20, 40)
RATE = 0.1
ONE_BATCH = 32
OFF = 3.0  # how far from where the training left it the weight is put, to see where the slope leads
LEAST_IN_BIN = 20
KINDS = ("transfer", "finetune")


def tell_training(places: Places, found: Gathered) -> None:
    """Chapter 4."""
    run = places.runs / "fashion-simple"
    parts, epochs = load_parts(load_run(run)), load_epochs(run)
    best = max(epochs, key=lambda line: line["validation"])
    recipe = load_run(run)["recipe"]
    found.tell(
        train_count=len(parts["train"]), batch=recipe["batch"],
        steps=-(-len(parts["train"]) // recipe["batch"]), epochs=len(epochs), best_epoch=best["epoch"],
        first_accuracy=epochs[0]["validation"], simple_accuracy=best["validation"],
        learning_rate=f"{recipe['learning_rate']:g}", one_batch=ONE_BATCH, guess_loss=float(np.log(10)),
    )  # fmt: skip
    found.draw("curve", partial(draw_curve, epochs))
    card = run_card(run)
    found.tell(steps_by_hand=_steps(card, _spread(parts["train"], ONE_BATCH)))
    _tell_valley(card, run, _spread(parts["validation"], LOOKED_AT), found)


def _steps(card: ModelCard, samples: Sequence[Sample]) -> str:
    """The loss of a new network on one batch, while plain gradient descent goes down on it."""
    torch.manual_seed(0)
    network = build(card.architecture, len(card.labels), card.parameters)
    crops, answers = _batch(card, samples)
    rows = [["step", "loss", "right"]]
    for step in range(max(STEPS) + 1):
        logits = network(crops)
        loss = nn.functional.cross_entropy(logits, answers)
        if step in STEPS:
            rows.append([f"{step}", f"{loss:.3f}", f"{int((logits.argmax(1) == answers).sum())} of {len(answers)}"])
        slopes = torch.autograd.grad(loss, list(network.parameters()))
        with torch.no_grad():
            for weight, slope in zip(network.parameters(), slopes, strict=True):
                weight -= RATE * slope
    return table(rows)


def _spread(samples: Sequence[Sample], most: int) -> Sequence[Sample]:
    """Some of all classes: the samples of a part lie class by class."""
    return [samples[index] for index in np.linspace(0, len(samples) - 1, most).astype(int)]


def _batch(card: ModelCard, samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
    crops = torch.from_numpy(preprocess([sample.load() for sample in samples], card.input))
    return crops, torch.tensor([card.labels.index(sample.label) for sample in samples])


def _tell_valley(card: ModelCard, run: Path, samples: Sequence[Sample], found: Gathered) -> None:
    """The loss as one weight of the trained network is turned, all others left as they are: how readily it says shirt.

    That weight is the last layer's bias of the class, which adds to its logit.
    """
    crops, answers = _batch(card, samples)
    with torch.inference_mode():
        plain = build_network(card, run)(crops)
    shirt = nn.functional.one_hot(torch.tensor(NAMES.index("shirt")), len(NAMES)).float()

    def loss_at(turn: Tensor) -> Tensor:
        return nn.functional.cross_entropy(plain.clone() + turn * shirt, answers)

    here = torch.tensor(OFF, requires_grad=True)
    loss = loss_at(here)
    slope = float(torch.autograd.grad(loss, here)[0])
    turns = np.linspace(-5, 5, 101)
    losses = [float(loss_at(torch.tensor(float(turn)))) for turn in turns]
    found.tell(turned=f"{OFF:g}", slope=slope)
    found.draw("valley", partial(draw_valley, turns, losses, (OFF, float(loss), slope)))


def tell_honesty(places: Places, found: Gathered) -> None:
    """Chapter 5."""
    curves, losses = {}, {}
    for name in ("bare", "moved", "by_heart"):
        run = places.runs / f"few-{name.replace('_', '-')}"
        curves[name] = epochs = load_epochs(run)
        data = places.runs / ("few-shuffled" if name == "by_heart" else "few")
        learned = _right_at_the_end(run, load_parts(load_run(run), data)["train"])
        found.tell(**{f"{name}_learned": f"{learned:.0%}", f"{name}_accuracy": f"{epochs[-1]['validation']:.0%}"})
        losses[name] = epochs[-1]["validation_loss"]
    lowest = min(curves["bare"], key=lambda line: line["validation_loss"])
    found.tell(few=FEW_LEARNED, few_watched=len(load_run(places.runs / "few-bare")["split"]["validation"]))
    found.tell(least_in_bin=LEAST_IN_BIN, bare_loss=losses["bare"], moved_loss=losses["moved"])
    found.tell(bare_turn=lowest["epoch"], bare_turn_loss=lowest["validation_loss"], few_epochs=len(curves["bare"]))
    found.draw("overfitting", partial(draw_overfitting, [curves["bare"], curves["moved"]]))
    _tell_figures(places, found)


def _right_at_the_end(run: Path, samples: Sequence[Sample]) -> float:
    """The share that the weights of the last epoch have right; a run's folder serves those of the best."""
    card = run_card(run)
    network = build(card.architecture, len(card.labels), card.parameters)
    network.load_state_dict(torch.load(run / "last.pt", weights_only=True)["ema"])
    crops, answers = _batch(card, samples)
    with torch.inference_mode():
        return float((network(crops).argmax(1) == answers).float().mean())


def _tell_figures(places: Places, found: Gathered) -> None:
    """Of the published model on its validation part."""
    card = load_card(places.model("fashion-simple"))
    watched = load_parts(load_run(places.runs / "fashion-simple"))["validation"]
    made = evaluate_samples(card, places.runs / "models", named_by(watched, card.labels))
    figures = made.figures
    names = dict(zip(card.labels, NAMES, strict=True))
    confusion = {names[true]: {names[said]: n for said, n in row.items()} for true, row in figures["confusion"].items()}
    found.draw("confusion", partial(draw_confusion, confusion))
    shirt = figures["per_class"][card.labels[NAMES.index("shirt")]]
    found.tell(
        accuracy=figures["accuracy"], shirt_recall=shirt["recall"], shirt_precision=shirt["precision"],
        shirts=sum(confusion["shirt"].values()), shirts_right=confusion["shirt"]["shirt"],
        shirts_called_tshirt=confusion["shirt"]["T-shirt"],
        bags_right=confusion["bag"]["bag"], bags=sum(confusion["bag"].values()),
        error_before=f"{figures['ece_raw']:.3f}", error_after=f"{figures['ece']:.3f}", temperature=card.temperature,
    )  # fmt: skip
    before, after = (_crowded(bins_of(said, made.truth, BINS)) for said in (softmax(made.logits), made.chances))
    found.draw("reliability", partial(draw_reliability, before, after))
    worst = [
        Shown(one.sample.load(), f"is {names[one.sample.label]}\nsaid {names[one.said]} {one.chance:.0%}")
        for one in worst_mistakes(made, 10)
    ]
    found.draw("mistakes", partial(draw_sheet, worst, across=5))
    span = binomtest(round(figures["accuracy"] * figures["count"]), figures["count"]).proportion_ci(method="wilson")
    found.tell(accuracy_low=f"{span.low:.3f}", accuracy_high=f"{span.high:.3f}")


def _crowded(bins: Bins) -> Bins:
    """Those with enough pictures to tell a share by."""
    keep = bins.count >= LEAST_IN_BIN
    return Bins(bins.confidence[keep], bins.right[keep], bins.count[keep])


def tell_transfer(places: Places, found: Gathered) -> None:
    """Chapter 7."""
    rows, curves = [["pictures", "learned from", "watched on", *KINDS]], []
    for data in places.photographs:
        runs = [places.runs / f"{data}-{kind}" for kind in KINDS]
        split = load_run(runs[0])["split"]
        best = [max(line["validation"] for line in load_epochs(run)) for run in runs]
        rows.append([data, f"{len(split['train'])}", f"{len(split['validation'])}", *(f"{one:.2f}" for one in best)])
        found.tell(**{f"{data}_{kind}": one for kind, one in zip(KINDS, best, strict=True)})
        found.tell(**{f"{data}_learned": len(split["train"]), f"{data}_watched": len(split["validation"])})
        curves.append((data, [load_epochs(run) for run in runs]))
    found.tell(transfer=table(rows))
    found.draw("transfer", partial(draw_transfer, curves))
    watched = len(load_run(places.runs / "insects-transfer")["split"]["validation"])
    found.tell(one_picture=f"{100 / watched:.1f}")
    for unfreeze in ("all", "head", "block"):
        network = build("mobilenet_v1_025", 3, {})
        freeze(network, unfreeze)
        learns = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
        found.tell(**{f"{unfreeze}_learns": learns})


# --- pictures ------------------------------------------------------------------------------------------------------


def draw_valley(turns: NDArray[Any], losses: Sequence[float], here: tuple[float, float, float], theme: Theme) -> Figure:
    """Loss over one weight, with the slope at a point and the way down."""
    at, loss, slope = here
    figure = Figure((6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(turns, losses, color=theme.good, linewidth=2)
    span = np.array([at - 0.6, at + 0.6])
    axes.plot(span, loss + slope * (span - at), color=theme.bad, linewidth=1.6)
    axes.plot([at], [loss], "o", color=theme.bad, markersize=7)
    axes.annotate(
        "", (at - 0.6, loss - 0.6 * slope), (at, loss), arrowprops={"arrowstyle": "->", "color": theme.bad, "lw": 2}
    )
    axes.set(xlabel="one weight, turned by", ylabel="loss")
    return _dressed(figure, [axes], theme)


def draw_overfitting(curves: Sequence[Sequence[Mapping[str, Any]]], theme: Theme) -> Figure:
    """Loss by epoch, without augmentation and with it: what is learned from, and what is only watched."""
    figure = Figure((8.4, 3.2), layout="constrained")
    both = figure.subplots(1, 2, sharey=True)
    for axes, epochs, title in zip(both, curves, ("--augment none", "--augment shift"), strict=True):
        for name, color in (("loss", theme.good), ("validation_loss", theme.bad)):
            points = [(line["epoch"], line[name]) for line in epochs]
            axes.plot(*zip(*points, strict=True), color=color, linewidth=1.8, label=name.replace("_", " "))
        axes.set_title(title, fontsize=9, color=theme.ink, family="monospace")
        axes.set(xlabel="epoch", ylim=(0, 2))
        axes.legend(frameon=False, fontsize=8, labelcolor=theme.ink)
    return _dressed(figure, both, theme)


def draw_transfer(curves: Sequence[tuple[str, list[list[Mapping[str, Any]]]]], theme: Theme) -> Figure:
    """Validation accuracy by epoch: with a new head alone, and fine-tuned."""
    figure = Figure((8.4, 3.2), layout="constrained")
    both = figure.subplots(1, len(curves), sharey=True)
    for axes, (data, runs) in zip(both, curves, strict=True):
        for kind, epochs, color in zip(KINDS, runs, (theme.bad, theme.good), strict=True):
            points = [(line["epoch"], line["validation"]) for line in epochs]
            axes.plot(*zip(*points, strict=True), color=color, linewidth=1.8, label=kind)
        axes.set_title(data, fontsize=9, color=theme.ink)
        axes.set(xlabel="epoch", ylim=(0.4, 1.01))
        axes.legend(frameon=False, fontsize=8, labelcolor=theme.ink, loc="lower right")
    both[0].set_ylabel("validation accuracy")
    return _dressed(figure, both, theme)


def _dressed(figure: Figure, shown: Sequence[Axes], theme: Theme) -> Figure:
    for axes in shown:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[:].set_color(theme.grid)
        axes.grid(color=theme.grid, linewidth=0.6)
        axes.tick_params(colors=theme.ink, labelsize=8)
        axes.xaxis.label.set(color=theme.ink, size=9)
        axes.yaxis.label.set(color=theme.ink, size=9)
    return figure
