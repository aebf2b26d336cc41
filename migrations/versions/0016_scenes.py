"""The parts of a camera's picture whose state is told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("camera", sa.Column("scenes", sa.Text(), nullable=False, server_default="[]"))
