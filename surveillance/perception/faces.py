"""A picture becomes its faces: where they are, whether they are good enough, and the vectors by which they are known.

YuNet (Wu, Peng and Yu, 2023) finds them through OpenCV; five points bring each into the usual place of 112 x 112
pixels; an embedding turns that into a vector of length one. A face of too low quality says why, and gets no vector:
blurred faces of different persons look alike to the network.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import ModelError
from surveillance.domain.geometry import Box
from surveillance.domain.values import Bgr
from surveillance.perception.cards import Input
from surveillance.perception.registry import preprocess
from surveillance.perception.settings import FaceSettings

SIDE = 112  # pixels of an aligned face
PLACES = np.array(  # of the eyes, the nose and the corners of the mouth in it (Deng et al., ArcFace)
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
SMALL = 224  # pixels of a picture's longer side
MOST_SIDE = 1024  # pixels of the copy that is looked at: the detector knows no larger faces than of 300
INNER = (slice(8, 104), slice(20, 92))  # rows and columns of it that are face, not hair or wall
MOST = 50  # faces of one picture
LEAST_SCORE = 0.6  # of what is a face at all

Points = NDArray[np.float32]  # (5, 2) pixels


@dataclass(frozen=True, slots=True)
class Face:
    """One face. `fault` says why it is not good enough to be recognized; empty where it is."""

    box: Box  # 0..1 of the picture
    aligned: Bgr  # (112, 112, 3)
    score: float  # of the detector, 0..1
    side_px: float  # the shorter side of its box
    sharpness: float  # variance of the Laplacian over that of the pixels: 0 for a smear, whatever the light
    turn: float  # to the side: the nose off the middle between the eyes, in distances of the eyes
    tilt: float  # degrees that the eyes are off the level, of which the detector tells about half
    fault: str


class FaceFinder:
    """The detector. One picture at a time; calls of several threads wait for each other."""

    def __init__(self, onnx: bytes, settings: FaceSettings | None = None) -> None:
        """Raises ModelError for a file that is no face detector."""
        self._settings = settings or FaceSettings()
        self._lock = threading.Lock()
        model, nothing = np.frombuffer(onnx, np.uint8), np.empty(0, np.uint8)
        try:
            with quiet():
                self._net = cv2.FaceDetectorYN.create("onnx", model, nothing, (320, 320), LEAST_SCORE, 0.3, MOST)
                self(np.zeros((320, 320, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(f"no face detector that OpenCV can read: {' '.join(error.err.split())}") from None

    def __call__(self, picture: Bgr, least_px: float | None = None) -> tuple[Face, ...]:
        """The faces of a picture (height, width, 3), largest first.

        Where small ones are of no use, `least_px` lets it look at a smaller copy, in which such a side has 24 pixels.
        """
        bordered, edge = with_border(picture)
        scale = min(1.0, 24.0 / least_px if least_px else 1.0, MOST_SIDE / max(bordered.shape[:2]))
        small = cv2.resize(bordered, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else bordered
        with self._lock:
            self._net.setInputSize((small.shape[1], small.shape[0]))
            _, rows = self._net.detect(small)
        found = [self._face(bordered, edge, row / scale, float(row[14])) for row in _usable(rows)]
        return tuple(sorted(found, key=lambda face: -face.side_px))

    def _face(self, bordered: Bgr, edge: int, row: NDArray[np.float32], score: float) -> Face:
        height, width = bordered.shape[0] - 2 * edge, bordered.shape[1] - 2 * edge
        x, y, wide, high = (float(value) for value in row[:4])
        left, top = (x - edge) / width, (y - edge) / height
        box = Box(max(left, 0.0), max(top, 0.0), min(left + wide / width, 1.0), min(top + high / height, 1.0))
        points = row[4:14].reshape(5, 2).astype(np.float32)
        aligned = align(bordered, points)
        face = Face(box, aligned, score, min(wide, high), sharpness_of(aligned), turn_of(points), tilt_of(points), "")
        return replace(face, fault=self._fault(face))

    def _fault(self, face: Face) -> str:
        """The first thing that is wrong with a face, in words."""
        needs = self._settings
        if face.side_px < needs.min_side_px:
            return f"too small: {face.side_px:.0f} pixels, at least {needs.min_side_px} are needed"
        if face.score < needs.min_score:
            return f"hardly a face: {face.score:.2f} by the detector, at least {needs.min_score:g} is needed"
        if abs(face.turn) > needs.max_turn:
            return f"turned away: {abs(face.turn):.2f} to the side, at most {needs.max_turn:g} is good enough"
        if abs(face.tilt) > needs.max_tilt:
            return f"tilted: {abs(face.tilt):.0f} degrees, at most {needs.max_tilt:g} are good enough"
        if face.sharpness < needs.min_sharpness:
            return f"blurred: sharpness {face.sharpness:.3f}, at least {needs.min_sharpness:g} is needed"
        return ""


class FaceEmbedder:
    """The network that turns an aligned face into a vector of length one. Safe to share between threads."""

    def __init__(self, onnx: bytes, shape: Input) -> None:
        """Raises ModelError for a file that is no such network."""
        self._lock = threading.Lock()
        self._shape = shape
        try:
            with quiet():
                self._net = cv2.dnn.readNetFromONNX(np.frombuffer(onnx, np.uint8))
                self.length = self(np.zeros((SIDE, SIDE, 3), np.uint8)).size
        except cv2.error as error:
            raise ModelError(f"no face embedding that OpenCV can read: {' '.join(error.err.split())}") from None

    def __call__(self, aligned: Bgr) -> NDArray[np.float32]:
        """(112, 112, 3) in, (d,) of length one out."""
        with self._lock:
            self._net.setInput(preprocess([aligned], self._shape))
            vector = np.array(self._net.forward(), np.float32).reshape(-1)
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def with_border(picture: Bgr) -> tuple[Bgr, int]:
    """A small picture with a border, and how wide that is: a face that fills a picture is hardly found without."""
    longer = max(picture.shape[:2])
    edge = longer // 4 if longer < SMALL else 0
    return np.asarray(cv2.copyMakeBorder(picture, edge, edge, edge, edge, cv2.BORDER_REPLICATE), np.uint8), edge


def paint_faces(picture: Bgr, faces: Sequence[Face]) -> bytes:
    """The picture as JPEG with each face outlined and numbered from 1: green where it is good enough, else red."""
    scale = max(1, round(480 / max(picture.shape[:2])))
    painted = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    height, width = painted.shape[:2]
    for number, face in enumerate(faces, 1):
        left, top, right, bottom = face.box.pixels(width, height)
        color = (60, 60, 220) if face.fault else (80, 180, 60)
        cv2.rectangle(painted, (left, top), (right, bottom), color, 2)
        cv2.rectangle(painted, (left, top), (left + 14 + 10 * len(str(number)), top + 22), color, -1)
        cv2.putText(painted, str(number), (left + 6, top + 17), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255, 255, 255), 2)
    return bytes(cv2.imencode(".jpg", painted, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


def align(picture: Bgr, points: Points) -> Bgr:
    """The face turned, moved and sized so that its five points lie where the embedding expects them."""
    matrix: Any = cv2.estimateAffinePartial2D(points, PLACES, method=cv2.LMEDS)[0]
    if matrix is None:  # the points lie on each other
        return np.zeros((SIDE, SIDE, 3), np.uint8)
    return np.asarray(cv2.warpAffine(picture, matrix, (SIDE, SIDE)), np.uint8)


def sharpness_of(aligned: Bgr) -> float:
    """How much of what varies in a face varies from one pixel to the next."""
    gray = cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY)[INNER]
    spread = float(gray.var())
    return float(cv2.Laplacian(gray, cv2.CV_32F).var()) / spread if spread > 1.0 else 0.0


def turn_of(points: Points) -> float:
    """About 0 from the front, beyond 0.35 a half profile; the sign tells the side."""
    across = points[1] - points[0]
    apart = float(np.linalg.norm(across))
    return float((points[2] - points[:2].mean(axis=0)) @ across) / apart**2 if apart > 0 else 0.0


def tilt_of(points: Points) -> float:
    """Degrees; 0 for a head that is held upright."""
    across = points[1] - points[0]
    return float(np.degrees(np.arctan2(across[1], across[0])))


def _usable(rows: Any) -> Iterator[NDArray[np.float32]]:
    return iter(() if rows is None else [row for row in rows if np.isfinite(row).all() and min(row[2], row[3]) >= 1])


@contextmanager
def quiet() -> Iterator[None]:
    """OpenCV tells on stderr what its new engine leaves out; nobody can do anything about it."""
    logging = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        logging.setLogLevel(level)
