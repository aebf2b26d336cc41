"""A seed into a ledger of any size: what a site of a dozen cameras leaves behind in 90 days, quickly written.

Busy and quiet cameras, rare rules and labels, a camera that is gone, days of which most is reviewed, and bursts of what
people looked at. Rows are those of the ledger itself; only their times and numbers are made up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, insert, update
from tqdm import tqdm

from surveillance.domain.geometry import Box
from surveillance.domain.values import Clause, Decision, Event, Judged, system_decision
from surveillance.storage import tables
from surveillance.storage.database import writing
from surveillance.storage.incidents import Incidents
from surveillance.storage.rows import Row, event_row

DAYS = 90
BATCH = 5000
CAMERAS = ("gate", "yard", "lobby", "dock", "stairs", "garage", "roof", "lab", "hall", "fence", "attic", "shed")
GONE = "old-gate"  # a camera that was taken down long ago
DOORS = ("main", "side", "vault")
RULES = ("seen", "night-yard", "loitering", "delivery", "vehicles", "animals", "restricted", "vault-watch")
LABELS = ("person", "vehicle", "animal")
PEOPLE = ("Ada", "Bob", "Chen", "Dina", "Emil", "Femi")


@dataclass(frozen=True, slots=True)
class Fill:
    """How many events, which share of them nobody lists (what people and jobs did), and which seed."""

    events: int = 1_000_000
    hidden: float = 0.5
    seed: int = 1


def fill(engine: Engine, order: Fill) -> None:
    """Writes them, oldest first, with a progress bar. The database must be empty."""
    now = datetime.now(UTC)
    with tqdm(total=order.events, unit="event", disable=None) as bar:
        for batch in _batches(order, now):
            with writing(engine, patient=True) as connection:
                connection.execute(insert(tables.event), batch)
                head = tables.head
                connection.execute(update(head).where(head.c.name == "event").values(value=batch[-1]["seq"]))
            bar.update(len(batch))


def _batches(order: Fill, now: datetime) -> Iterator[list[Row]]:
    dice = random.Random(order.seed)  # noqa: S311 (the same ledger in every run)
    several = forms(dice)
    began = now - timedelta(days=DAYS)
    step = timedelta(days=DAYS) / order.events
    incidents = _Running()
    batch: list[Row] = []
    for number in range(order.events):
        at = began + step * number + timedelta(microseconds=dice.randrange(1000))
        made = _one(dice, several, order, number, at)
        row = event_row(Event(number + 1, made), number, None, incidents.of(made))
        batch.append(row | _reviewed(dice, row, at, now))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _one(dice: random.Random, forms: Sequence[Decision], order: Fill, number: int, at: datetime) -> Decision:
    """The newest tenth of what is hidden came in one go, as an audit leaves it."""
    is_burst = order.events - number <= order.events * order.hidden / 10
    if is_burst or dice.random() < order.hidden * 0.9:
        form = system_decision("user.viewed", at, (), "ada", details={"actor": "ada", "what": "camera", "name": "gate"})
    else:
        form = forms[min(int(dice.expovariate(4 / len(forms))), len(forms) - 1)]
        if form.camera == CAMERAS[-1] and number < order.events / 9:
            form = replace(form, camera=GONE)
    return replace(form, id=id_at(at, dice), at=at)


def _reviewed(dice: random.Random, row: Row, at: datetime, now: datetime) -> Row:
    """Most of what is older than a week."""
    is_reviewed = row["attention"] == 2 and now - at > timedelta(days=7) and dice.random() < 0.95
    said = (at + timedelta(hours=1), "ada") if is_reviewed else (None, None)
    return {"reviewed_at": said[0], "reviewed_by": said[1], "review": None, "corrected": None}


class _Running(Incidents):
    """The incidents of one long transaction that begins with an empty ledger."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]

    def _on_record(self, place: object, at: datetime) -> None:
        return None


def id_at(at: datetime, dice: random.Random) -> str:
    """A UUIDv7 of that time."""
    stamp = int(at.timestamp() * 1000)
    return str(UUID(int=(stamp << 80) | (0x7 << 76) | (0x2 << 62) | dice.getrandbits(62)))


def forms(dice: random.Random) -> list[Decision]:
    """What happens at the site, the most frequent first."""
    sightings = [_sighting(dice, camera, label) for camera in CAMERAS for label in LABELS for _ in range(4)]
    requests = [_request(dice, door, person) for door in DOORS for person in PEOPLE for _ in range(2)]
    states = [
        system_decision(f"camera.{state}", datetime.now(UTC), (), camera, camera=camera)
        for camera in CAMERAS
        for state in ("lost", "found")
    ]
    rest = requests + states
    dice.shuffle(rest)
    return sightings[:60] + rest[:30] + sightings[60:] + rest[30:]


def _sighting(dice: random.Random, camera: str, label: str) -> Decision:
    rule = RULES[min(int(dice.expovariate(0.8)), len(RULES) - 1)]
    verdict = "alert" if dice.random() < 0.12 else "log"
    kind = "sighting.alerted" if verdict == "alert" else "sighting.logged"
    track = dice.randrange(1, 5000)
    return replace(
        system_decision(kind, datetime.now(UTC), (f'label = "{label}"', 'zones = {"yard"}'), camera),
        trigger="sighting", verdict=verdict, rule=rule, camera=camera, label=label, track=track, zones=("yard",),
        confidence=0.9, box=Box(0.1, 0.2, 0.3, 0.9), judged=_judged(rule, verdict), shadow=dice.random() < 0.02,
        facts={"label": label, "zones": ["yard"], "dwell_s": 4.25, "track_s": 7.5, "camera": camera, "people": 1},
    )  # fmt: skip


def _request(dice: random.Random, door: str, person: str) -> Decision:
    verdict = "deny" if dice.random() < 0.2 else "authorize"
    kind = "access.denied" if verdict == "deny" else "access.granted"
    reasons = ("unauthorized", "no rule was true") if verdict == "deny" else ("staff-front: badge in factors",)
    return replace(
        system_decision(kind, datetime.now(UTC), reasons, door),
        trigger="access", verdict=verdict, rule=None if verdict == "deny" else "staff-front", door=door,
        camera=CAMERAS[DOORS.index(door)], identity=person, judged=_judged("staff-front", "authorize"),
    )  # fmt: skip


def _judged(rule: str, verdict: str) -> tuple[Judged, ...]:
    leaf = Clause('label == "person"', True, 'label = "person"')
    zone = Clause('"yard" in zones', True, 'zones = {"yard"}')
    whole = Clause('label == "person" and "yard" in zones and dwell_s >= 5', True, "", (leaf, zone))
    return tuple(Judged(name, verdict, name == rule, whole) for name in (rule, "seen", "night-yard"))
