"""Core's answer to the test of a door that is over: it is signed and goes on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from surveillance.access.door_test import Step, parse_steps, whole
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.ports import Asked, SiteReader
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Decision, rfc3339, system_decision
from surveillance.storage.keys import KeyStore
from surveillance.storage.proof import is_signed, public_key_of, sign

QUESTION = "door.test"
KIND = "door.tested"
SIGNING = "door-tests"  # the key's purpose
SIGNED_OVER = b"surveillance door test\n"
LEFT = ("locked", "unclear", "without relay")


class TestedDoors:
    """`tell` puts a decision on record."""

    __test__ = False  # nothing for pytest

    def __init__(self, site: SiteReader, keys: KeyStore, tell: Callable[[Decision], None]) -> None:
        self._site = site
        self._keys = keys
        self._tell = tell

    def ask(self, asked: Asked) -> Mapping[str, Any]:
        """{"event": its id, "result", "signature", "key"}. Raises UserMistake."""
        statement = self._statement(asked.payload)
        signed = sign(statement, self._keys.key(SIGNING), SIGNED_OVER)
        door = self._site().door(statement["door"])
        reasons = tuple(map(told_of, parse_steps(asked.payload.get("steps"))))
        details = {
            "actor": statement["by"],
            **{name: signed[name] for name in ("result", "left", "tested_at", "steps", "key", "signature")},
        }
        told = system_decision(
            KIND,
            datetime.now(UTC),
            reasons,
            statement["door"],
            door=statement["door"],
            camera=door.camera if door else None,
            details=details,
        )
        self._tell(told)
        return {"event": told.id, **{name: signed[name] for name in ("result", "key", "signature")}}

    def _statement(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name, by, left = (str(given.get(key) or "") for key in ("door", "by", "left"))
        if self._site().door(name) is None:
            raise NotFound(no_such("door", name, (door.name for door in self._site().doors)))
        if not by or len(by) > 100 or left not in LEFT:
            raise UserMistake("the test of a door needs who did it, and how the door was left")
        steps = parse_steps(given.get("steps"))
        return {
            "door": name,
            "by": by,
            "tested_at": rfc3339(datetime.now(UTC)),
            "result": whole(steps),
            "left": left,
            "steps": [step.as_json() for step in steps],
        }


def told_of(step: Step) -> str:
    """The step in a line."""
    return ": ".join((step.name, *((step.result,) if step.result in ("failed", "skipped") else ()), step.seen))


def is_genuine(event: Mapping[str, Any], keys: KeyStore) -> bool:
    """Whether the event of a test says what this site's key signed, or one before it."""
    details = event["details"]
    names = ("result", "left", "tested_at", "steps", "key", "signature")
    statement = {"door": event["door"], "by": details.get("actor"), **{name: details.get(name) for name in names}}
    secrets = (keys.key(SIGNING), *keys.older(SIGNING))
    return any(is_signed(statement, public_key_of(secret), SIGNED_OVER) for secret in secrets)
