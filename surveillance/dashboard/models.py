"""The models that cameras use: what there is, the candidates beside them, and a person's yes, no and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babel.numbers import format_decimal, format_percent
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response

from surveillance.dashboard.guards import actor, needs, refuse_bound, see_camera, see_door
from surveillance.dashboard.languages import language
from surveillance.dashboard.services import services
from surveillance.domain.errors import SettingsError, UserMistake
from surveillance.domain.promotions import Move, Promotion, standing
from surveillance.storage.camera_edits import doors_through

pages = Blueprint("models", __name__)
Page = Response | str | tuple[str, int]
HISTORY = 50
EXAMPLE = "example"  # a model that is there to learn from, and of no use to a camera
ORIGINS = {
    "shipped": _l("Shipped"),
    EXAMPLE: _l("An example to learn from"),
    "trained": _l("Trained here"),
    "torchvision": _l("Pulled from torchvision"),
}
KINDS = {
    "classifier": _l("classifier"),
    "detector": _l("detector"),
    "segmenter": _l("segmenter"),
    "face_detector": _l("face detector"),
    "face_embedding": _l("face embedding"),
}
PARTS = {
    "test": _l("test part"),
    "held_out": _l("held-out sources"),
    "validation": _l("validation part"),
    "stated": _l("as stated by its makers"),
}


@dataclass(frozen=True, slots=True)
class Offered:
    """A camera that a model could be put on. `lost` are labels that it would not be told any more."""

    camera: str
    before: str
    doors: Sequence[str]
    lost: Sequence[str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Where an interval lies on a scale of 1000 from worse to better, whose middle is no difference."""

    low: float
    middle: float
    high: float
    reach: float  # the difference at either end of the scale


# --- looking -------------------------------------------------------------------------------------------------------


@pages.get("/models")
@needs("models.view")
def listing() -> str:
    """Models, the candidates that wait for a word, and what was promoted."""
    candidates, drifted, shadow = services().shelf.candidates(), drifted_in_reach(), shadow_in_reach()
    waiting = [one for one in candidates if not one["decided"] or one["model"] == shadow["model"]]
    return render_template(
        "models.html",
        models=models_in_reach(),
        doors=doors_by_camera(),
        waiting=waiting,
        decided=[one for one in candidates if one not in waiting],
        shadow=shadow,
        drifted=drifted,
        drifted_cameras={(one["camera"], one["model"]) for one in drifted},
        history=history_in_reach(),
        undoable=undoable(),
    )


@pages.get("/models/<name>")
@needs("models.view")
def one(name: str) -> str:
    """What a model's card says."""
    model = in_reach(services().shelf.model(name))
    drifted = [one for one in drifted_in_reach() if one["model"] == name]
    return render_template("model.html", model=model, doors=doors_by_camera(), drifted=drifted)


def models_in_reach() -> list[Mapping[str, Any]]:
    """All there are: the default one first, examples last."""
    found = [in_reach(model) for model in services().shelf.models()]
    return sorted(found, key=lambda model: (not model["is_default"], not model["is_usable"], model["name"]))


