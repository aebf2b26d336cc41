"""The keys of a site file, what each may hold, and how they become the values of `domain.site`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from shapely import Polygon

from surveillance import plugins
from surveillance.domain import duress
from surveillance.domain.addresses import check_camera
from surveillance.domain.areas import OUTSIDE
from surveillance.domain.devices import MQTT_PORTS, READER_WIRES, check_device, scheme_of, wire_of
from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Line, Point, Zone
from surveillance.domain.levels import AccessLevel, level_faults
from surveillance.domain.site import (
    ASKING,
    CAMERA_TASKS,
    FACE_TASKS,
    USUAL_SENSITIVITY,
    Arming,
    Camera,
    Credential,
    Door,
    NotifyTarget,
    Person,
    SceneWatch,
    Schedule,
    Site,
)
from surveillance.domain.suggest import no_such, suggestion
from surveillance.domain.threats import LEVELS, LOCKDOWN
from surveillance.storage.keys import HASHED

Place = tuple[str | int, ...]
PINS = ("pin", duress.KIND)


def _name(text: str) -> str:
    if not re.fullmatch(r"\w[\w .-]{0,99}", text):
        raise ValueError(f"{text!r} is no name; use letters, digits, blanks, dots, - and _, at most 100")
    return text


def _area(text: str) -> str:
    return text if text == OUTSIDE else _name(text)


def _person_name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > 100:
        raise ValueError(f"{text!r} is no name; write at most 100 printable characters")
    return text


def _pair(value: object) -> object:
    """JSON and YAML have lists only, which is no reason to take other things for a point."""
    return tuple(value) if isinstance(value, list) else value


def _point(point: Point) -> Point:
    if not all(0.0 <= part <= 1.0 for part in point):
        raise ValueError(f"[{point[0]:g}, {point[1]:g}] is outside the picture; coordinates go from 0 to 1")
    return point


def _polygon(points: list[Point]) -> list[Point]:
    if len(points) < 3:
        raise ValueError(f"needs at least 3 points (there are {len(points)})")
    shape = Polygon(points)
    if not shape.is_valid or shape.area == 0:
        raise ValueError("its edges cross or enclose nothing; list the corners in the order of walking around")
    return points


def _camera_url(url: str) -> str:
    scheme, mark, _ = url.partition("://")
    known = plugins.names("sources")
    if mark and scheme.lower() not in known:
        raise ValueError(f"{scheme}:// is no camera address; use one of {', '.join(known)}")
    if not url.strip():
        raise ValueError("is empty; write the camera's address, such as rtsp://user:password@10.0.0.9/stream1")
    with _refusals():
        check_camera(url, loopback=True, files=True)
    return url


def _task(name: str) -> str:
    if name not in CAMERA_TASKS:
        raise ValueError(no_such("task", name, CAMERA_TASKS))
    return name


def _credential(value: str) -> str:
    if value.startswith(HASHED) and not re.fullmatch(r"[0-9a-f]{64}", value.removeprefix(HASHED)):
        raise ValueError(f"starts with {HASHED} but is no such hash; copy it whole, or write what the reader reads")
    return value


def _relay_url(url: str) -> str:
    known = plugins.names("relays")
    if wire_of(url) not in known:
        shown = ", ".join(known)
        raise ValueError(f"is no address of {shown}; write the controller's, such as http://10.0.0.5/doors/front")
    with _refusals():
        check_device(url, "the controller's address", loopback=True)
    return url


def _reader(text: str) -> str:
    """A name for orientation, or the address of a reader that asks by itself."""
    if not scheme_of(text):
        return text
    if wire_of(text) not in READER_WIRES:
        raise ValueError(f"is no address of a reader: {scheme_of(text)}:// is none of {', '.join(READER_WIRES)}")
    with _refusals():
        check_device(text, "the reader's address", loopback=True)
    return text


def _notify_url(url: str) -> str:
    if url.lower().startswith(("http:", "https:", "mqtt:", "mqtts:")):
        with _refusals():
            check_device(url, "the target's address", loopback=True)
    return url


@contextmanager
def _refusals() -> Iterator[None]:
    """What the guard refuses, as a fault of the file; who writes one has a shell here, so it may name this machine."""
    try:
        yield
    except SettingsError as refused:
        raise ValueError(str(refused)) from None


def _utc(at: datetime) -> datetime:
    """A date or time without an offset counts as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _list(value: object) -> object:
    """`zones:` with nothing behind it is an empty list."""
    return [] if value is None else value


