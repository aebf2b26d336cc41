"""The demo's badge reader: presents badges to the real API, on the timetable by which the demo's visitors come."""

from __future__ import annotations

import argparse
import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

LOOP_S = 30.0  # the front door's timetable
TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Presentation:
    """A badge held to the reader at a second of the timetable."""

    at_s: float
    badge: str


PRESENTATIONS = (
    Presentation(6.5, "demo-grace"),  # one person at the door
    Presentation(17.0, "demo-ada"),  # two of them
    Presentation(26.0, "demo-grace"),  # only a cat
)


def present(api_url: str, token: str, door: str, value: str, kind: str = "badge") -> dict[str, Any]:
    """Holds a badge, or another kind of factor, to a door's reader.

    The API's answer is {"verdict", "reasons", "event", "expires_at"}.

    Raises OSError when there is no answer, or one that is not JSON.
    """
    asked = {"request_id": str(uuid.uuid4()), "door": door, "factors": [{"kind": kind, "value": value}]}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = Request(f"{api_url.rstrip('/')}/api/access/requests", json.dumps(asked).encode(), headers)  # noqa: S310
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S) as response:
            body = response.read()
    except HTTPError as error:
        raise OSError(f"the API refused with {error.code}: {error.read(300).decode(errors='replace')}") from None
    except (URLError, HTTPException) as error:
        raise OSError(f"no answer from the API: {error}") from None
    try:
        answer: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise OSError(f"the API's answer is not JSON: {error}") from None
    return answer


def run(
    api_url: str,
    token: str,
    door: str = "front",
    stopping: threading.Event | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> None:
    """Presents badges on the timetable until `stopping` is set; an API that is away is tried again."""
    stopping = stopping or threading.Event()
    while True:
        wait_s, presentation = next_presentation(time.time())
        if stopping.wait(wait_s):
            return
        try:
            answer = present(api_url, token, door, presentation.badge)
        except OSError as error:
            tell(f"{presentation.badge}: {error}")
        else:
            tell(f"{presentation.badge}: {answer.get('verdict')} {'; '.join(answer.get('reasons', []))}")


def next_presentation(now_s: float) -> tuple[float, Presentation]:
    """(seconds to wait, what to present then) after Unix time `now_s`."""
    place_s = now_s % LOOP_S
    for presentation in PRESENTATIONS:
        if presentation.at_s > place_s:
            return presentation.at_s - place_s, presentation
    return LOOP_S - place_s + PRESENTATIONS[0].at_s, PRESENTATIONS[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m surveillance.demo.reader --token TOKEN`: runs until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m surveillance.demo.reader", description=__doc__)
    parser.add_argument("--api", default="http://127.0.0.1:8080")
    parser.add_argument("--token", required=True)
    parser.add_argument("--door", default="front")
    asked = parser.parse_args(arguments)
    with suppress(KeyboardInterrupt):
        run(asked.api, asked.token, asked.door, tell=lambda line: print(line, flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
