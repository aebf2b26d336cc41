"""One retraining in a process of its own: labels into a candidate, measured beside the current model.

Reads {"settings", "order"} as JSON from its standard input and writes what came of it as one line of JSON. It has the
lowest priority, and goes on where a run that was ended left off, while data and recipe are the same.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surveillance.app.comparing import said_by
from surveillance.app.labelled import collect
from surveillance.app.processes import end_with_parent
from surveillance.app.store import open_store
from surveillance.domain.errors import DataError, SurveillanceError
from surveillance.settings import PREFIX, Settings

if TYPE_CHECKING:
    from surveillance.perception.cards import ModelCard
    from surveillance.training.datasets import Sample
    from surveillance.training.recipes import Recipe
    from surveillance.training.versions import DatasetVersion

PLACE = "retraining"  # in the data directory: the run under way
CALM: Mapping[str, Any] = {  # a published network is moved little: its last block, at a tenth of the rate
    "name": "retraining",
    "unfreeze": "block",
    "hold_out": (),
    "skip": (),
    "small_until": 0.0,
    "patience": 0,
    "batch": 64,
    "learning_rate": 1e-3,
    "old_rate": 0.1,
    "ema": 0.9,
    "threads": 1,
    "device": "cpu",
}


def retrain(settings: Settings, current: str, seen: int) -> dict[str, Any]:
    """Trains, publishes and compares; `seen` is the number of labels that were trained on before.

    {"skipped": why}, or model, current, dataset, labels, epochs and comparison. Raises SurveillanceError.
    """
    how = settings.jobs.retraining
    version = collect(settings, open_store(settings))
    labels = sum(count for part in version.counts.values() for count in part.values())
    fresh = labels - seen
    if fresh < how.least_labels:
        return {"skipped": f"{max(fresh, 0)} new labels; {how.least_labels} are needed (jobs.retraining.least_labels)"}
    card, card_file = card_and_file(settings, current)
    place = settings.data_dir / PLACE
    recipe = recipe_of(card, card_file, how.epochs)
    _begin_anew_unless(place, {"dataset": version.digest, "card": card.weights_sha256, "epochs": recipe.epochs})
    train(version, how.mix_with, card.labels, recipe, place)
    name = publish_candidate(settings, current, version, place)
    comparison = compare_on_test(settings, current, name, version)
    shutil.rmtree(place, ignore_errors=True)
    told = {"model": name, "current": current, "dataset": version.name, "labels": labels, "new_labels": fresh}
    return {**told, "epochs": recipe.epochs, "comparison": comparison}


def card_and_file(settings: Settings, name: str) -> tuple[ModelCard, Path]:
    """A model's card and where that lies. Raises NotFound."""
    from surveillance.perception.cards import find_card

    card = find_card(name, settings.model_dirs)
    files = (path for folder in settings.model_dirs for path in sorted(folder.glob("*.yaml")))
    return card, next(path for path in files if path.stem == name)


def recipe_of(card: ModelCard, card_file: Path, epochs: int) -> Recipe:
    """As the model was trained, where its card says so, but calmly and from its own weights."""
    from surveillance.training.recipes import Recipe, parse_recipe

    known = parse_recipe(card.training["recipe"]) if card.training.get("recipe") else Recipe()
    own: dict[str, Any] = {"architecture": card.architecture, "parameters": card.parameters, "input": card.input}
    return replace(known, **CALM, **own, weights=str(card_file), epochs=epochs)


def train(version: DatasetVersion, mix_with: Path | None, labels: Sequence[str], recipe: Recipe, place: Path) -> None:
    """Raises DataError where a label of the model has no picture: the candidate would forget it."""
    from surveillance.training.datasets import load_samples
    from surveillance.training.fit import fit

    own = [sample for sample in load_samples(version.folder) if sample.part != "test"]
    more = [s for s in load_samples(mix_with) if s.part != "test"] if mix_with is not None else []
    there = {sample.label for sample in (*own, *more)}
    if missing := sorted(set(labels) - there):
        raise DataError(
            f"no picture to train on is labeled {', '.join(missing)}; label some, or name a folder that has them as "
            "jobs.retraining.mix_with"
        )
    if strange := sorted(there - set(labels)):
        raise DataError(f"pictures are labeled {', '.join(strange)}, which the model does not know; label them anew")
    mixed = place / "data"
    if not mixed.is_dir():
        mix(place, mixed, {"site": own, "base": more})
    fit(mixed, place / "run", recipe, resume=(place / "run" / "last.pt").is_file())


def mix(place: Path, mixed: Path, parts: Mapping[str, Sequence[Sample]]) -> None:
    """One tree of links to the pictures of both, with a manifest; whole or not there."""
    draft = place / "data.part"
    shutil.rmtree(draft, ignore_errors=True)
    rows = ["\t".join(("file", "class", "source", "licence_as_stated"))]
    for kind, samples in parts.items():
        for number, sample in enumerate(samples):
            if sample.row is not None:
                raise DataError(f"{sample.path} holds many pictures in one file; name a folder of single pictures")
            name = f"{sample.label}/{sample.source}_{kind}{number:06d}{sample.path.suffix}"
            (draft / sample.label).mkdir(parents=True, exist_ok=True)
            (draft / name).symlink_to(sample.path.resolve())
            rows.append("\t".join((name, sample.label, sample.origin, sample.licence)))
    (draft / "MANIFEST.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    draft.replace(mixed)


def publish_candidate(settings: Settings, current: str, version: DatasetVersion, place: Path) -> str:
    """Never over a model that is there."""
    from surveillance.training.publish import publish

    folder = settings.data_dir / "models"
    name = free_name(settings, current, datetime.now(UTC))
    publish(place / "run", name, folder, version=version.name)
    return name


def free_name(settings: Settings, current: str, now: datetime) -> str:
    """`embedded-20261125-1`, or with the next number; the date of an earlier retraining goes."""
    base = re.sub(r"-\d{8}-\d+$", "", current)
    taken = {path.stem for folder in settings.model_dirs for path in folder.glob("*") if path.is_file()}
    number = 1
    while f"{base}-{now:%Y%m%d}-{number}" in taken:
        number += 1
    return f"{base}-{now:%Y%m%d}-{number}"


def compare_on_test(settings: Settings, current: str, candidate: str, version: DatasetVersion) -> dict[str, Any] | None:
    """Both on the crops that no version ever trains on; None while there is none."""
    from surveillance.training.compare import compare_answers
    from surveillance.training.datasets import load_samples

    samples = [sample for sample in load_samples(version.folder) if sample.part == "test"]
    if not samples:
        return None
    truth = [sample.label for sample in samples]
    return compare_answers(truth, said_by(settings, current, samples), said_by(settings, candidate, samples)).as_json()


def _begin_anew_unless(place: Path, same: Mapping[str, Any]) -> None:
    """What lies there is gone on with only if it is of the same data and model."""
    page = place / "order.json"
    with suppress(OSError, ValueError):
        if json.loads(page.read_text(encoding="utf-8")) == same:
            return
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)
    page.write_text(json.dumps(same), encoding="utf-8")


def main() -> int:
    end_with_parent()
    os.nice(19)
    asked = json.loads(sys.stdin.buffer.read())
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[variable]
    try:
        told = retrain(Settings(**asked["settings"]), **asked["order"])
    except SurveillanceError as error:
        told = {"fault": str(error)}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main()
    os._exit(code)  # torch takes seconds to be taken down in an orderly way
