"""Use the models that are there, and look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surveillance.app import commands, shelf
from surveillance.cli.words import cli, command
from surveillance.domain.values import Classification
from surveillance.perception.cards import CLASSIFIER, WORDS, ModelCard
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.app.shelf import Shelved

FEW = 10  # labels; of a model with more, a picture is told in five lines
TOP = 5
BAR = 24  # characters that stand for certainty
MOST_LABELS = 12  # named on a page; and the most that a confusion table is shown for
UNITS = ("B", "kB", "MB", "GB")


@cli.group()
def models() -> None:
    """The models that can be used: look, get, carry, and put them on cameras."""


@command(
    cli,
    "classify",
    """
    surveillance classify picture.jpg --json
    surveillance classify drake.jpg --model resnet50
    surveillance classify drake.jpg --model resnet50 --top 3
    """,
)
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", help="Model card (default: the settings' model).")
@click.option("--top", type=click.IntRange(1, 1000), help="So many labels (default: 1; 5 of a model with over 10).")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def classify(settings: Settings, images: tuple[Path, ...], model: str | None, top: int | None, as_json: bool) -> None:
    """Say what each picture shows."""
    for path, seen, sure in commands.classify(settings, images, model):
        if as_json:
            click.echo(json.dumps(answer_of(path, seen, sure, top)))
        elif top or len(seen.scores) > FEW:
            click.echo(f"{path}:{'' if sure else ' (not sure)'}")
            for line in bars(best_of(seen, top or TOP)):
                click.echo(f"  {line}")
        else:
            click.echo(f"{path}: {seen.label} {seen.confidence:.0%}{'' if sure else ' (not sure)'}")


def answer_of(path: Path, seen: Classification, sure: bool, top: int | None) -> dict[str, Any]:
    """`scores` are all, in the card's order; with `top` only the best, best first."""
    scores = dict(best_of(seen, top)) if top else seen.scores
    return {
        "image": str(path),
        "label": seen.label,
        "confidence": round(seen.confidence, 4),
        "sure": sure,
        "scores": {label: round(score, 4) for label, score in scores.items()},
        "model": seen.model,
    }


def best_of(seen: Classification, top: int) -> list[tuple[str, float]]:
    """The labels with the highest scores, best first."""
    return sorted(seen.scores.items(), key=lambda pair: -pair[1])[:top]


