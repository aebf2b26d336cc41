"""Tuning: good values are found among bad ones, hopeless trials end early, and a stopped tuning goes on."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState
from patience import eventually
from stripes import RECIPE, write_tree

from surveillance.cli import main
from surveillance.domain.errors import DataError, UserMistake
from surveillance.perception.cards import Input
from surveillance.training.recipes import RECIPES, build_recipe, parse_recipe
from surveillance.training.search import changed, own_values, space_of, used_values
from surveillance.training.tune import Plan, Tuning, plan_tuning, tune

QUICK = replace(
    RECIPE,
    architecture="simple_cnn",
    parameters={"hidden": 32},
    input=Input(size=16),
    augment="none",
    epochs=3,
    ema=0.5,
)
# small networks that learn in an epoch or two, or, at the lower rates, not at all
RATES = {"learning_rate": CategoricalDistribution((1e-6, 2e-6, 1e-2)), "label_smoothing": FloatDistribution(0.0, 0.1)}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("stripes"), 60)


@pytest.fixture(scope="module")
def plan(tree: Path) -> Plan:
    return replace(plan_tuning(tree, QUICK), space=RATES)


@pytest.fixture(scope="module")
def whole(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    """A tuning that nobody stopped, the recipe's own rate among bad ones."""
    return tune(plan, tmp_path_factory.mktemp("whole"), 8)


def test_a_good_rate_is_found_and_hopeless_trials_end_early(whole: Tuning) -> None:
    assert whole.trials[0].values["learning_rate"] == 0.01, "the first is the recipe as it is"
    assert len(whole.trials) == 8
    assert whole.best()[0].values["learning_rate"] == 0.01
    assert whole.best()[0].validation >= 0.9
    pruned = [trial for trial in whole.trials if trial.is_pruned]
    assert pruned
    assert {trial.values["learning_rate"] for trial in pruned} <= {1e-6, 2e-6}
    assert all(len(trial.epochs) < 3 for trial in pruned)
    assert all(len(trial.epochs) == 3 for trial in whole.trials if not trial.is_pruned)
    assert [t.validation for t in whole.best()] == sorted((t.validation for t in whole.best()), reverse=True)


def test_a_stopped_tuning_goes_on_to_the_same_result(plan: Plan, whole: Tuning, tmp_path: Path) -> None:
    tune(plan, tmp_path, 2)
    begun = len(_study(tmp_path).trials)
    tune(plan, tmp_path, 5)
    again = tune(plan, tmp_path, 8)
    assert begun == 2
    assert len(_study(tmp_path).trials) == 8, "nothing is repeated"
    assert _without_time(again) == _without_time(whole)
    assert tune(plan, tmp_path, 3).trials == again.trials, "more trials than asked for: nothing to do"
    assert {path.name for path in tmp_path.iterdir()} == {"study.log", "study.lock"}


def test_a_killed_trial_is_marked_failed_and_repeated(plan: Plan, whole: Tuning, tmp_path: Path) -> None:
    """SIGKILL in the middle of a trial; what is left of it, a stale lock and half a line are cleared away."""
    _kill_in_a_trial(plan.data, tmp_path)
    with (tmp_path / "study.log").open("a") as file:
        file.write('{"op_code":7,"wor')
    (tmp_path / "study.log.lock").unlink(missing_ok=True)  # a kill may have left one, or not
    (tmp_path / "study.log.lock").symlink_to("study.log")
    again = tune(plan, tmp_path, 8)
    assert _without_time(again) == _without_time(whole)
    failed = [trial for trial in _study(tmp_path).trials if trial.state == TrialState.FAIL]
    assert len(failed) == 1
    repeated = _study(tmp_path).trials[failed[0].number + 1]
    assert failed[0].params.items() <= repeated.params.items()
    assert not (tmp_path / "trial").exists()


def _kill_in_a_trial(data: Path, folder: Path) -> None:
    while True:  # a kill may fall between two trials
        shutil.rmtree(folder / "trial", ignore_errors=True)
        child = subprocess.Popen([sys.executable, "-c", GO_ON, str(data), str(folder)], stderr=subprocess.DEVNULL)
        eventually(lambda c=child: c.poll() is not None or (folder / "trial" / "last.pt").is_file(), 120)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert child.returncode == -signal.SIGKILL
        if _study(folder).trials[-1].state == TrialState.RUNNING:
            return


