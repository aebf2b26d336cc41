"""The dashboard of a small site on a real store in a folder, for tests that look at its pages."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from argon2 import PasswordHasher
from cards import embedded_card
from flask import Flask
from flask.testing import FlaskClient
from ledger_samples import JPEG, NOON, Desk, decision, observation, open_desk, shot
from sqlalchemy import insert

from surveillance.access.badges import BadgeSeal
from surveillance.app.audit import SiteProofs, files_of
from surveillance.app.candidates import start_shadow
from surveillance.app.drift import STATE as DRIFT
from surveillance.app.enrolling import LookAt, look_elsewhere
from surveillance.app.proposals import propose, remember_trained
from surveillance.app.site_faces import SiteFaces
from surveillance.app.site_privacy import SitePrivacy
from surveillance.app.site_shelf import SiteShelf
from surveillance.dashboard import DashboardSettings, Services, create_app
from surveillance.domain.geometry import Line, Zone
from surveillance.domain.kept import Keep, Kept, KeptFile
from surveillance.domain.labels import Pick, Said, subject_of
from surveillance.domain.levels import AccessLevel
from surveillance.domain.permissions import Reach
from surveillance.domain.shadow import ShadowVote, vote_of
from surveillance.domain.site import Camera, Door, NotifyTarget, Person, Schedule, Site
from surveillance.domain.values import Decision, Shot, rfc3339
from surveillance.engines.live import LivePictures
from surveillance.places import recording_place
from surveillance.settings import Settings
from surveillance.storage.accounts import Accounts
from surveillance.storage.chain import keep_chain
from surveillance.storage.crops import CorrectedCrops, Crops
from surveillance.storage.database import writing
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.faces import Faces
from surveillance.storage.inbox import Inbox
from surveillance.storage.keys import KeyStore
from surveillance.storage.labels import Labels
from surveillance.storage.mode_orders import ModeOrders
from surveillance.storage.queries import Events
from surveillance.storage.recordings import Recordings, wish_rows
from surveillance.storage.reviews import Reviews
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.second_factor import SecondFactor
from surveillance.storage.settings import StorageSettings
from surveillance.storage.shadows import Shadows
from surveillance.storage.state import SharedState
from surveillance.storage.tables import recording
from surveillance.storage.threats import Threats
from surveillance.storage.web_sessions import WebSessions
from surveillance.training.compare import compare_pairs

NO_PAGES = ("/static/", "/api/", "/metrics", "/healthz", "/readyz", "/evidence/", "/recordings/")
NAME, PASSWORD = "ada", "correct horse"
OPS = NotifyTarget("ops", "webhook", "https://example.org/hook")
RULES = """
- name: night-yard
  on: sighting
  verdict: alert
  when: label == "person" and "yard" in zones
  cooldown_s: 120
- name: staff-front
  on: access
  verdict: authorize
  when: ("badge" in factors and "staff" in groups)
