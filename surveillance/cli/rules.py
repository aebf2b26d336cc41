"""Check, list, apply and try rules, and bring earlier ones back."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from tqdm import tqdm

from surveillance.app import backtesting, commands, rule_edits
from surveillance.cli.backtests import backtest_lines
from surveillance.cli.printing import branch, mark
from surveillance.cli.words import Ago, cli, command, counted
from surveillance.rules.backtest import MOST
from surveillance.rules.book import Rule
from surveillance.rules.timeline import timeline
from surveillance.rules.trial import Trial
from surveillance.settings import Settings

OUTCOMES = {
    "alert": "would have alerted",
    "log": "would have been logged",
    "authorize": "would have authorized",
    "deny": "would have denied",
    "silent": "is false: nothing would have come of it",
    "unsure": "could not be told: nothing would have come of it",
    "off": "is off: not judged",
    "other_trigger": "would not have been asked: the event is of another trigger",
}


@cli.group()
def rules() -> None:
    """Check, list, apply and try rules."""


@command(rules, "check", "surveillance rules check my-rules.yaml")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def check_rules(settings: Settings, file: Path) -> None:
    """Say everything that is wrong with a rules file, with its place."""
    book, against_site, hints = commands.check_rules(settings, file)
    names = "names checked against the site" if against_site else "no site yet, so names were not checked"
    click.echo(f"{file}: {counted(len(book.rules), 'rule')}, no faults ({names})")
    for hint in hints:
        click.echo(hint, err=True)


@command(rules, "list", "surveillance rules list")
@click.pass_obj
def list_rules(settings: Settings) -> None:
    """List the rules in force, with their origin."""
    found = commands.rules_in_force(settings)
    if not found:
        click.echo("no rules yet; put some in force: surveillance rules apply FILE", err=True)
    for rule in found:
        click.echo(f"{rule.name:24} {rule.trigger:9} {rule.verdict:10} {rule.mode:7} {rule.origin}")


@command(rules, "apply", "surveillance rules apply my-rules.yaml")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def apply_rules(settings: Settings, file: Path) -> None:
    """Put a rules file in force (in the database); a running service takes it up within two seconds."""
    count, version = commands.apply_rules(settings, file)
    click.echo(f"applied {counted(count, 'rule')} as configuration version {version}")


@command(rules, "history", "surveillance rules history night-yard")
@click.argument("name")
@click.pass_obj
def show_history(settings: Settings, name: str) -> None:
    """Show every text a rule had: who wrote it when, and what it changed."""
    texts = rule_edits.rule_history(settings, name)
    for text, before in zip(texts, [text.text for text in texts[1:]] + [""], strict=True):
        what = "" if text.text else "  removed"
        renamed = f"  renamed from {text.was}" if text.was else ""
        click.echo(f"version {text.version}  {text.at:%Y-%m-%d %H:%M:%S}Z  {text.author}{renamed}{what}")
        for line in difflib.ndiff(before.splitlines(), text.text.splitlines()):
            if not line.startswith("?"):
                click.echo(f"    {line}".rstrip())


@command(rules, "restore", "surveillance rules restore night-yard 12")
@click.argument("name")
@click.argument("version", type=int)
@click.pass_obj
def restore_rule(settings: Settings, name: str, version: int) -> None:
    """Bring an earlier text of a rule back, as a new version."""
    made = rule_edits.restore_rule(settings, name, version)
    click.echo(f"rule {name} has its text of version {version} again, as configuration version {made}")


@command(rules, "promote", "surveillance rules promote night-yard")
@click.argument("name")
@click.pass_obj
def promote_rule(settings: Settings, name: str) -> None:
    """Make a shadow rule act; its events so far say what to expect."""
    version, verdicts = rule_edits.promote_rule(settings, name)
    shadows = f"{counted(verdicts, 'verdict')} of its shadow on record"
    click.echo(f"rule {name} acts from configuration version {version} on ({shadows})")


@command(rules, "rollback", "surveillance rules rollback 12")
@click.argument("version", type=int)
@click.pass_obj
def roll_back(settings: Settings, version: int) -> None:
    """Put all rules of an earlier configuration version in force again, as a new version."""
    count, made = rule_edits.roll_back(settings, version)
    click.echo(f"{counted(count, 'rule')} of version {version} in force again as configuration version {made}")


@command(rules, "test", "surveillance rules test my-rules.yaml --event 01939f3e-0000-7000-8000-000000000000")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--event", "event_id", required=True, help="An event on record, as `events list --json` shows its id.")
@click.pass_obj
def test_rules(settings: Settings, file: Path, event_id: str) -> None:
    """Say what the rules of a file would have done at an event on record; nothing is saved, nothing acts."""
    for rule, trial in rule_edits.try_rules(settings, file, event_id):
        for line in _trial_lines(rule, trial):
            click.echo(line)


@command(
    rules,
    "backtest",
    """
    surveillance rules backtest my-rules.yaml --since 7d
    surveillance rules backtest my-rules.yaml --since 24h --until 2h --json
    surveillance rules backtest my-rules.yaml --since 7d --save timeline.svg
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--since", type=Ago(), default="7d", show_default=True, help="24h, 7d, or a moment.")
@click.option("--until", type=Ago(), help="2h ago, or a moment; now without it.")
@click.option("--most", default=20, show_default=True, type=click.IntRange(0, MOST), help="Differences listed.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Draw the timeline there, as SVG.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.pass_obj
def backtest_rules(
    settings: Settings,
    file: Path,
    since: datetime,
    until: datetime | None,
    most: int,
    save: Path | None,
    as_json: bool,
) -> None:
    """Say what a rules file would have decided of what was stored, beside what is on record; nothing acts."""
    span = since, until or datetime.now(UTC)
    with tqdm(unit="input", unit_scale=True, disable=None) as bar:

        def moved(done: int, of: int) -> None:
            bar.total = of
            bar.update(done)

        found = backtesting.backtest_file(settings, file, span, moved)
    if save is not None:
        save.write_text(timeline(found), encoding="utf-8")
    for line in [json.dumps(found.as_json())] if as_json else backtest_lines(found, most):
        click.echo(line)


def _trial_lines(rule: Rule, trial: Trial) -> Iterator[str]:
    yield f"{rule.name} {OUTCOMES[trial.outcome]}"
    if trial.before_s is not None:
        yield f"  but it had fired {trial.before_s:g} s before, so it would have been silent"
    if trial.doubts:
        yield f"  {trial.doubts}"
    if rule.cooldown_s is not None and trial.clause is not None:
        yield "  its cooldown is looked at within the minute before, as far as that is kept"
    if trial.together is not None:
        verdict, reasons = trial.together
        yield f"  all rules together: {verdict}: {'; '.join(reasons)}"
    if trial.clause is not None:
        yield f"  {mark(trial.result)} {rule.verdict} {rule.name}"
        yield from branch(trial.clause.as_json(), "    ")
