"""Detectors, segmenters and face models that can be pulled, with their makers' files and terms.

torchvision names a digest's first digits in its file names; the others' are those that the stores which serve the files
state. `also` are files that others exported of the same network, each run on pictures before it was listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from surveillance.domain.errors import NotFound
from surveillance.perception.cards import DETECTOR, FACE_DETECTOR, FACE_EMBEDDING, SEGMENTER, Input
from surveillance.perception.torchvision_models import detector_names, segmenter_names
from surveillance.training.known import Known

COCO_TERMS = "learned from COCO, whose annotations are CC BY 4.0 and whose pictures keep their Flickr owners' terms"
ZOO = "https://github.com/opencv/opencv_zoo/raw/main/models"
NO_MEAN, UNIT = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)  # pixels in 0..1
BYTES = (1 / 255, 1 / 255, 1 / 255)  # pixels as they are, 0..255

VEHICLES = ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat")
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
OTHER_NAMES = {"aeroplane": "vehicle", "motorbike": "vehicle"}  # as PASCAL VOC has them


def task_names() -> list[str]:
    """Everything that `find_task` finds."""
    return [*TABLE, *detector_names(), *segmenter_names()]


def find_task(name: str, chosen: str = "") -> Known:
    """The known detector, segmenter or face model of that name. Raises NotFound for weights it does not have."""
    if name in TABLE:
        if chosen:
            raise NotFound(f"{name} has one set of weights; leave {chosen!r} out")
        return TABLE[name]()
    return _of_torchvision(name, chosen)


def classes_of(labels: tuple[str, ...]) -> dict[str, str]:
    """The labels that are one of ours by another name."""
    ours = {"person": "person", **OTHER_NAMES}
    ours |= dict.fromkeys(VEHICLES, "vehicle") | dict.fromkeys(ANIMALS, "animal")
    return {label: ours[label] for label in labels if label in ours}


def chosen_weights(name: str, chosen: str) -> Any:
    """torchvision's weights of that name for a model, its default ones for none. Raises NotFound."""
    from torchvision import models

    every = models.get_model_weights(name)
    names = [entry.name for entry in every]
    if chosen and chosen not in names:
        raise NotFound(f"{name} has no weights {chosen!r}; there are: {', '.join(names)}")
    return every[chosen] if chosen else every.DEFAULT


def _of_torchvision(name: str, chosen: str) -> Known:
    weights = chosen_weights(name, chosen)
    file = urlsplit(weights.url).path.rpartition("/")[2]
    labels = tuple(weights.meta["categories"])
    is_detector = name in detector_names()
    return Known(
        name=name,
        file=file,
        url=weights.url,
        sha256=file.removesuffix(".pth").rpartition("-")[2],
        architecture=name,
        parameters={},
        labels=labels,
        input=_detector_input(name) if is_detector else _segmenter_input(weights.transforms()),
        licence=f"BSD-3-Clause (torchvision); {COCO_TERMS}",
        training={"weights": str(weights), "recipe": weights.meta.get("recipe", "")},
        metrics={"stated": {"by": "torchvision", **_figures(weights.meta.get("_metrics", {}))}},
        kind=DETECTOR if is_detector else SEGMENTER,
        decoder="torchvision_detector" if is_detector else "torchvision_segmenter",
        classes=classes_of(labels),
        reject_below=0.5,
        sources={"COCO": {"origin": "COCO 2017", "licence": COCO_TERMS}},
    )


def _detector_input(name: str) -> Input:
    """Networks of one size take that; the others fit the picture themselves."""
    sizes = {"ssdlite320_mobilenet_v3_large": 320, "ssd300_vgg16": 300}
    return (
        Input(size=sizes[name], mean=NO_MEAN, std=UNIT)
        if name in sizes
        else Input(size=320, fit="whole", mean=NO_MEAN, std=UNIT)
    )


