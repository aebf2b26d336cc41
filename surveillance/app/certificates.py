"""The dashboard's own certificate: whether it and its key can be read, belong together, and hold."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from surveillance.app.machine import Finding
from surveillance.dashboard.settings import DashboardSettings
from surveillance.domain.errors import SettingsError

SOON = timedelta(days=21)


def read_certificate(settings: DashboardSettings) -> x509.Certificate | None:
    """The certificate that the pages are served with; None where they are not served by HTTPS.

    Raises SettingsError for files that cannot be read or do not belong together.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(_read(settings.tls_certificate, "tls_certificate"))
    except ValueError:
        raise SettingsError(f"dashboard.tls_certificate {settings.tls_certificate} holds no PEM certificate") from None
    try:
        key = load_pem_private_key(_read(settings.tls_key, "tls_key"), password=None)
    except TypeError:
        raise SettingsError(f"dashboard.tls_key {settings.tls_key} needs a passphrase: write it without one") from None
    except ValueError:
        raise SettingsError(f"dashboard.tls_key {settings.tls_key} holds no PEM key") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise SettingsError(
            f"dashboard.tls_key {settings.tls_key} is not the key of {settings.tls_certificate}: name the pair"
        )
    return certificate


def look_at_certificate(settings: DashboardSettings, now: datetime) -> Iterator[Finding]:
    """What an installer has to know of it."""
    try:
        certificate = read_certificate(settings)
    except SettingsError as mistake:
        yield Finding("fail", str(mistake), "the dashboard does not start with it")
        return
    if certificate is None:
        return
    ends, name = certificate.not_valid_after_utc, certificate.subject.rfc4514_string() or "no name"
    day = ends.date().isoformat()
    if now < certificate.not_valid_before_utc:
        yield Finding("fail", f"the certificate of {name} holds only later", "is this machine's clock right?")
    elif now >= ends:
        yield Finding("fail", f"the certificate of {name} ended on {day}", "renew it; browsers refuse it")
    elif ends - now < SOON:
        yield Finding("warn", f"the certificate of {name} ends on {day}", "renew it, then restart the service")
    else:
        yield Finding("ok", f"the certificate of {name} fits its key and ends on {day}")
    key = settings.tls_key
    if key is not None and stat.S_IMODE(key.stat().st_mode) & 0o007:
        yield Finding("fail", f"the key {key} is open to every user of this machine", f"chmod 640 {key}")


def refuse_bad_certificate(settings: DashboardSettings) -> None:
    """Raises SettingsError where the pages could not be served: before the start, rather than in a log after it."""
    certificate = read_certificate(settings)
    if certificate is not None and datetime.now(UTC) >= certificate.not_valid_after_utc:
        raise SettingsError(f"dashboard.tls_certificate {settings.tls_certificate} has ended: renew it")


def _read(file: Path, name: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"dashboard.{name} {file} cannot be read: {error.strerror}") from None
