"""A second PIN that somebody types under duress: the door opens as always, and only some may know."""

from __future__ import annotations

KIND = "duress"  # of the credential; a reader presents it as a PIN like any other
EVENT = "access.duress"  # kind of the event; it is there for nobody but those who have PERMISSION
PERMISSION = "duress.view"
