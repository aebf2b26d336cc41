"""Readers that are asked for by an address, which is sealed and longer than a name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    with op.batch_alter_table("door") as door:
        door.alter_column("reader", existing_type=sa.String(length=200), type_=sa.Text())
