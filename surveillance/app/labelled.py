"""The labels that people gave on the dashboard, as versions of a data set in the data directory."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from surveillance.app.store import Store
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.training.versions import DatasetVersion

SITE = "site"  # the data set of the site's own cameras
_NAMED = re.compile(r"\bsite/v\d+\b")


def dataset_folder(settings: Settings) -> Path:
    """Where the versions lie."""
    return settings.data_dir / "datasets" / SITE


def collect(settings: Settings, store: Store, out: Path | None = None) -> DatasetVersion:
    """The version that holds every label so far: a new one, or the newest where no label has changed since.

    Older ones than `labeling.versions_max` go, but for those that a model card names. Versions in another folder `out`
    are counted by themselves, and none of them goes. Raises DataError when there is no label.
    """
    from surveillance.training.versions import Labeled, prune, write_version

    labeled = (
        Labeled(
            id=crop.id,
            picture=store.crops.path(crop.id),
            box=crop.box,
            camera=crop.camera,
            subject=crop.subject,
            label=crop.label or "",
            labeled_by=crop.labeled_by or "",
            at=crop.at,
            event=crop.event,
        )
        for crop in store.labels.labeled()
    )
    folder = out or dataset_folder(settings)
    with _alone(folder):
        made = write_version(folder, labeled)
        if out is None:
            prune(folder, settings.labeling.versions_max, named_versions(settings))
    return made


def versions(settings: Settings) -> list[DatasetVersion]:
    """Those in the data directory, oldest first."""
    from surveillance.training.versions import list_versions

    return list_versions(dataset_folder(settings))


def named_versions(settings: Settings) -> frozenset[str]:
    """The versions that model cards name, wherever on the card."""
    cards = (path for folder in settings.model_dirs for path in folder.glob("*.yaml"))
    return frozenset(name for path in cards for name in _NAMED.findall(path.read_text(encoding="utf-8")))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time, also when a job and a person collect at the same moment."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
