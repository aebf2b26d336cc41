"""What people are asked to label, and which texts can be a label: it is also the name of a folder in a data set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from surveillance.domain.errors import UserMistake
from surveillance.domain.values import REJECTED, Shot

WHYS = ("uncertain", "disagreed", "corrected", "sampled")
LABEL_MAX = 60
_LABEL = re.compile(r"\w([\w -]*\w)?")  # letters and digits of any script


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says that a track shows."""

    label: str
    confidence: float
    model: str


@dataclass(frozen=True, slots=True)
class Pick:
    """A picture of a track that a person should label. `subject` is the same for all pictures of one track."""

    why: str  # one of WHYS
    camera: str
    subject: str
    shot: Shot
    said: Said
    track: int | None = None
    event: str | None = None
    other: Said | None = None  # what the model says that disagrees


def subject_of(camera: str, track: int, started_at: datetime) -> str:
    """One track for good: its number alone begins again after a restart."""
    return f"{camera}:{track}:{round(started_at.timestamp() * 1000)}"


def check_label(text: str) -> str:
    """The label without the spaces around it. Raises UserMistake for a text that can be none."""
    label = " ".join(text.split())
    if not label:
        raise UserMistake("say a label, such as person")
    if label.lower() == REJECTED:
        raise UserMistake(f"{label} is what a model says that cannot tell; skip the crop instead")
    if len(label) > LABEL_MAX or not _LABEL.fullmatch(label):
        raise UserMistake(
            f"a label is at most {LABEL_MAX} letters, digits, spaces, hyphens and underscores, not {label[:80]!r}"
        )
    return label
