"""What a candidate model said of each track beside the current one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "shadow_vote",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("camera", sa.String(length=200), nullable=False),
        sa.Column("track", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("current_model", sa.String(length=200), nullable=False),
        sa.Column("candidate_model", sa.String(length=200), nullable=False),
        sa.Column("current", sa.String(length=200), nullable=False),
        sa.Column("current_confidence", sa.Float(), nullable=False),
        sa.Column("candidate", sa.String(length=200), nullable=False),
        sa.Column("candidate_confidence", sa.Float(), nullable=False),
        sa.Column("crops", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_vote")),
    )
    op.create_index(op.f("ix_shadow_vote_at"), "shadow_vote", ["at"])
    op.create_index(op.f("ix_shadow_vote_candidate_model_shadow_vote_at"), "shadow_vote", ["candidate_model", "at"])
