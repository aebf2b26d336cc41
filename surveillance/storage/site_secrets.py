"""A site whose secrets are hidden, as an export shows it; and such a site with its secrets put back from the database.

`***` stands for what the database keeps under the same name; it never moves a password to another host.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Camera, Door, NotifyTarget, Site, hide_password

HIDDEN = "***"


def hide_secrets(site: Site) -> Site:
    """The site as it may be shown: passwords, keys and the paths of webhooks are `***`; credentials are hashes."""
    return replace(
        site,
        cameras=tuple(map(hidden_camera, site.cameras)),
        doors=tuple(map(hidden_door, site.doors)),
        notify=tuple(map(hidden_target, site.notify)),
    )


def hidden_camera(camera: Camera) -> Camera:
    return replace(camera, url=camera.shown_url, sub_url=_hidden(hide_password, camera.sub_url))


def hidden_door(door: Door) -> Door:
    return replace(door, reader=_hidden(hide_password, door.reader), relay=_hidden(hide_password, door.relay))


def hidden_target(target: NotifyTarget) -> NotifyTarget:
    return replace(target, url=hide_path(target.url), secret=_hidden(lambda secret: HIDDEN, target.secret))


def hide_path(url: str) -> str:
    """`https://example.org/***`: the path of a webhook often is its only secret."""
    scheme, mark, rest = hide_password(url).partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}/{HIDDEN}" if mark and slash and path else url


def restore_secrets(site: Site, known: Site) -> Site:
    """The site with what `known` has in place of each `***`.

    Raises SettingsError, one line per fault, where there is nothing to put back.
    """
    restore = _Restore()
    targets = {target.name: target for target in known.notify}
    cameras = tuple(restore.camera(camera, known.camera(camera.name)) for camera in site.cameras)
    doors = tuple(restore.door(door, known.door(door.name)) for door in site.doors)
    notify = tuple(restore.target(target, targets.get(target.name)) for target in site.notify)
    if restore.faults:
        raise SettingsError("\n".join(restore.faults))
    if (cameras, doors, notify) == (site.cameras, site.doors, site.notify):
        return site
    return replace(site, cameras=cameras, doors=doors, notify=notify)


class _Restore:
    """Puts secrets back, and collects what cannot be put back."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def camera(self, camera: Camera, known: Camera | None) -> Camera:
        place = f"camera {camera.name}"
        url = self._address(f"{place}: url", camera.url, known.url if known else None, hide_password)
        sub_url = self._address(f"{place}: sub_url", camera.sub_url, known.sub_url if known else None, hide_password)
        return replace(camera, url=url or "", sub_url=sub_url)

    def door(self, door: Door, known: Door | None) -> Door:
        place = f"door {door.name}"
        reader = self._address(f"{place}: reader", door.reader, known.reader if known else None, hide_password)
        relay = self._address(f"{place}: relay", door.relay, known.relay if known else None, hide_password)
        return replace(door, reader=reader, relay=relay)

    def target(self, target: NotifyTarget, known: NotifyTarget | None) -> NotifyTarget:
        place = f"notification target {target.name}"
        url = self._address(f"{place}: url", target.url, known.url if known else None, hide_path)
        secret = target.secret
        if secret == HIDDEN:
            secret = known.secret if known else None
            if secret is None:
                self.faults.append(f"{place}: secret: the database keeps none that {HIDDEN} could stand for; write it")
        return replace(target, url=url or "", secret=secret)

    def _address(self, place: str, given: str | None, known: str | None, hide: Callable[[str], str]) -> str | None:
        if given is None or HIDDEN not in given:
            return given
        if known is None:
            self.faults.append(f"{place}: the database keeps nothing that {HIDDEN} could stand for; write it out")
            return given
        if hide(known) == given:
            return known
        moved = _same_login(given, known)
        if moved is None:
            self.faults.append(f"{place}: {HIDDEN} keeps a password for the address it belongs to; write it out anew")
            return given
        return moved


def _same_login(given: str, known: str) -> str | None:
    """`given` with the login of `known`, where only the path or the port on the same host is another."""
    scheme, _, rest = given.partition("://")
    login, at, _ = known.partition("://")[2].partition("/")[0].rpartition("@")
    if not at or not rest.startswith(f"{HIDDEN}@") or HIDDEN in rest.removeprefix(f"{HIDDEN}@"):
        return None
    try:
        same_place = (urlsplit(given).scheme, urlsplit(given).hostname) == (
            urlsplit(known).scheme,
            urlsplit(known).hostname,
        )
    except ValueError:  # an address that cannot be taken apart
        return None
    return f"{scheme}://{login}@{rest.removeprefix(f'{HIDDEN}@')}" if same_place else None


def _hidden(hide: Callable[[str], str], text: str | None) -> str | None:
    return None if text is None else hide(text)
