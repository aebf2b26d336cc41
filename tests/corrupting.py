"""A bad line between a camera and its reader: what RTSP says passes whole, what the pictures travel in does not."""

from __future__ import annotations

import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

HOST = "127.0.0.1"
LARGEST = 65536  # bytes of a datagram
PORTS = re.compile(rb"client_port=(\d+)-(\d+)")  # where a reader wants its datagrams
HARMS = ("flipped", "dropped", "doubled", "swapped", "cut short", "zeroed")


@dataclass
class BadLine:
    """Forwards RTSP from `port` to a server, and its media over TCP or UDP, whichever the reader asks for.

    While it `harms`, a share of the media packets is damaged.
    """

    server_port: int
    share: float = 0.05
    seed: int = 1
    harms: bool = False
    done: Counter[str] = field(default_factory=Counter)
    port: int = 0
    datagrams: int = 0  # sent on over UDP

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._closed = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self._open: list[socket.socket] = [self._listener]
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                reader, _ = self._listener.accept()
                server = socket.create_connection((HOST, self.server_port))
                self._open += [reader, server]
                threading.Thread(target=self._ask, args=(reader, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, reader), daemon=True).start()

    def _ask(self, reader: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := reader.recv(LARGEST):
                server.sendall(PORTS.sub(self._through_here, data))
            server.shutdown(socket.SHUT_RDWR)

    def _answer(self, server: socket.socket, reader: socket.socket) -> None:
        kept: list[bytes] = []  # a packet that waits to be overtaken
        with suppress(OSError, struct.error), server.makefile("rb") as stream:
            while first := stream.read(1):
                if first != b"$":
                    reader.sendall(first + words_of_rtsp(stream))
                    continue
                head = stream.read(3)
                channel, size = struct.unpack(">BH", head)
                for packet in self._fate(stream.read(size), kept, is_media=channel % 2 == 0):
                    reader.sendall(b"$" + struct.pack(">BH", channel, len(packet)) + packet)
        for each in (server, reader):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _through_here(self, asked: re.Match[bytes]) -> bytes:
        """The ports at which this line takes what is meant for the reader's."""
        ports = []
        for place, port in enumerate(map(int, asked.groups())):
            line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            line.bind((HOST, 0))
            line.settimeout(0.2)
            ports.append(line.getsockname()[1])
            threading.Thread(target=self._carry, args=(line, port, place == 0), daemon=True).start()
        return b"client_port=%d-%d" % tuple(ports)

    def _carry(self, line: socket.socket, port: int, is_media: bool) -> None:
        kept: list[bytes] = []
        with line:
            while not self._closed.is_set():
                with suppress(TimeoutError, ConnectionRefusedError):  # nothing came; or the reader has gone
                    for packet in self._fate(line.recv(LARGEST), kept, is_media):
                        line.sendto(packet, (HOST, port))
                        self.datagrams += 1

    def _fate(self, packet: bytes, kept: list[bytes], is_media: bool) -> list[bytes]:
        """What goes on of that packet and of those kept before it."""
        if self.harms and is_media and self._dice.random() < self.share:
            return self._harm(packet, kept)
        return [packet, kept.pop()] if kept else [packet]

    def _harm(self, packet: bytes, kept: list[bytes]) -> list[bytes]:
        harm = self._dice.choice(HARMS)
        self.done[harm] += 1
        if harm == "dropped":
            return []
        if harm == "doubled":
            return [packet, packet]
        if harm == "swapped":
            kept.append(packet)
            return []
        if harm == "cut short":
            return [packet[: self._dice.randrange(len(packet))]]
        damaged = bytearray(packet)
        for _ in range(self._dice.randint(1, 8)):
            place = self._dice.randrange(len(damaged))
            damaged[place] = 0 if harm == "zeroed" else damaged[place] ^ 1 << self._dice.randrange(8)
        return [bytes(damaged)]


def words_of_rtsp(stream: IO[bytes]) -> bytes:
    """The rest of an answer: its head, and the body that it announces."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return head
        head += line
    lengths = [line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length:")]
    return head + (stream.read(int(lengths[0])) if lengths else b"")


@contextmanager
def bad_line(server_port: int, share: float, seed: int) -> Iterator[BadLine]:
    line = BadLine(server_port, share, seed)
    try:
        yield line
    finally:
        line.close()
