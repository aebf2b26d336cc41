"""What the API answers is what its document says, for requests that fit the document and for those that do not.

By hand with many more examples, one path at a time, since long lists of names take minutes to draw:
SURVEILLANCE_API_EXAMPLES=500 SURVEILLANCE_API_PATH=/api/doors pytest -s -o timeout=0 FILE
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from dashboard_site import DashboardSite, now_decision, open_site, token_of
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from werkzeug.serving import WSGIRequestHandler, make_server

from surveillance.dashboard import DashboardSettings
from surveillance.dashboard.api import openapi
from surveillance.domain.permissions import SCOPES
from surveillance.storage.inbox import Inbox

EXAMPLES = int(os.environ.get("SURVEILLANCE_API_EXAMPLES", "3"))
PATH = os.environ.get("SURVEILLANCE_API_PATH")  # all
BY_HAND = "SURVEILLANCE_API_EXAMPLES" in os.environ  # then every run looks elsewhere, and everywhere
SEED = {} if BY_HAND else {"seed": 1}
PHASES = ("examples", "coverage", "fuzzing", "stateful")
REFUSED = ["400", "401", "403", "404", "405", "409", "413", "415", "422"]
ACCEPTED = ["2xx", "401", "403", "404", "409", "422"]  # 400 is for what does not read as the document says


DENIED = {"verdict": "deny", "reasons": ["unauthorized"], "event": None, "expires_at": None}
ANSWERS = {
    "access.request": DENIED,
    "door.command": {"refused": "door front has no relay"},
    "door.state": {"heard_at": "2026-11-21T12:00:00.000Z"},
    "access.forgive": {"event": "01939f3e-0000-7000-8000-000000000000"},
    "access.threat": {"event": "01939f3e-0000-7000-8000-000000000000", "doors": ["front"]},
    "notify.test": {"event": "01939f3e-0000-7000-8000-000000000000", "state": "done", "reason": ""},
    "camera.test": {"fault": "nothing is there", "reason": "unreachable"},
}


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@contextmanager
def serving(site: DashboardSite) -> Iterator[str]:
    """The site's dashboard at an address."""
    server = make_server("127.0.0.1", 0, site.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def core(site: DashboardSite) -> Iterator[None]:
    """Answers what the dashboard asks core, without a camera or a door."""
    over = threading.Event()

    def answer() -> None:
        inbox = Inbox(site.desk.engine)
        while not over.wait(0.01):
            for asked in inbox.pending():
                inbox.answer(asked.id, ANSWERS[asked.kind])

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    site = open_site(tmp_path, DashboardSettings(request_limit="1000000 per minute"))
    for track in range(3):
        site.record(now_decision(track=track))
    return site


def token(site: DashboardSite) -> dict[str, Any]:
    return {"token": {"bearer": site.services.accounts.create_token("all", SCOPES)}}


def session(site: DashboardSite) -> dict[str, Any]:
    """An administrator who is signed in."""
    client = site.user()
    spoken = token_of(client.get("/account").text)
    cookie = client.get_cookie("surveillance_session")
    assert cookie is not None
    return {"session": {"api_key": cookie.value}, "csrf": {"api_key": spoken}}


def nobody(site: DashboardSite) -> dict[str, Any]:
    return {}


def faults(address: str, ways_in: dict[str, Any], phases: tuple[str, ...]) -> list[str]:
    """Everything that schemathesis finds with all its checks."""
    settings: dict[str, Any] = {
        "auth": {"openapi": ways_in} if ways_in else {},
        "generation": {"max-examples": EXAMPLES},
        "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
        "checks": {
            "negative_data_rejection": {"expected-statuses": REFUSED},
            "positive_data_acceptance": {"expected-statuses": ACCEPTED},
        },
    }
    config = SchemathesisConfig.from_dict(settings | SEED)
    schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json", config=config)
    if PATH:
        schema = schema.include(path=PATH)
    found, asked = [], Counter[str]()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            asked[event.recorder.label] += len(event.recorder.cases)
            checks = [check for checks in event.recorder.checks.values() for check in checks]
            told = [check.failure_info for check in checks if check.failure_info is not None]
            found += [f"{event.recorder.label}: {info.failure}\n{info.code_sample}" for info in told]
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.append(str(event))
    print("\n", *(f"{count} requests: {operation}" for operation, count in asked.items()), sep="\n")
    return found


def test_the_document_is_openapi_3_1() -> None:
    document = openapi()
    assert document["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "phases"),
    [(token, PHASES), (session, ("examples", "fuzzing")), (nobody, ("examples", "fuzzing"))],
    ids=["token", "session", "nobody"],
)
def test_answers_are_what_the_document_says(site: DashboardSite, who: Any, phases: tuple[str, ...]) -> None:
    with core(site), serving(site) as address:
        found = faults(address, who(site), PHASES if BY_HAND else phases)
        assert not found, "\n\n".join(found)
