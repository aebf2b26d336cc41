"""All resources of the API, in the order in which its document tells of them."""

from __future__ import annotations

from surveillance.dashboard.api import (
    access,
    access_levels,
    administration,
    areas,
    arming,
    cameras,
    door_states,
    doors,
    events,
    labels,
    notify,
    people,
    rules,
    schedules,
    shelf,
    status,
    threat,
)
from surveillance.dashboard.api.spec import Document, document

RESOURCES = (
    events.resource,
    labels.resource,
    cameras.resource,
    shelf.resource,
    doors.resource,
    threat.resource,
    people.resource,
    access_levels.resource,
    areas.resource,
    rules.resource,
    schedules.resource,
    arming.resource,
    notify.resource,
    access.resource,
    door_states.resource,
    status.resource,
    administration.resource,
)


def openapi(root: str = "") -> Document:
    """The OpenAPI document; `root` is the path under which the dashboard is served."""
    return document(RESOURCES, root)
