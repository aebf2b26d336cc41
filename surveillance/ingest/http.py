"""A camera's web address in, Frames out: an MJPEG stream, or a still picture that is asked for again and again.

Which of the two it is, the camera's Content-Type tells. Only pictures that are due are decoded.
"""

from __future__ import annotations

import base64
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.message import Message
from functools import cache, partial
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit
from urllib.request import (
    HTTPDigestAuthHandler,
    HTTPHandler,
    HTTPPasswordMgrWithDefaultRealm,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
    parse_http_list,
    parse_keqv_list,
)

import cv2
import numpy as np

from surveillance.domain.addresses import connect
from surveillance.domain.errors import AddressRefused, CameraFault, SourceError, SourceLost
from surveillance.domain.picture_size import picture_size
from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Bgr, Frame
from surveillance.ingest.mjpeg import MjpegPackets
from surveillance.ingest.pictures import BgrPicture
from surveillance.ingest.sources import Pace, StreamFacts, shown_address

STILL_FPS = 1.0  # how often a still picture is asked for, unless the URL says ?still_fps=
MOST_BYTES = 32_000_000  # of one picture
MOST_PIXELS = 50_000_000
OWN_WORDS = ("still_fps", "verify")  # in a URL's query; not sent to the camera
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_LENGTH = re.compile(rb"(?im)^content-length:\s*(\d+)\s*$")
_FAULTS: dict[int, tuple[CameraFault, str]] = {
    401: ("wrong_password", "refused the user name or password"),
    403: ("wrong_password", "does not permit this user to watch"),
    404: ("not_found", "answers, but has nothing at this path"),
}


class RefusedError(Exception):
    """What went wrong, for SourceError before the first picture and SourceLost after it."""

    def __init__(self, reason: CameraFault, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class HttpSource:
    """MJPEG (multipart/x-mixed-replace) or still pictures over HTTP and HTTPS, with basic or digest sign-in.

    A certificate is verified unless the URL says `?verify=no`. Frames carry the host's clock. `read_timeout_s` limits
    the answer to a request as well, since each wait of a socket has the same limit.
    """

    live = True
    duration_s: float | None = None

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._address = parse_http_url(url)
        self._shown = shown_address(url)
        self._options = options
        self._closed = threading.Event()
        self._number = -1
        self._decoded_s = 0.0
        self.facts: StreamFacts | None = None

    def frames(self) -> Iterator[Frame]:
        """Frames at `analyze_fps`, of a still picture at most `still_fps`. Raises SourceError, later SourceLost."""
        pace = Pace(self._options.analyze_fps)
        self._decoded_s = time.monotonic()
        try:
            for content in self._contents():
                if self._closed.is_set():
                    return
                at = datetime.now(UTC)
                if pace.is_due(at.timestamp()) and (pixels := self._decode(content)) is not None:
                    self._number += 1
                    picture = BgrPicture(pixels, self._options.masks)
                    yield Frame(self._options.camera, at, self._number, picture.luma(), picture)
        except RefusedError as error:
            kind = SourceError if self._number < 0 else SourceLost
            raise kind(f"{self._shown} {error}", error.reason) from None

    def close(self) -> None:
        """Ends `frames` at its next picture, and a wait between still pictures at once."""
        self._closed.set()

    def _contents(self) -> Iterator[bytes]:
        with closing(self._ask()) as response:
            kind = response.headers.get_content_type()
            if kind == "multipart/x-mixed-replace":
                self.facts = StreamFacts("mjpeg", "MJPEG over HTTP")
                held = MjpegPackets(self._options.packets)
                for content in pictures_of(response, _boundary(response.headers), self._options.read_timeout_s):
                    if is_believable(content):
                        held(content)
                    yield content
                raise RefusedError("ended", "ended the stream")
            if not kind.startswith("image/"):
                raise RefusedError("no_video", f"sent {kind}, neither a picture nor an MJPEG stream")
            self.facts = StreamFacts(kind.removeprefix("image/"), "still pictures over HTTP")
            content = whole(response, self._options.read_timeout_s)
        while not self._closed.is_set():
            asked_s = time.monotonic()
            yield content
            every_s = 1 / min(self._address.still_fps, self._options.analyze_fps)
            if self._closed.wait(max(asked_s + every_s - time.monotonic(), 0.0)):
                return
            with closing(self._ask()) as response:
                content = whole(response, self._options.read_timeout_s)

    def _ask(self) -> HTTPResponse:
        try:
            try:
                return self._open(None)
            except HTTPError as error:
                error.close()
                signed = self._address.sign(error.headers) if error.code == 401 else None
                if signed is None:
                    raise
                return self._open(signed)
        except HTTPError as error:
            error.close()
            told = _FAULTS.get(error.code, ("unreachable", f"answered with error {error.code}"))
            raise RefusedError(*told) from None
        except (OSError, HTTPException) as error:
            raise RefusedError(*_fault(error)) from None
        except AddressRefused as refused:
            raise RefusedError("not_found", f"may not be asked: {refused}") from None

    def _open(self, signed: str | None) -> HTTPResponse:
        request = self._address.request()
        if signed is not None:
            request.add_unredirected_header("Authorization", signed)
        response: HTTPResponse = self._address.opener.open(request, timeout=self._options.read_timeout_s)
        return response

    def _decode(self, content: bytes) -> Bgr | None:
        pixels = None
        if is_believable(content):
            with suppress(cv2.error):
                pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        now_s = time.monotonic()
        if pixels is not None:
            self._decoded_s = now_s
            return np.asarray(pixels, np.uint8)
        if now_s - self._decoded_s > self._options.read_timeout_s:
            raise RefusedError("unreadable", "sends no picture that can be decoded")
        return None


class Address:
    """Where to ask, with what to sign in and how often."""

    def __init__(self, parts: SplitResult, still_fps: float, verify: bool) -> None:
        self.still_fps = still_fps
        self.opener = _opener(parts.scheme.lower() == "https", verify)
        self._url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._user = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))

    def request(self) -> Request:
        return Request(self._url, headers={"User-Agent": "surveillance"})  # noqa: S310 (http and https only)

    def sign(self, challenged: Message) -> str | None:
        """The Authorization that answers a challenge, digest before basic (RFC 7617, RFC 7616 with MD5 or SHA).

        None without a user name. Raises RefusedError for another kind of sign-in.
        """
        if self._user is None:
            return None
        asked = [challenge.partition(" ") for challenge in challenged.get_all("WWW-Authenticate") or ()]
        known = {scheme.lower(): rest for scheme, _, rest in asked}
        try:
            if "digest" in known:
                passwords = HTTPPasswordMgrWithDefaultRealm()
                passwords.add_password(None, self._url, *self._user)
                challenge = parse_keqv_list([part for part in parse_http_list(known["digest"]) if part])
                answer = HTTPDigestAuthHandler(passwords).get_authorization(self.request(), challenge)
                return f"Digest {answer}"
        except (ValueError, NotImplementedError):
            known.pop("digest")
        if "basic" in known:
            return "Basic " + base64.b64encode(":".join(self._user).encode()).decode()
        raise RefusedError("wrong_password", "asks for a kind of sign-in that is not known here")


