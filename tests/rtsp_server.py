"""A real RTSP server for tests: gst-rtsp-server under the system's Python, looping one file without re-encoding.

Run as a script by /usr/bin/python3 it is the server; imported, it starts and stops that process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from ports import free_port

SYSTEM_PYTHON = Path("/usr/bin/python3")
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def is_installed() -> bool:
    """Whether the system's Python can serve RTSP."""
    if not SYSTEM_PYTHON.exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True, timeout=60).returncode == 0


class RtspServer:
    """A server process for one MP4 (H.264) at rtsp://127.0.0.1:PORT/camera. Use it in a `with`."""

    def __init__(self, clip: Path, user: str = "", password: str = "", port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"rtsp://127.0.0.1:{self.port}/camera"
        stream, rate = unpack(clip)
        self._command = [str(SYSTEM_PYTHON), __file__, str(stream), rate, str(self.port), user, password]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Returns when the server listens."""
        self.kill()
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line.strip() != "ready":
            raise RuntimeError(f"the RTSP server did not start: {line!r}")

    def kill(self) -> None:
        """As if the plug were pulled."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def hang(self) -> None:
        """It stays connected and sends nothing more."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)


def unpack(clip: Path) -> tuple[Path, str]:
    """The clip's H.264 packets without their container, beside it, and their rate: only so can they loop."""
    import av

    stream = clip.with_suffix(".h264")
    with av.open(str(clip)) as source, av.open(str(stream), "w", format="h264") as target:
        video = source.streams.video[0]
        copied = target.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
        rate = video.average_rate or 25
    return stream, f"{rate.numerator}/{rate.denominator}"


def serve(clip: str, rate: str, port: str, user: str, password: str) -> None:
    """Serves until it is killed. Runs under the system's Python only."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)

    class LoopingFactory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc, name-defined, unused-ignore]
        def do_create_element(self, url: object) -> object:
            return Gst.parse_launch(
                f'multifilesrc location="{clip}" loop=true caps="video/x-h264,stream-format=byte-stream,'
                f'framerate={rate}" ! h264parse config-interval=-1 ! h264timestamper ! rtph264pay name=pay0 pt=96'
            )

    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = LoopingFactory()
    factory.set_shared(True)
    if user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    serve(*sys.argv[1:6])
