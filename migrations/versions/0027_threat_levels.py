"""The site's own threat levels, and doors that a lockdown by them leaves alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "threat_level",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_threat_level")),
    )
    op.add_column("door", sa.Column("lockdown_exempt", sa.Boolean(), nullable=True))