Named = Annotated[str, AfterValidator(_name)]
Corner = Annotated[Point, BeforeValidator(_pair), AfterValidator(_point)]
Corners = Annotated[list[Corner], AfterValidator(_polygon)]
CameraUrl = Annotated[str, AfterValidator(_camera_url)]
Reader = Annotated[str, AfterValidator(_reader)]
RelayUrl = Annotated[str, AfterValidator(_relay_url)]
Moment = Annotated[datetime, AfterValidator(_utc)]
Empty = BeforeValidator(_list)


AreaName = Annotated[str, BeforeValidator(lambda value: OUTSIDE if value is None else value), AfterValidator(_area)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ZoneModel(_Model):
    name: Named
    points: Corners
    restricted: bool = False


class LineModel(_Model):
    name: Named
    start: Corner
    end: Corner


class SceneModel(_Model):
    name: Named
    model: Annotated[str, Field(min_length=1)]
    zone: str | None = None
    every_s: float = Field(default=2.0, ge=0.2, le=10)
    hold_s: float = Field(default=3.0, ge=0, le=600)
    min_confidence: float = Field(default=0.6, ge=0, lt=1)


class CameraModel(_Model):
    name: Named
    url: CameraUrl
    sub_url: CameraUrl | None = None
    zones: Annotated[list[ZoneModel], Empty] = []
    lines: Annotated[list[LineModel], Empty] = []
    masks: Annotated[list[Corners], Empty] = []
    model: str | None = None
    analyze_fps: float = Field(default=5.0, gt=0, le=60)
    view: Literal["side", "top"] = "side"
    enabled: bool = True
    sensitivity: int = Field(default=USUAL_SENSITIVITY, ge=1, le=100)
    min_confidence: float = Field(default=0.0, ge=0, lt=1)
    tasks: Annotated[list[Annotated[str, AfterValidator(_task)]], Empty] = []
    proposer: Literal["motion", "detector"] = "motion"
    blur: Literal["none", "people"] = "none"
    purpose: str = Field(default="", max_length=500, validate_default=True)
    scenes: Annotated[list[SceneModel], Empty] = []

    @field_validator("purpose")
    @classmethod
    def _say_why(cls, purpose: str, info: ValidationInfo) -> str:
        if FACE_TASKS & set(info.data.get("tasks") or ()) and not purpose.strip():
            raise ValueError(
                "says nothing, and this camera is told to recognize faces: write why, such as `staff at the back door`"
            )
        return purpose


class DoorModel(_Model):
    name: Named
    camera: str | None = None
    reader: Reader | None = None
    relay: RelayUrl | None = None
    pulse_s: float = Field(default=3.0, gt=0, le=60)
    on_camera_stale: Literal["deny", "badge_only"] = "deny"
    camera_asks: Literal["no", "plates", "badges", "both"] = "no"
    camera_zone: str | None = None
    watch: Literal["no", "poll", "push"] = "no"
    from_area: AreaName = Field(default=OUTSIDE, alias="from")
    to_area: AreaName = Field(default=OUTSIDE, alias="to")
    antipassback: Literal["off", "soft", "hard"] = "off"
    interlock: Named | None = None
    line: str | None = None
    lockdown_exempt: bool = False

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    @field_validator("watch")
    @classmethod
    def _can_be_asked(cls, watch: str, info: ValidationInfo) -> str:
        if watch == "poll" and not (info.data.get("relay") or "").startswith(("http://", "https://")):
            raise ValueError("poll asks the door's relay over HTTP, and this door has no such relay: write push")
        return watch


class CredentialModel(_Model):
    kind: Literal["badge", "card", "pin", "plate", "qr", "phone", "duress"]
    value: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_credential)]
    enabled: bool = True
    valid_from: Moment | None = None
    valid_until: Moment | None = None


class PersonModel(_Model):
    name: Annotated[str, AfterValidator(_person_name)]
    groups: Annotated[list[Named], Empty] = []
    escort: Named | None = None
    credentials: Annotated[list[CredentialModel], Empty] = []


class LevelModel(_Model):
    name: Named
    groups: Annotated[list[Named], Field(min_length=1)]
    doors: Annotated[list[str], Field(min_length=1)]
    schedule: str | None = None
    two_persons: bool = False
    opened_by: Named | None = None


class NotifyModel(_Model):
    name: Named
    kind: str
    url: Annotated[str, AfterValidator(_notify_url)] = ""
    secret: str | None = None


class ArmingModel(_Model):
    default: Named
    modes: dict[Named, str] = {}


