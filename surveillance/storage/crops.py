"""Pictures of tracks that are worth a person's label, queued within bounds: a file each, and a row that names it.

The file is the track's best shot, masked like every picture; the row says where in it the subject is. A row means
that the whole file is on the disk; a file whose row is gone is removed at the next start.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update

from surveillance.domain.errors import NotFound, RecordFailed
from surveillance.domain.geometry import Box
from surveillance.domain.labels import Pick, Said, subject_of
from surveillance.domain.picture_size import picture_size
from surveillance.domain.values import Observation, Shot, new_id
from surveillance.storage.database import in_chunks, reading, writing
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.recordings import HeldFile
from surveillance.storage.rows import Row, box_of, box_row
from surveillance.storage.settings import LabelingSettings
from surveillance.storage.tables import crop, event, evidence, observation

WAITS = crop.c.labeled_at.is_(None)
_ORPHAN_AGE_S = 3600.0  # a younger file without a row may belong to a commit under way
_FREED = 200  # crops in one step

_log = logging.getLogger(__name__)


class Crops:
    """Puts crops into the inbox and takes them out again. Safe to share between threads."""

    def __init__(self, engine: Engine, files: EvidenceStore, settings: LabelingSettings | None = None) -> None:
        self._engine = engine
        self._files = files
        self._settings = settings or LabelingSettings()

    @property
    def directory(self) -> Path:
        return self._files.directory

    def path(self, crop_id: str) -> Path:
        """Where its picture lies. Raises ValueError for what is no id of a crop."""
        return self._files.path(f"{crop_id}.jpg")

    def queue(self, pick: Pick) -> str | None:
        """Its id; None when a crop of that track is there already. Beyond the bounds the oldest that wait fall out.

        Raises RecordFailed while the database is away, OSError when the picture cannot be written.
        """
        with reading(self._engine) as connection:
            if connection.execute(select(crop.c.id).where(crop.c.subject == pick.subject).limit(1)).first():
                return None
        crop_id = self._keep(pick)
        self._drop_beyond(pick.camera, pick.shot.at)
        return crop_id

    def queue_disagreement(self, seen: Observation, shot: Shot, other: Said) -> str | None:
        """Queues a track that another model says is something else than `seen.label`; as `queue`."""
        said = Said(seen.label, seen.confidence, seen.model)
        subject = subject_of(seen.camera, seen.track, seen.started_at)
        return self.queue(Pick("disagreed", seen.camera, subject, shot, said, seen.track, other=other))

    def correct(self, event_id: str, label: str, actor: str, pictures: EvidenceStore) -> str | None:
        """Keeps the picture of an event with the label that a person says is right; None where it is not there.

        Raises RecordFailed, and OSError when it cannot be written.
        """
        with reading(self._engine) as connection:
            row = _pictured(connection, event_id)
            known = row and _known(connection, row)
        if row is None:
            return None
        if known is None:
            try:
                shot = Shot(pictures.read(row.evidence), box_of(row._mapping), row.taken_at)
            except NotFound:
                return None
            known = self._keep(_pick_of(row, shot))
        answer = {"why": "corrected", "event": event_id, "label": label, "labeled_by": actor}
        with writing(self._engine) as connection:
            now = datetime.now(UTC)
            connection.execute(update(crop).where(crop.c.id == known).values(**answer, labeled_at=now))
        return known

    def drop(self, crop_ids: Sequence[str]) -> None:
        """Removes crops: from the record first, then from the disk."""
        for chunk in in_chunks(crop_ids):
            with writing(self._engine) as connection:
                connection.execute(delete(crop).where(crop.c.id.in_(chunk)))
            for name in chunk:
                self.path(name).unlink(missing_ok=True)

    def reconcile(self) -> dict[str, int]:
        """At start-up: removes files without a row and rows without a file; how many, by `orphans`, `missing`."""
        with reading(self._engine) as connection:
            named = set(connection.scalars(select(crop.c.id)))
        orphans = 0
        for path in self._files.files():
            if path.stem in named:
                named.discard(path.stem)
            elif time.time() - path.stat().st_mtime > _ORPHAN_AGE_S:
                path.unlink(missing_ok=True)
                orphans += 1
        self.drop(sorted(named))
        return {"orphans": orphans, "missing": len(named)}

    def _keep(self, pick: Pick) -> str:
        """The picture as a file, then its row."""
        crop_id = new_id()
        self._files.write(crop_id, pick.shot.jpeg)
        with writing(self._engine) as connection:
            connection.execute(insert(crop), [_row(crop_id, pick)])
        return crop_id

    def _drop_beyond(self, camera: str, at: datetime) -> None:
        """What exceeds the bounds of that camera's day, and then of the camera."""
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        of_camera = (WAITS, crop.c.camera == camera)
        of_day = (*of_camera, crop.c.at >= day, crop.c.at < day + timedelta(days=1))
        for where, most in ((of_day, self._settings.camera_day_max), (of_camera, self._settings.camera_max)):
            oldest = select(crop.c.id).where(*where).order_by(crop.c.at.desc(), crop.c.id.desc()).offset(most)
            with reading(self._engine) as connection:
                beyond = list(connection.scalars(oldest.limit(_FREED)))
            if beyond:
                self.drop(beyond)


