"""What goes on record is one line of the log, without persons."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from fakes import decision, observation

from surveillance.app.event_log import log_events
from surveillance.domain.values import Event


def told(caplog: pytest.LogCaptureFixture, kind: str, verdict: str | None, **more: Any) -> list[tuple[Any, ...]]:
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="surveillance.events"):
        log_events([Event(1, decision(observation(), kind, verdict, ("person was ada",), **more))])
    names = ("camera", "door", "rule", "reason", "component")
    return [
        (record.levelname, record.getMessage(), {name: vars(record)[name] for name in names if name in vars(record)})
        for record in caplog.records
    ]


def test_a_state_of_the_system_comes_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, "camera.lost", None, camera="yard") == [
        ("WARNING", "camera.lost", {"camera": "yard", "reason": "person was ada"})
    ]
    assert told(caplog, "health.restored", None, details={"component": "worker-1"}) == [
        ("INFO", "health.restored", {"reason": "person was ada", "component": "worker-1"})
    ]


def test_a_verdict_comes_without_reasons_and_persons(caplog: pytest.LogCaptureFixture) -> None:
    granted = told(caplog, "access.granted", "authorize", door="front", rule="staff", identity="ada")
    assert granted == [("INFO", "access.granted", {"door": "front", "rule": "staff"})]
    assert told(caplog, "sighting.alerted", "alert", rule="night") == [
        ("WARNING", "sighting.alerted", {"rule": "night"})
    ]


def test_sightings_and_shadow_rules_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, "sighting.logged", "log") == []
    assert told(caplog, "sighting.alerted", "alert", shadow=True) == []