def parse_http_url(url: str) -> Address:
    """Takes user, password and our own words out of the URL. Raises SourceError for one that cannot be used."""
    parts = urlsplit(url)
    if not parts.hostname:
        hint = "it names no host, as in http://192.0.2.7/video.mjpg"
        raise SourceError(f"cannot watch {shown_address(url)}: {hint}", "not_found")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    ours = {name: value for name, value in pairs if name in OWN_WORDS}
    try:
        still_fps = float(ours.get("still_fps", STILL_FPS))
    except ValueError:
        still_fps = 0.0
    if not 0 < still_fps <= 30 or ours.get("verify", "yes") not in ("yes", "no"):
        hint = "still_fps is a number up to 30, verify is yes or no"
        raise SourceError(f"cannot watch {shown_address(url)}: {hint}", "not_found")
    if ours:
        query = urlencode([pair for pair in pairs if pair[0] not in OWN_WORDS], safe="/:,")
        parts = parts._replace(query=query)
    return Address(parts, still_fps, ours.get("verify", "yes") == "yes")


def pictures_of(response: IO[bytes], boundary: bytes, silence_s: float) -> Iterator[bytes]:
    """The contents of a multipart stream (RFC 2046) until it ends. Raises RefusedError after `silence_s` without."""
    held = bytearray()
    heard_s = time.monotonic()
    for chunk in _chunks(response):
        held += chunk
        while (found := _cut(held, boundary)) is not None:
            heard_s = time.monotonic()
            if found:
                yield found
        if time.monotonic() - heard_s > silence_s:
            raise RefusedError("timeout", "sent no whole picture in time")
        if len(held) > MOST_BYTES:
            raise RefusedError("unreadable", f"sent more than {MOST_BYTES // 1_000_000} MB as one picture")


