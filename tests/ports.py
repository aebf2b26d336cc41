"""A TCP port to listen on, or at which nobody listens."""

from __future__ import annotations

from surveillance.bench.rtsp_server import free_port

__all__ = ["free_port"]
