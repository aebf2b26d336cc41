"""What the judge remembers between inputs: cameras with their tracks, doors, cooldowns and health. All of it bounded.

Everything here is a function of the inputs alone, so a replay of stored inputs rebuilds it after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from surveillance.domain.doors import DoorSensed
from surveillance.domain.interlock import PENDING_S, how_ajar
from surveillance.domain.site import Door
from surveillance.domain.threats import ThreatOrder
from surveillance.domain.values import CameraReport, DoorReport, ModeReport, Observation, SceneReport
from surveillance.rules.company import Company
from surveillance.rules.crossings import Crossings
from surveillance.rules.places import Places
from surveillance.rules.settings import RuleSettings

BLIND_STATES = ("lost", "frozen", "blinded", "moved")
MAX_COOLDOWNS = 10_000
MAX_SCENES = 64  # of one camera
MAX_USED = 10_000  # far more than are presented while one of them counts
CooldownKey = tuple[str, ...]


@dataclass(slots=True)
class SeenTrack:
    """A track as last observed, and what the judge has already said about it."""

    started_at: datetime
    at: datetime
    label: str
    zones: frozenset[str]
    is_gone: bool = False
    fired: set[str] = field(default_factory=set)  # rules without cooldown fire once a track
    asked: dict[str, str] = field(default_factory=dict)  # restricted zone -> label for which it was judged
    is_denied: bool = False


@dataclass(slots=True)
class SeenScene:
    """A scene as last told: the last state that was sure, and the doubt about it now."""

    at: datetime
    since: datetime
    state: str = ""
    doubt: str = ""


@dataclass(slots=True)
class SeenCamera:
    """A camera's last report, its tracks and its scenes."""

    state: str = "live"
    heard_at: datetime | None = None  # report or observation
    reported_at: datetime | None = None
    is_file: bool = False  # a file has an end, so its silence is no fault
    tracks: dict[int, SeenTrack] = field(default_factory=dict)
    scenes: dict[str, SeenScene] = field(default_factory=dict)
    steady_since: datetime | None = None  # heard in this state without a gap

    def hear(self, at: datetime, gap: timedelta) -> None:
        """The newest word counts, even where a clock was set back: an old time in the future would never grow stale."""
        if self.steady_since is None or self.heard_at is None or abs(at - self.heard_at) > gap:
            self.steady_since = at
        self.heard_at = at


@dataclass(slots=True)
class SeenDoor:
    """What is told of a door. Of the door itself None where nobody tells."""

    mode: str = "locked"
    alarm: str = "normal"
    contact: str | None = None
    lock: str | None = None
    tamper: bool = False
    fault: str = ""
    was_open: bool = False  # when its contact was last known

    @property
    def is_unknown(self) -> bool:
        return "unknown" in (self.contact, self.lock)