def bars(scores: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Each label with its score as a number and as a bar."""
    width = max(len(label) for label, _ in scores)
    for label, score in scores:
        yield f"{label:{width}}  {score:6.1%}  {'█' * round(score * BAR)}".rstrip()


# --- list and show -------------------------------------------------------------------------------------------------


@command(
    models,
    "list",
    """
    surveillance models list
    surveillance models list --json
    """,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, with the whole card.")
@click.pass_obj
def list_models(settings: Settings, as_json: bool) -> None:
    """List the models that are there: how large and good, where from, and on which cameras."""
    found = shelf.list_models(settings)
    if as_json:
        for model in found:
            click.echo(json.dumps(model.as_json()))
        return
    for line in columns(
        [
            ("NAME", "VERSION", "KIND", "ARCHITECTURE", "LABELS", "SIZE", "ACCURACY", "FROM", "CAMERAS"),
            *map(row_of, found),
        ]
    ):
        click.echo(line)


def row_of(model: Shelved) -> tuple[str, ...]:
    """One model as cells of text."""
    card, accuracy = model.card, model.accuracy
    return (
        card.name + (" (default)" if model.is_default else ""),
        card.version,
        WORDS[card.kind],
        card.architecture or card.decoder,
        labels_words(card.labels, 4),
        size_words(model.size_bytes),
        f"{accuracy[0]:.3f} ({accuracy[1]})" if accuracy else "-",
        model.origin,
        ", ".join(model.cameras) or "-",
    )


def labels_words(labels: Sequence[str], most: int) -> str:
    return (
        ", ".join(labels) or "-"
        if len(labels) <= most
        else f"{', '.join(labels[: most - 1])} and {len(labels) - most + 1} more"
    )


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Cells below each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def size_words(size_bytes: int | None) -> str:
    """`2.6 MB`; `incomplete` for a model of which a file is missing."""
    if size_bytes is None:
        return "incomplete"
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {UNITS[unit]}" if unit == 0 or size >= 10 else f"{size:.1f} {UNITS[unit]}"


@command(
    models,
    "show",
    """
    surveillance models show embedded
    surveillance models show embedded --json
    """,
)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The whole card.")
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show what a model's card says: what it was taught, its figures, and what it takes for what."""
    model = shelf.one_model(settings, name)
    if as_json:
        click.echo(json.dumps(model.as_json()))
        return
    click.echo(f"{model.card.name} {model.card.version}{' (the default)' if model.is_default else ''}")
    for what, words in facts_of(model):
        if words:
            click.echo(f"  {what:12} {words}")
    for part, figures in model.card.metrics.items():
        for line in figure_lines(part, figures):
            click.echo(line)


def facts_of(model: Shelved) -> Iterator[tuple[str, str]]:
    """What the card says in a line each."""
    card, shape = model.card, model.card.input
    fitted = f"{shape.fit} after {shape.resize}" if shape.resize else shape.fit
    parameters = ", ".join(f"{key} {value}" for key, value in card.parameters.items())
    if card.kind != CLASSIFIER:
        yield "kind", WORDS[card.kind]
        yield "decoder", " ".join([card.decoder, *(f"{key} {value}" for key, value in card.options.items())])
        yield "classes", class_words(card)
    yield "labels", labels_words(card.labels, MOST_LABELS)
    yield "architecture", f"{card.architecture} ({parameters})" if parameters else card.architecture
    yield "input", f"{'any size' if shape.fit == 'whole' else f'{shape.size} x {shape.size}'} {shape.color}, {fitted}"
    yield "weights", f"{card.weights_file}, sha256 {card.weights_sha256}"
    yield "size", size_words(model.size_bytes) + (" with exports" if card.exports else "")
    yield "from", model.origin
    yield "licence", card.licence
    yield "cameras", ", ".join(model.cameras)
    if card.kind == CLASSIFIER:
        yield "confidence", f"temperature {card.temperature:g}; not sure below {card.reject_below:.0%}"
    elif card.reject_below:
        yield "confidence", f"nothing below {card.reject_below:.0%} is told"
    yield from learned_from(card)
    for name, export in card.exports.items():
        parity = export.get("parity", {})
        told = f"; at most {parity['largest']:g} off torch (bound {parity['bound']:g})" if parity else ""
        yield f"{name}", ", ".join(export["files"]) + told


def class_words(card: ModelCard) -> str:
    """Which of our labels stands for which of its own: `person (person), vehicle (bicycle, car, ...)`."""
    own: dict[str, list[str]] = {}
    for label, ours in card.classes.items():
        own.setdefault(ours, []).append(label)
    return "; ".join(f"{ours}: {labels_words(labels, 4)}" for ours, labels in own.items())


def learned_from(card: ModelCard) -> Iterator[tuple[str, str]]:
    """Data and training, in a line each."""
    for part in ("sources", "held_out"):
        pages: Mapping[str, Any] = card.data.get(part) or {}
        crops = sum(sum(page.get("crops", {}).values()) for page in pages.values())
        if pages:
            told = f", {crops} crops" if crops else ""
            yield part.replace("_", " "), f"{labels_words(list(pages), MOST_LABELS)} ({len(pages)}{told})"
    yield "test only", ", ".join(card.data.get("test_only") or ())
    pulled: Mapping[str, Any] = card.training.get("pulled") or {}
    recipe: Mapping[str, Any] = card.training.get("recipe") or {}
    known = ("weights", "file") if pulled else ("name", "epochs", "batch", "learning_rate", "seed")
    page = pulled or recipe
    yield "trained", ", ".join(f"{key.replace('_', ' ')} {page[key]}" for key in known if key in page)


def figure_lines(part: str, figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures of one part of the data; those per class and the confusion as tables."""
    plain = [
        f"{key.replace('_', ' ')} {value}" for key, value in figures.items() if not isinstance(value, Mapping | list)
    ]
    yield f"\n{part.replace('_', ' ')}: {', '.join(plain)}"
    classes: Mapping[str, Mapping[str, float]] = figures.get("per_class") or {}
    if classes and len(classes) <= MOST_LABELS:
        heads = list(next(iter(classes.values())))
        rows = [[label, *(f"{row[head]:g}" for head in heads)] for label, row in classes.items()]
        yield from (f"  {line}" for line in columns([["", *heads], *rows]))
    confusion: Mapping[str, Mapping[str, int]] = figures.get("confusion") or {}
    if confusion and len(confusion) <= MOST_LABELS:
        yield "  confusion (a row: what it was; a column: what was said)"
        rows = [[label, *map(str, row.values())] for label, row in confusion.items()]
        yield from (f"  {line}" for line in columns([["", *confusion], *rows]))
