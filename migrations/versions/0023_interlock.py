"""Doors of which one at a time opens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("door", sa.Column("interlock", sa.String(length=200), nullable=True))