class CropFiles:
    """The pictures of crops as files that may have to go: of those with a label, or of those that wait for one."""

    def __init__(self, engine: Engine, crops: Crops, labeled: bool) -> None:
        self._engine = engine
        self._crops = crops
        self.directory = crops.directory
        self._which: ColumnElement[bool] = crop.c.label.is_not(None) if labeled else crop.c.label.is_(None)

    def kept_bytes(self) -> int:
        """How much room they take."""
        with reading(self._engine) as connection:
            query = select(func.sum(crop.c.size_bytes)).where(self._which)
            return int(connection.execute(query).scalar_one() or 0)

    def oldest(self, limit: int, before: datetime | None = None) -> Sequence[HeldFile]:
        """The ones that go first."""
        query = select(crop.c.at, crop.c.id, crop.c.size_bytes).where(self._which)
        if before is not None:
            query = query.where(crop.c.at < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(crop.c.at, crop.c.id).limit(limit))
            return [HeldFile(row.at, row.id, row.size_bytes) for row in rows]

    def remove(self, names: Sequence[str], why: str) -> None:
        """Deletes them with their rows."""
        self._crops.drop(names)


class CorrectedCrops:
    """Keeps the picture of each corrected event in the inbox, with its label. A full disk costs that picture only."""

    def __init__(self, crops: Crops, pictures: EvidenceStore) -> None:
        self._crops = crops
        self._pictures = pictures

    def __call__(self, event_id: str, label: str, actor: str) -> None:
        try:
            self._crops.correct(event_id, label, actor, self._pictures)
        except (OSError, RecordFailed) as error:
            _log.error("crop of a corrected label not kept", extra={"id": event_id, "reason": str(error)})


def _row(crop_id: str, pick: Pick) -> Row:
    jpeg, other = pick.shot.jpeg, pick.other
    width, height = picture_size(jpeg) or (1, 1)
    return {
        "id": crop_id,
        "at": pick.shot.at,
        "camera": pick.camera,
        "subject": pick.subject,
        "track": pick.track,
        "event": pick.event,
        "why": pick.why,
        "guess": pick.said.label,
        "confidence": float(pick.said.confidence),
        "model": pick.said.model,
        "other_guess": other and other.label,
        "other_confidence": other and float(other.confidence),
        "other_model": other and other.model,
        **box_row(pick.shot.box),
        "aspect": width / height,
        "size_bytes": len(jpeg),
        "sha256": hashlib.sha256(jpeg).hexdigest(),
    }


def _pictured(connection: Connection, event_id: str) -> Any:
    """The event with its picture and the observation that it rests on; None where no picture is kept."""
    query = (
        select(event.c.id, event.c.camera, event.c.track, event.c.label, event.c.confidence, event.c.evidence,
               evidence.c.at.label("taken_at"), evidence.c.x1, evidence.c.y1, evidence.c.x2, evidence.c.y2,
               evidence.c.sha256, observation.c.started_at, observation.c.model)
        .join(evidence, evidence.c.name == event.c.evidence)
        .outerjoin(observation, observation.c.number == event.c.input)
        .where(event.c.id == event_id, evidence.c.gone.is_(None))
    )  # fmt: skip
    return connection.execute(query).one_or_none()


def _known(connection: Connection, row: Any) -> str | None:
    """The crop that shows this very picture of this track, or was kept for this event before."""
    same = (crop.c.subject == _subject(row)) & (crop.c.sha256 == row.sha256)
    corrected = (crop.c.event == row.id) & (crop.c.why == "corrected")
    found: str | None = connection.execute(select(crop.c.id).where(same | corrected).limit(1)).scalar_one_or_none()
    return found


def _subject(row: Any) -> str:
    if row.track is None or row.started_at is None:  # the observation has gone by its days
        return f"event:{row.id}"
    return subject_of(row.camera, row.track, row.started_at)


def _pick_of(row: Any, shot: Shot) -> Pick:
    said = Said(row.label or "", row.confidence or 0.0, row.model or "")
    return Pick("corrected", row.camera, _subject(row), shot, said, row.track, row.id)


def crop_box(row: Any) -> Box:
    """Where the subject of a crop's row is in its picture."""
    return Box(row.x1, row.y1, row.x2, row.y2)
