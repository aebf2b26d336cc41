"""The dashboard in a process of its own, served by gunicorn with a thread per open stream. Loads no torch.

python -m surveillance.app.web 127.0.0.1:8080        as the service starts it; it ends when the service does
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from surveillance.access.badges import BadgeSeal
from surveillance.app.audit import SiteProofs, files_of
from surveillance.app.measuring import Gathered
from surveillance.app.processes import end_with_parent, take_settings
from surveillance.app.rulebook import rule_documents
from surveillance.app.runtime import CORE_STATUS, live_pictures
from surveillance.app.site_edit import check_site, model_labels, model_names
from surveillance.app.site_faces import SiteFaces
from surveillance.app.site_privacy import SitePrivacy
from surveillance.app.site_shelf import SiteShelf
from surveillance.app.store import PAGES_KEY, open_store
from surveillance.dashboard import create_app
from surveillance.dashboard.services import Services
from surveillance.logs import configure_logs
from surveillance.settings import Settings
from surveillance.storage.mode_orders import ModeOrders
from surveillance.storage.second_factor import SecondFactor
from surveillance.storage.state import SharedState
from surveillance.storage.threats import Threats
from surveillance.storage.web_sessions import WebSessions

SHORT_REQUESTS = 16  # at once, beside the streams that stay open

if TYPE_CHECKING:
    from flask import Flask


def build_web(settings: Settings) -> Flask:
    """The dashboard over the site's store."""
    return create_app(web_services(settings))


def keep_for_good() -> None:
    """What is there by now stays: the collector need not go through it again, which held up a page for 50 ms."""
    gc.collect()
    gc.freeze()


def web_services(settings: Settings) -> Services:
    """What the dashboard needs of the site's store."""
    store = open_store(settings, existing=True)
    state = SharedState(store.engine)
    return Services(
        events=store.events,
        reviews=store.reviews,
        crops=store.crops,
        labels=store.labels,
        accounts=store.accounts,
        sessions=WebSessions(store.engine),
        second_factor=SecondFactor(store.engine, store.keys),
        inbox=store.inbox,
        site=store.site,
        modes=ModeOrders(store.engine),
        threats=Threats(store.engine),
        evidence=store.evidence,
        recordings=store.recordings,
        live=live_pictures(settings),
        secret_key=store.keys.key("sessions"),
        badges=BadgeSeal(store.keys.key("badges"), store.keys.older("badges")),
        applied=lambda: applied(state),
        shelf=SiteShelf(settings),
        faces=SiteFaces(settings, store.faces),
        proofs=SiteProofs(store.engine, store.keys, files_of(store.evidence, store.recordings)),
        subjects=SitePrivacy(settings),
        settings=settings.dashboard,
        rule_documents=lambda site: rule_documents(settings, site),
        figures=Gathered(settings, store),
        check_site=lambda before, after: check_site(settings, before, after),
        usual_mode=settings.rules.mode,
        forgive_after_h=settings.rules.forgive_after_h,
        models=lambda: model_names(settings),
        model_labels=lambda model: model_labels(settings, model),
        seal=lambda text: store.keys.encrypt(text, PAGES_KEY),
        unseal=lambda text: store.keys.decrypt(text, PAGES_KEY),
    )


def applied(state: SharedState) -> Mapping[str, Any]:
    """What core has applied, as it last told; empty when it never ran."""
    told = state.get_dated(CORE_STATUS)
    if told is None:
        return {}
    status, at = told
    return {**status, "heartbeat_age_s": (datetime.now(UTC) - at).total_seconds() + status["core_age_s"]}


class WebLog(Logger):  # type: ignore[misc]
    """gunicorn's own lines go the way of all others; each request is no line."""

    def setup(self, cfg: Any) -> None:
        self.error_log.setLevel(self.LOG_LEVELS[cfg.loglevel])
        self.error_log.propagate = True


class Dashboard(BaseApplication):  # type: ignore[misc]
    """gunicorn over the dashboard, with a thread per open stream."""

    def __init__(self, settings: Settings, bind: str) -> None:
        self._settings = settings
        self._bind = bind
        super().__init__()

    def load_config(self) -> None:
        threads = self._settings.dashboard.max_streams + SHORT_REQUESTS
        options = {"bind": self._bind, "workers": 1, "worker_class": "gthread", "threads": threads}
        tls = self._settings.dashboard
        if tls.speaks_tls:
            options |= {"certfile": str(tls.tls_certificate), "keyfile": str(tls.tls_key)}
        for name, value in {**options, "logger_class": WebLog, "graceful_timeout": 1, "loglevel": "warning"}.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        app = build_web(self._settings)
        keep_for_good()
        return app


def main(bind: str) -> None:
    """Serves until SIGTERM."""
    end_with_parent()
    settings = take_settings()
    configure_logs(settings.log, "web")
    Dashboard(settings, bind).run()


if __name__ == "__main__":
    main(sys.argv[1])
