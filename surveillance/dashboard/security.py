"""What guards every answer: permissions, CSRF tokens, rate limits, and headers by which a page loads only ours."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFProtect

from surveillance.dashboard import api, guards, metrics
from surveillance.dashboard.settings import DashboardSettings

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",  # data: the style sheet's own icons; blob: live tiles
            "media-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
TRIES = (  # where a password or code can be guessed
    "sign_in.submit",
    "sign_in.submit_code",
    "account.change_password",
    "account.add_second_factor",
    "account.renew_recovery_codes",
    "account.remove_second_factor",
)


def protect(app: Flask, settings: DashboardSettings) -> None:
    """Puts permissions, CSRF protection, rate limits and headers on the application, whose pages are all there."""
    guards.register(app, CSRFProtect(app))
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://", headers_enabled=True)
    tries: Any = limiter.shared_limit(settings.sign_in_limit, scope="tries")
    for endpoint in TRIES:
        app.view_functions[endpoint] = tries(app.view_functions[endpoint])
    limiter.limit(settings.request_limit)(api.pages)
    limiter.limit(settings.request_limit)(metrics.pages)
    app.after_request(harden)


def harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
