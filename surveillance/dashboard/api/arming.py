"""/api/mode: in which arming mode the site is and why, and setting it by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from flask_babel import gettext as _
from pydantic import ConfigDict, Field

from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Given, Moment, Told
from surveillance.dashboard.guards import actor, needs, refuse_bound
from surveillance.dashboard.services import services
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import ModeOrder
from surveillance.domain.suggest import no_such
from surveillance.rules.arming import mode_at, next_mode
from surveillance.rules.vocabulary import modes_of

AUTO = "auto"  # no mode: the schedules decide
resource = Resource("Arming", "In which mode the site is: armed, disarmed, or one that it names itself.")


class NextMode(Told):
    mode: str
    at: Moment


class Mode(Told):
    """The arming mode as it is told to the rules, within a second of a change."""

    mode: str
    reason: str
    by: str | None = Field(description="Who set it by hand; null where the schedules decide.")
    next: NextMode | None
    modes: list[str] = Field(description="All that the site can be in.")


class ModeGiven(Given):
    model_config = ConfigDict(json_schema_extra={"example": {"mode": "armed"}})

    mode: Annotated[str, Field(min_length=1, max_length=100, description="`auto`: the schedules decide again.")]
    until: Moment | None = Field(None, description="Then the schedules decide again.")


@resource.get("/mode", gives=Mode)
@needs("rules.view")
def get_mode() -> Mode:
    """The arming mode, why it is so, and what follows."""
    site, order, usual = services().site.read(), services().modes.read(), services().usual_mode
    report = mode_at(datetime.now(UTC), site, order, usual)
    following = next_mode(report, site, order, usual)
    return Mode(
        mode=report.mode,
        reason=report.reason,
        by=report.by or None,
        next=None if following is None else NextMode(mode=following.mode, at=following.at),
        modes=sorted(modes_of(site)),
    )


@resource.put("/mode", body=ModeGiven, gives=Mode)
@needs("site.arm")
def put_mode(body: ModeGiven) -> Mode:
    """Set the mode by hand, for good or until a moment, or let the schedules decide again."""
    refuse_bound()
    now, modes = datetime.now(UTC), modes_of(services().site.read())
    if body.mode not in modes and body.mode != AUTO:
        raise SettingsError(no_such("mode", body.mode, [*modes, AUTO]))
    if body.until is not None and (body.mode == AUTO or body.until <= now):
        raise SettingsError(_("An end goes with a mode, and lies ahead."))
    if body.mode == AUTO:
        services().modes.take_back(actor().name)
    else:
        services().modes.give(ModeOrder(body.mode, actor().name, now, body.until))
    return get_mode()
