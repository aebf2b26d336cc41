"""How perception looks, follows and tells: one class, gathered by the house's settings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ProposeSettings(BaseModel):
    """Where to look."""

    model_config = ConfigDict(extra="forbid")

    margin: float = Field(default=0.12, ge=0, le=0.5)  # share of its size by which a crop is wider on each side
    min_side_px: int = Field(default=8, ge=1)  # shapes smaller than this in the full picture are specks
    max_crops: int = Field(default=24, ge=1)  # most crops asked of the recognizer for one frame
    look_again_s: float = Field(default=1.0, gt=0)  # how often a live track's place is seen when nothing moves
    ask_again_s: float = Field(default=1.0, ge=0)  # how often what a settled track is is asked again; 0: each picture


class DetectSettings(BaseModel):
    """What the detector is, of cameras whose proposer it is and of the task `objects`."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(default="yolox-nano")  # name of a detector's card
    classify: bool = Field(default=False)  # whether the camera's model names what the detector found


class SegmentSettings(BaseModel):
    """What the segmenter is, by which people are blurred where it is there."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(default="lraspp_mobilenet_v3_large")  # name of a segmenter's card


class TrackSettings(BaseModel):
    """When something seen repeatedly becomes a track, and how its crops vote."""

    model_config = ConfigDict(extra="forbid")

    min_hits: int = Field(default=3, ge=2)  # frames in which it must be found before it is confirmed
    min_s: float = Field(default=0.35, gt=0)  # time it must have been followed before it is confirmed
    coast_s: float = Field(default=2.5, gt=0)  # how long a confirmed track may be out of sight
    tentative_coast_s: float = Field(default=0.7, gt=0)  # how long an unconfirmed one may
    gone_s: float = Field(default=0.7, gt=0)  # how long one may that was last seen leaving the picture
    cut_weight: float = Field(default=0.5, ge=0, le=1)  # what a crop that the border cuts off counts for
    same_weight: float = Field(default=0.5, ge=0, lt=1)  # what a repeated view counts for; each time, if it never moved
    sure_confidence: float = Field(default=0.8, gt=0, le=1)  # of a crop that surely shows background
    empty_hits: int = Field(default=15, ge=2)  # such crops in a row end a track: what it followed is not there
    min_share: float = Field(default=0.55, gt=0, le=1)  # share of the votes that a label needs
    min_lead: float = Field(default=1.5, gt=0)  # votes by which it must lead the next label
    still_lead: float = Field(default=5.0, gt=0)  # the same for what never left the place where it was found


class ObserveSettings(BaseModel):
    """What is told, and the picture that goes with it."""

    model_config = ConfigDict(extra="forbid")

    heartbeat_s: float = Field(default=1.0, gt=0)  # how often a live track is told when nothing changes
    settle_frames: int = Field(default=2, ge=1)  # frames that a new zone or line side must hold before it counts
    shot_width_px: int = Field(default=640, ge=64)  # width of the best shot at first; smaller if it is too large
    shot_quality: int = Field(default=80, ge=10, le=100)  # JPEG quality of the best shot at first
    shot_bytes: int = Field(default=48 * 1024, ge=4096, le=48 * 1024)  # most bytes of a best shot
    better_by: float = Field(default=1.3, gt=1)  # a new shot must be this many times better than the last


class FaceSettings(BaseModel):
    """Which networks recognize faces, and how good a face must be to be recognized at all."""

    model_config = ConfigDict(extra="forbid")

    detector: str = Field(default="auto")  # name of the model that finds faces; auto: the only one that is here
    embedding: str = Field(default="auto")  # name of the model that tells one from another; auto: the only one
    min_side_px: int = Field(default=40, ge=16)  # shorter side of a face; smaller ones are taken for each other
    min_score: float = Field(default=0.85, ge=0.6, le=1)  # of the detector
    max_turn: float = Field(default=0.35, gt=0, le=1)  # to the side: 0 from the front, 0.35 about half a profile
    max_tilt: float = Field(default=10.0, gt=0, le=90)  # degrees from upright; the detector tells half of them
    min_sharpness: float = Field(default=0.015, ge=0)  # blurred faces of different persons look alike
    look_every_s: float = Field(default=0.3, gt=0)  # how often the faces of live tracks are looked at


class BehaviorSettings(BaseModel):
    """What the task `behavior` calls staying, running and having fallen; lengths are the subject's own height."""

    model_config = ConfigDict(extra="forbid")

    loiter_heights: float = Field(default=2.0, gt=0)  # side of the square that somebody who stays does not leave
    running_speed: float = Field(default=1.8, gt=0)  # own heights a second: a walk is about 0.8, a run 2 and more
    running_s: float = Field(default=0.8, gt=0)  # how long it must be so fast
    fallen_s: float = Field(default=1.5, gt=0)  # how long it must lie; and stand, to have risen


class ObjectSettings(BaseModel):
    """What the task `objects` calls left or removed."""

    model_config = ConfigDict(extra="forbid")

    threshold: float = Field(default=20.0, gt=0)  # gray levels by which a place must differ from what was usual
    min_area: float = Field(default=0.0008, gt=0, lt=0.1)  # share of the picture that it must cover
    still_s: float = Field(default=5.0, gt=0)  # how long it must lie with nobody near
    forget_s: float = Field(default=600.0, gt=0)  # after so long it belongs there, and is told no more


class PerceptionSettings(BaseModel):
    """Everything that perception can be told."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(default="embedded")  # name of the model card to classify with
    backend: str = Field(default="auto")  # auto, torch, openvino, or a name from surveillance.backends
    device: str = Field(default="auto")  # auto, cpu or cuda
    precision: Literal["f32", "bf16"] = Field(default="f32")  # in which OpenVINO computes
    detect: DetectSettings = DetectSettings()
    segment: SegmentSettings = SegmentSettings()
    propose: ProposeSettings = ProposeSettings()
    track: TrackSettings = TrackSettings()
    observe: ObserveSettings = ObserveSettings()
    faces: FaceSettings = FaceSettings()
    behavior: BehaviorSettings = BehaviorSettings()
    objects: ObjectSettings = ObjectSettings()
