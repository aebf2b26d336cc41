"""The database: upgraded, backed up, restored and copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from tqdm import tqdm

from surveillance.app import database, store
from surveillance.cli.words import cli, command, counted
from surveillance.domain.site import hide_password
from surveillance.settings import Settings


@cli.group()
def db() -> None:
    """The database."""


@command(
    db,
    "upgrade",
    """surveillance db upgrade
    SURVEILLANCE__STORAGE__URL=postgresql://site@db.example/site surveillance db upgrade""",
)
@click.option("--no-backup", is_flag=True, help="Keep no copy of what is there, as where there is no room for one.")
@click.pass_obj
def upgrade(settings: Settings, no_backup: bool) -> None:
    """Create the database or bring it to this version; one that has a site is backed up first."""
    click.echo(store.upgrade_database(settings, click.echo, not no_backup))


@command(db, "backup", "surveillance db backup\nsurveillance db backup /mnt/usb/site-before-moving.db")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.pass_obj
def back_up(settings: Settings, file: Path | None) -> None:
    """Copy the database into one file, while the service runs or not.

    The file holds neither keys nor pictures: keep a copy of keys/, evidence/ and media/ of the data directory too, the
    keys somewhere else.
    """
    with rows_shown() as progress:
        made = database.back_up_site(settings, file, progress)
    click.echo(f"backed up to {made.file} (revision {made.revision}, {made.size_bytes / 1e6:.1f} MB, without keys)")


@command(db, "restore", "surveillance db restore surveillance-0004-20261121T120000000000Z.db")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Even though core seems to run.")
@click.pass_obj
def restore(settings: Settings, file: Path, force: bool) -> None:
    """Make the database what a backup holds; what is there now is backed up first.

    On PostgreSQL the database must be empty: create a new one and name it in storage.url.
    """
    with rows_shown() as progress:
        held, before = database.restore_site(settings, file, force, progress)
    click.echo(f"restored {held.file} (revision {held.revision})")
    if before is not None:
        click.echo(f"what was there before is in {before.file}")
    click.echo(
        "next: `surveillance run` of this version upgrades it; the version that wrote it starts with it as it is"
    )


@command(
    db,
    "copy",
    """surveillance db copy sqlite:////var/lib/surveillance/surveillance.db postgresql://site@db.example/site
    surveillance db copy postgresql://site@db.example/site sqlite:////srv/site.db""",
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--force", is_flag=True, help="Even though core seems to run on FROM.")
@click.pass_obj
def copy(settings: Settings, source: str, target: str, force: bool) -> None:
    """Copy a site from one database into another, which must be empty: all of it or nothing.

    FROM stays as it is. A password is best left out of the address: PGPASSWORD or ~/.pgpass hold it.
    """
    with rows_shown() as progress:
        copied = database.copy_site(settings, source, target, force, progress)
    for name, rows in sorted(copied.rows.items()):
        if rows:
            click.echo(f"{name:20} {rows:>10}")
    click.echo(f"copied {counted(copied.total, 'row')} at revision {copied.revision}; every row reads back the same")
    click.echo(f"digest of the events: {copied.digest}")
    click.echo(
        f"next: set storage.url (or SURVEILLANCE__STORAGE__URL) to {hide_password(target)} and start; keys, pictures "
        f"and clips stay in {settings.data_dir}: take it along where the site moves to another machine"
    )


@contextmanager
def rows_shown() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar of the table at hand, where somebody watches."""
    with tqdm(unit=" rows", disable=None, leave=False) as bar:

        def show(table: str, done: int, total: int) -> None:
            if done == 0:
                bar.set_description(table)
                bar.reset(total)
            bar.update(done - bar.n)

        yield show
