"""Faces from the command line: found, judged and compared in pictures, and an embedding measured on known persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surveillance.app.looking import open_picture
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.domain.faces import FaceFigures
    from surveillance.domain.values import Bgr
    from surveillance.perception.faces import Face
    from surveillance.training.faces import FaceReport


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A picture and the faces in it."""

    path: Path
    picture: Bgr
    faces: tuple[Face, ...]


def find_faces(settings: Settings, images: Sequence[Path]) -> Iterator[LookedAt]:
    """The faces of each picture, largest first. Raises SourceError, ModelError or NotFound."""
    from surveillance.perception.face_models import open_finder

    find = open_finder(settings.perception.faces, settings.model_dirs)
    for path in images:
        picture = open_picture(path)
        yield LookedAt(path, picture, find(picture))


def compare_faces(settings: Settings, looked: Sequence[LookedAt]) -> tuple[list[list[float]], FaceFigures | None]:
    """How alike each face of the first picture is to each of the second, and what that was measured to mean."""
    from surveillance.perception.face_models import figures_of, open_faces

    models = open_faces(settings.perception.faces, settings.model_dirs)
    first, second = ([models.embed(face.aligned) for face in each.faces] for each in looked)
    return [[float(one @ other) for other in second] for one in first], figures_of(models.card)


def paint(looked: LookedAt, to: Path) -> Path:
    """The picture with its faces outlined: green where one is good enough, with its number."""
    from surveillance.perception.faces import paint_faces

    to.write_bytes(paint_faces(looked.picture, looked.faces))
    return to


def evaluate(settings: Settings, folder: Path, report: Path | None) -> FaceReport:
    """Measures the embedding on a folder with one folder of pictures for each person.

    Raises DataError, ModelError or NotFound.
    """
    from tqdm import tqdm

    from surveillance.perception.face_models import open_faces
    from surveillance.training import faces

    people = faces.list_faces(folder)
    models = open_faces(settings.perception.faces, settings.model_dirs)
    gathered = faces.gather(
        people, models.find, models.embed, lambda steps: tqdm(list(steps), disable=None, leave=False)
    )
    measured = faces.measure(gathered, f"{folder.name}, {len(people)} persons")
    if report is not None:
        faces.save_report(measured, report)
    return measured


def keep_figures(settings: Settings, figures: FaceFigures) -> Path:
    """Writes what was measured on the embedding's card in the data directory; returns that."""
    from surveillance.perception.cards import FACE_EMBEDDING
    from surveillance.perception.face_models import FIGURES, chosen_card
    from surveillance.perception.shelf import write_model

    card = chosen_card(FACE_EMBEDDING, settings.perception.faces.embedding, settings.model_dirs)
    metrics: dict[str, Any] = {**card.metrics, FIGURES: asdict(figures)}
    return write_model(replace(card, metrics=metrics), {}, settings.data_dir / "models")
