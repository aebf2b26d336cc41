"""The PostgreSQL that `surveillance bench` also measures on."""

from __future__ import annotations

from surveillance.bench.postgres_server import PASSWORD, PostgresServer, running_postgres

__all__ = ["PASSWORD", "PostgresServer", "running_postgres"]
