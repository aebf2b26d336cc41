"""Labeled crops become numbered versions of a data set: train and test trees with a manifest, never changed again.

A version holds its parent and what was labeled since. Whether a crop tests or trains follows from its track, for good:
later versions only add to the test part, so that models of different months can be compared on it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from surveillance.domain.errors import DataError
from surveillance.domain.geometry import Box
from surveillance.domain.values import rfc3339
from surveillance.places import sync_directory

TEST_SHARE = 0.3  # of the tracks; changing it would move none that is in a version
QUALITY = 95  # JPEG quality of a crop cut out of its picture
LICENCE = "the site's own footage"
_NO_NAME = re.compile(r"[^\w-]")
_VERSION = re.compile(r"v(\d+)")


@dataclass(frozen=True, slots=True)
class Labeled:
    """A picture with a label: where it lies, what part of it is meant, and which track it is of."""

    id: str
    picture: Path
    box: Box
    camera: str
    subject: str
    label: str
    labeled_by: str
    at: datetime
    event: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """A row of a version's manifest."""

    file: str  # PART/LABEL/CAMERA_ID.jpg
    label: str  # written as `class`
    source: str  # CAMERA/TRACK: pictures of one track are near-copies
    licence_as_stated: str
    camera: str
    labeled_by: str
    at: str
    event: str
    sha256: str

    @property
    def name(self) -> str:
        return self.file.rpartition("/")[2]

    @property
    def part(self) -> str:
        return self.file.partition("/")[0]


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A version on the disk. `digest` is of its files' places and contents: the same labels give the same."""

    name: str  # site/v3
    folder: Path
    digest: str
    made_at: str
    counts: Mapping[str, Mapping[str, int]]  # part -> class -> pictures
    parents: tuple[Mapping[str, str], ...] = ()  # name and digest of the version that it goes on from, then of its own
    added: int = 0
    relabeled: int = 0
    unreadable: int = 0  # labeled pictures that are no longer there, or no pictures
    is_new: bool = field(default=False, compare=False)

    @property
    def number(self) -> int:
        return int(self.name.rpartition("/v")[2])


def part_of(subject: str) -> str:
    """`test` for three tracks in ten, else `train`; the same for all crops of a track, on every machine, for ever."""
    drawn = int.from_bytes(hashlib.sha256(f"data set of labeled crops:{subject}".encode()).digest()[:6])
    return "test" if drawn < TEST_SHARE * 2**48 else "train"


def list_versions(folder: Path) -> list[DatasetVersion]:
    """Those in the folder, oldest first. Raises DataError for one that cannot be read."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _VERSION.fullmatch(path.name) and path.is_dir()]
    return sorted((load_version(path) for path in found), key=lambda version: version.number)


def load_version(folder: Path) -> DatasetVersion:
    """Raises DataError for a folder that is no version."""
    try:
        page = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        return DatasetVersion(folder=folder, **page | {"parents": tuple(page["parents"])})
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{folder} is no version of a data set: {error}; remove it, or restore it whole") from error


def write_version(folder: Path, labeled: Iterable[Labeled]) -> DatasetVersion:
    """The next version in the folder, or the newest again where no label has changed since.

    A crop of an earlier version stays, with the newest label that it was given. Raises DataError when there is nothing.
    """
    for draft in folder.glob(".v*"):
        shutil.rmtree(draft)
    versions = list_versions(folder)
    parent = versions[-1] if versions else None
    members = {member.name: member for member in (read_manifest(parent.folder) if parent else ())}
    fresh: list[tuple[Labeled, Member]] = []
    moved: dict[str, Member] = {}
    for crop in labeled:
        name = file_name(crop)
        known = members.get(name)
        if known is None:
            fresh.append((crop, _member(crop, name)))
        elif known.label != crop.label:
            moved[name] = _relabeled(known, crop)
    if parent is not None and not fresh and not moved:
        return parent
    made = _write(folder, parent, members, moved, fresh)
    if made is None and parent is None:
        raise DataError("no crop has a label yet; give some on the dashboard's page Labels, then collect again")
    return made or parent  # type: ignore[return-value]


def prune(folder: Path, keep: int, named: frozenset[str] = frozenset()) -> list[str]:
    """Removes all but the newest `keep` versions, and never one in `named`; the names of those that went."""
    gone = [version for version in list_versions(folder)[: -max(keep, 1)] if version.name not in named]
    for version in gone:
        shutil.rmtree(version.folder)
    return [version.name for version in gone]


def read_manifest(folder: Path) -> list[Member]:
    """The rows of a version's manifest, in its order. Raises DataError."""
    path = folder / "MANIFEST.tsv"
    try:
        rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), delimiter="\t")
        return [Member(**{"label": row.pop("class"), **row}) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}; restore the version whole") from error


