"""What a camera tells beside labels, what says where it looks and what its pictures blur; what was told of a track."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("camera", sa.Column("tasks", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("camera", sa.Column("proposer", sa.String(length=12), nullable=False, server_default="motion"))
    op.add_column("camera", sa.Column("blur", sa.String(length=12), nullable=False, server_default="none"))
    op.add_column("camera", sa.Column("purpose", sa.Text(), nullable=False, server_default=""))
    op.add_column("observation", sa.Column("attributes", sa.Text(), nullable=True))