GO_ON = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
from dataclasses import replace
from pathlib import Path
from test_tune import QUICK, RATES
from surveillance.training.tune import plan_tuning, tune
tree, folder = map(Path, sys.argv[1:])
tune(replace(plan_tuning(tree, QUICK), space=RATES), folder, 8)
"""


def test_the_printed_command_trains_what_was_tuned(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--epochs", "1", "--batch", "32", "--threads", "1", "--device", "cpu", "--validation", "0.2"]
    words = ["tune", "--data", str(tree), "--out", str(tmp_path / "tuned"), "--trials", "2", *given]
    said = json.loads(_said([*words, "--json"], capsys))
    assert [trial["number"] for trial in said["trials"]] == [1, 2]
    assert "batch" not in said["trials"][0]["values"], "what is given is not searched"
    command = shlex.split(said["command"])
    assert command[:2] == ["surveillance", "train"]
    assert command[command.index("--batch") + 1] == "32"
    _said([*command[1:], "--epochs", "1"], capsys)
    run = parse_recipe(json.loads((tmp_path / "tuned" / "best" / "run.json").read_text())["recipe"])
    best: dict[str, Any] = said["trials"][said["best"] - 1]["values"]
    trained = {name: getattr(run, name, None) or run.parameters.get(name) for name in best}
    assert {name: value or None for name, value in best.items()} == {name: v or None for name, v in trained.items()}
    assert json.loads((tmp_path / "tuned" / "tuning.json").read_text())["trials"] == said["trials"]
    assert (tmp_path / "tuned" / "tuning.png").read_bytes().startswith(b"\x89PNG")
    text = _said(words, capsys)
    assert "2 trials, 0 stopped early; trial 1 is the recipe as it is" in text
    assert text.splitlines()[-1] == said["command"]
    assert "holds a training by other values" in _mistake([*words, "--train"], capsys), "of one epoch, not of 40"
    shutil.rmtree(tmp_path / "tuned" / "best")
    _said([*words, "--train"], capsys)
    assert (tmp_path / "tuned" / "best" / "curve.png").is_file()


def test_every_recipe_lies_in_its_own_space() -> None:
    for name in RECIPES:
        recipe = build_recipe(name)
        space = space_of(recipe)
        own = own_values(recipe, space)
        assert set(own) == set(space)
        assert changed(recipe, used_values(recipe, own)).learning_rate == recipe.learning_rate
    scratch = build_recipe("scratch")
    space = space_of(scratch, {"batch", "hidden"})
    assert set(space) == {"learning_rate", "weight_decay", "label_smoothing", "augment", "filters", "dropout"}
    assert used_values(scratch, {"filters": 0.75, "learning_rate": 0.00123456}) == {
        "filters": [24, 48],
        "learning_rate": 0.00123,
    }
    assert "old_rate" in space_of(build_recipe("finetune"))
    assert {"stem", "widths", "dropout"} < set(space_of(build_recipe("camera")))
    assert "dropout" not in space_of(build_recipe("transfer")), "resnet50 has none"


def test_mistakes_are_one_line(
    tree: Path, plan: Plan, whole: Tuning, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tune(plan, tmp_path, 1)
    with pytest.raises(UserMistake, match="holds a tuning that differs in epochs, weight decay; name another folder"):
        tune(replace(plan, recipe=replace(plan.recipe, epochs=5, weight_decay=0.5)), tmp_path, 1)
    with pytest.raises(UserMistake, match="holds a tuning that differs in search space"):
        tune(replace(plan, space={"batch": CategoricalDistribution((8, 16))}), tmp_path, 1)
    with pytest.raises(DataError, match="leaves no validation part"):
        plan_tuning(tree, replace(RECIPE, validation=0.0))
    with pytest.raises(UserMistake, match="none of 0 trials came to its end"):
        tune(plan, tmp_path / "late", 3, minutes=1e-9)
    words = ["tune", "--data", str(tree), "--out", str(tmp_path / "x")]
    assert "no recipe is called 'scrach'" in _mistake([*words, "--recipe", "scrach"], capsys)
    assert "--set dropout: say NAME=VALUE" in _mistake([*words, "--set", "dropout"], capsys)
    assert "cannot train on device 'tpu'" in _mistake([*words, "--device", "tpu", "--threads", "1"], capsys)


def _study(folder: Path) -> optuna.Study:
    journal = optuna.storages.journal.JournalFileBackend(str(folder / "study.log"))
    return optuna.load_study(study_name="tuning", storage=optuna.storages.JournalStorage(journal))


def _without_time(tuning: Tuning) -> list[Any]:
    return [replace(trial, took_s=0.0) for trial in tuning.trials]


def _said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capsys.readouterr()
    assert not ended.value.code, said.err
    return said.out


def _mistake(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    return said[-1]
