"""A site with doors, stepped by hand: the real core, ledger, outbox and relay over HTTP, on a store in a folder."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from surveillance.actions.settings import ActionSettings
from surveillance.app.core import RunningCore, SiteInForce, build_core
from surveillance.app.engine import take_up
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.domain.site import Camera, Credential, Door, Person, Site
from surveillance.domain.values import Action, CameraReport
from surveillance.settings import Settings
from surveillance.storage.queries import EventFilter

RULES = """
- name: staff
  on: access
  verdict: authorize
  when: ("badge" in factors and "staff" in groups)
"""
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
PATIENT = ActionSettings(relay_connect_timeout_s=5.0, relay_timeout_s=5.0, grant_ttl_s=10.0)


def site_with(relay: str | None, **more: Any) -> Site:
    """Two doors at one controller, a camera that looks at one of them, and Ada of the staff with her badge."""
    given: dict[str, Any] = {
        "cameras": (Camera("hall", "synthetic://front-door"),),
        "doors": (
            Door("front", relay=None if relay is None else f"{relay}/doors/front"),
            Door("back", relay=None if relay is None else f"{relay}/doors/back"),
        ),
        "people": (Person("Ada", frozenset({"staff"}), (Credential("badge", "ada-badge"),)),),
        "rules": RULES,
    }
    return Site(**{**given, **more})


@dataclass
class DoorSite:
    """What a test does at such a site, and what it sees of it."""

    settings: Settings
    store: Store
    running: RunningCore
    in_force: SiteInForce
    became: list[Action] = field(default_factory=list)

    @property
    def doors(self) -> Any:
        return self.running.desk.doors

    def turn(self) -> None:
        """Core goes round once; nothing is done at a door."""
        self.running.core.turn()

    def act(self, now: datetime | None = None, wait_s: float = 10.0) -> list[Action]:
        """Deeds that are due are begun, and what became of them is heard."""
        dispatch = self.running.dispatch
        ended = list(dispatch(now or datetime.now(UTC))) + list(dispatch.drain(now or datetime.now(UTC), wait_s))
        self.running.after(tuple(ended))
        self.became += ended
        self.turn()
        return ended

    def settle(self) -> None:
        """Everything that follows from what was asked."""
        for _ in range(3):
            self.turn()
            self.act()

    def present(
        self, badge: str = "ada-badge", door: str = "front", key: str | None = None, within_s: float = 10
    ) -> str:
        """Somebody presents a badge; the id of the question."""
        payload = {
            "request_id": f"r-{time.monotonic_ns()}",
            "door": door,
            "factors": [{"kind": "badge", "value": badge}],
        }
        return self.store.inbox.ask("access.request", payload, datetime.now(UTC) + timedelta(seconds=within_s), key)

    def order(self, command: str, *doors: str, key: str | None = None, within_s: float = 10, **more: Any) -> str:
        """An operator commands; the id of the question."""
        told = {"by": "ada", "address": "192.0.2.4", "reason": "a drill"}
        payload = {"doors": list(doors or ("front",)), "command": command, **told, **more}
        return self.store.inbox.ask("door.command", payload, datetime.now(UTC) + timedelta(seconds=within_s), key)

    def ordered(self, command: str, *doors: str, **more: Any) -> dict[str, Any]:
        """The answer to a command, with everything that follows done."""
        question = self.order(command, *doors, **more)
        self.settle()
        return self.answer(question)

    def answer_to_badge(self) -> str:
        """The last reason of the answer to a valid badge at the front door."""
        question = self.present()
        self.settle()
        return str(self.answer(question)["reasons"][-1])

    def answer(self, question: str) -> dict[str, Any]:
        answer = self.store.inbox.answer_of(question)
        assert answer is not None, "core has not answered"
        return answer

    def report(self, camera: str = "hall", state: str = "live") -> None:
        self.running.core.put(CameraReport(camera, datetime.now(UTC), state, changed=True))
        self.turn()

    def mode(self, door: str = "front") -> str:
        return str(self.doors.state(door).mode)

    def kinds(self, door: str | None = None) -> list[str]:
        """Kinds on record, oldest first."""
        rows, _ = self.store.events.page(EventFilter(door=door), None, 200)
        return [row["kind"] for row in sorted(rows, key=lambda row: row["seq"])]

    def events(self, kind: str) -> list[dict[str, Any]]:
        rows, _ = self.store.events.page(EventFilter(kind=kind), None, 200)
        return sorted(rows, key=lambda row: row["seq"])


def open_door_site(
    directory: Path, site: Site | None = None, actions: ActionSettings = PATIENT, **more: Any
) -> DoorSite:
    """Opens the store, seeds it once, and starts core on it as the engine does, without its threads."""
    settings = Settings(data_dir=directory / "data", actions=actions, **more)
    upgrade_database(settings)
    store = open_store(settings)
    if site is not None:
        store.site.seed(site)
    in_force = SiteInForce(settings, store)
    running = build_core(settings, store, in_force, lambda: None)
    take_up(settings, store, in_force, running)
    return DoorSite(settings, store, running, in_force)


@contextmanager
def held(site: DoorSite) -> Iterator[None]:
    """Another process holds the database and does not let go."""
    command = [sys.executable, "-c", HOLD, str(site.settings.data_dir / "surveillance.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.terminate()
