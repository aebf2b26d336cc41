"""A real RTSP server: gst-rtsp-server under the system's Python, looping clips without re-encoding.

Imported, it starts and stops the process of one server with any number of mounts; run as a script by /usr/bin/python3
it is that server. The clips' packets are sent at the clip's own pace, whatever their time stamps say.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SYSTEM_PYTHON = Path("/usr/bin/python3")
FIRST_PORT, PORTS = 20_000, 12_000  # Linux gives from 32768 on
_given: set[int] = set()
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def free_port() -> int:
    """A port that nothing listens on now, another each time.

    It is none of those that systems give to whoever connects: one of these may be taken by the time it is listened on,
    and who connects to it before that may, by chance, connect to itself.
    """
    while True:
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def is_installed() -> bool:
    """Whether the system's Python can serve RTSP."""
    if not SYSTEM_PYTHON.exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True, timeout=60).returncode == 0


@dataclass(frozen=True)
class Mount:
    """One stream: clips (all H.264 or all H.265) one after the other, over and over.

    `once` clips come first and are not repeated. Each of `jumps_s` is added to the time stamps from the next clip's
    beginning on, in turn; 0.0 leaves them as they are. `only` takes some of each clip's packets.
    """

    clips: Sequence[Path]
    once: int = 0
    jumps_s: Sequence[float] = ()
    only: slice = field(default_factory=lambda: slice(None))


class RtspServer:
    """A server process at rtsp://127.0.0.1:PORT; `url` is the first mount's. Use it in a `with`.

    One clip is mounted as /camera. With a user the server asks for the password as `auth` says: basic or digest.
    """

    def __init__(
        self,
        clips: Path | Mapping[str, Mount],
        user: str = "",
        password: str = "",
        port: int | None = None,
        auth: str = "basic",
    ) -> None:
        mounts = {"/camera": Mount([clips])} if isinstance(clips, Path) else clips
        self.port = port or free_port()
        self.url = f"rtsp://127.0.0.1:{self.port}{next(iter(mounts))}"
        self._folder = tempfile.TemporaryDirectory(prefix="rtsp-")
        told = {
            "port": str(self.port),
            "user": user,
            "password": password,
            "auth": auth,
            "mounts": {path: self._describe(mount) for path, mount in mounts.items()},
        }
        self._spec = Path(self._folder.name) / "spec.json"
        self._spec.write_text(json.dumps(told))
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    def address(self, path: str) -> str:
        """The URL of that mount."""
        return f"rtsp://127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        """Returns when the server listens."""
        self.kill()
        command = [str(SYSTEM_PYTHON), __file__, str(self._spec)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
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

    def resume(self) -> None:
        """It goes on after `hang`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def _describe(self, mount: Mount) -> dict[str, Any]:
        parts = [unpack(clip, Path(self._folder.name), mount.only) for clip in mount.clips]
        return {"parts": parts, "once": mount.once, "jumps_s": list(mount.jumps_s), "codec": parts[0]["codec"]}


def unpack(clip: Path, folder: Path, only: slice) -> dict[str, Any]:
    """The clip's packets without their container: a file of them all, each one's size, and their rate."""
    import av

    stream = folder / f"{clip.stem}-{len(list(folder.iterdir()))}.bin"
    packets = []
    with av.open(str(clip)) as source:
        video = source.streams.video[0]
        codec = video.codec_context.name
        rate = float(video.average_rate or 25)
        convert = av.BitStreamFilterContext("h264_mp4toannexb" if codec == "h264" else "hevc_mp4toannexb", video)
        for packet in source.demux(video):
            for converted in convert.filter(packet if packet.dts is not None else None):
                packets.append(bytes(converted))
    packets = packets[only]
    stream.write_bytes(b"".join(packets))
    sizes = [len(packet) for packet in packets]
    return {"file": str(stream), "sizes": sizes, "rate": rate, "codec": "h264" if codec == "h264" else "h265"}


class Feed:
    """Pushes one mount's packets into an appsrc, one each 1/rate seconds."""

    def __init__(self, mount: dict[str, Any]) -> None:
        self._parts = [(list(packets_of(part)), part["rate"]) for part in mount["parts"]]
        self._once = mount["once"]
        self._jumps_s = mount["jumps_s"]
        self._started = 0
        self._part = -1
        self._next = 0
        self._stamp_s = 0.0
        self._appsrc: Any = None

    def begin(self, appsrc: Any) -> None:
        from gi.repository import GLib

        self._appsrc = appsrc
        self._part, self._next, self._stamp_s, self._started = -1, 0, 0.0, 0
        GLib.timeout_add(1, self._push, appsrc)

    def end(self) -> None:
        self._appsrc = None

    def _push(self, appsrc: Any) -> bool:
        from gi.repository import GLib, Gst

        if self._appsrc is not appsrc:
            return False
        if self._part < 0 or self._next == len(self._parts[self._part][0]):
            self._begin_part()
        packets, rate = self._parts[self._part]
        packet = Gst.Buffer.new_wrapped(packets[self._next])
        packet.pts = packet.dts = int(self._stamp_s * Gst.SECOND)
        self._next += 1
        self._stamp_s += 1 / rate
        if appsrc.emit("push-buffer", packet) == Gst.FlowReturn.OK:
            GLib.timeout_add(int(1000 / rate), self._push, appsrc)
        return False

    def _begin_part(self) -> None:
        last = len(self._parts) - 1
        self._part = self._part + 1 if self._part < last else min(self._once, last)
        self._next = 0
        if self._started and self._jumps_s:
            unhurried(self._appsrc)
            jump_s = self._jumps_s[(self._started - 1) % len(self._jumps_s)]
            self._stamp_s = max(self._stamp_s + jump_s, 0.0)
        self._started += 1


def unhurried(element: Any) -> None:
    """Lets the sinks of that pipeline send what comes at once: they would wait for time stamps in the future."""
    while element.get_parent() is not None:
        element = element.get_parent()
    found = element.iterate_sinks()
    for sink in iter(lambda: found.next()[1], None):
        if sink.find_property("sync") is not None:
            sink.set_property("sync", False)


def packets_of(part: dict[str, Any]) -> list[bytes]:
    content, packets, place = Path(part["file"]).read_bytes(), [], 0
    for size in part["sizes"]:
        packets.append(content[place : place + size])
        place += size
    return packets


def serve(spec: dict[str, Any]) -> None:
    """Serves until it is killed. Runs under the system's Python only."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(spec["port"])
    if spec["user"]:
        server.set_auth(auth_of(spec))
    for path, mount in spec["mounts"].items():
        server.get_mount_points().add_factory(path, factory_of(mount, bool(spec["user"])))
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def factory_of(mount: dict[str, Any], is_guarded: bool) -> Any:
    from gi.repository import GstRtspServer

    codec = mount["codec"]
    feed = Feed(mount)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( appsrc name=feed is-live=true format=time caps=video/x-{codec},stream-format=byte-stream,alignment=au "
        f"! {codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)

    def configure(_factory: Any, media: Any) -> None:
        feed.begin(media.get_element().get_by_name("feed"))
        media.connect("unprepared", lambda _media: feed.end())

    factory.connect("media-configure", configure)
    if is_guarded:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
    return factory


def auth_of(spec: dict[str, Any]) -> Any:
    from gi.repository import GstRtsp, GstRtspServer

    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    if spec["auth"] == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(spec["user"], spec["password"], token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(spec["user"], spec["password"]), token)
    return auth


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()))
