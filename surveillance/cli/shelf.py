"""Get models, carry them between machines, and put them on cameras."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from surveillance.app import promotion, shelf
from surveillance.app.site_edit import author, open_site
from surveillance.cli.cameras import tell_applied
from surveillance.cli.models import models, size_words
from surveillance.cli.words import command, counted
from surveillance.domain.errors import UserMistake
from surveillance.domain.promotions import Move
from surveillance.perception.cards import WORDS
from surveillance.settings import Settings

FILE = click.Path(path_type=Path, dir_okay=False)


@command(
    models,
    "pull",
    """
    surveillance models pull resnet50
    surveillance models pull resnet50:IMAGENET1K_V1 --as resnet50-v1
    surveillance models pull resnet50 --from resnet50-11ad3fa6.pth
    """,
)
@click.argument("name")
@click.option("--as", "as_name", help="What to call it here (default: its own name).")
@click.option("--from", "file", type=FILE, help="Read this checkpoint instead of fetching one.")
@click.option("--sha256", help="What the checkpoint's digest is or begins with (default: what its makers state).")
@click.option("--replace", is_flag=True, help="In place of another model of that name.")
@click.pass_obj
def pull(
    settings: Settings, name: str, as_name: str | None, file: Path | None, sha256: str | None, replace: bool
) -> None:
    """Get weights that others publish, such as torchvision's, verified and with a card. Needs a network, or --from."""
    got = shelf.pull(settings, name, as_name, file, sha256, replace)
    card = got.card
    what = counted(len(card.labels), "label") if card.labels else WORDS[card.kind]
    click.echo(f"pulled {card.name} {card.version}: {size_words(got.size_bytes)}, {what}")
    click.echo(f"licence: {card.licence}")


@command(
    models,
    "export",
    """
    surveillance models export mine --to mine.zip
    surveillance models export mine resnet50 --to models.zip
    """,
)
@click.argument("names", nargs=-1, required=True)
@click.option("--to", required=True, type=FILE, help="The bundle to write (zip).")
@click.pass_obj
def export(settings: Settings, names: tuple[str, ...], to: Path) -> None:
    """Pack models with their cards and exports into one file, to be carried to another machine."""
    size = shelf.export(settings, names, to)
    click.echo(f"wrote {to}: {', '.join(dict.fromkeys(names))} ({size_words(size)})")


@command(
    models,
    "import",
    """
    surveillance models import models.zip
    surveillance models import stick/mine.yaml --replace
    surveillance models import stick/yolox_nano.onnx --name yolox-nano
    """,
)
@click.argument("file", type=FILE)
@click.option("--name", help="What to call the model of a single file (default: the name it is known by).")
@click.option("--replace", is_flag=True, help="In place of other models of the same names.")
@click.pass_obj
def import_(settings: Settings, file: Path, name: str | None, replace: bool) -> None:
    """Take over the models of a bundle, of a card that lies beside its weights, or a file that `pull` would fetch.

    All are checked before any is.
    """
    for model in shelf.bring_in(settings, file, replace, name):
        click.echo(f"{model.name} {model.version}: {model.how}")


# --- cameras -------------------------------------------------------------------------------------------------------


@command(
    models,
    "promote",
    """
    surveillance models promote mine
    surveillance models promote mine --camera yard --camera gate
    """,
)
@click.argument("name")
@click.option("--camera", "cameras", multiple=True, help="Only this one (may be given more than once).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def promote(settings: Settings, name: str, cameras: tuple[str, ...], yes: bool) -> None:
    """Put a model on cameras: on all of them, or on those named. It is loaded first, and the change is on record."""
    moves = promotion.planned(settings, name, cameras)
    if not moves:
        click.echo(
            f"nothing to change: {name} is on {'them' if len(cameras) > 1 else 'it' if cameras else 'every camera'}"
        )
        return
    for warning in promotion.lost_labels(settings, moves):
        click.echo(warning, err=True)
    confirm(moves, yes)
    tell(settings, promotion.promote(settings, name, cameras, author()))


@command(
    models,
    "rollback",
    """
    surveillance models rollback
    surveillance models rollback --camera yard
    """,
)
@click.option("--camera", "cameras", multiple=True, help="Only this one (may be given more than once).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def rollback(settings: Settings, cameras: tuple[str, ...], yes: bool) -> None:
    """Take cameras back to the model before their last promotion: all of them, or those named."""
    confirm(promotion.planned_rollback(settings, cameras), yes)
    tell(settings, promotion.rollback(settings, cameras, author()))


def confirm(moves: Sequence[Move], yes: bool) -> None:
    """Asks where a door is decided by what the camera sees. Raises UserMistake where nobody can be asked."""
    watched = [move for move in moves if move.doors]
    if not watched or yes:
        return
    what = "; ".join(f"camera {move.camera} looks at {', '.join(move.doors)}" for move in watched)
    if not sys.stdin.isatty():
        raise UserMistake(f"{what}: what it sees may open a door; say --yes if that is meant")
    click.confirm(f"{what}: what it sees may open a door. Change its model?", abort=True)


def tell(settings: Settings, moves: Sequence[Move]) -> None:
    for move in moves:
        to = f"{move.after} (the default)" if move.model is None else move.after
        click.echo(f"camera {move.camera}: {move.before} -> {to}")
    tell_applied(settings, open_site(settings).site.version())