def _segmenter_input(transform: Any) -> Input:
    size = int(transform.resize_size[0])
    return Input(size=size, mean=tuple(transform.mean), std=tuple(transform.std), fit="letterbox")


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What the makers measured, which is nothing that we did."""
    words = {"box_map": "box_map", "miou": "mean_iou", "pixel_acc": "pixel_accuracy"}
    found: dict[str, Any] = {}
    for data, figures in metrics.items():
        found |= {"data": data} | {words[key]: round(value / 100, 4) for key, value in figures.items() if key in words}
    return found


# --- files in ONNX -------------------------------------------------------------------------------------------------


def _yolox_nano() -> Known:
    """YOLOX (Ge et al. 2021), its smallest: 0.9 M weights."""
    labels = _coco()
    return Known(
        name="yolox-nano",
        file="yolox_nano.onnx",
        url="https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx",
        sha256="c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
        also=("e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd",),
        architecture="",
        parameters={},
        labels=labels,
        input=Input(size=416, color="bgr", fit="corner", mean=NO_MEAN, std=BYTES),
        licence=f"Apache-2.0 (YOLOX); {COCO_TERMS}",
        kind=DETECTOR,
        decoder="yolox",
        options={"iou": 0.45},
        classes=classes_of(labels),
        reject_below=0.35,
        sources={"COCO": {"origin": "COCO 2017", "licence": COCO_TERMS}},
    )


def _coco() -> tuple[str, ...]:
    """COCO's 80 labels in their order; torchvision's list also has the numbers that COCO left out."""
    from torchvision import models

    named = models.detection.SSDLite320_MobileNet_V3_Large_Weights.DEFAULT.meta["categories"]
    return tuple(label for label in named if label not in ("__background__", "N/A"))


def _yunet() -> Known:
    """YuNet (Wu et al. 2023): faces with five landmarks."""
    return Known(
        name="yunet",
        file="face_detection_yunet_2023mar.onnx",
        url=f"{ZOO}/face_detection_yunet/face_detection_yunet_2023mar.onnx",
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        also=(
            "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31",
            "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
        ),
        architecture="",
        parameters={},
        labels=("face",),
        input=Input(size=640, color="bgr", fit="whole", mean=NO_MEAN, std=BYTES),
        licence="MIT (OpenCV Zoo), Apache-2.0 (libfacedetection.train); learned from WIDER FACE",
        kind=FACE_DETECTOR,
        decoder="yunet",
        options={"iou": 0.3},
        reject_below=0.7,
        sources={"WIDER FACE": {"origin": "Yang et al. 2016", "licence": "for research, as its makers state"}},
    )


def _sface() -> Known:
    """SFace (Zhong et al. 2021): a face as 128 numbers."""
    return Known(
        name="sface",
        file="face_recognition_sface_2021dec.onnx",
        url=f"{ZOO}/face_recognition_sface/face_recognition_sface_2021dec.onnx",
        sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        architecture="",
        parameters={},
        labels=(),
        input=Input(size=112, mean=NO_MEAN, std=BYTES),
        licence="Apache-2.0 (OpenCV Zoo); what it was taught is not stated there",
        kind=FACE_EMBEDDING,
        decoder="embedding",
    )


def _mobilefacenet() -> Known:
    """MobileFaceNet (Chen et al. 2018) as others exported it: a face as 128 numbers. It comes from a file only."""
    return Known(
        name="mobilefacenet",
        file="mobilefacenet.onnx",
        url=None,
        sha256="e72a5710cce378dc46472b6b845cb90647634f2738d8c3e581735cf195b9866f",
        architecture="",
        parameters={},
        labels=(),
        input=Input(size=112, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        licence="none stated where the file is from (darzhz/pixamatch), nor what it was taught: try it, do not ship it",
        metrics={"faces": FACES_OF_ORL},
        kind=FACE_EMBEDDING,
        decoder="embedding",
        sources={"not stated": {"origin": "darzhz/pixamatch", "licence": "none stated"}},
    )


FACES_OF_ORL = {  # as `surveillance evaluate-faces` measured it with yunet; the pictures are no part of this project
    "threshold": 0.4004,
    "far": 0.000667,
    "identify_threshold": 0.5259,
    "identify_far": 0.000286,
    "pairs": 10500,
    "source": "AT&T (ORL) faces s1-s30: thresholds by 15 persons, rates by 15 others",
}

TABLE: Mapping[str, Callable[[], Known]] = MappingProxyType(
    {"yolox-nano": _yolox_nano, "yunet": _yunet, "sface": _sface, "mobilefacenet": _mobilefacenet}
)
