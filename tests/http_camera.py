"""A real HTTP camera for tests: MJPEG streams and still pictures, with or without sign-in, and several bad habits."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import parse_http_list, parse_keqv_list

import cv2
from clips import drawn

REALM, NONCE = "camera", "7c1d"


def jpeg(number: int) -> bytes:
    return cv2.imencode(".jpg", drawn(number))[1].tobytes()


class HttpCamera:
    """Serves on 127.0.0.1 until the `with` ends. `asked` holds each path that was asked for, in order.

    /mjpeg, /mjpeg-plain (parts without a length), /still, /page, /stalls (one picture, then silence),
    /ends (three pictures), /broken (parts that are no pictures), /elsewhere and /ftp (to another machine or
    program), /moved (to /still), /drips (a byte at a time), /cut (half a picture);
    /basic/... and /digest/... ask for ada and s3cret first.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stopping = threading.Event()
        camera = self

        class Handler(Answers):
            owner = camera

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> HttpCamera:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def url(self, path: str, user: str = "") -> str:
        at = f"{user}@" if user else ""
        return f"http://{at}127.0.0.1:{self._server.server_address[1]}{path}"


class Answers(BaseHTTPRequestHandler):
    owner: HttpCamera

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.owner.asked.append(self.path)
        for kind in ("basic", "digest"):
            if path.startswith(f"/{kind}/"):
                path = path.removeprefix(f"/{kind}")
                if not getattr(self, f"knows_{kind}")():
                    self.ask_who(kind)
                    return
        answer = getattr(self, "send_" + path.strip("/").replace("-", "_"), None)
        try:
            if answer is None:
                self.send_error(404)
            else:
                answer()
        except OSError:
            self.close_connection = True  # the other end has gone

    def ask_who(self, kind: str) -> None:
        how = f'Basic realm="{REALM}"' if kind == "basic" else f'Digest realm="{REALM}", nonce="{NONCE}", qop="auth"'
        self.send_response(401)
        self.send_header("WWW-Authenticate", how)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def knows_basic(self) -> bool:
        return self.headers.get("Authorization") == "Basic " + base64.b64encode(b"ada:s3cret").decode()

    def knows_digest(self) -> bool:
        """RFC 2617, 3.2.2."""
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Digest":
            return False
        told = parse_keqv_list(parse_http_list(rest))
        secret, asked = md5(f"ada:{REALM}:s3cret"), md5(f"GET:{self.path}")
        return told["response"] == md5(f"{secret}:{NONCE}:{told['nc']}:{told['cnonce']}:auth:{asked}")

    def begin(self, kind: str, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send_parts(self, count: int = 100_000, with_length: bool = True, broken: bool = False) -> None:
        self.begin("multipart/x-mixed-replace; boundary=--frame")
        for number in range(count):
            content = b"this is no picture" if broken else jpeg(number)
            length = f"Content-Length: {len(content)}\r\n".encode() if with_length else b""
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n" + length + b"\r\n" + content + b"\r\n")
            if self.owner.stopping.wait(0.04):
                return

    def send_mjpeg(self) -> None:
        self.send_parts()

    def send_mjpeg_plain(self) -> None:
        self.send_parts(with_length=False)

    def send_ends(self) -> None:
        self.send_parts(15)

    def send_broken(self) -> None:
        self.send_parts(broken=True)

    def send_stalls(self) -> None:
        self.send_parts(3)
        self.owner.stopping.wait(60)

    def send_still(self) -> None:
        content = jpeg(int(time.monotonic() * 5))
        self.begin("image/jpeg", len(content))
        self.wfile.write(content)

    def send_page(self) -> None:
        content = b"<p>Welcome to your camera</p>"
        self.begin("text/html", len(content))
        self.wfile.write(content)

    def send_moved(self) -> None:
        self.redirect("/still")

    def send_elsewhere(self) -> None:
        self.redirect("http://192.0.2.9/still")

    def send_ftp(self) -> None:
        self.redirect("ftp://127.0.0.1/still.jpg")

    def send_drips(self) -> None:
        content = jpeg(0)
        self.begin("image/jpeg", len(content))
        for place in range(len(content)):
            self.wfile.write(content[place : place + 1])
            if self.owner.stopping.wait(0.1):
                return

    def send_cut(self) -> None:
        content = jpeg(0)
        self.begin("image/jpeg", len(content))
        self.wfile.write(content[:200])
        self.close_connection = True

    def redirect(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
