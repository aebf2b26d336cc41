"""The REST API, for whoever writes against it."""

from __future__ import annotations

import json

import click

from surveillance.cli.words import cli, command


@cli.group()
def api() -> None:
    """The REST API."""


@command(api, "spec", "surveillance api spec > openapi.json")
def spec() -> None:
    """Print its OpenAPI 3.1 document, which a running dashboard has at /api/openapi.json."""
    from surveillance.dashboard.api import openapi

    click.echo(json.dumps(openapi(), indent=2, ensure_ascii=False))
