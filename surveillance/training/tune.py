"""A recipe and a space of values become trials: short trainings, judged on the validation part. The best is told.

Optuna draws the values (TPE) and ends a trial that is worse than half of the finished ones at the same epoch. The
folder holds study.log, Optuna's journal. What a trial tries depends on the seed and the trials before it: a tuning that
was stopped or killed goes on to the same result, and the trial in which that happened is marked failed and tried again.
"""

from __future__ import annotations

import fcntl
import json
import math
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.distributions import distribution_to_json
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState
from tqdm import tqdm

from surveillance.domain.errors import DataError, UserMistake
from surveillance.training.datasets import Split
from surveillance.training.fit import Run, prepare, split_digest
from surveillance.training.recipes import Recipe, parse_recipe, recipe_page
from surveillance.training.search import Space, changed, own_values, space_of, used_values

RANDOM_TRIALS = 6  # the recipe as it is and some at random, before TPE has anything to go by
PRUNED_AFTER = 4  # finished trials that a hopeless one is told by
PRUNED_FROM = 2  # epochs; during the first the rate still rises
TELLING = 8  # finished trials from which importance is more than chance
TOP = 0.3  # share of the finished trials that importance asks after; the default of 0.1 needs 50 of them
ANYHOW = ("threads", "loaders", "device")  # of a recipe: may change from one call to the next


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tuned: a recipe with the epochs of a trial, on these pictures, over this space."""

    data: Path
    recipe: Recipe
    labels: tuple[str, ...]
    split: Split
    space: Space


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial that is over; `number` counts from 1, which is the recipe as it is; `values` as they were used."""

    number: int
    is_pruned: bool
    validation: float  # the best of its epochs
    epochs: tuple[float, ...]  # validation by epoch
    values: Mapping[str, Any]
    took_s: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """All trials in order, and what share of a good result each value seems to decide; empty: it cannot be told."""

    trials: tuple[Tried, ...]
    importance: Mapping[str, float]

    def best(self, most: int = 5) -> list[Tried]:
        """The finished ones, best first."""
        finished = [trial for trial in self.trials if not trial.is_pruned]
        return sorted(finished, key=lambda trial: -trial.validation)[:most]

    def page(self) -> dict[str, Any]:
        """All of it as plain values."""
        trials = [asdict(trial) for trial in self.trials]
        return {"trials": trials, "best": self.best(1)[0].number, "importance": dict(self.importance)}


def plan_tuning(
    data_dir: Path, recipe: Recipe, fixed: Collection[str] = (), own_input: bool = False, size: int | None = None
) -> Plan:
    """What is `fixed` stays as the recipe has it. Raises UserMistake, DataError, ModelError as `fit` does."""
    recipe, labels, split = prepare(data_dir, recipe, own_input, size)
    if split.validation == split.train:
        raise DataError(f"{data_dir} leaves no validation part to judge trials on; give --validation 0.1, say")
    space = space_of(recipe, fixed)
    if not space:
        raise UserMistake("every value is given, so that nothing is left to tune; leave some out")
    return Plan(data_dir.resolve(), recipe, labels, split, space)


def check_same(run_dir: Path, wanted: Recipe) -> None:
    """Raises UserMistake when the run that the folder holds, if any, is by another recipe."""
    held = run_dir / "run.json"
    if not held.is_file():
        return
    old = parse_recipe(json.loads(held.read_text(encoding="utf-8"))["recipe"])
    parameters = {**old.parameters, **wanted.parameters}
    anyhow = {name: getattr(old, name) for name in ANYHOW}
    if old != replace(wanted, input=old.input, parameters=parameters, **anyhow):
        raise UserMistake(f"{run_dir} holds a training by other values; move it away, or train into another folder")


