"""/api/users, /api/tokens and /api/audit: who may come in, and who did what. For administrators, by session only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import url_for
from flask_babel import gettext as _
from pydantic import ConfigDict, Field

from surveillance.dashboard.api.declare import Made, Resource
from surveillance.dashboard.api.events import EventPage, Place, page_of
from surveillance.dashboard.api.models import SHOWN_ONCE, Given, Limit, Moment, Told, Word
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.services import services
from surveillance.domain.errors import EditConflict, NotFound
from surveillance.domain.permissions import Reach
from surveillance.storage.accounts import User, one_time_password
from surveillance.storage.queries import EventFilter
from surveillance.storage.tokens import Token

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


class ReachGiven(Given):
    """The cameras and doors to be in reach; null for all there are."""

    cameras: Annotated[list[Word], Field(max_length=1000)] | None = None
    doors: Annotated[list[Word], Field(max_length=1000)] | None = None

    def stored(self) -> Reach:
        cameras, doors = (None if some is None else frozenset(some) for some in (self.cameras, self.doors))
        return Reach(cameras, doors)


class Rights(Given):
    """What somebody is at the site, and where."""

    role: Literal["viewer", "guard", "operator", "installer", "administrator"]
    reach: ReachGiven = ReachGiven()


class NewUser(Rights):
    model_config = ConfigDict(json_schema_extra={"example": {"name": "bob", "role": "guard"}})

    name: Annotated[str, Field(min_length=1, max_length=64)]


class Switched(Given):
    enabled: bool


class MadeUser(Told):
    user: UserTold
    password: Annotated[str, SHOWN_ONCE]


class MadePassword(Told):
    password: Annotated[str, SHOWN_ONCE]


class NewToken(Given):
    """What a program may do, where, and until when. Without `expires_at` it never ends."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "reports", "scopes": ["events:read"]}})

    name: Annotated[str, Field(min_length=1, max_length=64)]
    scopes: Annotated[list[Word], Field(min_length=1, max_length=50)]
    reach: ReachGiven = ReachGiven()
    expires_at: Moment | None = None


class MadeToken(Told):
    token: TokenTold
    secret: Annotated[str, SHOWN_ONCE]


@resource.get("/users", gives=Users)
@needs("users.edit")
def list_users() -> Users:
    """All users, by name."""
    return Users(users=[user_told(user) for user in services().accounts.list_users()])


@resource.post("/users", body=NewUser, gives=MadeUser, status=201, refusals=(409,))
@needs("users.edit")
def add_user(body: NewUser) -> Made:
    """Add somebody who may sign in.

    The password is told in this answer only, and has to be changed at the first sign-in.
    """
    if any(user.name == body.name for user in services().accounts.list_users()):
        raise EditConflict(f"a user {body.name!r} exists already: choose another name, or change the password")
    password = one_time_password()
    made = services().accounts.add(body.name, body.role, password, actor().name, body.reach.stored(), must_change=True)
    return Made(MadeUser(user=user_told(made), password=password), url_for("api.get_user", name=made.name))


@resource.get("/users/<name>", gives=UserTold)
@needs("users.edit")
def get_user(name: str) -> UserTold:
    """One user."""
    return user_told(find_user(name))


@resource.put("/users/<name>", body=Rights, gives=UserTold)
@needs("users.edit")
def put_user(name: str, body: Rights) -> UserTold:
    """Give a user a role and a reach; it holds from their next request on."""
    return user_told(services().accounts.set(find_user(name).name, actor().name, body.role, body.reach.stored()))


@resource.put("/users/<name>/enabled", body=Switched, gives=UserTold)
@needs("users.edit")
def put_user_enabled(name: str, body: Switched) -> UserTold:
    """Let a user sign in, or no longer, which ends every session of theirs."""
    services().accounts.set_enabled(find_user(name).name, body.enabled, actor().name)
    return user_told(find_user(name))


@resource.post("/users/<name>/password", gives=MadePassword)
@needs("users.edit")
def reset_user_password(name: str) -> MadePassword:
    """Make a password for one sign-in; the name is unlocked, and every session ended. It is told this once."""
    return MadePassword(password=services().accounts.reset_password(find_user(name).name, actor().name))


@resource.delete("/users/<name>", gives=None, status=204, refusals=(422,))
@needs("users.edit")
def delete_user(name: str) -> None:
    """Remove an account. What it did stays on record."""
    services().accounts.remove(find_user(name).name, actor().name)


@resource.get("/tokens", gives=Tokens)
@needs("tokens.edit")
def list_tokens() -> Tokens:
    """All tokens that are not revoked, by name. What they are made of is shown once only, where they are made."""
    return Tokens(tokens=[token_told(token) for token in services().accounts.list_tokens()])


@resource.post("/tokens", body=NewToken, gives=MadeToken, refusals=(409,))
@needs("tokens.edit")
def add_token(body: NewToken) -> MadeToken:
    """Make a token for a program. Its secret is told in this answer only."""
    accounts = services().accounts
    if any(known.name == body.name for known in accounts.list_tokens()):
        raise EditConflict(_("There is a token of that name already: choose another, or revoke that one first."))
    secret = accounts.create_token(body.name, body.scopes, actor().name, body.reach.stored(), body.expires_at)
    made = next(known for known in accounts.list_tokens() if known.name == body.name)
    return MadeToken(token=token_told(made), secret=secret)


@resource.delete("/tokens/<name>", gives=None, status=204)
@needs("tokens.edit")
def revoke_token(name: str) -> None:
    """End a token at once."""
    services().accounts.revoke_token(name, actor().name)


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


def find_user(name: str) -> User:
    known = next((user for user in services().accounts.list_users() if user.name == name), None)
    if known is None:
        raise NotFound(_("No user is called %(name)s.", name=name))
    return known


def user_told(user: User) -> UserTold:
    """A user as the API tells of them."""
    return UserTold(
        name=user.name,
        role=user.role,
        enabled=user.enabled,
        has_second_factor=user.has_second_factor,
        must_change=user.must_change,
        signed_in_at=user.signed_in_at,
        reach=reach(user.reach),
    )


def token_told(token: Token) -> TokenTold:
    """A token as the API tells of it, without its secret."""
    return TokenTold(
        name=token.name,
        scopes=sorted(token.scopes),
        reach=reach(token.reach),
        made_at=token.made_at,
        expires_at=token.expires_at,
        used_at=token.used_at,
    )
