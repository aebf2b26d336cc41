"""The threat level in force, with the doors that it holds: kept for good, whatever else is deleted in time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from surveillance.domain.errors import RecordFailed
from surveillance.domain.threats import Threat
from surveillance.storage.state import SharedState

_NAME = "threat"  # of its row


class Threats:
    """One row; every change of it is an event of its own."""

    def __init__(self, engine: Engine) -> None:
        self._state = SharedState(engine)

    def read(self) -> Threat | None:
        """None while nobody has set any. Raises RecordFailed."""
        try:
            kept = self._state.get_dated(_NAME)
        except SQLAlchemyError as error:
            raise RecordFailed("the threat level cannot be read") from error
        if kept is None:
            return None
        told, _ = kept
        return Threat(told["level"], told["by"], told["reason"], datetime.fromisoformat(told["at"]), told["held"])

    def keep(self, threat: Threat) -> None:
        """Raises RecordFailed."""
        at = threat.at.isoformat() if threat.at else ""
        told = {"level": threat.level, "by": threat.by, "reason": threat.reason, "at": at, "held": dict(threat.held)}
        try:
            self._state.put(_NAME, told)
        except SQLAlchemyError as error:
            raise RecordFailed("the threat level cannot be kept") from error
