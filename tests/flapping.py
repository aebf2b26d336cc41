"""Two hundred flaps of cameras of several kinds leave nothing behind: no thread, process, descriptor or memory.

`python flapping.py FOLDER` in a process of its own, so that nothing else is measured.
"""

from __future__ import annotations

import ctypes
import gc
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clips import make_mp4
from http_camera import HttpCamera
from patience import eventually

from surveillance.bench.rtsp_server import RtspServer
from surveillance.domain.ports import Source, SourceOptions
from surveillance.domain.site import Camera
from surveillance.engines.camera import CameraFrames, CameraHealth
from surveillance.ingest.mailbox import FrameMailbox
from surveillance.ingest.reader import CameraReader
from surveillance.ingest.settings import IngestSettings
from surveillance.ingest.sources import open_source
from surveillance.ingest.view import ViewCheck

AT_ONCE = IngestSettings(retry_ladder=((0.01, 100_000),), retry_jitter=0.0)
OPTIONS = SourceOptions("yard", analyze_fps=25.0, open_timeout_s=5.0, read_timeout_s=2.0)
MOST_GROWTH_KB = 8_000  # of 230 flaps; what a connection or a decoder left behind each time would be several times that


@dataclass(frozen=True)
class Held:
    """What this process holds."""

    threads: int
    descriptors: int
    children: int
    memory_kb: int


def held() -> Held:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else what is free, but not yet given back, counts too
    me = Path("/proc/self")
    status = dict(line.split(":", 1) for line in (me / "status").read_text().splitlines())
    children = 0
    for task in (me / "task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            children += len((task / "children").read_text().split())
    return Held(int(status["Threads"]), len(list((me / "fd").iterdir())), children, int(status["VmRSS"].split()[0]))


class FlappingCamera:
    """A camera's reader, mailbox and health in their threads; counts how often the camera was opened."""

    def __init__(self, url: str) -> None:
        self.opened = self.seen = 0
        mailbox = FrameMailbox()
        self._health = CameraHealth("yard", lambda report: None, view=ViewCheck(AT_ONCE.view))
        reader = CameraReader(Camera("yard", url), self._open, OPTIONS, mailbox.deliver, self._health.report, AT_ONCE)
        self._frames = CameraFrames(reader.run, reader.stop, mailbox)
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> FlappingCamera:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._frames.close()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def flap(self, times: int) -> None:
        """Until it was opened so many times more."""
        wanted = self.opened + times
        assert eventually(lambda: self.opened >= wanted, 60)

    def _open(self, url: str, options: SourceOptions) -> Source:
        self.opened += 1
        return open_source(url, options)

    def see(self) -> None:
        """Until it shows a picture more."""
        wanted = self.seen + 1
        assert eventually(lambda: self.seen >= wanted, 60)

    def _look(self) -> None:
        for frame in self._frames.frames():
            self._health.looked(frame)
            self.seen += 1


class HangsUp(socketserver.BaseRequestHandler):
    """Reads a request and closes."""

    def handle(self) -> None:
        self.request.recv(1000)


@contextmanager
def server_that_hangs_up() -> Iterator[int]:
    with socketserver.TCPServer(("127.0.0.1", 0), HangsUp) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:  # else a claim that fails leaves the thread, and the process waits for it for ever
            server.shutdown()
            thread.join(10)


def flap_all(server: RtspServer, hangs_up: int, http: HttpCamera, rounds: int) -> None:
    """Ten flaps a round: hung up on, wrong password, no such path, streams that end."""
    for _ in range(rounds):
        for url, times in (
            (f"rtsp://127.0.0.1:{hangs_up}/camera", 3),
            (f"http://127.0.0.1:{hangs_up}/camera", 1),
            (server.url.replace("//", "//ada:wrong@"), 2),
            (server.url.replace("//", "//ada:s3cret@") + "x", 2),
            (http.url("/ends"), 2),
        ):
            with FlappingCamera(url) as camera:
                camera.flap(times)


def kill_often(server: RtspServer, times: int) -> None:
    """The very server that gives pictures is killed and started again."""
    with FlappingCamera(server.url.replace("//", "//ada:s3cret@")) as camera:
        for _ in range(times):
            camera.see()
            server.kill()
            camera.flap(2)
            server.start()


def main(folder: Path) -> None:
    clip = make_mp4(folder / "clip.mp4", 25)
    with (
        RtspServer(clip, user="ada", password="s3cret") as server,
        HttpCamera() as http,
        server_that_hangs_up() as hangs_up,
    ):
        flap_all(server, hangs_up, http, 3)
        kill_often(server, 2)
        settled = []

        def is_settled() -> bool:
            settled.append(held())
            return len(settled) > 2 and settled[-1].threads == settled[-2].threads == settled[-3].threads

        assert eventually(is_settled)
        before = settled[-1]
        flap_all(server, hangs_up, http, 19)
        kill_often(server, 4)
        assert eventually(lambda: is_no_more(held(), before)), (before, held())
        assert held().memory_kb - before.memory_kb < MOST_GROWTH_KB, (before, held())


def is_no_more(after: Held, before: Held) -> bool:
    """Servers and readers may need a moment to end their threads and sockets."""
    return (
        after.threads <= before.threads
        and after.descriptors <= before.descriptors
        and after.children == before.children
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
