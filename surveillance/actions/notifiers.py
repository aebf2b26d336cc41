"""A target's name becomes its notifier, built by its kind's entry point, and built anew when the target is edited."""

from __future__ import annotations

from surveillance import plugins
from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import NotFound
from surveillance.domain.ports import Deed, SiteReader
from surveillance.domain.site import NotifyTarget
from surveillance.domain.suggest import no_such


class Notifiers:
    """What OutboxDispatch asks for the notifier of a target. Called from several threads."""

    def __init__(self, site: SiteReader, settings: ActionSettings) -> None:
        self._site = site
        self._settings = settings
        self._built: dict[str, tuple[NotifyTarget, Deed]] = {}

    def __call__(self, name: str) -> Deed:
        """Raises NotFound for a target or kind that is not there, SettingsError for one that cannot be used."""
        targets = {target.name: target for target in self._site().notify}
        if name not in targets:
            raise NotFound(no_such("notify target", name, targets))
        target, built = targets[name], self._built.get(name)
        if built is not None and built[0] == target:
            return built[1]
        deed: Deed = plugins.load("actions", target.kind)(target, self._settings)
        self._built[name] = (target, deed)
        return deed