class SiteModel(_Model):
    """The whole file but `schedules:` and `rules:`, which have parsers of their own."""

    cameras: Annotated[list[CameraModel], Empty] = []
    doors: Annotated[list[DoorModel], Empty] = []
    people: Annotated[list[PersonModel], Empty] = []
    access_levels: Annotated[list[LevelModel], Empty] = []
    notify: Annotated[list[NotifyModel], Empty] = []
    arming: ArmingModel | None = None
    threat_levels: Annotated[list[Named], BeforeValidator(lambda value: LEVELS if value is None else value)] = [*LEVELS]

    def contradictions(self) -> Iterator[tuple[Place, str]]:
        """What each part says rightly but the parts say wrongly together."""
        yield from _twice(("cameras",), "camera", [camera.name for camera in self.cameras])
        for number, camera in enumerate(self.cameras):
            here: Place = ("cameras", number)
            yield from _twice((*here, "zones"), "zone", [zone.name for zone in camera.zones])
            yield from _twice((*here, "lines"), "line", [line.name for line in camera.lines])
            for index, line in enumerate(camera.lines):
                if line.start == line.end:
                    yield (*here, "lines", index, "end"), "is where the line starts; give two different points"
            yield from _scene_faults(here, camera)
        yield from self._door_faults()
        yield from _twice(("people",), "person", [person.name for person in self.people])
        yield from self._credential_faults()
        yield from _twice(("threat_levels",), "threat level", self.threat_levels)
        if not self.threat_levels or self.threat_levels[0] == LOCKDOWN:
            yield ("threat_levels",), f"starts with the usual level, which is not {LOCKDOWN}"
        yield from _twice(("access_levels",), "access level", [level.name for level in self.access_levels])
        yield from self._notify_faults()

    def level_faults(self, schedules: Collection[str]) -> Iterator[tuple[Place, str]]:
        """Doors and schedules that access levels name and that are not there."""
        doors = [door.name for door in self.doors]
        for number, field, words in level_faults(build_levels(self), doors, schedules):
            yield ("access_levels", number, field), words

    def arming_faults(self, schedules: Collection[str]) -> Iterator[tuple[Place, str]]:
        """Schedules that arming names and that are not there, and the one name that no mode may have."""
        for mode, schedule in self.arming.modes.items() if self.arming else ():
            if mode == "auto":
                yield ("arming", "modes", mode), "auto means that the schedules decide; name the mode otherwise"
            if schedule not in schedules:
                yield ("arming", "modes", mode), f"unknown schedule {schedule!r}; {suggestion(schedule, schedules)}"

    def _door_faults(self) -> Iterator[tuple[Place, str]]:
        yield from _twice(("doors",), "door", [door.name for door in self.doors])
        cameras = {camera.name: camera for camera in self.cameras}
        for number, door in enumerate(self.doors):
            for field, words in area_faults(door):
                yield ("doors", number, field), words
            if door.camera is None and door.line is not None:
                yield ("doors", number, "line"), "is a line of its camera, and this door has none"
            if door.camera is not None and door.camera not in cameras:
                yield ("doors", number, "camera"), f"unknown camera {door.camera!r}; {suggestion(door.camera, cameras)}"
            elif door.camera is not None:
                for field, words in asking_faults(door, cameras[door.camera]):
                    yield ("doors", number, field), words

    def _credential_faults(self) -> Iterator[tuple[Place, str]]:
        owners: dict[tuple[str, str], str] = {}
        for number, person in enumerate(self.people):
            for index, credential in enumerate(person.credentials):
                place: Place = ("people", number, "credentials", index)
                owner = owners.setdefault((credential.kind, credential.value), person.name)
                # a PIN is no identity: two people may choose the same one
                if credential.kind not in ("pin", "duress") and (
                    owner != person.name or (index > 0 and _repeated(person, index))
                ):
                    yield place, f"this {credential.kind} belongs to {owner} already; one credential, one person"
                if credential.valid_from and credential.valid_until and credential.valid_until <= credential.valid_from:
                    yield (*place, "valid_until"), "is not after valid_from"
                pins = [other.value for other in person.credentials if other.kind == "pin"]
                if credential.kind == duress.KIND and credential.value in pins:
                    yield (*place, "value"), "this PIN cannot be used; choose another"

    def _notify_faults(self) -> Iterator[tuple[Place, str]]:
        yield from _twice(("notify",), "notification target", [target.name for target in self.notify])
        kinds = plugins.names("actions")
        for number, target in enumerate(self.notify):
            place: Place = ("notify", number)
            if target.kind not in kinds:
                yield (*place, "kind"), f"unknown kind {target.kind!r}; {suggestion(target.kind, kinds)}"
            if target.kind == "webhook" and not target.url.startswith(("http://", "https://")):
                yield (*place, "url"), "a webhook needs an address that starts with https:// or http://"
            if target.kind == "mqtt" and scheme_of(target.url) not in MQTT_PORTS:
                yield (*place, "url"), "an mqtt target needs an address such as mqtt://broker/alerts"


