"""The command line: each command parses its words, asks `app` for the parts, and prints what comes back.

A person's mistake is one line on stderr and exit code 2; never a traceback.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from surveillance import __version__
from surveillance.app import commands, service, store
from surveillance.app import watch as watching
from surveillance.domain.errors import SurveillanceError, UserMistake
from surveillance.domain.site import hide_password
from surveillance.settings import Settings, load_settings

AGO = re.compile(r"^(\d+)([smhdw])$")
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Example(click.Command):
    """A command whose --help ends with examples that work."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text("Examples:")
        for line in self.examples.strip().splitlines():
            formatter.write(f"  {line.strip()}\n")


class Ago(click.ParamType[datetime]):
    """`90m`, `24h`, `7d` ago, or a moment in RFC 3339."""

    name = "AGO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if match := AGO.match(value):
            return datetime.now(UTC) - timedelta(seconds=int(match[1]) * UNIT_S[match[2]])
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a span such as 24h or 7d nor a moment such as 2026-11-21T08:00:00Z")
        return at if at.tzinfo else at.astimezone()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (YAML) over the defaults.")
@click.version_option(__version__, prog_name="surveillance")
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Cameras in, explained decisions out: authorize, deny, alert or log."""
    ctx.obj = load_settings(config)


def command(group: click.Group, name: str, examples: str) -> Callable[[Callable[..., Any]], click.Command]:
    return group.command(name, cls=Example, examples=examples)


@cli.group()
def rules() -> None:
    """Check, list and apply rules."""


@cli.group()
def events() -> None:
    """Read what was decided, and why."""


@cli.group()
def models() -> None:
    """The models that can be used."""


@cli.group()
def db() -> None:
    """The database."""


@cli.group()
def user() -> None:
    """Who may sign in to the dashboard."""


@cli.group()
def token() -> None:
    """Tokens for readers and other machines."""


# --- watching ------------------------------------------------------------------------------------------------------


@command(
    cli,
    "watch",
    """
    surveillance watch parking.mp4 --json
    surveillance watch rtsp://user:password@192.168.1.20/stream1 --rules my-rules.yaml --timeout 60
    """,
)
@click.argument("source")
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), help="Judge by these rules.")
@click.option("--record", is_flag=True, help="Also write the site's ledger.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), help="Stop after S seconds.")
@click.option("--start-at", type=Ago(), help="When a file's first frame was taken (default: now).")
@click.option("--model", help="Model card to classify with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
@click.pass_obj
def watch(
    settings: Settings,
    source: str,
    rules_file: Path | None,
    record: bool,
    timeout_s: float | None,
    start_at: datetime | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Watch one file or camera through the whole walk, without a site.

    Without rules every confirmed track is logged once. Ends with the file.
    """
    order = watching.WatchOrder(source, rules_file, record, timeout_s, start_at, model)
    told = False
    for event in watching.watch(settings, order):
        told = True
        click.echo(json.dumps(event.as_json()) if as_json else line_of(event.as_json()))
    if not told:
        why = "no rule fired" if rules_file else "nothing in it moved for long enough to be followed"
        click.echo(f"surveillance: no events in {hide_password(source)}: {why}", err=True)


@command(
    cli,
    "run",
    """
    surveillance run --site site.yaml
    SURVEILLANCE__DASHBOARD__PORT=9000 surveillance run
    """,
)
@click.option("--site", "site_file", type=click.Path(path_type=Path), help="Seeds an empty database once.")
@click.pass_obj
def run(settings: Settings, site_file: Path | None) -> None:
    """Run the service: cameras, rules, doors and the dashboard. Ctrl-C stops it."""
    service.run_site(settings, site_file, announce=click.echo)


# --- rules ---------------------------------------------------------------------------------------------------------


@command(rules, "check", "surveillance rules check my-rules.yaml")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def check_rules(settings: Settings, file: Path) -> None:
    """Say everything that is wrong with a rules file, with its place."""
    book, against_site = commands.check_rules(settings, file)
    names = "names checked against the site" if against_site else "no site yet, so names were not checked"
    click.echo(f"{file}: {counted(len(book.rules), 'rule')}, no faults ({names})")


@command(rules, "list", "surveillance rules list")
@click.pass_obj
def list_rules(settings: Settings) -> None:
    """List the rules in force, with their origin."""
    for rule in commands.rules_in_force(settings):
        click.echo(f"{rule.name:24} {rule.trigger:9} {rule.verdict:10} {rule.mode:7} {rule.origin}")


@command(rules, "apply", "surveillance rules apply my-rules.yaml")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def apply_rules(settings: Settings, file: Path) -> None:
    """Put a rules file in force (in the database); a running service takes it up within two seconds."""
    count, version = commands.apply_rules(settings, file)
    click.echo(f"applied {counted(count, 'rule')} as configuration version {version}")


# --- events --------------------------------------------------------------------------------------------------------


