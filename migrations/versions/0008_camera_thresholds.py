"""How little must change for each camera's gate to open, and how sure the model must be of what it sees there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("camera", sa.Column("sensitivity", sa.Integer(), nullable=False, server_default="50"))
    op.add_column("camera", sa.Column("min_confidence", sa.Float(), nullable=False, server_default="0"))
