"""The labeling inbox: one crop at a time by key, touch or mouse, or many that share a guess; the last word undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from surveillance.dashboard import trail
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.services import services
from surveillance.dashboard.wording import label_words
from surveillance.domain.errors import UserMistake
from surveillance.domain.labels import LABEL_MAX, WHYS, check_label
from surveillance.domain.values import BACKGROUND, REJECTED
from surveillance.rules.vocabulary import LABELS
from surveillance.storage.labels import Crop, CropFilter

pages = Blueprint("labels", __name__)
SHOWN = 48  # crops of the page of many
MOST = 200  # crops in one go
WORDS = ("why", "camera", "guess")
REASONS = {  # why a crop is here, as a filter says it and as a sentence
    "uncertain": (_l("Uncertain"), _l("The model was not sure.")),
    "disagreed": (_l("Disagreed on"), _l("Two models disagree.")),
    "corrected": (_l("Corrected"), _l("Somebody corrected its label.")),
    "sampled": (_l("By lot"), _l("Chosen by lot, so that not only hard cases are learned.")),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page shows; `words` go into links."""

    words: Mapping[str, Any]

    @property
    def stored(self) -> CropFilter:
        """The same as the storage takes it, within reach."""
        return CropFilter(**self.words, reach=actor().reach)


def asked_for() -> Asked:
    """The filter of this request; words that mean nothing are dropped."""
    words = {name: request.args[name].strip()[:200] for name in WORDS if request.args.get(name, "").strip()}
    if words.get("why") not in WHYS:
        words.pop("why", None)
    return Asked(words)


@pages.get("/labels")
@needs("events.review")
def inbox() -> str:
    """The crop that has waited longest, or the one that the address names."""
    asked, labels = asked_for(), services().labels
    named = labels.those([request.args.get("crop", "")], actor().reach)
    shown = next(iter(named or labels.page(asked.stored, 1)), None)
    if shown is not None:
        trail.viewed("labels", shown.camera)
    return render_template(
        "labels.html",
        crop=shown,
        offered=offered(shown.camera, shown.guess, shown.other_guess) if shown else [],
        **common(asked),
    )


@pages.get("/labels/grid")
@needs("events.review")
def grid() -> str:
    """Many crops that share a guess: the one asked for, else the most frequent."""
    asked, labels = asked_for(), services().labels
    everything = Asked({name: word for name, word in asked.words.items() if name != "guess"})
    guesses = labels.guesses(everything.stored)
    guess = asked.words.get("guess") or next(iter(guesses), None)
    chosen = Asked({**asked.words, "guess": guess}) if guess else asked
    crops = labels.page(chosen.stored, SHOWN) if guess else []
    for camera in sorted({crop.camera for crop in crops}):
        trail.viewed("labels", camera)
    return render_template(
        "labels_grid.html",
        crops=crops,
        guess=guess,
        guesses=guesses,
        offered=offered(asked.words.get("camera"), guess),
        **common(chosen),
    )


def common(asked: Asked) -> dict[str, Any]:
    """What both pages show."""
    reach = actor().reach
    cameras = [camera.name for camera in services().site.read().cameras if reach.sees_camera(camera.name)]
    return {
        "words": asked.words,
        "cameras": cameras,
        "whys": [(why, words[0]) for why, words in REASONS.items() if why != "corrected"],
        "progress": services().labels.progress(asked.stored),
        "last": services().labels.last(actor().name),
        "label_max": LABEL_MAX,
    }


@pages.get("/labels/<id>/picture")
@needs("events.review")
def picture(id: str) -> AnyResponse:
    """The whole picture that a crop is part of."""
    return send_file(picture_of(id), mimetype="image/jpeg", conditional=True, max_age=3600)


def picture_of(id: str) -> Any:
    """Where it lies, if whoever asks may see it."""
    if not services().labels.those([id], actor().reach):
        abort(404, _("No crop has this id. It may have been removed by retention."))
    place = services().crops.path(id)
    if not place.is_file():
        abort(404, _("This picture is no longer kept."))
    return place.resolve()


@pages.post("/labels")
@needs("events.review")
def answer() -> AnyResponse:
    """Labels the crops of the form, skips them, or takes back what was said last; then on to the next."""
    words = asked_for().words
    back = "labels.grid" if request.form.get("from") == "grid" else "labels.inbox"
    if request.form.get("act") == "undo":
        return redirect(undone(back, words))
    ids = list(dict.fromkeys(request.form.getlist("crop")))[:MOST]
    chosen = [crop.id for crop in services().labels.those(ids, actor().reach)]
    if not chosen:
        flash(_("Choose crops first."), "error")
        return redirect(url_for(back, **words))
    skips = request.form.get("act") == "skip"
    label = None if skips else label_given()
    if label is None and not skips:
        flash(no_label(), "error")
        return redirect(url_for(back, **words, crop=chosen[0] if back == "labels.inbox" else None))
    count = services().labels.say(chosen, label, actor().name)
    if back == "labels.grid":
        flash(said_of(label, count))
    return redirect(url_for(back, **words))


def undone(back: str, words: Mapping[str, Any]) -> str:
    """Where to go on after what was said last was taken back: to that crop, where it was one."""
    ids = services().labels.undo(actor().name)
    if not ids:
        flash(_("There is nothing to undo."), "error")
    elif back == "labels.inbox" and len(ids) == 1:
        return url_for(back, **words, crop=ids[0])
    else:
        flash(ngettext("%(num)s crop waits again.", "%(num)s crops wait again.", len(ids)))
    return url_for(back, **words)


def label_given() -> str | None:
    """The label of the form: one that is offered, or another one typed; None for a text that can be none."""
    try:
        return check_label(request.form.get("other", "").strip() or request.form.get("label", ""))
    except UserMistake:
        return None


def no_label() -> str:
    """What to tell whoever gave none."""
    return _("Choose a label, or write one of at most %(most)s letters, digits, spaces and hyphens.", most=LABEL_MAX)


def said_of(label: str | None, count: int) -> str:
    if label is None:
        return ngettext("%(num)s crop skipped.", "%(num)s crops skipped.", count)
    words = label_words(label)
    return ngettext("%(num)s crop is now: %(label)s.", "%(num)s crops are now: %(label)s.", count, label=words)


def offered(camera: str | None, *also: str | None) -> list[str]:
    """The labels to choose from: those of the camera's model in its order, then what was used or guessed besides."""
    model = next((one.model for one in services().site.read().cameras if one.name == camera), None)
    known = list(services().model_labels(model)) or sorted(LABELS | {BACKGROUND})
    others = {*services().labels.used(), *filter(None, also)} - {*known, REJECTED}
    return known + sorted(others)


def view_box(crop: Crop) -> str:
    """The part of the picture that shows the subject, with a little around it, as an SVG says it; heights are 1000."""
    box = crop.box.grown(0.06)
    edges = (box.x1 * crop.aspect, box.y1, box.width * crop.aspect, box.height)
    return " ".join(f"{1000 * edge:.1f}" for edge in edges)


def guess_words(label: str) -> str:
    """What a model said of a crop."""
    return _("could not tell") if label == REJECTED else label_words(label)


def reason_of(crop: Crop) -> str:
    return str(REASONS[crop.why][1]) if crop.why in REASONS else crop.why


pages.add_app_template_filter(view_box, "view_box")
pages.add_app_template_filter(guess_words, "guess_words")
pages.add_app_template_filter(reason_of, "why_words")