def digest_of(members: Iterable[Member]) -> str:
    """SHA-256 over where each picture lies and what is in it."""
    lines = sorted(f"{member.file}\t{member.sha256}\n" for member in members)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# --- writing one ---------------------------------------------------------------------------------------------------


def file_name(crop: Labeled) -> str:
    """`CAMERA_ID.jpg`: what stands before the underscore names the source, as in every data folder."""
    return f"{_NO_NAME.sub('-', crop.camera)}_{crop.id}.jpg"


def _member(crop: Labeled, name: str) -> Member:
    source = crop.subject.replace(":", "/", 1) if crop.subject.startswith(f"{crop.camera}:") else crop.subject
    file = f"{part_of(crop.subject)}/{crop.label}/{name}"
    at, event = rfc3339(crop.at), crop.event or ""
    return Member(file, crop.label, source, LICENCE, crop.camera, crop.labeled_by, at, event, "")


def _relabeled(member: Member, crop: Labeled) -> Member:
    file = f"{member.part}/{crop.label}/{member.name}"
    return replace(member, file=file, label=crop.label, labeled_by=crop.labeled_by, event=crop.event or "")


def _write(
    folder: Path,
    parent: DatasetVersion | None,
    members: Mapping[str, Member],
    moved: Mapping[str, Member],
    fresh: Sequence[tuple[Labeled, Member]],
) -> DatasetVersion | None:
    """Into a hidden folder that gets its name when it is whole; None when nothing readable is new."""
    name = f"v{parent.number + 1 if parent else 1}"
    draft = folder / f".{name}"
    draft.mkdir(parents=True)
    try:
        cut = list(_cut_all(draft, fresh))
        if not cut and not moved:
            return None
        for member in members.values():
            if parent is not None:
                _link(parent.folder / member.file, draft / moved.get(member.name, member).file)
        whole = sorted([*{**members, **moved}.values(), *cut], key=lambda member: member.file)
        made = replace(
            _described(folder / name, parent, whole),
            added=len(cut),
            relabeled=len(moved),
            unreadable=len(fresh) - len(cut),
        )
        _save(draft / "MANIFEST.tsv", _manifest(whole))
        _save(draft / "dataset.json", _page(made))
        draft.rename(made.folder)
        sync_directory(folder)
        return made
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _described(folder: Path, parent: DatasetVersion | None, members: Sequence[Member]) -> DatasetVersion:
    return DatasetVersion(
        name=f"{folder.parent.name}/{folder.name}",
        folder=folder,
        digest=digest_of(members),
        made_at=rfc3339(datetime.now(UTC)),
        counts=_counts(members),
        parents=({"name": parent.name, "digest": parent.digest}, *parent.parents) if parent else (),
        is_new=True,
    )


def _page(version: DatasetVersion) -> str:
    page = {key: value for key, value in asdict(version).items() if key not in ("folder", "is_new")}
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def _cut_all(draft: Path, fresh: Sequence[tuple[Labeled, Member]]) -> Iterable[Member]:
    """The crops, cut out and written; those whose picture cannot be read are left out."""
    for crop, member in tqdm(fresh, "cutting out", unit="crop", leave=False, disable=None):
        jpeg = _cut(crop)
        if jpeg is not None:
            path = draft / member.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg)
            path.chmod(0o444)
            yield replace(member, sha256=hashlib.sha256(jpeg).hexdigest())


def _cut(crop: Labeled) -> bytes | None:
    with suppress(OSError):
        data = np.fromfile(crop.picture, np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if picture is not None:
            left, top, right, bottom = crop.box.pixels(picture.shape[1], picture.shape[0])
            part = picture[top:bottom, left:right]
            return bytes(cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])
    return None


def _link(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError as error:
        raise DataError(f"{source} is gone from its version; restore the version whole, or remove it") from error
    except OSError:
        shutil.copy2(source, target)


def _counts(members: Iterable[Member]) -> dict[str, dict[str, int]]:
    counted = Counter((member.part, member.label) for member in members)
    parts = sorted({part for part, _ in counted}, reverse=True)
    return {part: {label: n for (of, label), n in sorted(counted.items()) if of == part} for part in parts}


def _manifest(members: Iterable[Member]) -> str:
    names = ["class" if column.name == "label" else column.name for column in fields(Member)]
    text = io.StringIO()
    rows = csv.writer(text, delimiter="\t", lineterminator="\n")
    rows.writerow(names)
    for member in members:
        rows.writerow(getattr(member, column.name) for column in fields(Member))
    return text.getvalue()


def _save(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o444)
