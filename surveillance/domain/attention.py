"""A kind and a verdict into how much of a person's attention an event asks for.

What people and jobs did to the system is on record only: it is shown when asked for, and never pushes aside what
happened at the site.
"""

from __future__ import annotations

from surveillance.domain import duress

WANTS_EYES = 2  # waits in the inbox until a person reviewed it
LISTED = 1  # is among all events
ON_RECORD = ("user.", "configuration.", "model.", "job.finished")  # kinds and families that are neither
EYES = frozenset(
    {
        "door.forced_open",
        "door.open_too_long",
        "door.open_unknown",
        "door.open_failed",
        "door.state_unknown",
        "door.tampered",
        "door.fault",
        "tailgating.detected",
        "antipassback.violated",
        "camera.lost",
        "camera.frozen",
        "camera.blinded",
        "camera.moved",
        "health.degraded",
        "configuration.rejected",
        "model.drifted",
        "model.proposed",
        "model.shadow_failed",
        "job.failed",
    }
)


def attention_of(kind: str, verdict: str | None, shadow: bool = False) -> int | None:
    """WANTS_EYES, LISTED, or None for what is on record only. A shadow rule never asks for eyes."""
    if kind == duress.EVENT:
        return None
    if kind in EYES or (verdict in ("alert", "deny") and not shadow):
        return WANTS_EYES
    if any(kind == name or (name.endswith(".") and kind.startswith(name)) for name in ON_RECORD):
        return None
    return LISTED