"""
SITE = Site(
    cameras=(
        Camera(
            name="front",
            url="rtsp://viewer:hidden@192.0.2.4/main",
            zones=(Zone("yard", ((0.1, 0.5), (0.9, 0.5), (0.9, 1.0)), restricted=True),),
            lines=(Line("threshold", (0.2, 0.9), (0.8, 0.9)),),
        ),
        Camera(name="gate", url="rtsp://192.0.2.5/main"),
    ),
    doors=(Door("front", camera="front"),),
    people=(Person("Ada", frozenset({"staff"})),),
    schedules=(Schedule("office", "Europe/Berlin", {}),),
    access_levels=(AccessLevel("staff-day", frozenset({"staff"}), frozenset({"front"}), "office"),),
    rules=RULES,
)


@dataclass
class DashboardSite:
    desk: Desk
    services: Services
    app: Flask
    live: LivePictures
    applied: dict[str, Any] = field(default_factory=dict)

    def record(self, made: Decision, picture: Shot | None = None) -> str:
        """Puts a decision on record, with the picture of its track; its id."""
        entry = observation(
            camera=made.camera or "front", track=made.track or 0, at=made.at, change="appeared", shot=picture
        )
        self.desk.ledger([(entry, (made,))])
        return made.id

    def queue(
        self, track: int, label: str = "person", camera: str = "front", why: str = "uncertain", **more: Any
    ) -> str:
        """Lets a crop wait for a label; its id."""
        at = datetime.now(UTC)
        pick = Pick(why, camera, subject_of(camera, track, at), shot(), Said(label, 0.61, "embedded"), track, **more)
        name = self.services.crops.queue(pick)
        assert name is not None
        return name

    def visitor(self) -> FlaskClient:
        """Somebody who has not signed in."""
        return self.app.test_client()

    def user(self) -> FlaskClient:
        """Somebody who has."""
        client = self.visitor()
        answer = sign_in(client)
        assert answer.status_code == 302, answer.text
        return client


def open_site(
    directory: Path,
    settings: DashboardSettings | None = None,
    site: Site = SITE,
    lock_timeout_ms: int = 10_000,
    check: Callable[[Site, Site], None] = lambda before, after: None,
    look: LookAt = look_elsewhere,
) -> DashboardSite:
    desk = open_desk(directory, lock_timeout_ms)
    keys = KeyStore(directory / "keys")
    keep_chain(desk.engine, keys)
    accounts = Accounts(desk.engine, keys, PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts.add(NAME, "administrator", PASSWORD)
    rulebook = SqlSite(desk.engine, keys)
    rulebook.seed(site)
    live = LivePictures(directory / "live")
    applied = {"configuration_version": rulebook.version(), "heartbeat_age_s": 0.2, "cameras": {}}
    crops = Crops(desk.engine, EvidenceStore(directory / "crops"))
    services = Services(
        events=Events(desk.engine),
        reviews=Reviews(desk.engine, CorrectedCrops(crops, desk.evidence)),
        crops=crops,
        labels=Labels(desk.engine),
        accounts=accounts,
        sessions=WebSessions(desk.engine),
        second_factor=SecondFactor(desk.engine, keys),
        inbox=Inbox(desk.engine),
        site=rulebook,
        modes=ModeOrders(desk.engine),
        threats=Threats(desk.engine),
        evidence=desk.evidence,
        recordings=Recordings(desk.engine, directory / "media"),
        live=live,
        secret_key=keys.key("sessions"),
        badges=BadgeSeal(keys.key("badges")),
        applied=lambda: applied,
        shelf=SiteShelf(stored_at(directory), check=lambda settings, name: None),
        faces=SiteFaces(stored_at(directory), Faces(desk.engine, keys), look),
        proofs=SiteProofs(desk.engine, keys, files_of(desk.evidence, Recordings(desk.engine, directory / "media"))),
        subjects=SitePrivacy(stored_at(directory)),
        settings=settings or DashboardSettings(stream_poll_s=0.02, sign_in_limit="1000 per minute"),
        check_site=check,
        models=lambda: ("embedded", "garden"),
        model_labels=lambda model: ("hedgehog", "person") if model == "garden" else ("animal", "person", "vehicle"),
        seal=keys.encrypt,
        unseal=keys.decrypt,
    )
    return DashboardSite(desk, services, create_app(services), live, applied)


def stored_at(directory: Path) -> Settings:
    """Settings for what lies in the folder of a prepared site."""
    return Settings(data_dir=directory, storage=StorageSettings(url=f"sqlite:///{directory / 'site.db'}"))


def sign_in(client: FlaskClient, name: str = NAME, password: str = PASSWORD, **more: Any) -> Any:
    """Fills in and sends the form as a browser does."""
    page = client.get("/sign-in").text
    return client.post("/sign-in", data={"csrf_token": token_of(page), "name": name, "password": password, **more})


def somebody(site: DashboardSite, role: str, reach: Reach | None = None) -> FlaskClient:
    """A client that is signed in as a new account of that role."""
    name = f"{role}-one"
    site.services.accounts.add(name, role, "correct horse", **({"reach": reach} if reach else {}))
    client = site.visitor()
    assert sign_in(client, name, "correct horse").status_code == 302
    return client


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page
    return found[1]


@contextmanager
def core_that_answers(site: DashboardSite, answer: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Core, as far as it answers errands: what it was asked, opened."""
    asked: list[dict[str, Any]] = []
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            for question in site.services.inbox.pending():
                asked.append(json.loads(site.services.unseal(question.payload["sealed"])) | {"kind": question.kind})
                site.services.inbox.answer(question.id, answer)
            time.sleep(0.01)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield asked
    finally:
        stopping.set()
        thread.join()


def now_decision(**other: Any) -> Decision:
    """An alert of this moment."""
    return decision(at=datetime.now(UTC), **other)


