"""A real HTTP server on a free port of 127.0.0.1, for whatever posts: it answers as told and keeps what came."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Received:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Listener:
    """`answers` are the statuses to give in turn, the last one again and again. HANG never answers, DROP hangs up."""

    url: str
    answers: list[int]
    received: list[Received] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


HANG, DROP, DRIP = -1, -2, -3


@contextmanager
def listening(*answers: int, location: str = "") -> Iterator[Listener]:
    """A server for the length of the block; hanging answers are let go at its end."""
    listener = Listener("", list(answers or (200,)))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            listener.received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            listener.arrived.set()
            answer = listener.answers.pop(0) if len(listener.answers) > 1 else listener.answers[0]
            if answer == HANG:
                listener.released.wait(30)
            elif answer == DRIP:
                self._drip()
            elif answer != DROP:
                self.send_response(answer)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def _drip(self) -> None:
            """One byte at a time, so that a timeout per read never ends."""
            try:
                while not listener.released.wait(0.05):
                    self.wfile.write(b"H")
                    self.wfile.flush()
            except OSError:
                return

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listener.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
