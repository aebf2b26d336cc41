"""The models of this process that look at whole pictures: one detector and one segmenter, shared by its cameras."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from surveillance.domain.errors import NotFound
from surveillance.domain.ports import Propose
from surveillance.domain.site import Camera
from surveillance.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from surveillance.perception.blur import PeopleBlur
    from surveillance.perception.cards import ModelCard
    from surveillance.perception.detect import Detector
    from surveillance.perception.segment import Segmenter

BLUR_SLACK_S = 10.0  # where people were is remembered so much longer than the video that is held
_opening = Lock()


def told_how_to_get(name: str, mistake: NotFound) -> NotFound:
    """The mistake; of weights that are known, how to get them."""
    from surveillance.training.known_weights import known_names

    if name.partition(":")[0] not in known_names():
        return mistake
    return NotFound(
        f"{name} is not here yet: `surveillance models pull {name}` gets it; without a network, pull and export it on "
        "a machine that has one, and `surveillance models import FILE`"
    )


def card_of_kind(settings: Settings, kind: str, name: str) -> ModelCard:
    """Raises NotFound, with what to do for a model that could be pulled, or ModelError."""
    from surveillance.perception.cards import find_card

    try:
        return find_card(name, settings.all_model_dirs, kind)
    except NotFound as mistake:
        raise told_how_to_get(name, mistake) from None


def detector_of(settings: Settings, model: str | None = None) -> Detector:
    """The settings' detector, or the one named; opened once in a process. Raises NotFound, ModelError."""
    card = card_of_kind(settings, "detector", model or settings.perception.detect.model)
    with _opening:
        return _opened(card.name, card.weights_sha256, settings.data_dir / "models", settings.all_model_dirs)


def segmenter_of(settings: Settings, model: str | None = None) -> Segmenter:
    """The same for the settings' segmenter, or the one named."""
    card = card_of_kind(settings, "segmenter", model or settings.perception.segment.model)
    with _opening:
        return _opened_segmenter(card.name, card.weights_sha256, settings.data_dir / "models", settings.all_model_dirs)


@lru_cache(maxsize=4)
def _opened(name: str, _digest: str, weights: Path, folders: tuple[Path, ...]) -> Detector:
    from surveillance.perception.cards import find_card
    from surveillance.perception.detect import build_detector

    return build_detector(find_card(name, folders, "detector"), weights)


@lru_cache(maxsize=4)
def _opened_segmenter(name: str, _digest: str, weights: Path, folders: tuple[Path, ...]) -> Segmenter:
    from surveillance.perception.cards import find_card
    from surveillance.perception.segment import build_segmenter

    return build_segmenter(find_card(name, folders, "segmenter"), weights)


def build_proposer(settings: Settings, camera: Camera) -> Propose:
    """What says where to look in a camera's pictures. Raises NotFound, ModelError for a detector that is missing."""
    from surveillance.perception.propose import DetectorProposer, MotionProposer

    propose = settings.perception.propose
    if camera.proposer == "motion":
        return MotionProposer(propose)
    detector = detector_of(settings)
    return DetectorProposer(detector.see, propose, not settings.perception.detect.classify, detector.card.name)


def build_blur(settings: Settings, camera: Camera) -> PeopleBlur | None:
    """What hides people in a camera's pictures, where that is asked for: by tracks, and by the models that are there.

    Raises NotFound, ModelError for a camera with a detector that is missing.
    """
    if camera.blur != "people":
        return None
    from surveillance.perception.blur import PeopleBlur

    find = detector_of(settings) if camera.proposer == "detector" else None
    try:
        silhouettes = segmenter_of(settings).people
    except NotFound:  # boxes do
        silhouettes = None
    return PeopleBlur(settings.ingest.ring_s + BLUR_SLACK_S, silhouettes, find)


def labelled_by(settings: Settings, camera: Camera) -> str:
    """The model that names what the camera's tracks are."""
    detect = settings.perception.detect
    if camera.proposer == "detector" and not detect.classify:
        return detect.model
    return camera.model or settings.perception.model
