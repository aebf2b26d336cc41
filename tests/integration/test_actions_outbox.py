"""Record before act, over a real database and the simulated controller: killed at the worst moment, a process never
opens a door twice, and the controller itself refuses what is old, forged or repeated."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from listener import HANG, listening

from surveillance.actions.dispatch import OutboxDispatch
from surveillance.actions.relays import HttpRelay
from surveillance.actions.settings import ActionSettings
from surveillance.demo.controller import DoorController
from surveillance.domain.errors import ActionFailed
from surveillance.domain.site import Door, Site
from surveillance.domain.values import Action
from surveillance.storage.database import open_database
from surveillance.storage.outbox import SqlOutbox

SETTINGS = ActionSettings(grant_ttl_s=30.0, relay_connect_timeout_s=10.0, relay_timeout_s=10.0)
CHILD = textwrap.dedent(
    """
    import sys, threading
    from datetime import UTC, datetime, timedelta
    from pathlib import Path
    from surveillance.actions.dispatch import OutboxDispatch
    from surveillance.actions.intend import Intend
    from surveillance.actions.relays import HttpRelay
    from surveillance.actions.settings import ActionSettings
    from surveillance.domain.site import Door, Site
    from surveillance.domain.values import AccessRequest, Decision, new_id
    from surveillance.storage.database import open_database, upgrade
    from surveillance.storage.evidence import EvidenceStore
    from surveillance.storage.ledger import SqlLedger
    from surveillance.storage.outbox import SqlOutbox

    database, url, when = sys.argv[1:]
    now = datetime.now(UTC)
    settings = ActionSettings(grant_ttl_s=30.0, relay_timeout_s=10.0)
    site = Site(doors=(Door("front", relay=url),))
    engine = open_database(f"sqlite:///{database}")
    upgrade(engine)
    ledger = SqlLedger(engine, EvidenceStore(Path(database).parent / "evidence"), Intend(lambda: site, settings))
    request = AccessRequest("r1", now, "front", None, frozenset({"badge"}), "Ada", frozenset(), "valid", now)
    granted = Decision(
        id=new_id(), at=now, media_s=None, trigger="access", kind="access.granted", verdict="authorize", rule="staff",
        rulebook_version=1, reasons=(), judged=(), facts={}, subject="r1", door="front",
    )
    ledger([(request, (granted,))])
    relay = HttpRelay(lambda: site, lambda door: "token", settings)

    def stop_before(action):
        print("here", flush=True)
        threading.Event().wait()

    dispatch = OutboxDispatch(SqlOutbox(engine), relay if when == "sent" else stop_before, lambda name: None, settings)
    dispatch(now)
    dispatch.drain(now, 60)
    """
)


@pytest.mark.parametrize(("when", "posted"), [("marked", 0), ("sent", 1)])
def test_killed_between_mark_and_answer_the_door_is_unknown_and_never_asked_again(
    tmp_path: Path, when: str, posted: int
) -> None:
    database = tmp_path / "site.db"
    with listening(HANG, 200) as controller:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(database), controller.url, when], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        if when == "marked":
            assert child.stdout.readline() == b"here\n"
        else:
            assert controller.arrived.wait(30)
        child.kill()
        child.communicate()
        now = datetime.now(UTC)
        site = Site(doors=(Door("front", relay=controller.url),))
        outbox = SqlOutbox(open_database(f"sqlite:///{database}"))
        relay = HttpRelay(lambda: site, lambda door: "token", SETTINGS)
        dispatch = OutboxDispatch(outbox, relay, lambda name: relay, SETTINGS)
        (ended,) = dispatch(now)
        assert (ended.state, ended.target, ended.attempts) == ("unknown", "front", 1)
        assert (dispatch(now), dispatch.drain(now, 0.2), outbox.due(now)) == ((), (), [])
        assert dispatch(now + timedelta(hours=1)) == ()
        assert len(controller.received) == posted


def test_the_controller_pulses_relocks_and_refuses_old_forged_and_repeated_asks() -> None:
    now = datetime.now(UTC)
    asked = Action("a1", "e1", "door.open", "front", now + timedelta(seconds=30), key="e1")
    with DoorController(["front"], "secret") as controller:
        site = Site(doors=(Door("front", relay=controller.relay_url("front"), pulse_s=0.2),))
        relay = HttpRelay(lambda: site, lambda door: "secret", SETTINGS)
        strike = controller.strikes["front"]
        relay(asked)
        assert strike.pulses == 1
        for action, token, refusal in (
            (asked, "secret", "409"),
            (replace(asked, key="e2", deadline=now - timedelta(seconds=1)), "secret", "410"),
            (replace(asked, key="e3"), "forged", "401"),
        ):
            with pytest.raises(ActionFailed, match=f"refused with {refusal}") as caught:
                HttpRelay(lambda: site, {"front": token}.__getitem__, SETTINGS)(action)
            assert caught.value.certain
        while strike.state()["lock"] != "locked":
            time.sleep(0.02)
        assert strike.pulses == 1
