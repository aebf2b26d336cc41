"""Looks at everything that an installer gets wrong, and says per line what it is and what to do.

Changes nothing: it makes no database and no key, opens no door and loads no model into this process.
"""

from __future__ import annotations

import getpass
import os
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from surveillance.actions.post import parse_endpoint
from surveillance.app.certificates import look_at_certificate
from surveillance.app.detectors import card_of_kind
from surveillance.app.health import dashboard_address, dashboard_fault, heartbeat
from surveillance.app.machine import Finding, look_at_clock, look_at_machine
from surveillance.app.rulebook import build_rulebook
from surveillance.app.runtime import media_dir
from surveillance.app.worker import source_options
from surveillance.dashboard.settings import is_loopback
from surveillance.domain.devices import MQTT_PORTS, parse_mqtt, parse_osdp, scheme_of, wire_of
from surveillance.domain.errors import DatabaseDamaged, RecordFailed, SourceError, UserMistake
from surveillance.domain.site import FACE_TASKS, Camera, Door, Site
from surveillance.rules.crossings import line_hints
from surveillance.settings import Settings
from surveillance.storage.database import check_version, open_database
from surveillance.storage.keys import KEY_BYTES, KeyStore
from surveillance.storage.retention import disk_free, disk_of
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.sizes import configuration_version, newest_event_at
from surveillance.storage.state import SharedState
from surveillance.storage.tokens import Tokens

SEALING = "sealing.key"  # without it nothing that is sealed in the database can be read
GB = 1_000_000_000
AT_ONCE = 4  # cameras tried at the same time
ATTACH = "surveillance camera add NAME URL, or surveillance run --site site.yaml"


def examine(settings: Settings, cameras: bool = False) -> Iterator[Finding]:
    """Every finding, in the order in which an installer would put things right; `cameras` opens each of them."""
    yield from look_at_directory(settings)
    database = Database(settings)
    yield from database.findings
    site = database.site
    count = len(site.cameras) if site else 0
    yield from look_at_keys(settings.data_dir / "keys", database.is_configured)
    yield from look_at_machine(settings, count)
    yield from look_at_clock(database.newest_event_at, datetime.now(UTC))
    yield from look_at_models(settings, site)
    yield from look_at_port(settings, database.core_beats)
    if site is None:
        return
    yield from look_at_rules(settings, site)
    yield from look_at_doors(settings, site, database.has_reader_token)
    yield from look_at_cameras(settings, site, cameras)


# --- data ----------------------------------------------------------------------------------------------------------


