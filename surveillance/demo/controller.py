"""A simulated door controller over HTTP: orders for its doors, how they stand, and what is made to happen at them.

It trusts nobody: without a door's token it neither obeys nor tells.
"""

from __future__ import annotations

import argparse
import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from surveillance.demo.strike import RefusalError, Strike

LARGEST_BODY = 4096
ORDERS = ("pulse", "lock", "unlock", "simulate")
_PLACE = re.compile(r"/doors/([A-Za-z0-9_.-]+)(?:/(pulse|lock|unlock|simulate|state))?")


class DoorController:
    """Serves on 127.0.0.1, in a `with`: `POST /doors/<name>/pulse`, `/lock`, `/unlock`; `GET /doors/<name>/state`;
    for tests and demos `POST /doors/<name>/simulate` and `GET /doors/<name>`.

    Port 0 picks a free one. `token` is what all doors expect, or what each of them does.
    """

    def __init__(
        self, doors: Sequence[str], token: str | Mapping[str, str], port: int = 0, is_walked: bool = False
    ) -> None:
        self.strikes = {name: Strike(name, is_walked=is_walked) for name in doors}
        tokens = dict.fromkeys(doors, token) if isinstance(token, str) else token
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self.strikes, tokens))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="door-controller", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def relay_url(self, door: str) -> str:
        """What a site file says as the door's `relay`."""
        return f"http://127.0.0.1:{self.port}/doors/{door}"

    def __enter__(self) -> DoorController:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def parse_order(body: bytes, is_pulse: bool) -> tuple[float, str, datetime]:
    """(pulse_s, key, deadline) of a request's JSON; only a pulse needs the first. Raises RefusalError."""
    try:
        asked = json.loads(body)
        pulse_s = float(asked["pulse_s"]) if is_pulse else 0.0
        key, deadline = asked["key"], datetime.fromisoformat(asked["deadline"])
    except (ValueError, KeyError, TypeError) as error:
        fields = "pulse_s, key and deadline" if is_pulse else "key and deadline"
        raise RefusalError(HTTPStatus.BAD_REQUEST, f"needs JSON with {fields}: {error}") from None
    if not isinstance(key, str) or not key or deadline.tzinfo is None:
        raise RefusalError(HTTPStatus.BAD_REQUEST, "key must be text, and deadline a time with its zone")
    return pulse_s, key, deadline


def parse_wanted(body: bytes) -> dict[str, Any]:
    """What is to happen at a door. Raises RefusalError."""
    try:
        wanted = json.loads(body)
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise RefusalError(HTTPStatus.BAD_REQUEST, 'needs a JSON object such as {"contact": "open"}')
    return wanted


def _handler(strikes: Mapping[str, Strike], tokens: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name is the base class's
            self._answer(self._tell)

        def do_POST(self) -> None:
            self._answer(self._obey)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the system that asked keeps the record."""

        def _tell(self) -> dict[str, Any]:
            strike, word = self._strike()
            if word is None:
                return strike.state()
            self._check_token(strike)
            if strike.misdeed == "silent":
                raise ConnectionAbortedError
            return strike.told() if strike.misdeed != "nonsense" else {"contact": "ajar"}

        def _obey(self) -> dict[str, Any]:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 < length <= LARGEST_BODY:
                self.close_connection = True
                raise RefusalError(HTTPStatus.BAD_REQUEST, f"needs a body of at most {LARGEST_BODY} bytes")
            body = self.rfile.read(length)
            strike, order = self._strike()
            self._check_token(strike)
            if order == "simulate":
                strike.simulate(parse_wanted(body))
                return strike.told()
            pulse_s, key, deadline = parse_order(body, order == "pulse")
            if order == "pulse":
                strike.pulse(pulse_s, key, deadline, now=datetime.now(UTC))
            else:
                strike.hold(order == "unlock", key, deadline, now=datetime.now(UTC))
            return strike.state()

        def _check_token(self, strike: Strike) -> None:
            shown = self.headers.get("Authorization", "").encode()
            if not any(hmac.compare_digest(shown, f"Bearer {token}".encode()) for token in tokens.values()):
                raise RefusalError(HTTPStatus.UNAUTHORIZED, "needs the controller's bearer token")
            if not hmac.compare_digest(shown, f"Bearer {tokens[strike.name]}".encode()):
                raise RefusalError(HTTPStatus.UNAUTHORIZED, "this token is another door's")

        def _strike(self) -> tuple[Strike, str | None]:
            match = _PLACE.fullmatch(self.path)
            is_order = self.command == "POST"
            if match is None or (match[2] in ORDERS) != is_order or match[1] not in strikes:
                raise RefusalError(HTTPStatus.NOT_FOUND, f"there is no such door; there are: {', '.join(strikes)}")
            return strikes[match[1]], match[2]

        def _answer(self, make: Callable[[], dict[str, Any]]) -> None:
            try:
                status, answer = HTTPStatus.OK, make()
            except ConnectionAbortedError:
                self.close_connection = True
                return
            except RefusalError as refusal:
                status, answer = refusal.status, {"error": str(refusal)}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m surveillance.demo.controller --token TOKEN front`: runs until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m surveillance.demo.controller", description=__doc__)
    parser.add_argument("doors", nargs="+")
    parser.add_argument("--token", required=True)
    parser.add_argument("--port", type=int, default=8099)
    asked = parser.parse_args(arguments)
    with DoorController(asked.doors, asked.token, asked.port), suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    main()
