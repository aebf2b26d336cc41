"""/api/users, /api/tokens and /api/audit: who may come in, and who did what. For administrators, by session only."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.events import EventPage, Place, page_of
from surveillance.dashboard.api.models import Given, Limit, Moment, Told, Word
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.domain.permissions import Reach
from surveillance.storage.queries import EventFilter

resource = Resource("Administration", "Who may come in, and who did what. No token opens these.")


class AuditQuery(Given):
    who: Word | None = None
    kind: Word | None = Field(None, description="Such as `user.viewed`, or a family such as `configuration.`.")
    since: Moment | None = None
    until: Moment | None = Field(None, description="That time itself is left out.")
    before: Place | None = None
    limit: Limit | None = Field(None, description="Entries a page at most.")


class ReachTold(Told):
    """The cameras and doors that are in reach; null for all there are."""

    cameras: list[str] | None
    doors: list[str] | None


class UserTold(Told):
    name: str
    role: str
    enabled: bool
    has_second_factor: bool
    must_change: bool = Field(description="The password was made for them and is to be changed.")
    signed_in_at: Moment | None
    reach: ReachTold


class Users(Told):
    users: list[UserTold]


class TokenTold(Told):
    name: str
    scopes: list[str]
    reach: ReachTold
    made_at: Moment | None
    expires_at: Moment | None = Field(description="Null: never.")
    used_at: Moment | None = Field(description="Null: not yet.")


class Tokens(Told):
    tokens: list[TokenTold]


@resource.get("/users", gives=Users)
@needs("users.edit")
def list_users() -> Users:
    """All users, by name."""
    return Users(
        users=[
            UserTold(
                name=user.name,
                role=user.role,
                enabled=user.enabled,
                has_second_factor=user.has_second_factor,
                must_change=user.must_change,
                signed_in_at=user.signed_in_at,
                reach=reach(user.reach),
            )
            for user in services().accounts.list_users()
        ]
    )


@resource.get("/tokens", gives=Tokens)
@needs("tokens.edit")
def list_tokens() -> Tokens:
    """All tokens that are not revoked, by name. What they are made of is shown once only, where they are made."""
    return Tokens(
        tokens=[
            TokenTold(
                name=token.name,
                scopes=sorted(token.scopes),
                reach=reach(token.reach),
                made_at=token.made_at,
                expires_at=token.expires_at,
                used_at=token.used_at,
            )
            for token in services().accounts.list_tokens()
        ]
    )


@resource.get("/audit", query=AuditQuery, gives=EventPage)
@needs("audit.view")
def list_audit(query: AuditQuery) -> dict[str, Any]:
    """Who did what, newest first: sign-ins, views, searches and exports of footage, edits."""
    wanted = EventFilter(audit=True, actor=query.who, kind=query.kind, since=query.since, until=query.until)
    return page_of("api.list_audit", query, wanted)


def reach(of: Reach) -> ReachTold:
    def names(some: frozenset[str] | None) -> list[str] | None:
        return None if some is None else sorted(some)

    return ReachTold(cameras=names(of.cameras), doors=names(of.doors))
