"""The dashboard's own certificate: what an installer gets wrong is said in words, and a good one is served with."""

from __future__ import annotations

import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from ports import free_port

from surveillance.app.certificates import look_at_certificate, refuse_bad_certificate
from surveillance.app.health import dashboard_fault
from surveillance.app.service import running_site
from surveillance.dashboard import DashboardSettings
from surveillance.domain.errors import SettingsError
from surveillance.settings import Settings

NAME = "the certificate of CN=watch.example.org"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def write_pair(
    directory: Path, name: str = "site", days: float = 90, starts: datetime = NOW - timedelta(days=1), word: str = ""
) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that ends `days` after NOW, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "watch.example.org")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    how = BestAvailableEncryption(word.encode()) if word else NoEncryption()
    paths = directory / f"{name}.pem", directory / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    paths[1].chmod(0o600)
    return paths


def settings_of(pair: tuple[Path, Path]) -> DashboardSettings:
    return DashboardSettings(tls_certificate=pair[0], tls_key=pair[1])


def findings(settings: DashboardSettings) -> list[tuple[str, str]]:
    return [(found.level, found.what) for found in look_at_certificate(settings, NOW)]


def test_without_a_certificate_there_is_nothing_to_say() -> None:
    assert findings(DashboardSettings()) == []


@pytest.mark.parametrize(
    ("days", "starts", "told"),
    [
        (
            90,
            NOW - timedelta(days=1),
            ("ok", f"{NAME} fits its key and ends on 2027-02-19"),
        ),
        (10, NOW - timedelta(days=1), ("warn", f"{NAME} ends on 2026-12-01")),
        (-1, NOW - timedelta(days=9), ("fail", f"{NAME} ended on 2026-11-20")),
        (90, NOW + timedelta(days=1), ("fail", f"{NAME} holds only later")),
    ],
)
def test_its_end_is_told_in_time(tmp_path: Path, days: float, starts: datetime, told: tuple[str, str]) -> None:
    assert findings(settings_of(write_pair(tmp_path, days=days, starts=starts))) == [told]


def test_what_cannot_be_served_with_is_refused_before_the_start(tmp_path: Path) -> None:
    good, other = write_pair(tmp_path), write_pair(tmp_path, "other")
    sealed = write_pair(tmp_path, "sealed", word="secret")
    text = tmp_path / "text.pem"
    text.write_text("no certificate", encoding="utf-8")
    for pair, words in (
        ((tmp_path / "none.pem", good[1]), "none.pem cannot be read: No such file"),
        ((text, good[1]), "text.pem holds no PEM certificate"),
        ((good[0], text), "text.pem holds no PEM key"),
        ((good[0], other[1]), "other.key is not the key of"),
        (sealed, "sealed.key needs a passphrase"),
    ):
        with pytest.raises(SettingsError, match=words):
            refuse_bad_certificate(settings_of(pair))
        [(level, told)] = findings(settings_of(pair))
        assert (level, words in told) == ("fail", True)
    with pytest.raises(SettingsError, match="has ended"):
        refuse_bad_certificate(settings_of(write_pair(tmp_path, "old", days=-1, starts=NOW - timedelta(days=9))))


def test_a_key_that_everybody_reads_is_a_fault(tmp_path: Path) -> None:
    pair = write_pair(tmp_path)
    pair[1].chmod(0o644)
    assert findings(settings_of(pair))[1] == ("fail", f"the key {pair[1]} is open to every user of this machine")


def test_the_pages_are_served_by_https(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, days=3650, starts=datetime.now(UTC) - timedelta(days=1))
    dashboard = DashboardSettings(port=free_port(), tls_certificate=pair[0], tls_key=pair[1])
    settings = Settings(data_dir=tmp_path / "data", dashboard=dashboard)
    with running_site(settings, None, lambda line: None) as running:
        assert running.address == f"https://127.0.0.1:{dashboard.port}"
        assert dashboard_fault(running.address) is None
        trusted = ssl.create_default_context(cafile=str(pair[0]))
        with urllib.request.urlopen(f"{running.address}/sign-in", context=trusted) as answer:
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert "Secure" in answer.headers["Set-Cookie"]
