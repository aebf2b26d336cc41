"""/api/status: whether the site is watched and which configuration is in force."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from surveillance import __version__
from surveillance.dashboard import cameras
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Told
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services

resource = Resource("Status", "Whether the site is watched.")


class Status(Told):
    software: str = Field(description="The version of this software.")
    core: Literal["running", "silent"] = Field(description="Whether anything is being judged.")
    heartbeat_age_s: float | None
    configuration: int = Field(description="The version on record.")
    applied: int | None = Field(description="The version in force.")
    rule_fault: str = Field(description="Why the rules on record are not in force; empty when they are.")
    cameras: dict[str, str] = Field(description="The state of each camera; those that core does not tell are left out.")


@resource.get("/status", gives=Status)
@needs("cameras.view")
def get_status() -> Status:
    """How the site fares."""
    found = pulse()
    states = {name: str(state["state"]) for name, state in cameras.states().items() if actor().reach.sees_camera(name)}
    return Status(
        software=__version__,
        core="running" if found.beats else "silent",
        heartbeat_age_s=found.age_s,
        configuration=services().site.version(),
        applied=found.applied,
        rule_fault=found.fault,
        cameras=states,
    )
