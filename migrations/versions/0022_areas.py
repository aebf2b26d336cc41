"""Doors that lead from one area into another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Empty where the door says nothing, so that the rows from before are in the chain as they were."""
    op.add_column("door", sa.Column("from_area", sa.String(length=200), nullable=True))
    op.add_column("door", sa.Column("to_area", sa.String(length=200), nullable=True))
    op.add_column("door", sa.Column("antipassback", sa.String(length=12), nullable=True))
