"""What a scene's camera shows now: asked of its model once, or collected as labeled pictures to train one with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tqdm import tqdm

from surveillance.app.cameras import camera_or_address, find_camera
from surveillance.app.site_edit import open_site
from surveillance.app.watch import camera_name
from surveillance.app.worker import build_classifier, source_options
from surveillance.domain.errors import NotFound, SettingsError, SourceError
from surveillance.domain.geometry import WHOLE, Box
from surveillance.domain.site import Camera, SceneWatch
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Classification, Frame, rfc3339
from surveillance.settings import Settings
from surveillance.storage.camera_edits import find_scene

QUALITY = 92
LARGEST_PX = 640  # wider than any model looks at


@dataclass(frozen=True, slots=True)
class CollectOrder:
    """Pictures of a part of a camera while it is in a known state.

    `files` are looked at in place of the camera, or what is kept of its events from `since` on.
    """

    camera: str
    scene: str
    state: str
    zone: str | None = None  # of a scene that is not watched yet; None: as it is watched, else the whole picture
    files: Sequence[Path] = ()
    seconds: float | None = None  # None: a minute of a camera, all of a file
    every_s: float = 1.0
    to: Path | None = None
    since: datetime | None = None
    until: datetime | None = None


def try_scene(settings: Settings, camera: str, scene: str) -> tuple[Classification, bytes]:
    """What the scene's model says of it now, and the picture it was shown as JPEG. Raises NotFound as `look_once`."""
    watched = find_camera(settings, camera)
    return look_once(settings, watched, find_scene(watched, scene))


def look_once(settings: Settings, camera: Camera, scene: SceneWatch) -> tuple[Classification, bytes]:
    """Raises NotFound, SourceError, ModelError."""
    from surveillance.ingest.pictures import BgrPicture, encode_jpeg
    from surveillance.perception.scenes import watched_part

    classifier = build_classifier(settings, scene.model)
    for frame in frames_of(settings, camera, 0.0):
        crop = frame.picture.crop(watched_part(camera, scene))
        return classifier([crop])[0], encode_jpeg(BgrPicture(crop), LARGEST_PX, QUALITY)
    raise SourceError(f"{camera.shown_url} gave no picture", "no_video")


def collect(settings: Settings, order: CollectOrder) -> tuple[Path, int]:
    """Writes the pictures into a folder per state; returns where, and how many.

    A file's name tells its source, so that whole sources can be held out. Raises NotFound, SettingsError, SourceError.
    """
    from surveillance.ingest.pictures import BgrPicture, encode_jpeg

    if not order.state.strip() or Path(order.state).name != order.state:
        raise SettingsError(f"{order.state!r} is no state; write a word such as open")
    camera = camera_or_address(settings, order.camera)
    if order.since is not None:
        order = replace(order, files=kept_files(settings, camera, order.since, order.until or datetime.now(UTC)))
    box = part_for(camera, order)
    folder = (order.to or settings.data_dir / "datasets" / "scenes" / order.scene) / order.state
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for source in sources_of(camera, order):
        limit_s = order.seconds if order.seconds is not None else None if order.files else 60.0
        for number, frame in enumerate(thinned(frames_of(settings, source, limit_s), order.every_s), 1):
            picture = BgrPicture(frame.picture.crop(box))
            name = f"{source.name}_{number:04}.jpg"
            (folder / name).write_bytes(encode_jpeg(picture, LARGEST_PX, QUALITY))
            count += 1
    return folder, count


def kept_files(settings: Settings, camera: Camera, since: datetime, until: datetime) -> list[Path]:
    """The pictures and clips kept of a camera's events. Raises NotFound where there are none."""
    found = open_site(settings).recordings.of_camera(camera.name, since, until)
    if not found:
        raise NotFound(
            f"nothing is kept of camera {camera.name} between {rfc3339(since)} and {rfc3339(until)}; "
            "`surveillance events list` shows when something happened"
        )
    return found


def part_for(camera: Camera, order: CollectOrder) -> Box:
    """Of the scene where it is watched already, else of the zone, else all of the picture. Raises NotFound."""
    from surveillance.perception.scenes import watched_part

    known = next((scene for scene in camera.scenes if scene.name == order.scene), None)
    if order.zone is not None:
        if order.zone not in [zone.name for zone in camera.zones]:
            raise NotFound(no_such("zone", order.zone, [zone.name for zone in camera.zones]))
        known = SceneWatch(order.scene, "", order.zone)
    return WHOLE if known is None else watched_part(camera, known)


def sources_of(camera: Camera, order: CollectOrder) -> Iterator[Camera]:
    """The camera as it is, or once for each file; named as their pictures are, a live camera's by the time too."""
    files = order.files or ([Path(camera.url)] if Path(camera.url).is_file() else [])
    for file in files:
        if not file.is_file():
            raise SettingsError(f"{file}: there is no such file")
        yield replace(camera, name=camera_name(str(file)), url=str(file.resolve()), sub_url=None)
    if not files:
        yield replace(camera, name=f"{camera.name}-{datetime.now(UTC):%Y%m%dT%H%M%S}")


def frames_of(settings: Settings, camera: Camera, seconds: float | None) -> Iterator[Frame]:
    """The camera's analyzed pictures for so long, with a progress bar; always one. Raises SourceError."""
    from surveillance.ingest.sources import open_source

    source = open_source(camera.sub_url or camera.url, source_options(settings, camera))
    first: Frame | None = None
    total_s = source.duration_s if seconds is None else seconds
    with closing(source), tqdm(total=total_s, unit="s", desc=camera.name, disable=None, leave=False) as bar:
        for frame in source.frames():
            first = first or frame
            passed_s = (frame.captured_at - first.captured_at).total_seconds()
            bar.update(round(passed_s, 1) - bar.n)
            yield frame
            if seconds is not None and passed_s >= seconds:
                return


def thinned(frames: Iterator[Frame], every_s: float) -> Iterator[Frame]:
    due = None
    for frame in frames:
        if due is None or frame.captured_at >= due:
            due = frame.captured_at + timedelta(seconds=every_s)
            yield frame
