"""Kinds compare by their bytes on PostgreSQL too, so that a family such as `user.` is one range of its index."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":  # SQLite always does
        op.execute('ALTER TABLE event ALTER COLUMN kind TYPE VARCHAR(60) COLLATE "C"')
