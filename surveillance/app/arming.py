"""The arming mode from the command line: what it is and why, and setting it by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from surveillance.app.jobs import core_runs, run_job
from surveillance.app.store import Store, open_store
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.site import ModeOrder
from surveillance.domain.suggest import no_such
from surveillance.rules.arming import mode_at, next_mode
from surveillance.rules.vocabulary import modes_of
from surveillance.settings import Settings
from surveillance.storage.mode_orders import ModeOrders

AUTO = "auto"  # no mode: the schedules decide
APPLY_S = 10.0  # how long core may take to apply an order


def mode_now(settings: Settings) -> str:
    """The mode with its reason, such as `armed: schedule night is open`."""
    return _shown(settings, open_store(settings))


def set_mode(settings: Settings, name: str, until: datetime | None, by: str) -> str:
    """Sets the mode by hand, or lets the schedules decide, and says what holds then. Raises NotFound, SettingsError."""
    store = open_store(settings)
    now = datetime.now(UTC)
    modes = modes_of(store.site.read())
    if name not in modes and name != AUTO:
        raise NotFound(no_such("mode", name, [*modes, AUTO]))
    if until is not None and (name == AUTO or until <= now):
        what = "auto has no end" if name == AUTO else "that moment has passed"
        raise SettingsError(f"--until: {what}; give a mode and a time to come, such as: mode armed --until 2h")
    orders = ModeOrders(store.engine)
    if name == AUTO:
        orders.take_back(by)
    else:
        orders.give(ModeOrder(name, by, now, until))
    applied = run_job(settings, "arming", None, APPLY_S) if core_runs(store) else None
    if applied is None or applied.here:
        return f"{_shown(settings, store)} (the service is not running: it applies at its next start)"
    return applied.result if applied.ok else f"{_shown(settings, store)} (not confirmed: {applied.result})"


def _shown(settings: Settings, store: Store) -> str:
    order, site, fallback = ModeOrders(store.engine).read(), store.site.read(), settings.rules.mode
    report = mode_at(datetime.now(UTC), site, order, fallback)
    by = f" by {report.by}" if report.by else ""
    following = next_mode(report, site, order, fallback)
    then = "" if following is None else f"; {following.mode} from {following.at.astimezone():%Y-%m-%d %H:%M}"
    return f"{report.mode}: {report.reason}{by}{then}"
