"""Test cameras: serves every H.264 clip of a folder over RTSP, at its own pace, over and over, without re-encoding.

python3 cameras.py CLIPS [PORT]      parking.mp4 becomes rtsp://HOST:8554/parking
Runs under a system Python that has GStreamer and its RTSP server (python3-gi, gir1.2-gst-rtsp-server-1.0).
"""

# ruff: noqa: T201 (a program of its own, whose output is for people)

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 (the versions must be named first)

READ = "filesrc name=file ! qtdemux ! h264parse config-interval=-1 ! {caps} ! appsink name=packets sync=false"
CAPS = "video/x-h264,stream-format=byte-stream,alignment=au"
SERVE = "( appsrc name=feed is-live=true format=time caps={caps} ! h264parse ! rtph264pay name=pay0 pt=96 )"


@dataclass(frozen=True)
class Clip:
    """The packets of a clip without their container, and how many there are in a second."""

    packets: list
    rate: float


def read_clip(file):
    """Raises ValueError for a file without H.264 video."""
    pipeline = Gst.parse_launch(READ.format(caps=CAPS))
    pipeline.get_by_name("file").set_property("location", str(file))
    sink = pipeline.get_by_name("packets")
    pipeline.set_state(Gst.State.PLAYING)
    packets, length_ns = [], 0
    while (sample := sink.emit("pull-sample")) is not None:
        buffer = sample.get_buffer()
        packets.append(buffer.extract_dup(0, buffer.get_size()))
        length_ns += buffer.duration
    pipeline.set_state(Gst.State.NULL)
    if not packets or not length_ns:
        raise ValueError(f"{file} has no H.264 video in an MP4 container")
    return Clip(packets, len(packets) * Gst.SECOND / length_ns)


class Camera:
    """Pushes one clip's packets to whoever watches, one each 1/rate seconds."""

    def __init__(self, clip):
        self._clip = clip
        self._feed = None

    def factory(self):
        """What makes the stream when the first viewer comes; the others share it."""
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(SERVE.format(caps=CAPS))
        factory.set_shared(True)
        factory.connect("media-configure", lambda _factory, media: self._begin(media))
        return factory

    def _begin(self, media):
        self._feed = media.get_element().get_by_name("feed")
        media.connect("unprepared", lambda _media: self._end())
        GLib.timeout_add(1, self._push, self._feed, 0)

    def _end(self):
        self._feed = None

    def _push(self, feed, number):
        if feed is not self._feed:
            return False
        packet = Gst.Buffer.new_wrapped(self._clip.packets[number % len(self._clip.packets)])
        packet.pts = packet.dts = int(number / self._clip.rate * Gst.SECOND)
        if feed.emit("push-buffer", packet) == Gst.FlowReturn.OK:
            GLib.timeout_add(int(1000 / self._clip.rate), self._push, feed, number + 1)
        return False


def build_server(folder, port):
    """Raises ValueError when the folder has nothing to show."""
    server = GstRtspServer.RTSPServer()
    server.set_service(str(port))
    files = sorted(folder.glob("*.mp4"))
    if not files:
        raise ValueError(f"there is no .mp4 in {folder}: put clips there, or name another folder")
    for file in files:
        server.get_mount_points().add_factory(f"/{file.stem}", Camera(read_clip(file)).factory())
        print(f"rtsp://HOST:{port}/{file.stem}", flush=True)
    return server


def main(folder, port="8554"):
    Gst.init(None)
    try:
        server = build_server(Path(folder), int(port))
    except ValueError as error:
        print(f"cameras: {error}", file=sys.stderr)
        return 2
    loop = GLib.MainLoop()
    signal.signal(signal.SIGTERM, lambda *_: loop.quit())
    GLib.timeout_add(200, lambda: True)  # wakes the loop, so that Python sees the signal
    if not server.attach(None):
        print(f"cameras: port {port} is in use", file=sys.stderr)
        return 2
    print("ready", flush=True)
    loop.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
