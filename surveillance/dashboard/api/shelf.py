"""/api/models: the models that cameras use, the candidates beside them, and a person's yes, no and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field

from surveillance.dashboard import models as page
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Given, Time, Told, Word
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.domain.promotions import Move, Promotion
from surveillance.domain.values import rfc3339

resource = Resource("Models", "What cameras judge by: models, the candidates beside them, and what was promoted.")
CAMERAS = "Those in reach."
Names = Annotated[list[Word], Field(min_length=1, max_length=200)]


class Accuracy(Told):
    value: float = Field(description="0 to 1.")
    on: str = Field(description="What it was measured on, the part that says most: `test`, `held out`, ...")


class ModelTold(Told):
    name: str
    version: str
    kind: str = Field(description="`classifier`, `detector`, `segmenter`, `face_detector` or `face_embedding`.")
    labels: list[str]
    accuracy: Accuracy | None
    origin: str = Field(description="`shipped`, `example`, `trained`, `torchvision`, or `file NAME`.")
    size_bytes: int | None = Field(description="Null where a file of it is missing.")
    is_default: bool = Field(description="Whether cameras without a model of their own use it.")
    is_usable: bool = Field(description="Whether it can be put on cameras: a classifier that is no example.")
    cameras: list[str] = Field(description="Those in reach that use it.")
    doors: dict[str, list[str]] = Field(description="Of these cameras, the doors that look through them.")
    drifted: list[str] = Field(description="What has shifted on these cameras, in words; empty where nothing has.")


class Models(Told):
    models: list[ModelTold]


class OneModel(Told):
    model: ModelTold
    card: dict[str, Any] = Field(description="The whole model card.")


class Shadow(Told):
    """The candidate that sees what cameras see, without being listened to."""

    model: str
    cameras: list[str] = Field(description="Empty for all.")
    since: Time
    by: str
    tracks: int = Field(description="Tracks that both models judged.")
    differing: int = Field(description="Of these, how many they call differently.")
    labeled: int = Field(description="Of these, how many a person labeled.")


class Compared(Told):
    """Paired examples; the difference is the candidate's accuracy less the current model's."""

    count: int
    current: float
    candidate: float
    difference: float
    low: float = Field(description="The 95 % bootstrap interval of the difference.")
    high: float
    both: int = Field(description="Examples that both got right.")
    only_current: int
    only_candidate: int
    neither: int
    chance: float = Field(description="McNemar's exact test.")
    least: int = Field(description="Below so many no difference is believed.")
    is_better: bool
    is_worse: bool


class Candidate(Told):
    model: str
    current: str = Field(description="The model that it is compared with.")
    dataset: str = Field(description="What it learned from.")
    proposed_at: Time | None
    decided: str = Field(description="Approved or rejected, and by whom; empty while it waits.")
    words: str
    comparison: Compared | None = Field(description="Null without a paired example.")


class Candidates(Told):
    shadow: Shadow | None
    candidates: list[Candidate]


class Step(Told):
    at: Time
    event: str
    camera: str
    before: str
    after: str
    actor: str
    is_rollback: bool


class History(Told):
    promotions: list[Step]


class Meant(Given):
    cameras: Names
    doors: list[Word] = Field(
        [], max_length=200, description="Each door that looks through one of these cameras, to say that this is meant."
    )


class Moved(Told):
    camera: str
    before: str
    after: str
    doors: list[str]
    lost_labels: list[str] = Field(description="Labels that the camera is not told any more.")


class Moves(Told):
    moves: list[Moved] = Field(description="Cameras that have another model now.")


@resource.get("/models", gives=Models)
@needs("models.view")
def list_models() -> Models:
    """The models of this machine, and the cameras that use them."""
    return Models(models=[model_told(model) for model in page.models_in_reach()])


@resource.get("/models/candidates", gives=Candidates)
@needs("models.view")
def list_candidates() -> dict[str, Any]:
    """Models that may take the place of one in use, newest first, with what paired examples say of them."""
    shadow = page.shadow_in_reach()
    found = services().shelf.candidates()
    return {
        "shadow": shadow if shadow["model"] else None,
        "candidates": [{**one, "proposed_at": one["proposed_at"] or None} for one in found],
    }


@resource.get("/models/<name>", gives=OneModel)
@needs("models.view")
def get_model(name: str) -> OneModel:
    """One model with its card."""
    found = page.in_reach(services().shelf.model(name))
    own = {*ModelTold.model_fields, "from"} - {"name", "version", "labels"}
    return OneModel(model=model_told(found), card={key: value for key, value in found.items() if key not in own})


@resource.get("/model-promotions", gives=History)
@needs("models.view")
def list_promotions() -> History:
    """What was promoted and rolled back, newest first."""
    return History(promotions=[step_told(step) for step in page.history_in_reach()])


@resource.post("/models/<name>/promotions", body=Meant, gives=Moves, refusals=(404, 422))
@needs("models.edit")
def promote_model(name: str, body: Meant) -> Moves:
    """Put a model on cameras. It is loaded first; a candidate is approved by it.

    A camera that a door looks through is refused (422) unless `doors` names the door.
    """
    return told(page.promoted(name, body.cameras, body.doors))


@resource.post("/model-rollbacks", body=Meant, gives=Moves, refusals=(404, 422))
@needs("models.edit")
def roll_models_back(body: Meant) -> Moves:
    """Take cameras back to the model before their last promotion."""
    return told(page.rolled_back(body.cameras, body.doors))


@resource.post("/models/<name>/rejections", gives=None, status=204, refusals=(404,))
@needs("models.edit")
def reject_model(name: str) -> None:
    """Reject a candidate, which leaves the shadow."""
    page.rejected(name)


def model_told(model: Mapping[str, Any]) -> ModelTold:
    """A model as the API tells of it."""
    drifted = [one["words"] for one in page.drifted_in_reach() if one["model"] == model["name"]]
    doors = {camera: doors for camera, doors in page.doors_by_camera().items() if camera in model["cameras"] and doors}
    more = {"origin": model["from"], "doors": doors, "drifted": drifted}
    return ModelTold.model_validate({**model, **more})


def step_told(step: Promotion) -> Step:
    return Step(
        at=rfc3339(step.at),
        event=step.event,
        camera=step.camera,
        before=step.before,
        after=step.after,
        actor=step.actor,
        is_rollback=step.is_rollback,
    )


def told(moves: Iterable[Move]) -> Moves:
    return Moves(
        moves=[
            Moved(
                camera=move.camera,
                before=move.before,
                after=move.after,
                doors=list(move.doors),
                lost_labels=page.lost_labels(move.before, move.after),
            )
            for move in moves
        ]
    )
