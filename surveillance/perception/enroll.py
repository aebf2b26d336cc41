"""A photo becomes the one face in it that is to be enrolled, or the reason why it would not do."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Box
from surveillance.perception.face_models import FaceModels
from surveillance.perception.faces import Face

BESIDE = 0.5  # of the largest face's side: a smaller one is somebody who passes behind
QUALITY = 92


@dataclass(frozen=True, slots=True)
class GoodFace:
    """The vector as float32 bytes, and the aligned face as JPEG."""

    embedding: bytes = field(repr=False)
    picture: bytes = field(repr=False)


def face_to_enroll(data: bytes, box: Box, models: FaceModels) -> GoodFace:
    """Raises SettingsError where that part of the photo shows no face, several, or one that is not good enough."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if pixels is None:
        raise SettingsError("it is no picture that can be read")
    left, top, right, bottom = box.pixels(pixels.shape[1], pixels.shape[0])
    face = only_face(models.find(np.asarray(pixels[top:bottom, left:right], np.uint8)))
    if face.fault:
        raise SettingsError(f"the face is {face.fault}")
    jpeg = cv2.imencode(".jpg", face.aligned, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return GoodFace(models.embed(face.aligned).astype("<f4").tobytes(), bytes(jpeg))


def only_face(faces: tuple[Face, ...]) -> Face:
    """The largest. Raises SettingsError where there is none, or another one that is nearly as large."""
    if not faces:
        raise SettingsError("no face is found in it")
    beside = [face for face in faces[1:] if face.side_px >= BESIDE * faces[0].side_px]
    if beside:
        raise SettingsError(f"it shows {1 + len(beside)} faces; take a photo of one person alone")
    return faces[0]
