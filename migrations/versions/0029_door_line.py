"""Doors that name the line which one crosses going through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("door", sa.Column("line", sa.String(length=200), nullable=True))
