"""The mode in which each door was last left, so that a restart finds a lockdown of any age."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NEWEST = """
INSERT INTO door_mode (door, number, mode, at, payload)
SELECT subject, number, state, at, payload FROM input
WHERE kind = 'door' AND number IN (
    SELECT max(number) FROM input WHERE kind = 'door' AND state <> 'accessed' GROUP BY subject
)
"""


def upgrade() -> None:
    op.create_table(
        "door_mode",
        sa.Column("door", sa.String(length=200), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("door", name=op.f("pk_door_mode")),
    )
    op.execute(NEWEST)
