"""The best picture of each live track and the last one of each scene, until a decision needs it as evidence."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from surveillance.domain.values import Decision, Observation, SceneReport, Shot

_PICTURED = ("sighting", "presence", "access")  # a camera's or door's own event shows nobody
_RECENT = timedelta(seconds=10)


class Shots:
    """At most `limit` shots, by camera and track; the ones longest out of sight are forgotten first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._scenes: OrderedDict[tuple[str, str], Shot] = OrderedDict()
        self._shots: OrderedDict[tuple[str, int], Shot] = OrderedDict()
        self._seen_last: dict[str, tuple[datetime, int]] = {}

    def remember(self, seen: Observation) -> None:
        key = (seen.camera, seen.track)
        if seen.change == "appeared":
            self._shots.pop(key, None)  # after a restart, track numbers begin again
        if seen.shot is not None:
            self._shots[key] = seen.shot
        if key in self._shots:
            self._shots.move_to_end(key)
            self._seen_last[seen.camera] = (seen.at, seen.track)
        while len(self._shots) > self._limit:
            self._shots.popitem(last=False)

    def remember_scene(self, report: SceneReport) -> None:
        if report.shot is not None:
            self._scenes[(report.camera, report.scene)] = report.shot
            while len(self._scenes) > self._limit:
                self._scenes.popitem(last=False)

    def of(self, decision: Decision) -> Shot | None:
        """The picture to keep with a decision; at a door, of whoever its camera has just seen."""
        if decision.kind.startswith("scene."):
            return self._scenes.get((decision.camera or "", decision.details["scene"]))
        if decision.camera is None or decision.trigger not in _PICTURED:
            return None
        if decision.track is not None:
            return self._shots.get((decision.camera, decision.track))
        at, track = self._seen_last.get(decision.camera, (None, 0))
        if at is None or abs(decision.at - at) > _RECENT:
            return None
        return self._shots.get((decision.camera, track))
