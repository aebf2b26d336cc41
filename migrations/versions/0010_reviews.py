"""What people say of events: the inbox, reviews, corrected labels, incidents; and an index for every filter.

Events from before belong to no incident, so each stands for itself. A million of them take a minute or two.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

WAITING = "attention = 2 AND reviewed_at IS NULL"
SOME = {
    **{f"ix_event_{name}": (f"{name} IS NOT NULL", name) for name in ("label", "rule", "door", "identity", "incident")},
    "ix_event_listed": ("attention IS NOT NULL",),
    "ix_event_waiting": (WAITING,),
    **{f"ix_event_waiting_{name}": (WAITING, name) for name in ("camera", "kind", "verdict", "label", "rule", "door")},
}
RANKED = """
UPDATE event SET attention = CASE
    WHEN kind IN ('door.forced_open', 'door.open_too_long', 'door.open_unknown', 'door.open_failed',
                  'tailgating.detected', 'camera.lost', 'camera.frozen', 'camera.blinded', 'camera.moved',
                  'health.degraded', 'configuration.rejected', 'job.failed')
      OR (verdict IN ('alert', 'deny') AND NOT shadow) THEN 2
    WHEN kind LIKE 'user.%' OR kind LIKE 'configuration.%' OR kind = 'job.finished' THEN NULL
    ELSE 1 END
"""
TAKEN_OVER = """
INSERT INTO review (id, event, at, actor, act, comment)
SELECT id, id, reviewed_at, COALESCE(reviewed_by, ''), 'reviewed', review FROM event WHERE reviewed_at IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("event", sa.Column("attention", sa.Integer(), nullable=True))
    op.add_column("event", sa.Column("incident", sa.String(length=64), nullable=True))
    op.add_column("event", sa.Column("corrected", sa.String(length=200), nullable=True))
    op.create_table(
        "review",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("act", sa.String(length=12), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("evidence", sa.String(length=200), nullable=True),
        sa.Column("label_before", sa.String(length=200), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    op.create_index(op.f("ix_review_event"), "review", ["event"])
    op.create_index(op.f("ix_review_act_review_at"), "review", ["act", "at"])
    op.execute(sa.text(RANKED))
    op.execute(sa.text(TAKEN_OVER))
    for name, (where, *by) in SOME.items():
        condition = sa.text(where)
        op.create_index(name, "event", [*by, "at", "id"], sqlite_where=condition, postgresql_where=condition)
