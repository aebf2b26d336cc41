"""One HTTP request, whole within its time: no redirects, no proxies from the environment, no connection kept.

It goes only where `domain.addresses` lets it. A failure says whether the request may have arrived: everything up to the
first byte sent is certain.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from surveillance.domain.addresses import check_post, connect
from surveillance.domain.errors import ActionFailed, AddressRefused, SettingsError

LARGEST_ANSWER = 4096


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post: an http or https address without user name or password. Its text leaves out the path, since
    many services put a secret there."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def parse_endpoint(url: str, what: str) -> Endpoint:
    """Raises SettingsError, naming `what`, for anything but http(s)://host[:port]/path of a permitted place."""
    if not url.isascii():
        raise SettingsError(f"{what}: the address may hold only plain characters without spaces")
    check_post(url, what, loopback=True)
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Endpoint(parts.scheme, parts.hostname or "", port, path)


def post_once(
    endpoint: Endpoint, body: bytes, headers: Mapping[str, str], connect_timeout_s: float, timeout_s: float
) -> int:
    """The status of the answer, 100..599. Raises ActionFailed; `certain` when nothing was sent.

    `timeout_s` bounds everything after the connection, however slowly the other side drips.
    """
    with _exchange(endpoint, connect_timeout_s, timeout_s, is_order=True) as connection:
        connection.request("POST", endpoint.path, body, {"Connection": "close", **headers})
        return connection.getresponse().status


def get_once(
    endpoint: Endpoint, headers: Mapping[str, str], connect_timeout_s: float, timeout_s: float
) -> tuple[int, bytes]:
    """The status and the first LARGEST_ANSWER bytes of the answer, within the same bounds. Raises ActionFailed."""
    with _exchange(endpoint, connect_timeout_s, timeout_s) as connection:
        connection.request("GET", endpoint.path, headers={"Connection": "close", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(LARGEST_ANSWER)


@contextmanager
def _exchange(
    endpoint: Endpoint, connect_timeout_s: float, timeout_s: float, is_order: bool = False
) -> Iterator[http.client.HTTPConnection]:
    """A connection for one request; what fails on it is an ActionFailed."""
    connection = _connected(endpoint, connect_timeout_s)
    try:
        with _cut_off(connection, timeout_s) as was_cut:
            yield connection
    except (OSError, http.client.HTTPException) as error:
        hung_up = "it hung up" if isinstance(error, ConnectionError) else type(error).__name__
        why = f"no answer within {timeout_s:g} s" if was_cut.is_set() else hung_up
        told = f"{endpoint}: {why}; it may have been done" if is_order else f"{endpoint}: {why}"
        raise ActionFailed(told, certain=False) from error
    finally:
        connection.close()


def _connected(endpoint: Endpoint, timeout_s: float) -> http.client.HTTPConnection:
    """An open connection, nothing sent on it. A slow name service counts against the time as well."""
    is_tls = endpoint.scheme == "https"
    kind = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
    connection = kind(endpoint.host, endpoint.port, timeout=timeout_s)
    connection.auto_open = 0  # else http.client connects, and sends, a second time by itself
    started_s = time.monotonic()
    try:
        sock = connect(endpoint.host, endpoint.port, timeout_s, str(endpoint))
        if is_tls:
            connection.sock = sock  # closed with it where the handshake fails
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=endpoint.host)
        connection.sock = sock
    except (OSError, AddressRefused) as error:
        connection.close()
        raise ActionFailed(f"{endpoint}: cannot connect ({_reason(error)})") from error
    if time.monotonic() - started_s > timeout_s:
        connection.close()
        raise ActionFailed(f"{endpoint}: connecting took more than {timeout_s:g} s")
    return connection


@contextmanager
def _cut_off(connection: http.client.HTTPConnection, after_s: float) -> Iterator[threading.Event]:
    """Shuts the connection down when the time is over: a socket's own timeout starts anew with every byte."""
    cut = threading.Event()
    sock = connection.sock

    def shut() -> None:
        cut.set()
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    sock.settimeout(after_s + 0.5)
    timer = threading.Timer(after_s, shut)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
