"""A browser's part in live pictures: signs in, opens streams, and reads their messages as fast as it likes."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode


class Viewer:
    """One signed-in browser. `open` returns a stream with status and messages."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self._port = port
        page, cookie = self._ask("GET", "/sign-in")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token, page
        form = urlencode({"csrf_token": token[1], "name": name, "password": password})
        _, self._cookie = self._ask("POST", "/sign-in", form, cookie)

    def open(self, *cameras: str, size: str = "tile", receive_bytes: int | None = None) -> LiveStream:
        query = urlencode([*(("camera", camera) for camera in cameras), ("size", size)])
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        if receive_bytes is not None:
            connection.sock = socket.socket()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            connection.sock.connect(("127.0.0.1", self._port))
        headers = {"Accept": "application/octet-stream", "Cookie": self._cookie}
        connection.request("GET", f"/live/stream?{query}", headers=headers)
        return LiveStream(connection, connection.getresponse())

    def _ask(self, method: str, path: str, form: str = "", cookie: str = "") -> tuple[str, str]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, form or None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status < 400, text
        return text, (answer.headers["Set-Cookie"] or "").partition(";")[0]


class LiveStream:
    """An open stream; `close` is what a browser does when its page is closed."""

    def __init__(self, connection: HTTPConnection, answer: HTTPResponse) -> None:
        self._connection = connection
        self._answer = answer
        self.status = answer.status

    def messages(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """What the page is told, with its picture where there is one, until the stream ends."""
        while header := self._answer.read(8):
            told, size = struct.unpack(">II", header)
            yield json.loads(self._answer.read(told)), self._answer.read(size)

    def pictures(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        return ((facts, jpeg) for facts, jpeg in self.messages() if jpeg)

    def close(self) -> None:
        self._answer.close()
        self._connection.close()
