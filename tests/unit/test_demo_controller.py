"""The simulated door controller and badge reader, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from surveillance.demo.controller import DoorController
from surveillance.demo.reader import PRESENTATIONS, next_presentation, present
from surveillance.demo.strike import Strike

TOKEN = "controller-token"


@pytest.fixture
def controller() -> Iterator[DoorController]:
    with DoorController(["front"], TOKEN) as running:
        yield running


def ask(
    controller: DoorController, path: str = "/doors/front/pulse", token: str = TOKEN, method: str = "POST", **body: Any
) -> tuple[int, dict[str, Any]]:
    asked = {"pulse_s": 3.0, "key": "k1", "deadline": (datetime.now(UTC) + timedelta(seconds=5)).isoformat()} | body
    if path.endswith("/simulate"):
        asked = body
    connection = HTTPConnection("127.0.0.1", controller.port, timeout=60)
    try:
        content = json.dumps(asked) if method == "POST" else None
        connection.request(method, path, content, {"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_a_pulse_unlocks_and_the_state_says_so(controller: DoorController) -> None:
    assert ask(controller, "/doors/front", method="GET") == (
        200,
        {"door": "front", "lock": "locked", "relocks_in_s": 0.0, "pulses": 0},
    )
    status, state = ask(controller)
    assert (status, state["lock"], state["pulses"]) == (200, "unlocked", 1)
    assert 0 < state["relocks_in_s"] <= 3.0


def test_it_locks_again_by_itself() -> None:
    now_s = [100.0]
    strike = Strike("front", clock=lambda: now_s[0])
    now = datetime.now(UTC)
    strike.pulse(3.0, "k1", now + timedelta(seconds=1), now)
    states = []
    for now_s[0] in (102.9, 103.0):
        states.append(strike.state()["lock"])
    assert states == ["unlocked", "locked"]


PAST = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"token": "guess"}, 401, "needs the controller's bearer token"),
        ({"deadline": PAST}, 410, "the deadline has passed"),
        ({"deadline": "2999-01-01T00:00:00"}, 400, "key must be text, and deadline a time with its zone"),
        ({"pulse_s": 3600}, 400, "pulse_s must be over 0 and at most 30"),
        ({"pulse_s": float("nan")}, 400, "pulse_s must be over 0 and at most 30"),
        ({"key": ""}, 400, "key must be text, and deadline a time with its zone"),
        ({"path": "/doors/back/pulse"}, 404, "there is no such door; there are: front"),
        ({"path": "/doors/front"}, 404, "there is no such door; there are: front"),
    ],
)
def test_a_doubtful_pulse_is_refused(
    controller: DoorController, change: dict[str, Any], status: int, error: str
) -> None:
    assert ask(controller, **change) == (status, {"error": error})
    assert controller.strikes["front"].pulses == 0


def test_a_key_opens_once(controller: DoorController) -> None:
    answers = [ask(controller)[0], ask(controller), ask(controller, key="k2")[0]]
    assert answers == [200, (409, {"error": "this key was used before"}), 200]
    assert controller.strikes["front"].pulses == 2


def test_a_lasting_unlock_is_held_until_it_is_locked_which_also_ends_a_pulse(controller: DoorController) -> None:
    told = [
        ask(controller, "/doors/front/unlock"),
        ask(controller, "/doors/front/pulse", key="k2"),
        ask(controller, "/doors/front/lock", key="k3"),
    ]
    assert [(status, state["lock"], state["relocks_in_s"]) for status, state in told] == [
        (200, "unlocked", None),
        (200, "unlocked", None),
        (200, "locked", 0.0),
    ]
    assert (ask(controller, "/doors/front/lock", key="k3")[0], ask(controller, "/doors/front/open", key="k4")[0]) == (
        409,
        404,
    )


def test_a_token_opens_its_own_door_only() -> None:
    with DoorController(["front", "back"], {"front": TOKEN, "back": "another"}) as controller:
        assert ask(controller, "/doors/front/pulse")[0] == 200
        assert ask(controller, "/doors/back/pulse", key="k2") == (401, {"error": "this token is another door's"})


class RecordingApi(BaseHTTPRequestHandler):
    """Answers every request with a denial, and keeps what was asked."""

    asked: list[tuple[str, str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], body))
        answer = json.dumps({"verdict": "deny", "reasons": ["other"], "event": None, "expires_at": None}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_the_badge_reader_speaks_the_api() -> None:
    asked: list[tuple[str, str, Any]] = []
    handler = type("Api", (RecordingApi,), {"asked": asked})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        answer = present(f"http://127.0.0.1:{server.server_port}/", "api-token", "front", "demo-grace")
        thread.join(10)

    assert answer == {"verdict": "deny", "reasons": ["other"], "event": None, "expires_at": None}
    path, authorization, body = asked[0]
    assert (path, authorization) == ("/api/access/requests", "Bearer api-token")
    assert body == {
        "request_id": body["request_id"],
        "door": "front",
        "factors": [{"kind": "badge", "value": "demo-grace"}],
    }


def test_no_answer_is_an_error_that_the_reader_survives() -> None:
    with pytest.raises(OSError, match="no answer from the API"):
        present("http://127.0.0.1:9", "api-token", "front", "demo-grace")


def test_presentations_follow_the_clock_round_and_round() -> None:
    assert next_presentation(0.0) == (6.5, PRESENTATIONS[0])
    assert next_presentation(30.0 * 7 + 6.5) == (10.5, PRESENTATIONS[1])
    assert next_presentation(29.0) == (7.5, PRESENTATIONS[0])


def test_it_tells_how_a_door_stands_to_whoever_has_its_token(controller: DoorController) -> None:
    shut = {"contact": "closed", "lock": "locked", "tamper": False, "fault": "", "exits": 0}
    assert ask(controller, "/doors/front/state", method="GET") == (200, shut)
    assert ask(controller, "/doors/front/state", method="GET", token="guess")[0] == 401
    happened = ask(controller, "/doors/front/simulate", exit=True, tamper=True)
    assert happened == (200, shut | {"exits": 1, "tamper": True, "lock": "unlocked"})
    assert ask(controller, "/doors/front/simulate", contact="ajar")[0] == 400


def test_whoever_walks_through_opens_the_door_after_a_pulse() -> None:
    now_s = [100.0]
    strike = Strike("front", clock=lambda: now_s[0], is_walked=True)
    now = datetime.now(UTC)
    strike.pulse(3.0, "k1", now + timedelta(seconds=1), now)
    contacts = []
    for now_s[0] in (100.5, 100.7, 102.1, 102.3):
        contacts.append(strike.told()["contact"])
    assert contacts == ["closed", "open", "open", "closed"]


def test_a_stuck_strike_stays_unlocked() -> None:
    now_s = [100.0]
    strike = Strike("front", clock=lambda: now_s[0], misdeed="stuck")
    assert strike.lock == "locked"
    strike.press_exit()
    now_s[0] = 200.0
    assert strike.lock == "unlocked"
