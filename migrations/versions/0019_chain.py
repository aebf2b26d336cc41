"""A chain over what is on record. It begins with the next event; what is older stays without a link."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

SAYING = "payload IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "chain",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("ref", sa.String(length=200), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_chain"),
    )
    where = {"sqlite_where": sa.text(SAYING), "postgresql_where": sa.text(SAYING)}
    op.create_index("ix_chain_said", "chain", ["kind", "seq"], **where)
    for table in ("event", "review", "evidence", "recording"):
        op.add_column(table, sa.Column("link", sa.BigInteger(), nullable=True))
    op.execute("INSERT INTO head (name, value) VALUES ('chain', 0)")
