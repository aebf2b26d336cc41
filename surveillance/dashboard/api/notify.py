"""/api/notify: where alerts go. Secrets come in and never go out; core sends tests, and what became of one is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from surveillance.dashboard import notify
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.edits import Edited, Seen
from surveillance.dashboard.api.models import SECRET, Given, Told
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.site import NotifyTarget
from surveillance.storage.site_secrets import hidden_target

resource = Resource("Notifications", "Where alerts go, such as signed webhooks.")


class TargetTold(Told):
    name: str
    kind: str
    url: str = Field(description="Its path is often its only secret, so it is hidden: `***`.")
    has_secret: bool


class OneTarget(Told):
    version: int = Field(description="The configuration that this was read from.")
    target: TargetTold


class Targets(Told):
    version: int
    targets: list[TargetTold]


class TargetGiven(Given):
    """What a target is. A secret that is left out, and `***` in the address, stay as they are."""

    model_config = ConfigDict(json_schema_extra={"example": {"kind": "log"}})

    kind: Annotated[str, Field(min_length=1, max_length=50)]
    url: Annotated[str, Field(max_length=2000)] = ""
    secret: Annotated[str, Field(max_length=200, json_schema_extra=SECRET)] | None = None


class Sent(Told):
    """A test notification and what became of it."""

    event: str = Field(description="On record; empty where the service did not answer.")
    state: Literal["done", "failed"]
    reason: str = Field(description="Why it did not arrive, or may not have.")


@resource.get("/notify", gives=Targets)
@needs("site.edit")
def list_targets() -> Targets:
    """All notification targets, in their order."""
    site = services().site.read()
    return Targets(version=site.version, targets=[told(target) for target in site.notify])


@resource.get("/notify/<name>", gives=OneTarget)
@needs("site.edit")
def get_target(name: str) -> OneTarget:
    """One notification target."""
    site = services().site.read()
    return OneTarget(version=site.version, target=told(notify.find(site, name)))


@resource.put("/notify/<name>", query=Seen, body=TargetGiven, gives=OneTarget, refusals=(409,))
@needs("site.edit")
def put_target(name: str, query: Seen, body: TargetGiven) -> OneTarget:
    """Put a target in place of the one of that name, or add it."""
    known = next((target for target in services().site.read().notify if target.name == name), None)
    target = notify.checked(name, body.kind, body.url, body.secret, known)
    version = edit_site(lambda site: notify.with_target(site, target), query.expected_version).version
    return OneTarget(version=version, target=told(target))


@resource.delete("/notify/<name>", query=Seen, gives=Edited, refusals=(409,))
@needs("site.edit")
def delete_target(name: str, query: Seen) -> Edited:
    """Remove a target that no rule names."""
    notify.find(services().site.read(), name)
    return Edited(version=edit_site(lambda site: notify.without(site, name), query.expected_version).version)


@resource.post("/notify/<name>/test", gives=Sent, refusals=(409,))
@needs("site.edit")
def test_target(name: str) -> Sent:
    """Send a test notification, and tell what became of it within a few seconds. It is on record; no door moves."""
    sent = notify.send_test(notify.find(services().site.read(), name).name)
    return Sent(event=sent.event, state=sent.state, reason=sent.reason)


def told(target: NotifyTarget) -> TargetTold:
    has_secret = target.secret is not None
    return TargetTold(name=target.name, kind=target.kind, url=hidden_target(target).url, has_secret=has_secret)
