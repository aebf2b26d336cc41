"""Look at labeled pictures before training on them: check, split, show."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from surveillance.cli.words import cli, command

FOLDER = click.Path(path_type=Path)


@cli.group()
def dataset() -> None:
    """Labeled pictures: check, split and look at them."""


@command(
    dataset,
    "check",
    """
    surveillance dataset check crops
    surveillance dataset check crops --save findings.png
    """,
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--save", type=FOLDER, help="Write a picture of what was found: copies, near-copies, torn labels.")
@click.option("--json", "as_json", is_flag=True)
def check(folder: Path, save: Path | None, as_json: bool) -> None:
    """Find broken, doubled and leaked pictures.

    Copies and near-copies are searched for in all parts and classes. The exit code is 1 when something must be mended.
    """
    from surveillance.training.checks import check_data, page_of, rows_of
    from surveillance.training.sheets import contact_sheet, save_sheet

    checked = check_data(folder)
    page = page_of(checked)
    if as_json:
        click.echo(json.dumps(page))
    else:
        _tell_classes(page["classes"])
        _tell_sizes(page["sizes"])
        for title, key in (("to mend", "faults"), ("worth a look", "advice")):
            for sentence in page[key]:
                click.echo(f"{title}: {sentence}")
        if not page["faults"]:
            click.echo("nothing to mend")
    if save is not None:
        rows = rows_of(checked)
        click.echo(f"saved: {save_sheet(contact_sheet(rows), save)}" if rows else "nothing found to show", err=as_json)
    sys.exit(1 if page["faults"] else 0)


@command(
    dataset,
    "split",
    """
    surveillance dataset split crops --out crops-split
    surveillance dataset split crops --out crops-split --train .8 --val .2 --test 0 --seed 3
    """,
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--out", required=True, type=FOLDER, help="The folder to write, with train, val and test in it.")
@click.option("--train", default=0.7, show_default=True, type=float)
@click.option("--val", default=0.15, show_default=True, type=float)
@click.option("--test", default=0.15, show_default=True, type=float)
@click.option("--seed", default=0, show_default=True)
@click.option("--link/--copy", default=False, help="Link to the pictures, or copy them (default).")
def split(folder: Path, out: Path, seed: int, link: bool, **shares: float) -> None:
    """Divide pictures into train, val and test.

    Every class gets the same shares. Near-copies, and crops of one picture, never straddle two parts.
    """
    from surveillance.training.checks import class_counts
    from surveillance.training.datasets import load_samples
    from surveillance.training.splits import split_data

    left_out, broken = split_data(folder, out, shares, seed, link)
    _tell_classes(class_counts(load_samples(out)))
    if left_out:
        click.echo(f"left out: {_counted(left_out)} too much like one of the test part that the data came with")
    if broken:
        click.echo(f"left out: {_counted(broken)} that cannot be read (see `surveillance dataset check {folder}`)")
    click.echo(f"split: {out}")


@command(
    dataset,
    "show",
    """
    surveillance dataset show crops
    surveillance dataset show crops --save sheet.png --per-class 20
    """,
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--save", type=FOLDER, help="Write a contact sheet: a row of pictures per class.")
@click.option("--per-class", default=10, show_default=True, type=click.IntRange(1, 200))
def show(folder: Path, save: Path | None, per_class: int) -> None:
    """Count the pictures of each class, and show some."""
    from surveillance.training.checks import class_counts
    from surveillance.training.datasets import load_samples
    from surveillance.training.sheets import class_rows, contact_sheet, save_sheet

    samples = load_samples(folder)
    _tell_classes(class_counts(samples))
    if save is None:
        click.echo("say --save sheet.png to see some of each")
    else:
        click.echo(f"saved: {save_sheet(contact_sheet(class_rows(samples, per_class)), save)}")


def _tell_classes(classes: Mapping[str, Mapping[str, int]]) -> None:
    """A line per class: its pictures in each part and in all."""
    parts = [part for part in ("train", "val", "test", "all") if any(part in row for row in classes.values())]
    total = sum(sum(row.values()) for row in classes.values())
    wide = max(map(len, [*classes, "all"]))
    for label, row in classes.items():
        told = "  ".join(f"{part} {row.get(part, 0):>7,}" for part in parts if part != "all")
        count = sum(row.values())
        click.echo(f"{label:{wide}}  {told}{'  ' if told else ''}{count:>7,}  {count / max(total, 1):>4.0%}")
    click.echo(f"{'all':{wide}}  {total:,} pictures of {len(classes)} classes")


def _tell_sizes(sizes: Mapping[str, list[int] | None]) -> None:
    told = ", ".join(f"{name} {size[0]}x{size[1]}" for name, size in sizes.items() if size)
    click.echo(f"sizes: {told}" if told else "sizes: no picture can be read")


def _counted(number: int) -> str:
    return f"{number:,} picture{'' if number == 1 else 's'}"
