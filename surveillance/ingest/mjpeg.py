"""JPEG pictures of a stream without a container, as packets for whoever holds them."""

from __future__ import annotations

import io

import av

from surveillance.domain.ports import PacketSink


class MjpegPackets:
    """Each picture is a packet and a key picture, dated by its arrival. Without a sink it does nothing."""

    def __init__(self, sink: PacketSink | None) -> None:
        self._sink = sink
        if sink is not None:
            sink.begin(av.open(io.BytesIO(), "w", format="mp4").add_stream("mjpeg"))

    def __call__(self, jpeg: bytes) -> None:
        if self._sink is not None:
            packet = av.Packet(jpeg)
            packet.is_keyframe = True
            self._sink.put(packet)
