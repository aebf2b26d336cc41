"""Access levels from the command line, and what they do at a door of a running core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from door_site import DoorSite, open_door_site, site_with

from surveillance.cli import cli
from surveillance.domain.site import DAYS, parse_schedule

ALWAYS = parse_schedule("always", {"time_zone": "UTC", "weekly": {day: ["00:00-24:00"] for day in DAYS}})
NEVER = parse_schedule("never", {"time_zone": "UTC", "weekly": {}})
RULE = '- {name: by-levels, on: access, verdict: authorize, when: permitted and "badge" in factors}\n'


def asked(site: DoorSite, door: str) -> Any:
    """The answer to Ada's badge."""
    question = site.present(door=door)
    site.settle()
    return site.answer(question)


def typed(directory: Path, *words: str) -> tuple[int, str]:
    run = CliRunner(env={"SURVEILLANCE__DATA_DIR": str(directory)}).invoke(cli, ["access", *words])
    return run.exit_code, run.output if run.exception is None or run.exit_code == 0 else f"{run.output}{run.exception}"


def test_levels_are_kept_by_the_command_line_and_open_doors(tmp_path: Path) -> None:
    site = open_door_site(tmp_path, site_with(None, schedules=(ALWAYS, NEVER), rules=RULE))
    data = site.settings.data_dir
    assert typed(data, "levels", "list")[1].startswith("no access levels yet")
    assert asked(site, "front")["verdict"] == "deny"
    code, out = typed(data, "levels", "add", "day", "--group", "staff", "--door", "front", "--schedule", "never")
    assert (code, "access level day" in out) == (0, True), out
    site.in_force.swap(site.store.site.read())
    assert asked(site, "front")["reasons"][0] == "not_permitted_at_this_time"
    assert typed(data, "levels", "set", "day", "--schedule", "always")[0] == 0
    site.in_force.swap(site.store.site.read())
    assert asked(site, "front")["verdict"] == "authorize"
    assert asked(site, "back")["reasons"][0] == "unauthorized"
    assert json.loads(typed(data, "levels", "list", "--json")[1]) == {
        "name": "day", "groups": ["staff"], "doors": ["front"], "schedule": "always",
        "two_persons": False, "opened_by": None,
    }  # fmt: skip
    assert typed(data, "levels", "set", "day", "--two-persons", "--opened-by", "guards")[0] == 0
    assert "always, two persons, after somebody of guards" in typed(data, "levels", "list")[1]
    assert typed(data, "levels", "set", "day", "--one-person", "--opened-by", "")[0] == 0
    assert "no door is called 'frnt'; did you mean 'front'?" in typed(data, "levels", "set", "day", "--door", "frnt")[1]
    told = json.loads(typed(data, "simulate", "--person", "Ada", "--door", "back", "--json")[1])
    assert told["needed"]["ways"][0]["wishes"][0] == {
        "text": "permitted",
        "found": "permitted = false (no access level names their groups and this door)",
        "holds": True,
    }
    assert typed(data, "levels", "remove", "day")[0] == 0
    site.in_force.swap(site.store.site.read())
    assert asked(site, "front")["verdict"] == "deny"
