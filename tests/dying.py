"""A core in a process of its own that is killed (SIGKILL) at a stage, right as somebody's badge passes through it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from door_site import open_door_site

from surveillance.domain.values import AccessRequest, Action


def die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def core_that_dies(directory: str, stage: str) -> None:
    """Presents Ada's badge to it; the id of the question is left in `question`."""
    site = open_door_site(Path(directory))
    core, dispatch = site.running.core, site.running.dispatch
    walk = core._walk

    def judged(entry: Any) -> Any:
        made = walk.judge(entry)
        return die() if isinstance(entry, AccessRequest) else made

    def recorded(entries: Any) -> Any:
        is_asked = any(isinstance(entry, AccessRequest) for entry, _ in entries)
        if is_asked and stage == "record":
            die()
        events = walk.record(entries)
        return die() if is_asked else events

    def pulsed(action: Action) -> None:
        if stage == "dispatch":
            die()
        relay(action)
        die()

    relay: Callable[[Action], None] = dispatch._at_door
    match stage:
        case "desk":
            core._walk = replace(walk, desk=die)
        case "judge":
            core._walk = replace(walk, judge=judged)
        case "record" | "commit":
            core._record._record = recorded
        case "dispatch" | "answer":
            dispatch._at_door = pulsed
    (Path(directory) / "question").write_text(site.present(), encoding="ascii")
    site.settle()