@command(
    events,
    "list",
    """
    surveillance events list --since 24h --camera yard
    surveillance events list --kind access.denied --json
    """,
)
@click.option("--since", type=Ago(), help="24h, 7d, or a moment.")
@click.option("--camera", help="Only this camera.")
@click.option("--kind", help="Only this kind, such as access.denied.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
@click.pass_obj
def list_events(
    settings: Settings, since: datetime | None, camera: str | None, kind: str | None, limit: int, as_json: bool
) -> None:
    """List events, newest first."""
    for event in commands.list_events(settings, since, camera, kind, limit):
        click.echo(json.dumps(event) if as_json else line_of(event))


@command(events, "explain", "surveillance events explain 01939f3e-0000-7000-8000-000000000000")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def explain(settings: Settings, id: str, as_json: bool) -> None:
    """Show why an event was decided as it was: every rule, every clause, every value."""
    event = commands.one_event(settings, id)
    if as_json:
        click.echo(json.dumps(event))
        return
    for line in explanation_of(event):
        click.echo(line)


# --- models --------------------------------------------------------------------------------------------------------


@command(cli, "classify", "surveillance classify picture.jpg --json")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", help="Model card (default: the settings' model).")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def classify(settings: Settings, images: tuple[Path, ...], model: str | None, as_json: bool) -> None:
    """Say what each picture shows."""
    for path, seen, sure in commands.classify(settings, images, model):
        if as_json:
            scores = {label: round(score, 4) for label, score in seen.scores.items()}
            answer = {"image": str(path), "label": seen.label, "confidence": round(seen.confidence, 4)}
            click.echo(json.dumps({**answer, "sure": sure, "scores": scores, "model": seen.model}))
        else:
            click.echo(f"{path}: {seen.label} {seen.confidence:.0%}{'' if sure else ' (not sure)'}")


@command(models, "list", "surveillance models list --json")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_models(settings: Settings, as_json: bool) -> None:
    """List the model cards that are there."""
    for card in commands.list_models(settings):
        if as_json:
            click.echo(json.dumps(card))
        else:
            architecture = card["architecture"]["name"]
            click.echo(f"{card['name']:16} {card['version']:6} {architecture:20} {', '.join(card['labels'])}")


# --- training ------------------------------------------------------------------------------------------------------


@command(
    cli,
    "train",
    """
    surveillance train --data crops --out runs/mine --hold-out coco,pf
    surveillance train --data crops --out runs/mine --resume
    """,
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder with a folder per label.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The run's folder.")
@click.option("--architecture", default="compact_cnn", show_default=True)
@click.option("--epochs", default=45, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--size", default=64, show_default=True, type=click.IntRange(8, 1024), help="Input side in pixels.")
@click.option("--batch", default=128, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--hold-out", default="", help="Sources (file prefixes) never trained on, by comma.")
@click.option("--skip", default="", help="Sources left out altogether, by comma.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--resume", is_flag=True, help="Go on where the run was stopped.")
def train(data: Path, out: Path, hold_out: str, skip: str, size: int, resume: bool, **recipe: Any) -> None:
    """Train a classifier on a folder of pictures, one folder per label."""
    from surveillance.perception.registry import Input
    from surveillance.training.fit import Recipe, fit

    order = Recipe(input=Input(size=size), hold_out=listed(hold_out), skip=listed(skip), **recipe)
    click.echo(f"trained: {fit(data, out, order, resume)}")


@command(cli, "evaluate", "surveillance evaluate embedded --data crops --json")
@click.argument("model")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder with a folder per label.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def evaluate(settings: Settings, model: str, data: Path, device: str, as_json: bool) -> None:
    """Measure a model on labeled pictures: accuracy, and precision and recall per class."""
    figures = commands.evaluate(settings, model, data, device)
    if as_json:
        click.echo(json.dumps(figures))
        return
    click.echo(f"accuracy {figures['accuracy']:.4f}   macro F1 {figures['macro_f1']:.4f}   ECE {figures['ece']:.4f}")
    for label, row in figures["per_class"].items():
        ratios = f"precision {row['precision']:.3f}  recall {row['recall']:.3f}  F1 {row['f1']:.3f}"
        click.echo(f"{label:16} {ratios}  of {row['support']}")


@command(
    cli,
    "publish",
    """
    surveillance publish runs/mine mine
    surveillance publish runs/embedded embedded --out config/models --weights surveillance/perception/weights
    """,
)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="Where the card goes (default: the data directory).")
@click.option("--weights", type=click.Path(path_type=Path), help="Where the weights go (default: beside the card).")
@click.option("--data", type=click.Path(path_type=Path), help="The training data, where it was moved.")
@click.option("--version", "card_version", default="1", show_default=True)
@click.option("--test-only", default="", help="Footage the card reserves for tests, by comma.")
@click.pass_obj
def publish(
    settings: Settings,
    run: Path,
    name: str,
    out: Path | None,
    weights: Path | None,
    data: Path | None,
    card_version: str,
    test_only: str,
) -> None:
    """Make a model of a finished run: checked weights with a card that says how good they are."""
    from surveillance.training.publish import publish as publish_run

    folder = out or settings.data_dir / "models"
    reserved = listed(test_only)
    card = publish_run(run, name, folder, weights, data, card_version, test_only=reserved)
    click.echo(f"published: {card}")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


# --- the house keeping ---------------------------------------------------------------------------------------------


@command(db, "upgrade", "SURVEILLANCE__STORAGE__URL=sqlite:////var/lib/surveillance/site.db surveillance db upgrade")
@click.pass_obj
def upgrade(settings: Settings) -> None:
    """Create the database or bring it to this version."""
    click.echo(store.upgrade_database(settings))


@command(user, "add", "surveillance user add alice --role operator")
@click.argument("name")
@click.option("--role", default="viewer", show_default=True)
@click.password_option()
@click.pass_obj
def add_user(settings: Settings, name: str, role: str, password: str) -> None:
    """Add somebody who may sign in."""
    commands.open_accounts(settings).add(name, role, password)
    click.echo(f"added {name} as {role}")


@command(user, "passwd", "surveillance user passwd admin")
@click.argument("name")
@click.password_option()
@click.pass_obj
def change_password(settings: Settings, name: str, password: str) -> None:
    """Set somebody's password."""
    commands.open_accounts(settings).passwd(name, password)
    click.echo(f"the password of {name} is changed")


@command(token, "create", "surveillance token create front-reader --scope access:request")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, default=("access:request",), show_default=True)
@click.pass_obj
def create_token(settings: Settings, name: str, scopes: tuple[str, ...]) -> None:
    """Make a token; it is shown this once."""
    click.echo(commands.open_accounts(settings).create_token(name, scopes))


@command(token, "relay", "surveillance token relay front")
@click.argument("door")
@click.pass_obj
def show_relay_token(settings: Settings, door: str) -> None:
    """Show the token that a door's controller must expect from us."""
    click.echo(commands.token_of_relay(settings, door))


# --- how things are printed ----------------------------------------------------------------------------------------


def line_of(event: Mapping[str, Any]) -> str:
    """One event as one line of text."""
    seen = "" if event["label"] is None else f"{event['label']} {event['confidence']:.0%}"
    place = " ".join(part for part in (event["camera"], event["door"], *event["zones"]) if part)
    media = "" if event["media_s"] is None else f" @{event['media_s']:.1f}s"
    reasons = "; ".join(event["reasons"] or (() if event["verdict"] else told_by(event["details"])))
    return f"{event['at']}{media}  {event['kind']:20} {seen:14} {place:20} {event['rule'] or '-':16} {reasons}".rstrip()


def told_by(details: Mapping[str, Any]) -> Iterator[str]:
    """What an event that no rule judged is about: `user = bob; role = viewer; actor = command line`."""
    for name in sorted(details, key=lambda name: name == "actor"):
        value = details[name]
        if isinstance(value, (str, int, float)):
            yield f"{name} = {value}"


def explanation_of(event: Mapping[str, Any]) -> Iterator[str]:
    """The explanation tree as lines of text."""
    yield line_of(event)
    yield f"rulebook version {event['rulebook_version']}"
    for judged in event["judged"]:
        note = f"  ({judged['note']})" if judged["note"] else ""
        yield f"{mark(judged['result'])} {judged['verdict']} {judged['rule']}{note}"
        yield from branch(judged["clause"], "  ")
    if not event["judged"]:
        yield "no rule was asked"


def branch(clause: Mapping[str, Any], indent: str) -> Iterator[str]:
    found = f"   [{clause['found']}]" if clause["found"] else ""
    yield f"{indent}{mark(clause['result'])} {clause['text']}{found}"
    for child in clause["children"]:
        yield from branch(child, indent + "  ")


def mark(result: bool | None) -> str:
    return {True: "yes", False: "no ", None: "?  "}[result]


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exit code 2 and one line for a mistake, 130 for Ctrl-C, 1 for a fault of ours."""
    try:
        sys.exit(cli.main(arguments, prog_name="surveillance", standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(2)
    except UserMistake as mistake:
        click.echo(f"surveillance: {mistake}", err=True)
        sys.exit(2)
    except SurveillanceError as fault:
        click.echo(f"surveillance: {fault}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as fault:
        if os.environ.get("SURVEILLANCE_DEBUG"):
            raise
        if isinstance(fault, OSError) and fault.filename is not None:
            what = f"cannot use {fault.filename}: {fault.strerror}; check the path and who may write there"
            click.echo(f"surveillance: {what}", err=True)
            sys.exit(2)
        click.echo(f"surveillance: a fault of ours: {fault!r}; set SURVEILLANCE_DEBUG=1 for the trace", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
