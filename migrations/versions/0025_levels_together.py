"""Access levels that ask for two persons, and such as somebody opens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("access_level", sa.Column("two_persons", sa.Boolean(), nullable=True))
    op.add_column("access_level", sa.Column("opened_by", sa.String(length=200), nullable=True))
