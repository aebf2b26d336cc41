"""A picture in, lines of text out, each with its place and how sure it is: RapidOCR (PP-OCRv6) on OpenVINO.

Its models lie in its package; nothing is fetched. One reader a process, one thread, whoever asks waits in turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from surveillance.domain.errors import ModelError
from surveillance.domain.geometry import WHOLE, Box
from surveillance.domain.values import Bgr

LONG_SIDE_PX = 960  # to which smaller pictures are enlarged, at most so many times
MOST_ENLARGED = 3.0
LEAST_SIDE_PX = 8
STRIP = (2.0, 40)  # a picture so many times wider than high, and so low, is one line of text itself
PARTS = ("Det", "Cls", "Rec")
REMEDY = "install the package again: pip install 'rapidocr<3.10'"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, where it is in the picture that was read, and how sure the reading is, 0..1."""

    text: str
    confidence: float
    box: Box


ReadText = Callable[[Bgr], tuple[Line, ...]]  # from the top down, each row from the left


class RapidOcrReader:
    """Implements ReadText. Safe to share between threads."""

    def __init__(self) -> None:
        """Raises ModelError where the package or its models cannot be used."""
        self._lock = threading.Lock()
        with failing_as_model():
            self._ocr = _load()

    def __call__(self, picture: Bgr) -> tuple[Line, ...]:
        height, width = picture.shape[:2]
        if min(height, width) < LEAST_SIDE_PX:
            return ()
        with self._lock, failing_as_model():
            if width >= STRIP[0] * height and height <= STRIP[1]:
                return _strip(self._ocr, picture)
            return _lines(self._ocr, _enlarged(picture))


@lru_cache(maxsize=1)
def text_reader() -> RapidOcrReader:
    """The one reader of this process, loaded when it is first asked for. Raises ModelError."""
    return RapidOcrReader()


@contextmanager
def failing_as_model() -> Iterator[None]:
    """What the package cannot do is a ModelError that says what helps."""
    try:
        from rapidocr.inference_engine.openvino.main import OpenVINOError
    except ImportError as error:
        raise ModelError(f"text cannot be read: {error}; {REMEDY}") from error
    try:
        yield
    except (OpenVINOError, OSError, RuntimeError, ValueError) as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise ModelError(f"text cannot be read: {cause}; {REMEDY}") from error


def _load() -> Any:
    from rapidocr import EngineType, RapidOCR

    settings: dict[str, Any] = {f"{part}.engine_type": EngineType.OPENVINO for part in PARTS}
    settings |= {
        "Global.log_level": "error",
        "Global.use_cls": False,  # what tells text that stands on its head
        "Det.limit_type": "max",
        "EngineConfig.openvino.inference_num_threads": 1,
    }
    return RapidOCR(params=settings)


def _enlarged(picture: Bgr) -> Bgr:
    scale = min(LONG_SIDE_PX / max(picture.shape[:2]), MOST_ENLARGED)
    if scale <= 1.0:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)


def _strip(ocr: Any, picture: Bgr) -> tuple[Line, ...]:
    """The picture as one line of text."""
    found = ocr(picture, use_det=False)
    texts, scores = found.txts or ("",), found.scores or (0.0,)
    return (Line(texts[0], float(scores[0]), WHOLE),) if texts[0].strip() else ()


def _lines(ocr: Any, picture: Bgr) -> tuple[Line, ...]:
    found = ocr(picture, use_det=True)
    texts: Sequence[str] = getattr(found, "txts", None) or ()
    if not texts:
        return ()
    size = np.array([picture.shape[1], picture.shape[0]])
    corners = np.clip(np.asarray(found.boxes) / size, 0.0, 1.0)
    return tuple(
        Line(text, float(score), Box(*map(float, (*place.min(axis=0), *place.max(axis=0)))))
        for text, score, place in zip(texts, found.scores, corners, strict=True)
    )
