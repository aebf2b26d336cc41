"""How to train, as one value: named recipes, what each leaves open filled in from the pictures and the weights.

`camera` made the embedded model. The others are the three that its field teaches: a network from `scratch`, a new head
on a frozen backbone (`transfer`), and its last block with it at a lower rate (`finetune`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from inspect import Parameter, signature
from types import MappingProxyType
from typing import Any

from surveillance import plugins
from surveillance.domain.errors import NotFound
from surveillance.domain.suggest import no_such
from surveillance.perception.cards import Input

IMAGENET = Input(size=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), fit="crop", resize=256)
NO_WEIGHTS = "none"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. The defaults made the embedded model."""

    name: str = "camera"
    architecture: str = "compact_cnn"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    weights: str = NO_WEIGHTS  # or where to start from: see `pretrained.load_start`
    unfreeze: str = "all"  # all | block (the last one, and the classifier) | head (a new one alone)
    input: Input = field(default_factory=lambda: Input(size=64))
    augment: str = "camera"  # camera | picture | shift | none: see `pictures`
    small_size: int = 48  # crops are this small until `small_until` of the epochs are done, from scratch: half the work
    small_until: float = 0.35
    calm: float = 0.4  # share of the crops, once they are full size, that keep their light and optics
    epochs: int = 45
    patience: int = 0  # epochs without a better validation after which the run ends; 0: never
    batch: int = 128
    optimizer: str = "adamw"  # adamw | adam | sgd
    schedule: str = "cosine"  # cosine | plateau (halved after 2 epochs without a better validation) | constant
    learning_rate: float = 3e-3
    old_rate: float = 1.0  # what is learned anew has the learning rate, what was there this share of it
    weight_decay: float = 0.05
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.05
    mixup: float = 0.0  # pictures are blended in pairs, labels too, by shares drawn from Beta(mixup, mixup); 0: never
    ema: float = 0.998  # of the weights, a step; 0: the weights as they are
    balance: float | None = 0.6  # classes are drawn alike, a source by its size to this power; None: all once an epoch
    class_weights: bool = False  # a mistake costs more in a rare class
    hold_out: tuple[str, ...] = ()
    any_angle: Mapping[str, float] = field(default_factory=lambda: {"vehicle": 0.4, "background": 0.3})  # by label
    skip: tuple[str, ...] = ()  # sources never trained on, such as test footage
    validation: float = 0.1
    seed: int = 0
    threads: int = 2
    loaders: int | None = None  # processes that make batches; 0: a thread; None: as many as a GPU has use for
    device: str = "auto"


_PLAIN: Mapping[str, Any] = {"small_until": 0.0, "calm": 0.0, "balance": None, "any_angle": {}}

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "camera": {},
        "scratch": {
            **_PLAIN,
            "name": "scratch",
            "architecture": "simple_cnn",
            "augment": "shift",
            "epochs": 40,
            "patience": 8,
            "learning_rate": 2e-3,
            "weight_decay": 0.01,
            "ema": 0.998,
        },
        "transfer": {
            **_PLAIN,
            "name": "transfer",
            "architecture": "resnet50",
            "weights": "DEFAULT",
            "unfreeze": "head",
            "augment": "picture",
            "epochs": 30,
            "patience": 10,
            "batch": 16,
            "schedule": "cosine",
            "learning_rate": 2e-3,
            "weight_decay": 0.01,
            "label_smoothing": 0.0,
            "ema": 0.9,
            "class_weights": True,
            "validation": 0.2,
        },
        "finetune": {
            **_PLAIN,
            "name": "finetune",
            "architecture": "mobilenet_v3_small",
            "weights": "DEFAULT",
            "unfreeze": "block",
            "augment": "picture",
            "epochs": 30,
            "patience": 10,
            "batch": 16,
            "learning_rate": 2e-3,
            "old_rate": 0.1,
            "weight_decay": 0.01,
            "label_smoothing": 0.0,
            "ema": 0.9,
            "class_weights": True,
            "validation": 0.2,
        },
    }
)


def build_recipe(name: str, **changes: Any) -> Recipe:
    """The recipe called `name` with those of the changes that are not None. Raises NotFound."""
    if name not in RECIPES:
        raise NotFound(no_such("recipe", name, RECIPES))
    return Recipe(**{**RECIPES[name], **{key: value for key, value in changes.items() if value is not None}})


def parse_recipe(page: Mapping[str, Any]) -> Recipe:
    """A recipe as run.json and a card's `training` hold it."""
    known: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in page.items()}
    shape: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in page["input"].items()}
    known["input"] = Input(**shape)
    return Recipe(**known)


def recipe_page(recipe: Recipe) -> dict[str, Any]:
    """What `parse_recipe` reads, of lists and plain values."""
    page = asdict(recipe)
    page["input"] = {key: list(v) if isinstance(v, tuple) else v for key, v in page["input"].items()}
    return {key: list(v) if isinstance(v, tuple) else v for key, v in page.items()}


def all_parameters(recipe: Recipe) -> dict[str, Any]:
    """The architecture's own defaults spelled out, so that they may change later; its input's side and channels too."""
    known = signature(plugins.load("architectures", recipe.architecture)).parameters
    shape = {"channels": recipe.input.channels, "size": recipe.input.size, "image_size": recipe.input.size}
    defaults = {name: known[name].default for name in known if known[name].default is not Parameter.empty}
    given = {name: value for name, value in shape.items() if name in known}
    whole = {**defaults, **given, **recipe.parameters}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in whole.items()}


def takes_gray(architecture: str) -> bool:
    """Whether it can be built for pictures of one channel."""
    return "channels" in signature(plugins.load("architectures", architecture)).parameters
