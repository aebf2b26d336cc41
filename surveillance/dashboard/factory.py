"""Services in, a Flask application out. Every view declares what it needs: see `guards`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flask import Flask, current_app
from flask_babel import lazy_gettext as _l
from werkzeug.middleware.proxy_fix import ProxyFix

from surveillance import __version__
from surveillance.dashboard import (
    access_levels,
    account,
    api,
    areas,
    audit,
    badges,
    camera_scenes,
    camera_setup,
    camera_shapes,
    cameras,
    door_setup,
    doors,
    duress,
    errors,
    events,
    first_run,
    guards,
    health,
    labels,
    languages,
    live,
    looking,
    metrics,
    models,
    notify,
    people,
    people_faces,
    people_files,
    people_privacy,
    phone_badges,
    recordings,
    reviews,
    rules,
    schedules,
    security,
    sessions,
    sign_in,
    threat,
    tokens,
    trail,
    users,
    wording,
)
from surveillance.dashboard.clock import site_zone
from surveillance.dashboard.presenting import Presenting
from surveillance.dashboard.services import Services
from surveillance.dashboard.sessions import SiteSessions, current_user
from surveillance.dashboard.streams import Streams

cameras.pages.register_blueprint(camera_scenes.pages)
cameras.pages.register_blueprint(camera_setup.pages)
cameras.pages.register_blueprint(camera_shapes.pages)
PAGES = (
    sign_in.pages,
    account.pages,
    users.pages,
    tokens.pages,
    audit.pages,
    languages.pages,
    events.pages,
    looking.pages,
    reviews.pages,
    labels.pages,
    recordings.pages,
    first_run.pages,
    live.pages,
    cameras.pages,
    models.pages,
    doors.pages,
    duress.pages,
    door_setup.pages,
    threat.pages,
    people.pages,
    people_faces.pages,
    people_files.pages,
    people_privacy.pages,
    access_levels.pages,
    areas.pages,
    badges.pages,
    phone_badges.pages,
    rules.pages,
    schedules.pages,
    notify.pages,
    health.pages,
    metrics.pages,
    api.pages,
)
NAVIGATION = (  # endpoint, word; shown to those who have what its view needs
    ("events.listing", _l("Events")),
    ("live.grid", _l("Live")),
    ("cameras.listing", _l("Cameras")),
    ("doors.listing", _l("Doors")),
    ("people.listing", _l("People")),
    ("rules.listing", _l("Rules")),
    ("labels.inbox", _l("Labels")),
)
MENU = (
    ("account.show", _l("Your account")),
    ("first_run.show", _l("Set up")),
    ("access_levels.listing", _l("Access levels")),
    ("schedules.listing", _l("Schedules")),
    ("notify.listing", _l("Notifications")),
    ("users.listing", _l("Users")),
    ("users.all_sessions", _l("Sessions")),
    ("tokens.listing", _l("API tokens")),
    ("audit.listing", _l("Audit")),
    ("duress.listing", _l("Duress")),
    ("api.docs", _l("API")),
)


def create_app(services: Services) -> Flask:
    """The dashboard as a WSGI application. It holds no state but streams in progress, rate limits, recent views and who
    waits for a card.

    Raises LookupError for a view that does not declare what it needs.
    """
    settings = services.settings
    app = Flask(__name__)
    app.secret_key = services.secret_key
    app.extensions["surveillance"] = services
    app.config.update(
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        SESSION_COOKIE_NAME="surveillance_session",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=64 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,  # guards asks for it, unless a token came
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.session_interface = SiteSessions(settings.cookie_secure)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)  # type: ignore[method-assign]
    for pages in PAGES:
        app.register_blueprint(pages)
    languages.register(app)
    sessions.register(app)
    security.protect(app, settings)
    errors.register(app)
    wording.register(app)
    app.extensions["streams"] = Streams(settings.max_streams)
    app.extensions["told"] = trail.Told()
    app.extensions["presenting"] = Presenting()
    app.context_processor(lambda: every_page(services))
    return app


def every_page(services: Services) -> dict[str, Any]:
    """What each template has beside its own values."""
    user = current_user()
    return {
        "user": user,
        "pulse": health.pulse() if user else None,
        "version": __version__,
        "zone": site_zone(services),
        "navigation": list(reachable(NAVIGATION)) if user else [],
        "menu": list(reachable(MENU)) if user else [],
    }


def reachable(entries: tuple[tuple[str, Any], ...]) -> Iterator[tuple[str, Any]]:
    """Those entries whose pages are there and open to whoever asks."""
    for endpoint, word in entries:
        if endpoint in current_app.view_functions:
            needed = guards.needed(current_app, endpoint)
            if needed == guards.PUBLIC or guards.actor().may(needed):
                yield endpoint, word
