"""Crops that wait for a person to say what they show, and what was said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "crop",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("camera", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("track", sa.Integer(), nullable=True),
        sa.Column("event", sa.String(length=64), nullable=True),
        sa.Column("why", sa.String(length=12), nullable=False),
        sa.Column("guess", sa.String(length=200), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("other_guess", sa.String(length=200), nullable=True),
        sa.Column("other_confidence", sa.Float(), nullable=True),
        sa.Column("other_model", sa.String(length=200), nullable=True),
        *(sa.Column(edge, sa.Float(), nullable=False) for edge in ("x1", "y1", "x2", "y2", "aspect")),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=True),
        sa.Column("labeled_by", sa.String(length=200), nullable=True),
        sa.Column("labeled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crop")),
    )
    for name in ("event", "at", "subject"):
        op.create_index(op.f(f"ix_crop_{name}"), "crop", [name])
    op.create_index(op.f("ix_crop_labeled_by_crop_labeled_at"), "crop", ["labeled_by", "labeled_at"])
    waiting = sa.text("labeled_at IS NULL")
    for name, by in (("ix_crop_waiting", ()), ("ix_crop_waiting_camera", ("camera",))):
        op.create_index(name, "crop", [*by, "at", "id"], sqlite_where=waiting, postgresql_where=waiting)
