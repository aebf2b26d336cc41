"""What all commands share: the root command, help with examples, and spans such as 24h."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from surveillance import __version__, logs
from surveillance.settings import load_settings

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


class Ahead(click.ParamType[datetime]):
    """`90m`, `2h`, `7d` from now, or a moment in RFC 3339."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if match := AGO.match(value):
            return datetime.now(UTC) + timedelta(seconds=int(match[1]) * UNIT_S[match[2]])
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a span such as 30m or 2h nor a moment such as 2026-11-21T08:00:00Z")
        return at if at.tzinfo else at.astimezone()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (YAML) over the defaults.")
@click.version_option(__version__, prog_name="surveillance")
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Cameras in, explained decisions out: authorize, deny, alert or log."""
    ctx.obj = load_settings(config)
    logs.log_to_stderr(ctx.obj.log, "cli")


def command(group: click.Group, name: str, examples: str, **more: Any) -> Callable[[Callable[..., Any]], click.Command]:
    return group.command(name, cls=Example, examples=examples, **more)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
