"""A TCP port to listen on; needs nothing but the standard library, since the system's Python imports it too."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