def in_reach(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model with those of its cameras that whoever asks reaches, and whether it can be put on cameras."""
    cameras = [name for name in model["cameras"] if actor().reach.sees_camera(name)]
    is_usable = model["from"] != EXAMPLE and model["kind"] == "classifier"
    return {**model, "cameras": cameras, "is_usable": is_usable}


def shadow_in_reach() -> Mapping[str, Any]:
    shadow = services().shelf.shadow()
    return {**shadow, "cameras": [name for name in shadow["cameras"] if actor().reach.sees_camera(name)]}


def drifted_in_reach() -> list[Mapping[str, Any]]:
    return [one for one in services().shelf.drifted() if actor().reach.sees_camera(one["camera"])]


def history_in_reach() -> list[Promotion]:
    return [step for step in services().shelf.promotions(limit=HISTORY) if actor().reach.sees_camera(step.camera)]


def doors_by_camera() -> dict[str, list[str]]:
    """The doors that look through each camera, as far as they are in reach."""
    site, reach = services().site.read(), actor().reach
    seen = [camera.name for camera in site.cameras if reach.sees_camera(camera.name)]
    return {name: [door for door in doors_through(site, name) if reach.sees_door(door)] for name in seen}


def undoable() -> set[str]:
    """The events of the promotions that can be rolled back: of each camera the last one that stands."""
    default = next(iter(services().models()), None)
    found = set()
    for camera in changeable():
        last = standing(services().shelf.promotions(camera.name))
        if last is not None and (camera.model or default) == last.after:
            found.add(last.event)
    return found


def changeable() -> list[Any]:
    """The cameras whose model this person may change: they and every door that looks through them are in reach."""
    site, reach = services().site.read(), actor().reach
    return [
        camera
        for camera in site.cameras
        if reach.sees_camera(camera.name) and all(map(reach.sees_door, doors_through(site, camera.name)))
    ]


def drawn(comparison: Mapping[str, Any]) -> Drawn:
    """The interval of a comparison, on a scale that just holds it."""
    reach = 1.15 * max(abs(comparison["low"]), abs(comparison["high"]), 0.01)
    low, middle, high = (500 + 480 * comparison[name] / reach for name in ("low", "difference", "high"))
    return Drawn(round(low, 1), round(middle, 1), round(high, 1), reach)


def verdict_of(comparison: Mapping[str, Any]) -> str:
    """What paired examples say, in one sentence."""
    if comparison["is_better"]:
        return _("Better than the current model")
    if comparison["is_worse"]:
        return _("Worse than the current model")
    if comparison["count"] < comparison["least"]:
        return _("Cannot be told apart yet: %(least)s paired examples are needed", least=comparison["least"])
    return _("Not shown to be better")


def model_kind_words(kind: str) -> str:
    """What a model is."""
    return str(KINDS.get(kind, kind))


def origin_words(origin: str) -> str:
    file = origin.removeprefix("file ")
    return _("From the file %(file)s", file=file) if file != origin else str(ORIGINS.get(origin, origin))


def part_words(part: str) -> str:
    """What figures were measured on."""
    key = part.replace(" ", "_")
    return str(PARTS.get(key, part))


# --- forth and back ------------------------------------------------------------------------------------------------


@pages.get("/models/<name>/promotion")
@needs("models.edit")
def ask_to_promote(name: str) -> str:
    """On which cameras? Those of a candidate's current model are chosen, unless a door depends on them."""
    candidate = next((one for one in services().shelf.candidates() if one["model"] == name), None)
    chosen = {one.camera for one in offered(name) if candidate and one.before == candidate["current"] and not one.doors}
    return show_promotion(name, chosen | set(request.args.getlist("camera")))


@pages.post("/models/<name>/promotion")
@needs("models.edit")
def promote(name: str) -> Page:
    """Loads the model, and puts it on the cameras of the form."""
    chosen = list(dict.fromkeys(request.form.getlist("camera")))
    if not chosen:
        return show_promotion(name, set(), _("Choose at least one camera.")), 400
    try:
        moves = promoted(name, chosen, request.form.getlist("door"))
    except UserMistake as mistake:
        return show_promotion(name, set(chosen), str(mistake)), 400
    flash(
        ngettext("%(name)s is on %(num)s camera now.", "%(name)s is on %(num)s cameras now.", len(moves), name=name)
        if moves
        else _("%(name)s was on them already.", name=name)
    )
    return redirect(url_for("models.listing"))


def show_promotion(name: str, chosen: set[str], fault: str = "") -> str:
    model = in_reach(services().shelf.model(name))
    return render_template("model_promotion.html", model=model, offered=offered(name), chosen=chosen, fault=fault)


def offered(name: str) -> list[Offered]:
    """The cameras that this person could put the model on. Raises NotFound for a model that no camera can use."""
    moves = services().shelf.planned(name, [camera.name for camera in changeable()]) if changeable() else ()
    return [Offered(move.camera, move.before, move.doors, lost_labels(move.before, name)) for move in moves]


def lost_labels(before: str, after: str) -> list[str]:
    """The labels that one model knows and the other does not: rules that name them no longer hold."""
    known = set(services().model_labels(after))
    return [label for label in services().model_labels(before) if label not in known]


def promoted(name: str, cameras: Sequence[str], doors: Sequence[str]) -> Sequence[Move]:
    """Puts the model on these cameras; `doors` are those of which it was said that this is meant.

    Raises NotFound for what is not in reach, SettingsError for a door that was not named, ModelError.
    """
    for camera in cameras:
        see_camera(camera)
    check_doors(services().shelf.planned(name, cameras), doors)
    return services().shelf.promote(name, cameras, actor().name)


@pages.get("/model-rollback")
@needs("models.edit")
def ask_to_roll_back() -> str:
    return show_rollback(request.args.get("camera", ""))


@pages.post("/model-rollback")
@needs("models.edit")
def roll_back() -> Page:
    """Takes the camera of the address back to the model before its last promotion."""
    camera = request.args.get("camera", "")
    try:
        [move] = rolled_back([camera], request.form.getlist("door"))
    except UserMistake as mistake:
        return show_rollback(camera, str(mistake)), 400
    flash(_("Camera %(camera)s uses %(name)s again.", camera=move.camera, name=move.after))
    return redirect(url_for("models.listing"))


def show_rollback(camera: str, fault: str = "") -> str:
    see_camera(camera)
    [move] = services().shelf.planned_rollback([camera])
    for door in move.doors:
        see_door(door)
    return render_template("model_rollback.html", move=move, lost=lost_labels(move.before, move.after), fault=fault)


def rolled_back(cameras: Sequence[str], doors: Sequence[str]) -> Sequence[Move]:
    """Takes cameras back. Raises NotFound, SettingsError for a door that was not named, ModelError."""
    for camera in cameras:
        see_camera(camera)
    check_doors(services().shelf.planned_rollback(cameras), doors)
    return services().shelf.rollback(cameras, actor().name)


def check_doors(moves: Sequence[Move], named: Sequence[str]) -> None:
    """Raises SettingsError where a door depends on one of these cameras and was not named; NotFound out of reach."""
    for camera, door in bound(moves):
        see_door(door)
        if door not in named:
            raise SettingsError(f"camera {camera} looks at {door}: what it sees may open that door; confirm it first")


def bound(moves: Sequence[Move]) -> Iterator[tuple[str, str]]:
    """Each camera with each door that looks through it."""
    return ((move.camera, door) for move in moves for door in move.doors)


# --- candidates ----------------------------------------------------------------------------------------------------


@pages.post("/models/<name>/rejection")
@needs("models.edit")
def reject(name: str) -> Response:
    """A person's no to a candidate."""
    rejected(name)
    flash(_("%(name)s was rejected.", name=name))
    return redirect(url_for("models.listing"))


def rejected(name: str) -> None:
    """Raises NotFound for a model that is no candidate."""
    refuse_bound()
    services().shelf.reject(name, actor().name)


@pages.post("/model-shadow")
@needs("models.edit")
def end_shadow() -> Response:
    """Takes the candidate out of the shadow; its case stays open."""
    refuse_bound()
    flash(_("%(name)s is out of the shadow.", name=services().shelf.end_shadow(actor().name)))
    return redirect(url_for("models.listing"))


def finely(share: float) -> str:
    """0.934 as `93.4%`."""
    return format_percent(share, "0.0%" if language() == "en" else "0.0\u00a0%", locale=language())


def as_points(difference: float) -> str:
    """0.042 as `+4.2` points of a hundred."""
    return format_decimal(100 * difference, "+0.0;−0.0", locale=language())


pages.add_app_template_filter(finely, "finely")
pages.add_app_template_filter(as_points, "as_points")
pages.add_app_template_filter(drawn, "drawn")
pages.add_app_template_filter(verdict_of, "verdict_of")
pages.add_app_template_filter(model_kind_words, "model_kind_words")
pages.add_app_template_filter(origin_words, "origin_words")
pages.add_app_template_filter(part_words, "part_words")
