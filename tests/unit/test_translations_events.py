"""Events in a few words: every kind that code records has its own, in every language."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from surveillance.domain.errors import CameraFault
from surveillance.domain.values import DOOR_ALARMS, DOOR_MODES
from surveillance.translations.details import key_words, thing_words, value_word
from surveillance.translations.events import CAMERA_FAULTS, KINDS, kind_words, reason_words, sentence, title

CODE = Path(__file__).resolve().parents[2] / "surveillance"
RECORDS = re.compile(
    r"\b(?:note|system_decision|told_of_itself|tell)\([^()]*?\"([a-z]+\.[a-z_]+)\"|kind=\"([a-z]+\.[a-z_]+)\""
)
OPTIONS = re.compile(r"\"(user\.[a-z_]+|job\.[a-z_]+)\"")  # chosen by an expression before they are recorded
NO_EVENTS = {"user.html", "job.run", "access.request", "door.command"}


def test_every_kind_on_record_has_words() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in CODE.rglob("*.py"))
    found = {kind for pair in RECORDS.findall(code) for kind in pair if kind} | set(OPTIONS.findall(code))
    found |= {f"door.{word}" for word in (*DOOR_MODES, *DOOR_ALARMS)}
    found |= {f"door.{deed}_{end}" for deed in ("open", "lock", "unlock") for end in ("failed", "unknown", "expired")}
    found |= {f"camera.{state}" for state in ("found", "lost", "frozen", "blinded", "moved")}
    assert found - NO_EVENTS - set(KINDS) == set()
    assert {"user.signed_in", "configuration.changed", "health.degraded"} <= found, "the search is blind"


@pytest.mark.parametrize(
    ("event", "english", "spanish"),
    [
        (
            {"kind": "sighting.alerted", "label": "person", "zones": ["yard"], "camera": "gate", "rule": "night"},
            "Alert: Person in yard (camera gate, rule night)",
            "Alerta: Persona en yard (cámara gate, regla night)",
        ),
        (
            {"kind": "access.denied", "door": "front", "reasons": ["other", "invalid_pin"]},
            "Access denied: Somebody unknown at front - The PIN is wrong.",
            "Acceso denegado: Alguien desconocido en front - El PIN es incorrecto.",
        ),
        (
            {"kind": "door.commanded", "door": "front", "details": {"command": "lock_down", "actor": "ada"}},
            "Door front: lock down ordered by ada",
            "Puerta front: bloqueo total, orden de ada",
        ),
        (
            {"kind": "camera.lost", "camera": "yard", "reasons": ["rtsp://192.0.2.4/ ended the stream"]},
            "Camera lost: yard - rtsp://192.0.2.4/ ended the stream",
            "Cámara perdida: yard - rtsp://192.0.2.4/ terminó el flujo",
        ),
        (
            {"kind": "configuration.mode_set", "details": {"mode": "armed"}},
            "Arming mode set: armed",
            "Modo de armado establecido: armed",
        ),
        ({"kind": "drone.landed"}, "Drone landed", "Drone landed"),
    ],
)
def test_an_event_is_told_in_one_line(event: dict[str, Any], english: str, spanish: str) -> None:
    assert (sentence(event, "en"), sentence(event, "es")) == (english, spanish)


def test_a_family_and_a_title_have_words_too() -> None:
    assert (kind_words("access.", "es"), kind_words("gate.", "en")) == ("Acceso", "Gate")
    assert title({"kind": "presence.denied", "label": None, "zones": []}, "es") == "Algo: visto"


def test_machine_words_of_reasons_and_details_are_said() -> None:
    assert set(get_args(CameraFault)) == set(CAMERA_FAULTS)
    assert reason_words("wrong_password", "es") == "Rechazó el nombre de usuario o la contraseña."
    assert (key_words("took_s", "es"), key_words("late_s", "es")) == ("Segundos que tardó", "Late s")
    assert (value_word("command", "lock_down", "es"), value_word("name", "lock_down", "es")) == (
        "bloqueo total",
        "lock_down",
    )
    assert (thing_words("camera", "es"), thing_words("drone", "es")) == ("cámara", "drone")
