"""Services in, a Flask application out. Every page but sign-in and health needs a signed-in user."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from surveillance import __version__
from surveillance.dashboard import (
    access_requests,
    cameras,
    errors,
    events,
    health,
    metrics,
    recordings,
    rules,
    security,
    sign_in,
    wording,
)
from surveillance.dashboard.clock import site_zone
from surveillance.dashboard.services import Services
from surveillance.dashboard.sessions import SiteSessions, current_user, require_sign_in
from surveillance.dashboard.streams import Streams

PAGES = (
    sign_in.pages,
    events.pages,
    recordings.pages,
    cameras.pages,
    rules.pages,
    health.pages,
    metrics.pages,
    access_requests.pages,
)


def create_app(services: Services) -> Flask:
    """The dashboard as a WSGI application. It holds no state but streams in progress and rate limits."""
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
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.session_interface = SiteSessions(settings.cookie_secure)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    for pages in PAGES:
        app.register_blueprint(pages)
    app.before_request(require_sign_in)
    security.protect(app, settings)
    errors.register(app)
    wording.register(app)
    app.extensions["streams"] = Streams(settings.max_streams)
    app.context_processor(
        lambda: {
            "user": current_user(),
            "pulse": health.pulse() if current_user() else None,
            "version": __version__,
            "zone": site_zone(services),
        }
    )
    return app
