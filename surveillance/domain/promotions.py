"""A model onto a camera, and back: what is meant, what is on record of it, and what a roll-back would undo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Move:
    """One camera from one model to another. `model` is what the camera's own field becomes; None is the default."""

    camera: str
    before: str
    after: str
    model: str | None
    was_default: bool = False
    doors: tuple[str, ...] = ()  # those that look through the camera: a person must approve


@dataclass(frozen=True, slots=True)
class Promotion:
    """One event of a camera's history: promoted, or rolled back."""

    at: datetime
    event: str
    camera: str
    before: str
    after: str
    actor: str
    is_rollback: bool
    was_default: bool  # before it, the camera had no model of its own


def standing(history: Iterable[Promotion]) -> Promotion | None:
    """The last promotion that was not rolled back, of one camera's history, newest first."""
    undone = 0
    for step in history:
        if step.is_rollback:
            undone += 1
        elif undone == 0:
            return step
        else:
            undone -= 1
    return None
