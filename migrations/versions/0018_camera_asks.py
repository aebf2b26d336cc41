"""Doors whose camera presents by itself what it reads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("door", sa.Column("camera_asks", sa.String(length=12), nullable=False, server_default="no"))
    op.add_column("door", sa.Column("camera_zone", sa.String(length=200), nullable=True))
