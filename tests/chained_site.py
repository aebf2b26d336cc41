"""A small site of which everything that is chained is on record: edits, events, pictures, clips, reviews, accounts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from argon2 import PasswordHasher
from ledger_samples import NOON, Desk, decision, observation, open_desk, shot
from sqlalchemy import Engine

from surveillance.domain.kept import Kept, KeptFile
from surveillance.domain.permissions import Reach
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Decision
from surveillance.places import recording_place
from surveillance.storage.accounts import Accounts
from surveillance.storage.audit import Audit, Walk
from surveillance.storage.chain import keep_chain
from surveillance.storage.heads import shorten, sign_heads
from surveillance.storage.keys import KeyStore
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.recordings import Recordings, Wishes
from surveillance.storage.retention import Retention
from surveillance.storage.reviews import Reviews
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.settings import StorageSettings
from surveillance.storage.site_file import parse_site
from surveillance.storage.tokens import Tokens

DAY = timedelta(days=1)
SITE = parse_site(
    """\
cameras:
  - name: front
    url: rtsp://user:hunter2@10.0.0.9/1
    zones: [{name: yard, points: [[0, 0], [1, 0], [1, 1]]}]
    lines: [{name: line, start: [0, .5], end: [1, .5]}]
    masks: [[[0, 0], [0.1, 0], [0.1, 0.1]]]
  - {name: back, url: back.mp4}
doors:
  - {name: main, camera: front, reader: r1, relay: "http://10.0.0.5/doors/main"}
  - {name: side}
people:
  - {name: Ada, groups: [staff], credentials: [{kind: badge, value: 0077123456}]}
  - {name: Bob, credentials: [{kind: card, value: 12}]}
schedules: {office: {time_zone: UTC, weekly: {mon: ["08:00-12:00"]}}, night: {time_zone: UTC, weekly: {}}}
rules:
  - {name: seen, on: sighting, verdict: log}
  - {name: staff, on: access, verdict: authorize}
notify:
  - {name: ops, kind: webhook, url: "https://example.org/", secret: whsec_hunter2}
  - {name: book, kind: log}
""",
    "site.yaml",
)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class ChainedSite:
    """Everything around its chain."""

    desk: Desk
    keys: KeyStore
    recordings: Recordings

    @property
    def engine(self) -> Engine:
        return self.desk.engine

    def place(self, kind: str, name: str) -> Path:
        """Where a kept file lies."""
        if kind == "evidence":
            return self.desk.evidence.path(name)
        return recording_place(self.desk.directory / "media", name)

    def audit(self, against: tuple[dict[str, object], ...] = ()) -> Audit:
        return Walk(self.engine, self.keys, self.place, against)()

    def log(self, *days_ago: int) -> None:
        made = [decision(kind="sighting.logged", verdict="log", at=NOON - number * DAY) for number in days_ago]
        self.desk.ledger([(observation(at=one.at), (one,)) for one in made])

    def retain(self, event_days: int, media_days: int) -> None:
        """Deletes what is older than so many days before noon, and what of the chain is needed no more."""
        days = StorageSettings(
            event_days=event_days, evidence_days=media_days, recording_days=media_days, disk_min_free_gb=0
        )  # fmt: skip
        Retention(self.engine, self.desk.evidence, self.recordings, days)(NOON)
        shorten(self.engine, self.keys)

    def alert(self, at: object = NOON, clip: bytes = b"a clip") -> Decision:
        """One whose picture and clip are kept; the picture at full size could not be."""
        made = decision(at=at)
        self.desk.ledger([(observation(at=at, shot=shot()), (made,))])
        name = f"{made.id}-clip.mp4"
        place = self.place("recording", name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(clip)
        file = KeptFile("clip", name, NOON, NOON + timedelta(seconds=8), len(clip), hashlib.sha256(clip).hexdigest())
        self.recordings.settle(Kept(made.id, "front", (file,), {"picture": "the camera was away"}))
        return made


def open_site(directory: Path, url: str | None = None) -> ChainedSite:
    """One on which nothing is recorded yet."""
    desk = open_desk(directory, url=url)
    keys = KeyStore(directory / "keys")
    keep_chain(desk.engine, keys)
    watched = Site(cameras=(Camera("front", "rtsp://192.0.2.7/"),))
    ledger = SqlLedger(
        desk.engine, desk.evidence, lambda made: (), wish=Wishes(lambda: watched, StorageSettings())
    )  # fmt: skip
    return ChainedSite(replace(desk, ledger=ledger), keys, Recordings(desk.engine, directory / "media"))


def lived_in(directory: Path, url: str | None = None) -> ChainedSite:
    """One with a few days behind it."""
    site = open_site(directory, url)
    site.alert(NOON - 40 * DAY)
    sign_heads(site.engine, site.keys)
    site.log(39, 30)
    sign_heads(site.engine, site.keys)
    configured = SqlSite(site.engine, site.keys)
    configured.seed(SITE)
    accounts = Accounts(site.engine, site.keys, QUICK)
    accounts.add("ada", "administrator", "correct horse", "first start")
    accounts.add("bob", "guard", "battery staple", "ada", Reach(cameras=frozenset({"front"})))
    Tokens(site.engine).create_token("reader", ["access:request"], "ada")
    Tokens(site.engine).create_token("display", ["events:read"], "ada")
    alerts = [site.alert(NOON - number * DAY) for number in (29, 20, 3)]
    site.log(10, 2, 1)
    reviews = Reviews(site.engine)
    reviews.review([made.id for made in alerts], "bob", "a fox")
    reviews.reopen([alerts[1].id], "ada")
    reviews.correct(alerts[2].id, "animal", "bob")
    configured.save_rule("- {name: seen, on: sighting, verdict: alert}\n", "ada", replaces="seen")
    sign_heads(site.engine, site.keys)
    site.desk.ledger([(observation(), (decision(notify=("ops",)),))])
    return site
