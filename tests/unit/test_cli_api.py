"""`surveillance api spec` is the document that a dashboard tells, without a site."""

from __future__ import annotations

import json

from click.testing import CliRunner

from surveillance.cli import cli
from surveillance.dashboard.api import openapi


def test_the_document_is_printed_as_the_dashboard_tells_it() -> None:
    printed = CliRunner().invoke(cli, ["api", "spec"])
    assert printed.exit_code == 0, printed.output
    assert json.loads(printed.output) == openapi()
