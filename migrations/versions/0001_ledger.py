"""The ledger: events, the inputs they rest on, and the pictures kept with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # as a primary key, SQLite keeps it for free


def upgrade() -> None:
    op.create_table(
        "head",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_head")),
    )
    op.create_table(
        "event",
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("camera", sa.String(length=200), nullable=True),
        sa.Column("door", sa.String(length=200), nullable=True),
        sa.Column("verdict", sa.String(length=12), nullable=True),
        sa.Column("rule", sa.String(length=200), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("track", sa.Integer(), nullable=True),
        sa.Column("zones", sa.Text(), nullable=False),
        sa.Column("identity", sa.String(length=200), nullable=True),
        sa.Column("media_s", sa.Float(), nullable=True),
        sa.Column("evidence", sa.String(length=200), nullable=True),
        sa.Column("rulebook_version", sa.Integer(), nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("input", sa.BigInteger(), nullable=True),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=True),
        sa.Column("reviewed_by", sa.String(length=200), nullable=True),
        sa.Column("review", sa.Text(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
        sa.UniqueConstraint("id", name=op.f("uq_event_id")),
    )
    op.create_index(op.f("ix_event_at_event_id"), "event", ["at", "id"], unique=False)
    op.create_index(op.f("ix_event_camera_event_at_event_id"), "event", ["camera", "at", "id"], unique=False)
    op.create_index(op.f("ix_event_kind_event_at_event_id"), "event", ["kind", "at", "id"], unique=False)
    op.create_index(op.f("ix_event_verdict_event_at_event_id"), "event", ["verdict", "at", "id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("camera", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("media_s", sa.Float(), nullable=True),
        sa.Column("change", sa.String(length=12), nullable=False),
        sa.Column("track", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("x1", sa.Float(), nullable=False),
        sa.Column("y1", sa.Float(), nullable=False),
        sa.Column("x2", sa.Float(), nullable=False),
        sa.Column("y2", sa.Float(), nullable=False),
        sa.Column("zones", sa.Text(), nullable=False),
        sa.Column("zones_version", sa.Integer(), nullable=False),
        sa.Column("dwell_s", sa.Text(), nullable=False),
        sa.Column("track_s", sa.Float(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("crossed", sa.Text(), nullable=False),
        sa.Column("identity", sa.String(length=200), nullable=True),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_observation")),
        sa.UniqueConstraint("id", name=op.f("uq_observation_id")),
    )
    op.create_index(op.f("ix_observation_at"), "observation", ["at"], unique=False)
    op.create_index(op.f("ix_observation_camera_observation_at"), "observation", ["camera", "at"], unique=False)
    op.create_table(
        "input",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=300), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_input")),
        sa.UniqueConstraint("id", name=op.f("uq_input_id")),
    )
    op.create_index(op.f("ix_input_at"), "input", ["at"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("camera", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("x1", sa.Float(), nullable=False),
        sa.Column("y1", sa.Float(), nullable=False),
        sa.Column("x2", sa.Float(), nullable=False),
        sa.Column("y2", sa.Float(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("missing", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_event"), "evidence", ["event"], unique=False)
    op.create_table(
        "garbage",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_garbage")),
    )
    op.execute("INSERT INTO head (name, value) VALUES ('event', 0), ('input', 0)")