class Memory:
    """The only state of the judge. Methods that begin with a verb of hearing change it; the others only answer."""

    def __init__(self, settings: RuleSettings) -> None:
        self._settings = settings
        self._stale_after = timedelta(seconds=settings.stale_after_s)
        self._scene_stale_after = timedelta(seconds=settings.scene_stale_after_s)
        self._settle = timedelta(seconds=settings.settle_s)
        self._keep = timedelta(seconds=settings.track_keep_s)
        self._cooldowns: dict[CooldownKey, tuple[datetime, float]] = {}
        self._holding: set[tuple[str, str]] = (
            set()
        )  # (rule, camera) of rules about scenes that were true when last judged
        self._used: dict[tuple[str, str], datetime] = {}  # door and code -> when it was presented first
        self._degraded: dict[str, tuple[datetime, bool]] = {}  # cause -> when it was told, and whether it lasts
        self.cameras: dict[str, SeenCamera] = {}
        self.doors: dict[str, SeenDoor] = {}
        self.places = Places(settings.forgive_after_h)
        self.threat: str | None = None  # None while nobody has set any: the site's usual one
        self._threat_before: tuple[str, str | None] = ("", None)  # what set the level, and the one before
        self._released: dict[str, tuple[str, datetime]] = {}  # door -> what releases it, on its way until then
        self.mode: str = settings.mode
        self.company = Company()
        self.crossings = Crossings(settings.taken_within_s)
        self.ticked_at: datetime | None = None
        self.schedules: dict[str, tuple[datetime, bool]] = {}  # as last asked for, in that second

    # --- hearing ---

    def hear_observation(self, seen: Observation) -> SeenTrack:
        """The track's memory, up to date. One that `left` no longer counts and is forgotten with its camera's next."""
        camera = self.cameras.setdefault(seen.camera, SeenCamera())
        camera.hear(seen.at, self._stale_after)
        camera.is_file = seen.media_s is not None
        track = camera.tracks.get(seen.track)
        if track is None or track.started_at != seen.started_at:
            self._make_room(camera, seen.at)
            track = camera.tracks[seen.track] = SeenTrack(seen.started_at, seen.at, seen.label, seen.zones)
        track.at, track.label, track.zones = seen.at, seen.label, seen.zones
        track.is_gone = seen.change == "left"
        return track

    def hear_camera(self, report: CameraReport) -> None:
        camera = self.cameras.setdefault(report.camera, SeenCamera())
        if camera.state != report.state:
            camera.steady_since = None
        camera.state = report.state
        camera.hear(report.at, self._stale_after)
        camera.reported_at = report.at

    def hear_scene(self, report: SceneReport) -> str | None:
        """The state before, "" before the first, when the report tells another one; None when it does not.

        What held before a worker was started anew, and still holds, goes on.
        """
        camera = self.cameras.setdefault(report.camera, SeenCamera())
        camera.is_file = report.media_s is not None
        before = camera.scenes.pop(report.scene, None)
        since = report.since or report.at
        if report.doubt:
            state = before.state if before else ""
            camera.scenes[report.scene] = SeenScene(report.at, since, state, report.doubt)
            return None
        if before and not before.doubt and before.state == report.state:
            went_on = abs(since - before.at) <= self._scene_stale_after
            since = min(since, before.since) if went_on else since
        camera.scenes[report.scene] = SeenScene(report.at, since, report.state)
        while len(camera.scenes) > MAX_SCENES:
            del camera.scenes[next(iter(camera.scenes))]
        last = before.state if before else ""
        return None if last == report.state else last

    def hear_door(self, report: DoorReport) -> None:
        self.doors[report.door] = replace(self.door(report.door), mode=report.mode, alarm=report.alarm)
        if report.mode in ("accessed", "unlocked"):
            self._released.pop(report.door, None)

    def hear_release(self, door: Door, by: str, at: datetime) -> None:
        """A grant or order that releases a door is on its way to it."""
        self._released[door.name] = by, at + timedelta(seconds=door.pulse_s + PENDING_S)

    def hear_threat(self, order: ThreatOrder) -> None:
        self._threat_before = order.id, self.threat
        self.threat = order.level

    def take_back(self, by: str) -> None:
        """That request or order is not on record: nobody moved by it, no door opens, and no other level is in force."""
        self.places.take_back(by)
        self.company.take_back(by)
        self.crossings.take_back(by)
        if self._threat_before[0] == by:
            self.threat = self._threat_before[1]
        self._released = {door: release for door, release in self._released.items() if release[0] != by}

    def hear_sensed(self, told: DoorSensed) -> SeenDoor:
        """The door as it was known before."""
        before = self.door(told.door)
        self.doors[told.door] = replace(
            before,
            contact=told.contact,
            lock=told.lock,
            tamper=bool(told.tamper),
            fault=told.fault or "",
            was_open=told.contact == "open" if told.contact in ("open", "closed") else before.was_open,
        )
        return before

    def hear_mode(self, report: ModeReport) -> None:
        self.mode = report.mode

    def keep_only(self, cameras: set[str], doors: set[str]) -> None:
        """Forgets what the site no longer has."""
        self.cameras = {name: camera for name, camera in self.cameras.items() if name in cameras}
        self.schedules = {}
        self.doors = {name: door for name, door in self.doors.items() if name in doors}
        self._holding = {(rule, camera) for rule, camera in self._holding if camera in (*cameras, "")}

    def forget_rules_but(self, rules: set[str]) -> None:
        """A rule that was edited is judged as if it had never been true."""
        self._holding = {(rule, camera) for rule, camera in self._holding if rule in rules}

    def begins_to_hold(self, rule: str, camera: str, result: bool | None) -> bool:
        """True when that rule is true now and was not when it was last told; unknown changes nothing."""
        key = (rule, camera)
        if result is False:
            self._holding.discard(key)
        if not result or key in self._holding:
            return False
        self._holding.add(key)
        return True

    def _make_room(self, camera: SeenCamera, now: datetime) -> None:
        """By the camera's own time, since a recording may be dated years from the clock's."""
        for number, track in list(camera.tracks.items()):
            if track.is_gone or now - track.at > self._keep:
                del camera.tracks[number]
        while len(camera.tracks) >= self._settings.max_tracks:
            del camera.tracks[min(camera.tracks, key=lambda number: camera.tracks[number].at)]

    # --- asking ---

    def door(self, name: str) -> SeenDoor:
        return self.doors.get(name, SeenDoor())

    def doubt(self, name: str, now: datetime) -> str | None:
        """Why that camera's facts are unknown now; None when they can be trusted."""
        camera = self.cameras.get(name)
        if camera is None or camera.heard_at is None:
            return f"camera {name} has not reported yet"
        if camera.state in BLIND_STATES:
            return f"camera {name} is {camera.state}"
        return f"camera {name} is stale" if abs(now - camera.heard_at) > self._stale_after else None

    def scene_doubt(self, camera: str, scene: str, now: datetime) -> str | None:
        """Why the state of that scene is unknown now; None when it can be trusted."""
        doubt = self.doubt(camera, now)
        if doubt:
            return doubt
        known = self.cameras[camera]
        seen = known.scenes.get(scene)
        told = scene_of(camera, scene)
        if seen is None or (known.steady_since is not None and seen.at < known.steady_since):
            return f"{told} has not been told yet"
        if seen.doubt:
            return f"{told}: {seen.doubt}"
        return f"{told} is stale" if abs(now - seen.at) > self._scene_stale_after else None

    def scene(self, camera: str, scene: str) -> SeenScene | None:
        known = self.cameras.get(camera)
        return known.scenes.get(scene) if known else None

    def settles(self, name: str, now: datetime) -> bool:
        """Whether the camera sees again for so short a time that somebody may stand there unconfirmed."""
        camera = self.cameras.get(name)
        since = camera.steady_since if camera else None
        return since is None or abs(now - since) < self._settle

    def ajar(self, name: str, now: datetime) -> str:
        """In which word that door is not surely shut; empty where it is."""
        _, until = self._released.get(name, ("", now))
        door = self.door(name)
        return how_ajar(door.mode, door.alarm, door.contact, door.lock) or ("released" if now < until else "")

    def unwatched(self, name: str, since: datetime, now: datetime) -> str:
        """Why that camera may have missed something from then until now; empty where it saw all the while."""
        doubt = self.doubt(name, now)
        steady = self.cameras[name].steady_since if name in self.cameras else None
        if doubt is None and (steady is None or steady > since):
            return f"camera {name} did not see all the while"
        return doubt or ""

    def camera_state(self, name: str, now: datetime) -> str:
        """A word of CAMERA_STATES: always known, stale when nothing was heard in time."""
        camera = self.cameras.get(name)
        if camera is None or camera.heard_at is None:
            return "stale"
        return "stale" if abs(now - camera.heard_at) > self._stale_after else camera.state

    def count(self, name: str, label: str, zone: str | None, now: datetime) -> int:
        """Tracks of that label seen within the last `stale_after_s`, in that zone or anywhere."""
        camera = self.cameras.get(name)
        if camera is None:
            return 0
        found = 0
        for track in camera.tracks.values():
            if track.label == label and not track.is_gone and (zone is None or zone in track.zones):
                found += abs(now - track.at) <= self._stale_after
        return found

    def silent_cameras(self, now: datetime) -> list[str]:
        """Cameras whose worker reported once and has now been silent for `silent_after_s`."""
        limit = timedelta(seconds=self._settings.silent_after_s)
        return [
            name
            for name, camera in self.cameras.items()
            if camera.reported_at is not None
            and not camera.is_file
            and camera.state not in BLIND_STATES
            and now - camera.reported_at > limit
        ]

    # --- cooldown and health ---

    def cools(self, key: CooldownKey, at: datetime, cooldown_s: float) -> bool:
        """Whether a rule fired under that key less than `cooldown_s` ago (or, by skew, ahead)."""
        last = self._cooldowns.get(key)
        return last is not None and abs((at - last[0]).total_seconds()) < cooldown_s

    def start_cooldown(self, key: CooldownKey, at: datetime, cooldown_s: float) -> None:
        if len(self._cooldowns) >= MAX_COOLDOWNS:
            self._drop_cooldowns(at)
        self._cooldowns[key] = (at, cooldown_s)

    def _drop_cooldowns(self, now: datetime) -> None:
        """The ones that are over, and if that is not enough the oldest half."""
        running = [(at, key, length) for key, (at, length) in self._cooldowns.items() if _elapsed(at, now) < length]
        running.sort()
        kept = running[len(running) // 2 :] if len(running) > MAX_COOLDOWNS // 2 else running
        self._cooldowns = {key: (at, length) for at, key, length in kept}

    def uses(self, door: str, code: str, at: datetime) -> bool:
        """True the first time that a code which counts once is presented at that door."""
        if len(self._used) >= MAX_USED:
            oldest = sorted(self._used, key=self._used.__getitem__)
            for key in oldest[: MAX_USED // 2]:
                del self._used[key]
        is_new = (door, code) not in self._used
        self._used.setdefault((door, code), at)
        return is_new

    def begins_to_degrade(self, cause: str, at: datetime) -> bool:
        """True once per cause and `health_repeat_s`."""
        last = self._degraded.get(cause)
        if last is not None and abs(_elapsed(last[0], at)) < self._settings.health_repeat_s:
            return False
        if len(self._degraded) > MAX_COOLDOWNS:
            self._degraded.clear()
        self._degraded[cause] = (at, True)
        return True

    @property
    def is_degraded(self) -> bool:
        """Whether any cause was told, be it over or not."""
        return bool(self._degraded)

    def restore(self, about: str) -> tuple[str, ...]:
        """The causes about that (`camera front`) that were told and are over now; each once."""
        over = {cause: at for cause, (at, lasts) in self._degraded.items() if lasts and _is_about(cause, about)}
        self._degraded |= {cause: (at, False) for cause, at in over.items()}
        return tuple(over)


def scene_of(camera: str, scene: str) -> str:
    """What a cause says it is about."""
    return f"scene {scene} of camera {camera}"


def _is_about(cause: str, about: str) -> bool:
    return cause.startswith((f"{about} ", f"{about}: "))


def _elapsed(since: datetime, now: datetime) -> float:
    return (now - since).total_seconds()
