"""A simulated door controller: an authorized pulse unlocks a door, and its own timer locks it again; or it is held.

It trusts nobody: without the token, after the deadline, or with a key that it has seen, a door stays as it is.
"""

from __future__ import annotations

import argparse
import hmac
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGEST_BODY = 4096
LONGEST_PULSE_S = 30.0
KEYS_KEPT = 1000
_PLACE = re.compile(r"/doors/([A-Za-z0-9_.-]+)(?:/(pulse|lock|unlock))?")


class RefusalError(Exception):
    """An order that is not obeyed; `status` is the HTTP status that says why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class Strike:
    """One electric strike. A pulse ends by itself, so that locking needs nobody's help; a lasting unlock is held."""

    name: str
    clock: Callable[[], float] = time.monotonic
    pulses: int = 0
    held: bool = False
    orders: int = 0  # locks and unlocks that were obeyed
    _unlocked_until_s: float = 0.0
    _keys: deque[str] = field(default_factory=lambda: deque(maxlen=KEYS_KEPT))
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def pulse(self, pulse_s: float, key: str, deadline: datetime, now: datetime) -> None:
        """Unlocks for `pulse_s`. Raises RefusalError for a repeated key, a stale deadline or an absurd time."""
        if not 0 < pulse_s <= LONGEST_PULSE_S:
            raise RefusalError(HTTPStatus.BAD_REQUEST, f"pulse_s must be over 0 and at most {LONGEST_PULSE_S:g}")
        with self._one_at_a_time:
            self._take(key, deadline, now)
            self._unlocked_until_s = self.clock() + pulse_s
            self.pulses += 1

    def hold(self, unlocked: bool, key: str, deadline: datetime, now: datetime) -> None:
        """Unlocks for good, or locks, which also ends a pulse. Raises RefusalError as a pulse does."""
        with self._one_at_a_time:
            self._take(key, deadline, now)
            self.held = unlocked
            self._unlocked_until_s = 0.0
            self.orders += 1

    def _take(self, key: str, deadline: datetime, now: datetime) -> None:
        if now >= deadline:
            raise RefusalError(HTTPStatus.GONE, "the deadline has passed")
        if key in self._keys:
            raise RefusalError(HTTPStatus.CONFLICT, "this key was used before")
        self._keys.append(key)

    def state(self) -> dict[str, Any]:
        left_s = max(self._unlocked_until_s - self.clock(), 0.0)
        lock = "unlocked" if self.held or left_s > 0 else "locked"
        relocks_in_s = None if self.held else round(left_s, 3)
        return {"door": self.name, "lock": lock, "relocks_in_s": relocks_in_s, "pulses": self.pulses}


class DoorController:
    """Serves `POST /doors/<name>/pulse`, `/lock`, `/unlock` and `GET /doors/<name>` on 127.0.0.1, in a `with`.

    Port 0 picks a free one. `token` is what all doors expect, or what each of them does.
    """

    def __init__(self, doors: Sequence[str], token: str | Mapping[str, str], port: int = 0) -> None:
        self.strikes = {name: Strike(name) for name in doors}
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


def _handler(strikes: Mapping[str, Strike], tokens: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name is the base class's
            self._answer(lambda: self._strike(is_order=False)[0].state())

        def do_POST(self) -> None:
            self._answer(self._obey)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the system that asked keeps the record."""

        def _obey(self) -> dict[str, Any]:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 < length <= LARGEST_BODY:
                self.close_connection = True
                raise RefusalError(HTTPStatus.BAD_REQUEST, f"needs a body of at most {LARGEST_BODY} bytes")
            body = self.rfile.read(length)
            shown = self.headers.get("Authorization", "").encode()
            if not any(hmac.compare_digest(shown, f"Bearer {token}".encode()) for token in tokens.values()):
                raise RefusalError(HTTPStatus.UNAUTHORIZED, "needs the controller's bearer token")
            strike, order = self._strike(is_order=True)
            if not hmac.compare_digest(shown, f"Bearer {tokens[strike.name]}".encode()):
                raise RefusalError(HTTPStatus.UNAUTHORIZED, "this token is another door's")
            pulse_s, key, deadline = parse_order(body, order == "pulse")
            if order == "pulse":
                strike.pulse(pulse_s, key, deadline, now=datetime.now(UTC))
            else:
                strike.hold(order == "unlock", key, deadline, now=datetime.now(UTC))
            return strike.state()

        def _strike(self, is_order: bool) -> tuple[Strike, str | None]:
            match = _PLACE.fullmatch(self.path)
            if match is None or bool(match.group(2)) != is_order or match.group(1) not in strikes:
                raise RefusalError(HTTPStatus.NOT_FOUND, f"there is no such door; there are: {', '.join(strikes)}")
            return strikes[match.group(1)], match.group(2)

        def _answer(self, make: Callable[[], dict[str, Any]]) -> None:
            try:
                status, answer = HTTPStatus.OK, make()
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