def tune(plan: Plan, folder: Path, trials: int, minutes: float | None = None) -> Tuning:
    """Goes on until `trials` are over, counting those of earlier calls; none is begun after `minutes`.

    Raises UserMistake for a folder that holds another tuning or is in use, and what `fit` raises.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ends_s = math.inf if minutes is None else time.monotonic() + 60 * minutes
    with _alone(folder):
        study = _open_study(plan, folder)
        try:
            _go_on(study, plan, folder / "trial", trials, ends_s)
        except KeyboardInterrupt:
            tqdm.write(f"stopped after {len(_over(study))} of {trials} trials; the same command goes on", sys.stderr)
            raise
        return _told(study, plan.recipe)


def _go_on(study: optuna.Study, plan: Plan, run_dir: Path, trials: int, ends_s: float) -> None:
    with tqdm(desc="tuning", total=trials, initial=min(trials, len(_over(study))), unit="trial") as bar:
        bar.set_postfix_str(_so_far(study))
        while (done := len(_over(study))) < trials and time.monotonic() < ends_s:
            _try(study, plan, run_dir, done)
            bar.update()
            bar.set_postfix_str(_so_far(study))


def _try(study: optuna.Study, plan: Plan, run_dir: Path, done: int) -> None:
    seed = int(np.random.SeedSequence((plan.recipe.seed, done)).generate_state(1)[0])
    study.sampler = TPESampler(n_startup_trials=RANDOM_TRIALS, seed=seed)
    if not done and not study.get_trials(states=(TrialState.WAITING,)):
        study.enqueue_trial(own_values(plan.recipe, plan.space))
    trial = study.ask(dict(plan.space))
    state, best = TrialState.FAIL, None
    try:
        best = _train(trial, plan, run_dir)
        state = TrialState.PRUNED if best is None else TrialState.COMPLETE
    finally:
        study.tell(trial, best, state)
        shutil.rmtree(run_dir, ignore_errors=True)


def _train(trial: Trial, plan: Plan, run_dir: Path) -> float | None:
    """The best validation; None for a hopeless trial, also if it outgrows the memory or its loss is no number."""
    shutil.rmtree(run_dir, ignore_errors=True)
    recipe, best = changed(plan.recipe, used_values(plan.recipe, trial.params)), 0.0
    try:
        for line in Run(run_dir, plan.data, recipe, plan.labels, plan.split).epochs():
            if not math.isfinite(line["loss"]):
                return None
            trial.report(line["validation"], line["epoch"])
            if line["epoch"] < recipe.epochs and trial.should_prune():
                return None
            best = max(best, line["validation"])
    except torch.OutOfMemoryError:
        return None
    return best


def _so_far(study: optuna.Study) -> str:
    finished = [trial for trial in _over(study) if trial.state == TrialState.COMPLETE]
    return f"best {max(trial.value or 0.0 for trial in finished):.4f}" if finished else ""


def _told(study: optuna.Study, recipe: Recipe) -> Tuning:
    trials = tuple(_tried(number, trial, recipe) for number, trial in enumerate(_over(study), 1))
    scores = sorted((trial.validation for trial in trials if not trial.is_pruned), reverse=True)
    if not scores:
        raise UserMistake(
            f"none of {len(trials)} trials came to its end; give more --minutes or --trials, or a smaller --batch"
        )
    if len(scores) < TELLING or scores[math.ceil(TOP * len(scores)) - 1] == scores[-1]:
        return Tuning(trials, {})  # too few, or too alike
    return Tuning(trials, get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=TOP)))


def _tried(number: int, trial: FrozenTrial, recipe: Recipe) -> Tried:
    epochs = tuple(trial.intermediate_values[step] for step in sorted(trial.intermediate_values))
    took_s = 0.0 if trial.duration is None else round(trial.duration.total_seconds(), 3)
    values = used_values(recipe, trial.params)
    return Tried(number, trial.state == TrialState.PRUNED, max(epochs, default=0.0), epochs, values, took_s)


# --- the study on disk ----------------------------------------------------------------------------------------------


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "study.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserMistake(f"{folder} is being tuned already; wait for it, or name another folder") from error
        yield


def _open_study(plan: Plan, folder: Path) -> optuna.Study:
    path = folder / "study.log"
    _mend(path)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(path))),
        study_name="tuning",
        direction="maximize",
        pruner=MedianPruner(n_startup_trials=PRUNED_AFTER, n_warmup_steps=PRUNED_FROM),
        load_if_exists=True,
    )
    wanted, held = _identity(plan), study.user_attrs
    if not held:
        study.set_user_attr("plan", wanted)
    elif different := sorted(name for name in wanted if wanted[name] != held["plan"].get(name)):
        words = ", ".join(name.replace("_", " ") for name in different)
        raise UserMistake(f"{folder} holds a tuning that differs in {words}; name another folder")
    for killed in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(killed.number, state=TrialState.FAIL)
    return study


def _mend(path: Path) -> None:
    """After a kill or a power cut: nobody else holds the journal, and its last line may be half written."""
    path.with_name("study.log.lock").unlink(missing_ok=True)
    if path.is_file() and not (text := path.read_bytes()).endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])


def _identity(plan: Plan) -> dict[str, Any]:
    """What trials must share to be compared, as JSON gives it back."""
    recipe = {name: value for name, value in recipe_page(plan.recipe).items() if name not in ANYHOW}
    data = [plan.labels, split_digest(plan.split.train), split_digest(plan.split.validation)]
    space = {name: distribution_to_json(searched) for name, searched in plan.space.items()}
    page: dict[str, Any] = json.loads(json.dumps({**recipe, "data": data, "search_space": space}))
    return page


def _over(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
