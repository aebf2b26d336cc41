"""Visitors who are let in only with somebody of a group."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("person", sa.Column("escort", sa.String(length=200), nullable=True))