def build_site(model: SiteModel, schedules: tuple[Schedule, ...], rules: str) -> Site:
    """The domain's values of a model without contradictions."""
    return Site(
        cameras=tuple(build_camera(camera) for camera in model.cameras),
        doors=tuple(Door(**door.model_dump(by_alias=False)) for door in model.doors),
        people=tuple(
            Person(
                name=person.name,
                groups=frozenset(person.groups),
                credentials=tuple(Credential(**item.model_dump()) for item in person.credentials),
                escort=person.escort,
            )
            for person in model.people
        ),
        schedules=schedules,
        notify=tuple(NotifyTarget(**target.model_dump()) for target in model.notify),
        rules=rules,
        arming=None if model.arming is None else Arming(model.arming.default, tuple(model.arming.modes.items())),
        threat_levels=tuple(model.threat_levels),
        access_levels=build_levels(model),
    )


def build_levels(model: SiteModel) -> tuple[AccessLevel, ...]:
    return tuple(
        AccessLevel(
            level.name,
            frozenset(level.groups),
            frozenset(level.doors),
            level.schedule,
            level.two_persons,
            level.opened_by,
        )
        for level in model.access_levels
    )


def build_camera(camera: CameraModel) -> Camera:
    """The domain's camera."""
    return Camera(
        name=camera.name,
        url=camera.url,
        sub_url=camera.sub_url,
        zones=tuple(Zone(zone.name, tuple(zone.points), zone.restricted) for zone in camera.zones),
        lines=tuple(Line(line.name, line.start, line.end) for line in camera.lines),
        masks=tuple(tuple(mask) for mask in camera.masks),
        model=camera.model,
        analyze_fps=camera.analyze_fps,
        view=camera.view,
        enabled=camera.enabled,
        sensitivity=camera.sensitivity,
        min_confidence=camera.min_confidence,
        tasks=tuple(dict.fromkeys(camera.tasks)),
        proposer=camera.proposer,
        blur=camera.blur,
        purpose=camera.purpose.strip(),
        scenes=tuple(SceneWatch(**scene.model_dump()) for scene in camera.scenes),
    )


def _scene_faults(here: Place, camera: CameraModel) -> Iterator[tuple[Place, str]]:
    zones = [zone.name for zone in camera.zones]
    yield from _twice((*here, "scenes"), "scene", [scene.name for scene in camera.scenes])
    for index, scene in enumerate(camera.scenes):
        if scene.zone is not None and scene.zone not in zones:
            yield (*here, "scenes", index, "zone"), no_such("zone", scene.zone, zones)


def asking_faults(door: DoorModel | Door, camera: CameraModel | Camera) -> Iterator[tuple[str, str]]:
    """A camera presents only what it reads, and only where it looks: field and fault."""
    for task in ASKING[door.camera_asks]:
        if task not in camera.tasks:
            yield "camera_asks", f"camera {camera.name} does not read {task}: switch its task {task} on"
    if door.line is not None and all(line.name != door.line for line in camera.lines):
        yield "line", f"camera {camera.name} has no line {door.line!r}"
    if door.camera_zone is not None and all(zone.name != door.camera_zone for zone in camera.zones):
        yield "camera_zone", f"camera {camera.name} has no zone {door.camera_zone!r}"


def area_faults(door: DoorModel | Door) -> Iterator[tuple[str, str]]:
    """A door leads from one area into another, or says nothing of areas: field and fault."""
    if door.from_area == door.to_area:
        if door.from_area != OUTSIDE:
            yield "to", f"is {door.to_area!r} like `from`; a door leads from one area into another"
        elif door.antipassback != "off":
            yield "antipassback", f"says {door.antipassback}, but the door leads nowhere; write `from` and `to`"


def _repeated(person: PersonModel, index: int) -> bool:
    pairs = [(credential.kind, credential.value) for credential in person.credentials]
    return pairs[index] in pairs[:index]


def _twice(place: Place, what: str, names: Iterable[str]) -> Iterator[tuple[Place, str]]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield (*place, index, "name"), f"there are two of {what} {name!r}; rename one"
        seen.add(name)