def keep_picture(site: DashboardSite, event: str, camera: str) -> None:
    """The full picture of an event, as the worker keeps it."""
    name = f"{event}-picture.jpg"
    keep = Keep(event, camera, NOON, NOON, NOON)
    with writing(site.desk.engine) as connection:
        connection.execute(insert(recording), wish_rows(keep))
    place = recording_place(site.desk.directory / "media", name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(JPEG)
    kept = KeptFile("picture", name, NOON, NOON, len(JPEG), "5" * 64)
    site.services.recordings.settle(Kept(event, camera, (kept,)))


def fill_pages(site: DashboardSite) -> list[str]:
    """Puts on record what pages show; the address of every page, with names of what the prepared site has."""
    seen = now_decision(zones=("yard",), reasons=('label = "person"', "track_s = 3.2"))
    site.record(seen, shot())
    site.record(now_decision(kind="access.denied", verdict="deny", door="front", reasons=("unauthorized",)))
    for track in range(4):
        site.queue(track, why="sampled" if track else "uncertain")
    told = site.services.site.read()
    site.services.site.save(replace(told, notify=(OPS,)), NAME, told.version)
    fill_models(site)
    asked = [
        "/model-rollback?camera=gate",
        "/person?name=Ada",
        "/person-held?name=Ada",
        "/door-release?door=front",
        "/door-commands/open?door=front",
    ]
    return ["/nothing", *asked, *pages_of(site, {"id": seen.id})]


def pages_of(site: DashboardSite, ids: dict[str, str]) -> list[str]:
    """Every address that answers a browser with a page."""
    client = site.user()
    found = []
    for rule in site.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(NO_PAGES):
            continue
        built = rule.build({name: ids.get(name, example(rule.rule, name)) for name in rule.arguments})
        assert built is not None, rule
        if built[1].endswith(("/stream", ".mjpg")):
            continue
        answer = client.get(built[1], headers={"Accept": "text/html"})
        if answer.mimetype == "text/html" and answer.status_code == 200 and "<!doctype html>" in answer.text:
            found.append(built[1])
        answer.close()
    return sorted(found)


def example(rule: str, argument: str) -> str:
    """The name of something that the prepared site has, for an argument of that route."""
    by_place = {
        "/applied/": "1",
        "/models/": "garden",
        "/rules/new/": "intruder",
        "/rules/": "night-yard",
        "/people/": "Ada",
        "/schedules/": "office",
        "/access-levels/": "staff-day",
        "/notify/": OPS.name,
        "/user/": NAME,
        "/door-commands/": "lock_down",
    }
    return next((name for place, name in by_place.items() if rule.startswith(place)), "front")


def write_card(directory: Path, name: str, labels: tuple[str, ...] = (), **changes: Any) -> None:
    """The embedded model's card under another name, for a site whose models are not loaded."""
    embedded = embedded_card()
    card = replace(embedded, name=name, labels=labels or embedded.labels, **changes)
    (directory / "models").mkdir(exist_ok=True)
    (directory / "models" / f"{name}.yaml").write_text(yaml.safe_dump(card.as_yaml()))


def fill_models(site: DashboardSite, candidate: str = "garden-20261124-1") -> None:
    """A model promoted onto a camera, a candidate in shadow that is proposed, and a model that drifted on a camera."""
    directory, engine = site.desk.directory, site.desk.engine
    write_card(directory, "garden", ("hedgehog", "person"))
    write_card(directory, candidate)
    site.services.shelf.promote("garden", ["gate"], NAME)
    right = np.arange(400) < 340
    better = right | (np.arange(400) % 8 == 3)
    found = compare_pairs(right, better)
    remember_trained(
        engine, {"model": candidate, "current": "embedded", "dataset": "site/v3", "comparison": found.as_json()}
    )
    start_shadow(stored_at(directory), candidate, ["front"], NAME, check=lambda settings, name: None)
    Shadows(engine).write([vote(candidate, track) for track in range(12)])
    propose(engine, lambda decision: None)
    words = "embedded on camera front: how sure it is has shifted against its first weeks (PSI 0.31, 240 tracks)"
    cause = {"camera": "front", "model": "embedded", "words": words, "since": rfc3339(NOON)}
    SharedState(engine).put(DRIFT, {"own": {}, "causes": {"embedded front": cause}})


def vote(candidate: str, track: int) -> ShadowVote:
    """A vote beside the embedded model; every third differs."""
    said = ("animal" if track % 3 else "person", 0.8)
    return vote_of("front", track, NOON, NOON, ("embedded", candidate), (("animal", 0.6), said), 4)
