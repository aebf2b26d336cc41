"""The tables of those who sign in, and of programs that ask by token."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text

from surveillance.storage.columns import Id, Json, Moment, Name, metadata

account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True, doc="UUIDv7"),
    Column("name", Name, nullable=False, unique=True, doc="name to sign in with"),
    Column("role", String(20), nullable=False, doc="viewer, guard, operator, installer or administrator"),
    Column("password_hash", Text, nullable=False, doc="argon2id"),
    Column("must_change", Boolean, nullable=False, doc="the password was given, not chosen"),
    Column("enabled", Boolean, nullable=False, doc="whether it may sign in"),
    Column("changed_at", Moment, nullable=False, doc="when the password was last changed"),
    Column("cameras", Json, doc="the only cameras it reaches, JSON list; empty for all"),
    Column("doors", Json, doc="the only doors it reaches, JSON list; empty for all"),
    Column("totp", Text, doc="secret of its second factor, sealed"),
    Column("totp_since", Moment, doc="when the second factor was confirmed; before that it is not asked for"),
    Column("totp_step", BigInteger, doc="time step of the last code taken; no older one is taken again"),
    Column("recovery", Json, doc="keyed hashes of the recovery codes that are left, JSON list"),
    Column("signed_in_at", Moment, doc="when somebody last came in by it"),
)

_OF_ACCOUNT = ForeignKey("account.id", ondelete="CASCADE")

web_session = Table(
    "web_session",
    metadata,
    Column("id", String(64), primary_key=True, doc="SHA-256 of the secret in the cookie"),
    Column("account", Id, _OF_ACCOUNT, nullable=False, index=True, doc="whose it is"),
    Column("made_at", Moment, nullable=False, doc="when somebody signed in"),
    Column("seen_at", Moment, nullable=False, doc="when it was last used, to the minute"),
    Column("expires_at", Moment, nullable=False, doc="when it is over"),
    Column("address", String(64), nullable=False, doc="where it was last used from"),
    Column("agent", Text, nullable=False, doc="what the browser says it is"),
)

sign_in_try = Table(
    "sign_in_try",
    metadata,
    Column("name", String(64), primary_key=True, doc="keyed hash of the name that was tried, known or not"),
    Column("failed", Integer, nullable=False, doc="wrong tries since the last right one"),
    Column("locked_until", Moment, doc="refused until then, whatever it presents"),
    Column("at", Moment, nullable=False, index=True, doc="when it was last tried; kept for a day"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", Id, primary_key=True, doc="first part of the token, not secret"),
    Column("name", Name, nullable=False, unique=True, doc="what it is for"),
    Column("hash", String(64), nullable=False, doc="SHA-256 of its secret part"),
    Column("scopes", Json, nullable=False, doc="what it may do, JSON list"),
    Column("created_at", Moment, nullable=False, doc="when it was made"),
    Column("revoked_at", Moment, doc="when it was taken back"),
    Column("cameras", Json, doc="the only cameras it reaches, JSON list; empty for all"),
    Column("doors", Json, doc="the only doors it reaches, JSON list; empty for all"),
    Column("expires_at", Moment, doc="when it ends by itself; empty for never"),
    Column("used_at", Moment, doc="when it was last used, to the minute"),
)
