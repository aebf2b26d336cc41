"""Which parts of a network learn: all, its head, or its last feature block and all that comes after it.

A part that does not learn also keeps its BatchNorm's averages (`keep_still`): else a frozen backbone would drift.
"""

from __future__ import annotations

from torch import nn

from surveillance.training.pretrained import head_of


def freeze(network: nn.Module, unfreeze: str) -> None:
    """`unfreeze` is all, head or block."""
    first = {"all": "", "head": head_of(network), "block": feature_blocks(network)[-1]}[unfreeze]
    learns = False
    for name, parameter in network.named_parameters():
        learns = learns or name.startswith(f"{first}.") or not first
        parameter.requires_grad = learns


def keep_still(network: nn.Module) -> None:
    """After `network.train()`: modules none of whose parameters learn go on as in use, dropout and BatchNorm too."""
    for module in network.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


def feature_blocks(network: nn.Module) -> list[str]:
    """Names of the parts that hold convolutions or attention, in order; plain sequences and encoders are opened."""
    found: list[str] = []
    _collect(network, "", found)
    return found


def _collect(module: nn.Module, prefix: str, found: list[str]) -> None:
    for name, child in module.named_children():
        path = f"{prefix}{name}"
        if not any(isinstance(part, nn.Conv2d | nn.MultiheadAttention) for part in child.modules()):
            continue
        if type(child) is nn.Sequential or name == "encoder":
            _collect(child, f"{path}.", found)
        else:
            found.append(path)
