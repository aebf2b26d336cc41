"""An evaluation becomes what a person reads: one page with everything in it, and pictures in a run's folder."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure
from scipy.stats import binomtest

from surveillance.domain.values import Bgr
from surveillance.perception.registry import softmax
from surveillance.training import plots
from surveillance.training.datasets import Sample
from surveillance.training.evaluate import BINS, Evaluation, evaluate_samples
from surveillance.training.plots import DARK, LIGHT, Shown, Theme
from surveillance.training.runs import run_card

MOST_MISTAKES = 24
MOST_COLUMNS = 40  # a matrix of more classes is no table that anybody reads
PICTURE_PX = 160

Draw = Callable[[Theme], Figure]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A sample that was called something else."""

    sample: Sample
    said: str
    chance: float  # of what was said
    true_chance: float

    @property
    def name(self) -> str:
        sample = self.sample
        return sample.path.name if sample.row is None else f"{sample.path.name} #{sample.row}"


def worst_mistakes(evaluation: Evaluation, most: int = MOST_MISTAKES) -> tuple[Mistake, ...]:
    """The wrong answers that the model was surest of, surest first."""
    chances, truth = evaluation.chances, evaluation.truth
    said = chances.argmax(axis=1)
    sure = np.where(said == truth, -1.0, chances.max(axis=1))
    wrong = [int(row) for row in np.argsort(-sure, kind="stable")[:most] if sure[row] >= 0]
    return tuple(
        Mistake(
            evaluation.samples[row],
            evaluation.card.labels[said[row]],
            float(chances[row, said[row]]),
            float(chances[row, truth[row]]),
        )
        for row in wrong
    )


def write_report(evaluation: Evaluation, target: Path, data: str, run_dir: Path | None = None) -> Path:
    """Writes one self-contained page to `target` (a file that ends in .html, or a folder) and returns its path.

    `data` names what was evaluated on. The training curve is that of `run_dir`.
    """
    path = target if target.suffix in (".html", ".htm") else target / "report.html"
    curve = load_epochs(run_dir) if run_dir is not None else []
    card, figures = evaluation.card, evaluation.figures
    right = sum(figures["confusion"][label][label] for label in card.labels)
    span = binomtest(right, figures["count"]).proportion_ci(method="wilson")
    pages = Environment(loader=PackageLoader("surveillance.training"), autoescape=True, trim_blocks=True)
    page = pages.get_template("report.html").render(
        card=card,
        figures=figures,
        span=span,
        data=data,
        at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        confusion=_themed(partial(plots.draw_confusion, figures["confusion"])),
        shows_numbers=len(card.labels) <= MOST_COLUMNS,
        reliability=_themed(partial(plots.draw_reliability, *_calibration(evaluation))),
        curve=_themed(partial(plots.draw_curve, curve)) if curve else None,
        mistakes=[(mistake, _inlined(mistake.sample.load())) for mistake in worst_mistakes(evaluation)],
        wrong=figures["count"] - right,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def write_pictures(run_dir: Path, samples: Sequence[Sample], device: str = "auto") -> tuple[Path, ...]:
    """curve.png, confusion.png and mistakes.png of a run's best weights on these samples, in its folder."""
    evaluation = evaluate_samples(run_card(run_dir), run_dir, samples, device=device)
    shown = [Shown(mistake.sample.load(), words_of(mistake)) for mistake in worst_mistakes(evaluation)]
    drawn: dict[str, Draw] = {"confusion": partial(plots.draw_confusion, evaluation.figures["confusion"])}
    if curve := load_epochs(run_dir):
        drawn["curve"] = partial(plots.draw_curve, curve)
    if shown:
        drawn["mistakes"] = partial(plots.draw_sheet, shown)
    return tuple(plots.save_png(draw, run_dir / f"{name}.png") for name, draw in drawn.items())


def words_of(mistake: Mistake) -> str:
    return f"is {mistake.sample.label}\nsaid {mistake.said} {mistake.chance:.0%}"


def load_epochs(run_dir: Path) -> list[Mapping[str, Any]]:
    """What each epoch of a run told; nothing where there is no run."""
    path = run_dir / "epochs.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _calibration(evaluation: Evaluation) -> tuple[plots.Bins | None, plots.Bins]:
    """How honest the model is without its temperature, where it has one, and with it."""
    truth = evaluation.truth
    after = plots.bins_of(evaluation.chances, truth, BINS)
    if evaluation.card.temperature == 1:
        return None, after
    return plots.bins_of(softmax(evaluation.logits), truth, BINS), after


def _themed(draw: Draw) -> dict[str, str]:
    """The same drawing for a light and a dark page, each as an address that holds all of it."""
    return {
        name: "data:image/svg+xml;base64," + base64.b64encode(plots.svg_of(draw, theme)).decode()
        for name, theme in (("light", LIGHT), ("dark", DARK))
    }


def _inlined(picture: Bgr) -> str:
    scale = PICTURE_PX / max(picture.shape[:2])
    if scale < 1:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    kind = "png" if scale > 3 else "jpeg"
    _, packed = cv2.imencode(f".{kind}", picture)
    return f"data:image/{kind};base64," + base64.b64encode(packed.tobytes()).decode()