def _cut(held: bytearray, boundary: bytes) -> bytes | None:
    """Takes the first whole part out of `held`; None when more has to come."""
    start = held.find(boundary)
    head = -1 if start < 0 else held.find(b"\r\n\r\n", start)
    if head < 0:
        return None
    length = _LENGTH.search(held, start, head)
    begin = head + 4
    end = begin + int(length[1]) if length else held.find(boundary, begin)
    if end < 0 or end > len(held):
        return None
    content = bytes(held[begin:end])
    del held[:end]
    return content if length else content.rstrip(b"\r\n-")


def _chunks(response: IO[bytes]) -> Iterator[bytes]:
    while True:
        try:
            chunk = response.read1(65536)  # type: ignore[attr-defined]  # an HTTPResponse has it
        except (OSError, HTTPException) as error:
            raise RefusedError(*_fault(error)) from None
        if not chunk:
            return
        yield chunk


def is_believable(content: bytes) -> bool:
    """Whether it is a JPEG or PNG, not so large that decoding a few bytes would fill the memory."""
    width, height = picture_size(content) or (0, 0)
    return 0 < width * height <= MOST_PIXELS


def whole(response: HTTPResponse, limit_s: float) -> bytes:
    """All of a still picture. Raises RefusedError when it is cut off, too large, no picture, or not there in time."""
    kind = response.headers.get_content_type()
    if not kind.startswith("image/"):
        raise RefusedError("no_video", f"sent {kind} instead of a picture")
    content = bytearray()
    ends_s = time.monotonic() + limit_s
    for chunk in _chunks(response):  # each comes in time, but a camera may send them byte by byte
        content += chunk
        if time.monotonic() > ends_s:
            raise RefusedError("timeout", "sent no whole picture in time")
        if len(content) > MOST_BYTES:
            raise RefusedError("unreadable", f"sent more than {MOST_BYTES // 1_000_000} MB as one picture")
    if response.length:
        raise RefusedError("ended", "broke off the connection")
    return bytes(content)


def _boundary(headers: HTTPMessage) -> bytes:
    match = _BOUNDARY.search(headers.get("Content-Type", ""))
    if match is None:
        raise RefusedError("unreadable", "names no boundary between its pictures")
    return b"--" + match[1].strip().removeprefix("--").encode()  # some cameras count the dashes in


class _SameHost(HTTPRedirectHandler):
    """A camera may send elsewhere on itself, and to no other machine."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        place = urlsplit(newurl)
        if place.scheme not in ("http", "https") or place.hostname != urlsplit(req.full_url).hostname:
            raise HTTPError(req.full_url, code, msg, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Connection(HTTPConnection):
    """Goes only where the guard lets it, and to the address that was judged."""

    def connect(self) -> None:
        self.sock = connect(self.host, self.port, self.timeout or 10.0, "the camera's address")


class _TlsConnection(HTTPSConnection):
    """The same with TLS, whose certificate is that of the name."""

    def __init__(self, host: str, *, context: ssl.SSLContext, **more: Any) -> None:
        super().__init__(host, context=context, **more)
        self._tls = context

    def connect(self) -> None:
        self.sock = connect(self.host, self.port, self.timeout or 10.0, "the camera's address")
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


class _Http(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_Connection, req)


class _Https(HTTPSHandler):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._tls = context

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_TlsConnection, context=self._tls), req)


@cache  # each holds all the system's certificates
def _opener(is_tls: bool, verify: bool) -> OpenerDirector:
    if not is_tls:
        return build_opener(ProxyHandler({}), _SameHost(), _Http())
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return build_opener(ProxyHandler({}), _SameHost(), _Http(), _Https(context))


def _fault(error: Exception) -> tuple[CameraFault, str]:
    """What it is, and what to tell a person."""
    cause = error.reason if isinstance(error, URLError) else error
    match cause:
        case TimeoutError():
            return "timeout", "gave no answer in time"
        case ssl.SSLCertVerificationError():
            return "unreachable", "has a certificate that nobody vouches for: ?verify=no at its end accepts it"
        case ConnectionRefusedError():
            return "unreachable", "refused the connection: is the address right and the camera on?"
        case ConnectionError() | HTTPException():
            return "ended", "broke off the connection"
    return "unreachable", "cannot be reached: is the address right and the camera on?"
