"""Reach, second factor and sessions of those who sign in, tries by name, ends of tokens, and who did what on record."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
CHUNK = 2000


def upgrade() -> None:
    for name, kind in (
        ("cameras", sa.Text()),
        ("doors", sa.Text()),
        ("totp", sa.Text()),
        ("totp_since", sa.BigInteger()),
        ("totp_step", sa.BigInteger()),
        ("recovery", sa.Text()),
        ("signed_in_at", sa.BigInteger()),
    ):
        op.add_column("account", sa.Column(name, kind, nullable=True))
    op.drop_column("account", "failed")
    op.drop_column("account", "locked_until")
    for name, kind in (
        ("cameras", sa.Text()),
        ("doors", sa.Text()),
        ("expires_at", sa.BigInteger()),
        ("used_at", sa.BigInteger()),
    ):
        op.add_column("api_token", sa.Column(name, kind, nullable=True))
    op.create_table(
        "web_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["account.id"], name=op.f("fk_web_session_account_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_session")),
    )
    op.create_index(op.f("ix_web_session_account"), "web_session", ["account"])
    op.create_table(
        "sign_in_try",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sign_in_try")),
    )
    op.create_index(op.f("ix_sign_in_try_at"), "sign_in_try", ["at"])
    _name_the_actors()


def _name_the_actors() -> None:
    """Who did it stood in the payload only, where no index finds it."""
    op.add_column("event", sa.Column("actor", sa.String(length=200), nullable=True))
    event = sa.table("event", sa.column("seq"), sa.column("kind"), sa.column("payload"), sa.column("actor"))
    connection, seq = op.get_bind(), 0
    people = sa.or_(event.c.kind.like("user.%"), event.c.kind.like("configuration.%"))
    while True:
        query = sa.select(event.c.seq, event.c.payload).where(people, event.c.seq > seq)
        rows = connection.execute(query.order_by(event.c.seq).limit(CHUNK)).all()
        for row in rows:
            actor = json.loads(row.payload)["details"].get("actor")
            if actor is not None:
                connection.execute(sa.update(event).where(event.c.seq == row.seq).values(actor=actor))
        if len(rows) < CHUNK:
            break
        seq = rows[-1].seq
    told = sa.text("actor IS NOT NULL")
    op.create_index("ix_event_actor", "event", ["actor", "at", "id"], sqlite_where=told, postgresql_where=told)
    op.create_index("ix_event_audit", "event", ["at", "id"], sqlite_where=told, postgresql_where=told)
