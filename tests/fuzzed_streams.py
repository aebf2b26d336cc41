"""Damaged video through the real readers and decoders: no crash, no hang, and a good stream is read again after each.

`python fuzzed_streams.py FOLDER STREAMS SEED` in a process of its own, so that a crash is seen; prints what became of
the streams. Files are H.264 in three containers and Motion JPEG; every fifth stream comes over HTTP.
"""

from __future__ import annotations

import faulthandler
import json
import random
import socket
import socketserver
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from clips import drawn
from http_camera import jpeg

from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import SourceOptions
from surveillance.ingest.sources import open_source

OPTIONS = SourceOptions("yard", analyze_fps=25.0, open_timeout_s=5.0, read_timeout_s=2.0)
KINDS = {"mp4": "libx264", "ts": "libx264", "h264": "libx264", "avi": "mjpeg"}
PICTURES = 20
HUNG_S = 30.0


def main(folder: Path, streams: int, seed: int) -> None:
    dice, became = random.Random(seed), Counter[str]()
    good = {kind: make(folder / f"good.{kind}", kind, (320, 180)) for kind in KINDS}
    other = {kind: make(folder / f"other.{kind}", kind, (192, 112)).read_bytes() for kind in KINDS}
    parts = b"".join(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg(number) + b"\r\n" for number in range(10))
    with serving() as camera:
        for number in range(streams):
            faulthandler.dump_traceback_later(HUNG_S, exit=True)
            if number % 5 == 4:
                camera.content = damaged(parts, parts[::2], dice)
                became[watch(camera.url)] += 1
                continue
            kind = dice.choice(list(KINDS))
            file = folder / f"damaged.{kind}"
            file.write_bytes(damaged(good[kind].read_bytes(), other[kind], dice))
            became[watch(str(file))] += 1
            if number % 50 == 0:
                assert watch(str(good[kind])) == f"all {PICTURES} pictures"
        camera.content = parts
        assert watch(camera.url).startswith("ended: ")
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps(became))


def make(path: Path, kind: str, size: tuple[int, int]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(KINDS[kind], rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if kind == "avi" else "yuv420p"
        for number in range(PICTURES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(number, size), format="bgr24")))
        container.mux(stream.encode())
    return path


def damaged(good: bytes, other: bytes, dice: random.Random) -> bytes:
    """One to three of: other bytes, a part missing, zeros, twice there, cut off, from a stream of another size."""
    content = bytearray(good)
    for _ in range(dice.randint(1, 3)):
        start = dice.randrange(max(len(content), 1))
        end = min(start + dice.choice((1, 20, 500, 5000)), len(content))
        way = dice.choice(("bytes", "bytes", "missing", "zeros", "twice", "cut", "other"))
        if way == "bytes":
            for _ in range(dice.choice((1, 10, 200))):
                content[dice.randrange(len(content))] = dice.randrange(256)
        elif way == "missing":
            del content[start:end]
        elif way == "zeros":
            content[start:end] = bytes(end - start)
        elif way == "twice":
            content[start:start] = content[start:end]
        elif way == "cut":
            del content[max(start, 16) :]
        else:
            content[start:] = other
    return bytes(content)


def watch(url: str) -> str:
    """What became of a stream: how many pictures it gave, all of them whole, and why it ended."""
    source = open_source(url, OPTIONS)
    seen = 0
    try:
        for frame in source.frames():
            pixels = frame.picture.bgr()
            assert (pixels.ndim, pixels.shape[2]) == (3, 3)
            assert frame.luma.ndim == 2
            seen += 1
    except (SourceError, SourceLost) as error:
        return f"{error.reason}: " + ("after some pictures" if seen else "no picture")
    finally:
        source.close()
    return f"all {seen} pictures" if seen == PICTURES else "some pictures"


class DamagedCamera:
    """An HTTP camera that sends `content` and hangs up."""

    content = b""
    url = ""


@contextmanager
def serving() -> Iterator[DamagedCamera]:
    camera = DamagedCamera()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4000)
            head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--frame\r\n\r\n"
            self.request.sendall(head + camera.content)
            self.request.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        camera.url = f"http://127.0.0.1:{server.server_address[1]}/camera"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield camera
        finally:
            server.shutdown()
            thread.join(10)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
