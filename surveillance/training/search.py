"""What tuning may change in a recipe, as data; and what the values of a trial make of a recipe.

A name is a field of the recipe or a parameter of its architecture. Of lists (`filters`, `widths`) a factor is searched,
so that a value says how wide the network is, whatever its number of layers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from surveillance.training.recipes import Recipe, all_parameters

Space = Mapping[str, BaseDistribution]

RATES: Space = MappingProxyType(  # by optimizer
    {
        "adamw": FloatDistribution(1e-4, 3e-2, log=True),
        "adam": FloatDistribution(1e-4, 3e-2, log=True),
        "sgd": FloatDistribution(1e-3, 3e-1, log=True),
    }
)
FIELDS: Space = MappingProxyType(
    {
        "weight_decay": FloatDistribution(1e-4, 0.3, log=True),
        "label_smoothing": FloatDistribution(0.0, 0.2),
    }
)
OLD_RATE = FloatDistribution(1e-2, 1.0, log=True)  # only where something learned before goes on learning
PARAMETERS: Space = MappingProxyType(  # of whatever architecture has one of the name
    {
        "filters": FloatDistribution(0.5, 2.0, step=0.25),
        "hidden": IntDistribution(64, 512, step=64),
        "stem": IntDistribution(8, 32, step=8),
        "widths": FloatDistribution(0.5, 1.5, step=0.25),
        "dropout": FloatDistribution(0.0, 0.6),
    }
)
SCALED = frozenset({"filters", "widths"})  # a factor of each number of the list, to the next multiple of 8
DROPOUT: Mapping[str, float] = MappingProxyType(  # torchvision's own, which their signatures do not tell
    {
        "alexnet": 0.5,
        "vgg16": 0.5,
        "mobilenet_v3_small": 0.2,
        "mobilenet_v3_large": 0.2,
        "efficientnet_b0": 0.2,
        "vit_b_16": 0.0,
    }
)
_WHOLE = CategoricalDistribution((32, 64, 128, 256))
_FEW = CategoricalDistribution((8, 16, 32, 64))
BATCHES: Space = MappingProxyType({"camera": _WHOLE, "scratch": _WHOLE, "transfer": _FEW, "finetune": _FEW})
_PHOTOGRAPHS = CategoricalDistribution(("picture", "shift", "none"))
AUGMENTS: Space = MappingProxyType(
    {
        "camera": CategoricalDistribution(("camera", "picture", "shift")),
        "scratch": CategoricalDistribution(("shift", "none")),
        "transfer": _PHOTOGRAPHS,
        "finetune": _PHOTOGRAPHS,
    }
)


def space_of(recipe: Recipe, fixed: Collection[str] = ()) -> Space:
    """What is searched for this recipe and its architecture, without what is `fixed`."""
    there = _parameters(recipe)
    whole = {
        "learning_rate": RATES[recipe.optimizer],
        "batch": BATCHES[recipe.name],
        **FIELDS,
        "augment": AUGMENTS[recipe.name],
        **({"old_rate": OLD_RATE} if recipe.unfreeze == "block" else {}),
        **{name: searched for name, searched in PARAMETERS.items() if name in there},
    }
    return {name: searched for name, searched in whole.items() if name not in fixed}


def own_values(recipe: Recipe, space: Space) -> dict[str, Any]:
    """Where the recipe as it is lies in the space; what lies outside of it is left out."""
    there = _parameters(recipe)
    own = {
        name: 1.0 if name in SCALED else there[name] if name in PARAMETERS else getattr(recipe, name) for name in space
    }
    return {name: value for name, value in own.items() if _holds(space[name], value)}


def used_values(recipe: Recipe, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial's values stand for: numbers of three digits, lists in place of their factors."""
    there = _parameters(recipe)
    short = {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in values.items()}
    return {
        name: [max(8, 8 * round(width * value / 8)) for width in there[name]] if name in SCALED else value
        for name, value in short.items()
    }


def changed(recipe: Recipe, used: Mapping[str, Any]) -> Recipe:
    """The recipe with the values that are used."""
    fields, parameters = apart(used)
    return replace(recipe, **fields, parameters={**recipe.parameters, **parameters})


def apart(used: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of a recipe, and parameters of its architecture."""
    fields = {name: value for name, value in used.items() if name not in PARAMETERS}
    return fields, {name: value for name, value in used.items() if name in PARAMETERS}


def _parameters(recipe: Recipe) -> dict[str, Any]:
    known = {"dropout": DROPOUT[recipe.architecture]} if recipe.architecture in DROPOUT else {}
    return {**known, **all_parameters(recipe)}


def _holds(searched: BaseDistribution, value: Any) -> bool:
    if isinstance(searched, CategoricalDistribution):
        return value in searched.choices
    if isinstance(searched, FloatDistribution | IntDistribution):
        steps = (value - searched.low) / searched.step if searched.step else 0.0
        return bool(searched.low <= value <= searched.high and abs(steps - round(steps)) < 1e-9)
    return False
