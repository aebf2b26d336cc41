"""JPEG pictures of a stream without a container: how large they are, and as packets for whoever holds them."""

from __future__ import annotations

import io

import av

from surveillance.domain.ports import PacketSink

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # which begin a frame and tell its size


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


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG (ITU-T T.81, B.2.2) or PNG says it has, without decoding; None for anything else."""
    if content.startswith(PNG) and content[12:16] == b"IHDR" and len(content) >= 24:
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if not content.startswith(JPEG):
        return None
    place = len(JPEG)
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in FRAME_MARKERS:
            return int.from_bytes(content[place + 7 : place + 9], "big"), int.from_bytes(
                content[place + 5 : place + 7], "big"
            )
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return None