def look_at_directory(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir
    if not path.is_dir():
        todo = "it is made by surveillance db upgrade; another one is chosen with SURVEILLANCE__DATA_DIR"
        yield Finding("warn", f"the data directory {path} is not there yet", todo)
    elif not os.access(path, os.W_OK | os.X_OK):
        yield Finding(
            "fail", f"the data directory {path} cannot be written by this user", f"sudo chown -R $USER {path}"
        )
    elif path.stat().st_mode & 0o077:
        yield Finding("warn", f"the data directory {path} is open to other users of this machine", f"chmod 700 {path}")
    elif path.stat().st_uid != os.geteuid():
        todo = "run this as the user of the service: sudo -u surveillance surveillance doctor"
        yield Finding("warn", f"the data directory {path} belongs to another user", todo)
    else:
        yield Finding("ok", f"the data directory {path} is writable and private")
    for place in (path, media_dir(settings)):
        if place == path or disk_of(place) != disk_of(path):
            yield _room_at(place, settings.storage.disk_min_free_gb)


def _room_at(place: Path, least_gb: float) -> Finding:
    free_gb = disk_free(place) / GB
    if free_gb < least_gb:
        todo = "free some, or keep less (storage.media_max_gb, storage.recording_days)"
        what = f"{free_gb:.1f} GB of disk are free in {place}; below {least_gb:g} GB recordings are deleted"
        return Finding("fail", what, todo)
    return Finding("ok", f"{free_gb:.1f} GB of disk are free in {place}")


class Database:
    """The database as it is found: its findings, and what it says where it can be read."""

    def __init__(self, settings: Settings) -> None:
        self.findings: list[Finding] = []
        self.exists = False
        self.is_configured = False
        self.site: Site | None = None
        self.newest_event_at: datetime | None = None
        self.has_reader_token = False
        self.core_beats = False
        try:
            engine = open_database(settings.database_url, settings.storage.commit_timeout_ms, existing=True)
            self.exists = True
            check_version(engine)
            self._read(settings, engine)
        except DatabaseDamaged as damage:
            self.findings.append(Finding("fail", str(damage)))
        except (UserMistake, RecordFailed) as mistake:
            self._note(settings, str(mistake))

    def _read(self, settings: Settings, engine: Any) -> None:
        self.newest_event_at = newest_event_at(engine)
        self.has_reader_token = any("access:request" in token.scopes for token in Tokens(engine).list_tokens())
        core = heartbeat(SharedState(engine))
        self.core_beats = bool(core) and core["age_s"] <= settings.dashboard.core_silent_s
        self.is_configured = configuration_version(engine) > 0
        keys = settings.data_dir / "keys"
        if self.is_configured and not (keys / "sealing.key").is_file():  # a key store would make another one
            self.findings.append(Finding("ok", "the database is at this version"))
            return
        self.site = SqlSite(engine, KeyStore(keys)).read()
        has = f"cameras: {len(self.site.cameras)}, doors: {len(self.site.doors)}, people: {len(self.site.people)}"
        self.findings.append(Finding("ok", f"the database is at this version ({has})"))

    def _note(self, settings: Settings, mistake: str) -> None:
        if not self.exists and settings.storage.url is None:
            self.findings.append(Finding("warn", "there is no database yet", "surveillance db upgrade"))
        else:
            self.findings.append(Finding("fail", mistake, "" if ": " in mistake else "surveillance db upgrade"))


def look_at_keys(directory: Path, needed: bool) -> Iterator[Finding]:
    """Whether the keys are there, whole and private."""
    files = sorted(directory.glob("*.key")) if directory.is_dir() else []
    todo = "restore them from their copy; without them camera passwords cannot be read and badges do not match"
    if not files:
        if needed:
            yield Finding("fail", f"there are no keys in {directory}, though a site is configured", todo)
        return
    faults = needed and not (directory / SEALING).is_file()
    if faults:
        yield Finding("fail", f"the key {directory / SEALING} is gone, though a site is configured", todo)
    for path in (directory, *files):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            faults = True
            yield Finding("fail", f"{path} is open to others", f"chmod {'700' if path.is_dir() else '600'} {path}")
    for path in files:
        if path.stat().st_size != KEY_BYTES:
            faults = True
            yield Finding("fail", f"the key {path} is damaged", "restore it from its copy")
    if not faults:
        yield Finding("ok", f"{len(files)} keys are whole and private; keep a copy apart from the database")


def look_at_models(settings: Settings, site: Site | None) -> Iterator[Finding]:
    """The cards of every model in use, and their weights' checksums."""
    from surveillance.perception.cards import read_weights

    cameras = site.cameras if site else ()
    of_scenes = (scene.model for camera in cameras for scene in camera.scenes)
    used = {settings.perception.model, *of_scenes, *(camera.model for camera in cameras if camera.model)}
    kinds = [(name, "classifier") for name in sorted(used)]
    if any(camera.proposer == "detector" or "kind" in camera.tasks for camera in cameras):
        kinds.append((settings.perception.detect.model, "detector"))
    for name, kind in kinds:
        try:
            card = card_of_kind(settings, kind, name)
            read_weights(card, settings.data_dir / "models")
        except UserMistake as mistake:
            yield Finding("fail", str(mistake), "surveillance models list shows those there are")
        else:
            yield Finding("ok", f"model {name} {card.version}: its weights are what was published")
    if any(FACE_TASKS & set(camera.tasks) for camera in cameras):
        yield from look_at_face_models(settings)


def look_at_face_models(settings: Settings) -> Iterator[Finding]:
    """Both models that recognize faces, and whether somebody measured them."""
    from surveillance.perception.cards import FACE_DETECTOR, FACE_EMBEDDING, read_weights
    from surveillance.perception.face_models import chosen_card, figures_of

    faces = settings.perception.faces
    for kind, name in ((FACE_DETECTOR, faces.detector), (FACE_EMBEDDING, faces.embedding)):
        try:
            card = chosen_card(kind, name, settings.model_dirs)
            read_weights(card, settings.data_dir / "models")
        except UserMistake as mistake:
            yield Finding("fail", str(mistake))
            continue
        yield Finding("ok", f"model {card.name} {card.version}: its weights are what was published")
        if kind == FACE_EMBEDDING and figures_of(card) is None:
            todo = "surveillance evaluate-faces FOLDER --save"
            yield Finding("fail", f"{card.name} was never measured, so no face is recognized by it", todo)


# --- the service ---------------------------------------------------------------------------------------------------


def look_at_port(settings: Settings, core_beats: bool) -> Iterator[Finding]:
    """Free, or ours."""
    address, port = dashboard_address(settings), settings.dashboard.port
    if (fault := dashboard_fault(address)) is None:
        if core_beats:
            yield Finding("ok", f"the service is running; its dashboard is {address}")
        else:
            yield Finding(
                "warn", f"a dashboard answers at {address}, but core of this database is silent", "surveillance health"
            )
    elif is_free(settings.dashboard.host, port):
        yield Finding("ok", f"port {port} is free; the service is not running")
    else:
        todo = f"stop what uses it (ss -ltnp 'sport = :{port}'), or choose another with SURVEILLANCE__DASHBOARD__PORT"
        yield Finding("fail", f"port {port} is taken by something else: {fault}", todo)
    yield from look_at_certificate(settings.dashboard, datetime.now(UTC))
    if not is_loopback(settings.dashboard.host) and not settings.dashboard.speaks_tls:
        todo = "name dashboard.tls_certificate and tls_key, or put an HTTPS proxy in front and listen on 127.0.0.1"
        yield Finding("warn", f"the dashboard listens on {settings.dashboard.host} in plain HTTP", todo)


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


# --- the site ------------------------------------------------------------------------------------------------------


def look_at_rules(settings: Settings, site: Site) -> Iterator[Finding]:
    try:
        book = build_rulebook(settings, site)
    except UserMistake as mistake:
        yield Finding(
            "fail", f"the rules cannot be used: {str(mistake).splitlines()[0]}", "surveillance rules check FILE"
        )
        return
    if book.rules:
        yield Finding("ok", f"{len(book.rules)} rules are in force")
    else:
        yield Finding(
            "warn",
            "there are no rules: nothing is alerted, every door request is denied",
            "surveillance rules apply FILE",
        )


def look_at_doors(settings: Settings, site: Site, has_reader_token: bool) -> Iterator[Finding]:
    """Each door's way to its controller; a connection is opened and closed, nothing is sent."""
    for door in site.doors:
        yield look_at_relay(settings, door)
        if door.camera is None:
            todo = "name its camera: rules about people at the door, and tailgating, need it"
            yield Finding("warn", f"door {door.name} has no camera", todo)
    for hint in line_hints(site):
        told, _, todo = hint.rpartition("; ")
        yield Finding("warn", told, todo)
    if any(not scheme_of(door.reader or "") for door in site.doors) and not has_reader_token:
        todo = "surveillance token create front-reader --scope access:request"
        yield Finding("warn", "no reader has a token, so nobody can ask at a door", todo)


def look_at_relay(settings: Settings, door: Door) -> Finding:
    if door.relay is None:
        return Finding(
            "warn", f"door {door.name} has no relay: it never opens", "name its controller's URL in the site"
        )
    if wire_of(door.relay) == "osdp":
        return look_at_line(door)
    try:
        scheme, host, port = place_of(door.relay, f"relay of door {door.name!r}")
    except UserMistake as mistake:
        return Finding("fail", str(mistake), "correct the door's relay in the site")
    try:
        socket.create_connection((host, port), settings.actions.relay_connect_timeout_s).close()
    except OSError as error:
        todo = f"is it on, and told the token that surveillance token relay {door.name} shows?"
        return Finding(
            "fail",
            f"door {door.name}: its controller at {host}:{port} does not accept: {error.strerror or error}",
            todo,
        )
    if scheme == "http" and not is_loopback(host):
        todo = "use https, or a network of its own: whoever reads the token can open the door"
        return Finding("warn", f"door {door.name}: its controller at {host}:{port} is asked in plain HTTP", todo)
    if scheme == "mqtt" and not is_loopback(host):
        todo = "use mqtts, or a network of its own: whoever reads the login can read along"
        return Finding("warn", f"door {door.name}: its broker at {host}:{port} is asked without TLS", todo)
    return Finding("ok", f"door {door.name}: its controller at {host}:{port} accepts connections")


def look_at_line(door: Door) -> Finding:
    """Whether this user may use the serial line; it is not opened, since core holds it."""
    try:
        line = parse_osdp(door.relay or "", f"relay of door {door.name!r}").line
    except UserMistake as mistake:
        return Finding("fail", str(mistake), "correct the door's relay in the site")
    if not Path(line).exists():
        return Finding("fail", f"door {door.name}: there is no serial line {line}", "is its adapter plugged in?")
    if not os.access(line, os.R_OK | os.W_OK):
        todo = f"sudo usermod -a -G dialout {getpass.getuser()}, and start the service anew"
        return Finding("fail", f"door {door.name}: this user may not use {line}", todo)
    return Finding("ok", f"door {door.name}: its device is on {line}")


def place_of(relay: str, what: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises SettingsError."""
    if scheme_of(relay) in MQTT_PORTS:
        broker = parse_mqtt(relay, what).broker
        return scheme_of(relay), broker.host, broker.port
    endpoint = parse_endpoint(f"{relay.rstrip('/')}/pulse", what)
    return endpoint.scheme, endpoint.host, endpoint.port


def look_at_cameras(settings: Settings, site: Site, try_them: bool) -> Iterator[Finding]:
    enabled = [camera for camera in site.cameras if camera.enabled]
    if not enabled:
        yield Finding("warn", "no camera is configured", ATTACH)
    elif not try_them:
        yield Finding("ok", f"{len(enabled)} cameras are configured; --cameras tries each")
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(lambda camera: try_camera(settings, camera), enabled)


def try_camera(settings: Settings, camera: Camera) -> Finding:
    from surveillance.ingest.probe import probe

    try:
        found = probe(camera.sub_url or camera.url, source_options(settings, camera))
    except SourceError as mistake:
        return Finding("fail", f"camera {camera.name}: {mistake}", f"surveillance camera test {camera.name}")
    parts = [found.codec if found.codec != "unknown" else "", f"{found.width}x{found.height}"]
    parts += [f"{found.fps:.0f} pictures/s" if found.fps else ""]
    words = f"camera {camera.name}: {', '.join(part for part in parts if part)}"
    return Finding("warn", words, "; ".join(found.notes)) if found.notes else Finding("ok", words)
