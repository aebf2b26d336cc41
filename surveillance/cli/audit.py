"""Prove what is on record: the signed head of its chain, the audit, and evidence bundles for others to check."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from tqdm import tqdm

from surveillance.app import audit
from surveillance.cli.words import cli, command
from surveillance.settings import Settings
from surveillance.storage.audit import Audit
from surveillance.storage.bundle_check import check_bundle, parse_key


@cli.group("audit")
def audit_commands() -> None:
    """Prove what is on record, and find what was changed past this program."""


@command(
    audit_commands,
    "verify",
    """
    surveillance audit verify
    surveillance audit verify --against /mnt/elsewhere/heads
    surveillance audit verify --heads received.jsonl
    surveillance audit verify --no-media --json
    """,
)
@click.option(
    "--against",
    "--heads",
    "against",
    type=click.Path(exists=True, path_type=Path),
    help="Signed heads that were kept elsewhere or received: a file of them, a log, or a folder.",
)
@click.option("--no-media", is_flag=True, help="Do not read pictures and clips, which takes longest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def verify(settings: Settings, against: Path | None, no_media: bool, as_json: bool) -> None:
    """Walk the whole chain and name what is not as it was recorded; exit code 1 if anything is not."""
    with tqdm(unit="link", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = audit.audit(settings, audit.Look(not no_media, against), progress)
    if as_json:
        click.echo(json.dumps(asdict(found) | {"sound": found.is_sound}))
    else:
        for line in lines_of(found, no_media):
            click.echo(line)
    sys.exit(0 if found.is_sound else 1)


def lines_of(found: Audit, no_media: bool) -> list[str]:
    """What an audit came to, in words: the faults, or what stands."""
    lines = [str(fault) for fault in found.faults]
    if not lines:
        media = "media not read" if no_media else f"{found.files:,} files read"
        removed = f", {found.removed:,} rows deleted by retention" if found.removed else ""
        lines.append(f"sound: links {found.first:,} to {found.last:,}, {found.rows:,} rows{removed}, {media}")
        if found.links == 0:
            lines = ["nothing is chained yet: the chain begins with the next event"]
    if found.heads or found.heads_before:
        before = f", {found.heads_before:,} older than what is kept" if found.heads_before else ""
        lines.append(f"heads kept elsewhere: {found.heads:,} found here{before}")
    if found.older:
        lines.append(f"events 1 to {found.older:,} are older than the chain, and nothing proves them")
    return lines


@command(
    audit_commands,
    "head",
    """
    surveillance audit head
    surveillance audit head --json >> /mnt/elsewhere/heads/site.jsonl
    """,
)
@click.option("--json", "as_json", is_flag=True, help="The whole head on one line, to be kept elsewhere.")
@click.pass_obj
def head(settings: Settings, as_json: bool) -> None:
    """Sign the head of the chain as it is now and print it; kept elsewhere, it proves what was on record."""
    signed = audit.sign_now(settings)
    if as_json:
        click.echo(json.dumps(signed, sort_keys=True))
        return
    click.echo(f"link {signed['seq']:,} at {signed['at']}")
    for name in ("mac", "key", "signature"):
        click.echo(f"{name:9} {signed[name]}")


@command(audit_commands, "key", "surveillance audit key")
@click.pass_obj
def key(settings: Settings) -> None:
    """Print the public key of this site, by which others check its heads and evidence bundles."""
    click.echo(audit.site_key(settings))


@command(
    audit_commands,
    "export",
    "surveillance audit export 01939f3e-0000-7000-8000-000000000000 --to bundle.zip",
)
@click.argument("event")
@click.option("--to", "file", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The ZIP to write.")
@click.pass_obj
def export(settings: Settings, event: str, file: Path) -> None:
    """Write an event with its explanation, pictures, clip and proof, for others to check; which is on record."""
    audit.export_bundle(settings, event, file)
    click.echo(f"{file}: check it with `surveillance audit verify-bundle {file}`; it was signed by")
    click.echo(audit.site_key(settings))


@command(
    audit_commands,
    "verify-bundle",
    """
    surveillance audit verify-bundle bundle.zip
    surveillance audit verify-bundle bundle.zip --key site-key.txt --json
    """,
)
@click.argument("file", type=click.Path(exists=True, path_type=Path, dir_okay=False))
@click.option("--key", "key_text", metavar="PUBLIC", help="The site's public key, or a file with it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify_bundle(file: Path, key_text: str | None, as_json: bool) -> None:
    """Check an evidence bundle, on any machine: it needs no database and no site. Exit code 1: it proves nothing."""
    checked = check_bundle(file, parse_key(key_text) if key_text else None)
    if as_json:
        click.echo(json.dumps(asdict(checked) | {"sound": checked.is_sound, "key_given": key_text is not None}))
    else:
        for line in checked.faults or checked.proved:
            click.echo(line)
        if checked.is_sound and key_text is None:
            click.echo(f"signed by {checked.key}: make sure that this is the site's key, or give it with --key")
    sys.exit(0 if checked.is_sound else 1)
