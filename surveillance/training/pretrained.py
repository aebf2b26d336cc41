"""Where a training starts: tensors by name from torchvision, from a checkpoint or from a published model.

What is loaded is tensors only, never a pickle's code. What does not fit but for the head is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn

from surveillance.domain.errors import ModelError, UserMistake
from surveillance.perception.cards import Input, load_card
from surveillance.perception.registry import load_weights
from surveillance.training.recipes import IMAGENET, NO_WEIGHTS

SIDE_HEADS = ("aux1.", "aux2.", "AuxLogits.")  # of networks that are trained with more heads than they are used with
_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
CHECKPOINTS = (".pt", ".pth", ".tar", ".ckpt", ".bin", ".safetensors")


@dataclass(frozen=True, slots=True)
class Start:
    """Tensors to start from, and the input they were trained with: of a checkpoint, ImageNet's usual one."""

    tensors: Mapping[str, Tensor]
    input: Input


def load_start(weights: str, architecture: str) -> Start | None:
    """None for `none`; else from a card (.yaml), a checkpoint file, or torchvision's weights of that name.

    torchvision's are downloaded once where there is a network, and verified. Raises ModelError, UserMistake.
    """
    if weights == NO_WEIGHTS:
        return None
    path = Path(weights)
    if path.suffix == ".yaml":
        card = load_card(path)
        return Start(load_weights(card, path.parent), card.input)
    if path.suffix in CHECKPOINTS or path.exists():
        return Start(read_checkpoint(path), IMAGENET)
    return _from_torchvision(weights, architecture)


def adopt(network: nn.Module, start: Start, where: str) -> frozenset[str]:
    """Loads what fits; returns the names of the parameters that did not come from there: a head of other labels.

    Raises ModelError when anything but the head is missing.
    """
    own = network.state_dict()
    fitting = {key: value for key, value in start.tensors.items() if key in own and own[key].shape == value.shape}
    lacking = [key for key in own if key not in fitting and not key.endswith("num_batches_tracked")]
    head = head_of(network)
    strange = [key for key in lacking if not key.startswith(f"{head}.")]
    if strange:
        raise ModelError(f"{where} does not fit this architecture: {strange[0]} is missing or has another shape")
    network.load_state_dict(fitting, strict=False)
    return frozenset(lacking)


def head_of(network: nn.Module) -> str:
    """The name of the last dense layer."""
    dense = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    return str(dense[-1])


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Tensors by name, whatever they are wrapped in. Raises UserMistake, ModelError."""
    if not path.is_file():
        raise UserMistake(f"no weights at {path}; give a checkpoint, a card, torchvision's name, or none")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    try:
        page = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ModelError(f"{path} holds more than weights, or is damaged; it is not read") from error
    while isinstance(page, dict) and isinstance(inner := page.get("state_dict", page.get("model")), dict):
        page = inner
    tensors = _tensors(page)
    if not tensors:
        raise ModelError(f"{path} holds no weights by name")
    return tensors


def _tensors(page: Any) -> dict[str, Tensor]:
    """Without the prefix that a run on several GPUs leaves, and by the names that DenseNet's layers have by now."""
    if not isinstance(page, dict):
        return {}
    return {
        _DENSE_LAYER.sub(r"\1\2", str(key).removeprefix("module.")): value
        for key, value in page.items()
        if isinstance(value, Tensor)
    }


def _from_torchvision(weights: str, architecture: str) -> Start:
    from torchvision import models

    if architecture not in models.list_models():
        raise UserMistake(
            f"torchvision has no weights for {architecture}: start from a checkpoint (--weights FILE) or none"
        )
    known = models.get_model_weights(architecture)
    try:
        chosen = known["DEFAULT" if weights.upper() in ("DEFAULT", "IMAGENET") else weights.rpartition(".")[2]]
    except KeyError as error:
        names = ", ".join(entry.name for entry in known)
        raise UserMistake(f"{architecture} has no weights {weights!r}: there are {names}, a file, or none") from error
    try:
        tensors = chosen.get_state_dict(progress=True, check_hash=True)
    except (URLError, OSError) as error:
        raise UserMistake(
            f"cannot fetch {chosen} ({getattr(error, 'reason', error)}): on a machine without a network give a "
            "checkpoint file by --weights FILE, or train from scratch by --weights none"
        ) from error
    return Start(tensors, input_of(chosen.transforms()))


def input_of(transform: Any) -> Input:
    """A card's input for torchvision's preset of one of its weights."""
    return Input(
        size=int(transform.crop_size[0]),
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        fit="crop",
        resize=int(transform.resize_size[0]),
    )
