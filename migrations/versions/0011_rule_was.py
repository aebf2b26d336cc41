"""The name that a rule had before a text that renamed it, so that its history goes on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("rule", sa.Column("was", sa.String(200)))
