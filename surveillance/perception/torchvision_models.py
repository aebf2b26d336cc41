"""torchvision's classifiers, by the names that torchvision gives them, as entry points of `surveillance.architectures`.

Weights come from a card or a checkpoint, never from here. What else a model takes (`dropout`, `stochastic_depth_prob`
and so on) is a parameter of the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

Builder = Callable[..., nn.Module]


def _named(name: str) -> Builder:
    def build(num_labels: int, **parameters: Any) -> nn.Module:
        from torchvision import models

        network: nn.Module = models.get_model(name, weights=None, num_classes=num_labels, **parameters)
        return network

    return build


def googlenet(num_labels: int, *, aux_logits: bool = False) -> nn.Module:
    """Szegedy et al. 2015. Its two side heads (`aux_logits`) help in training from scratch, and are never published."""
    return _named("googlenet")(num_labels, aux_logits=aux_logits, init_weights=True)


def vit_b_16(num_labels: int, *, image_size: int = 224, **parameters: Any) -> nn.Module:
    """Dosovitskiy et al. 2021; its positions are learned for one `image_size`, a multiple of 16."""
    return _named("vit_b_16")(num_labels, image_size=image_size, **parameters)


def classifier(num_labels: int, *, model: str, **parameters: Any) -> nn.Module:
    """Any other of torchvision's classifiers, by its name as a parameter; for weights that are pulled."""
    if model not in classifier_names():
        raise ValueError(f"torchvision has no classifier {model!r}")
    return _named(model)(num_labels, **parameters)


def classifier_names() -> list[str]:
    """Those that torchvision has, but for MNASNet, whose weights say how to be read in what safetensors cannot hold."""
    from torchvision import models

    return [name for name in models.list_models(module=models) if not name.startswith("mnasnet")]


alexnet = _named("alexnet")
vgg16 = _named("vgg16")
resnet18 = _named("resnet18")
resnet50 = _named("resnet50")
resnet152 = _named("resnet152")
mobilenet_v3_small = _named("mobilenet_v3_small")
mobilenet_v3_large = _named("mobilenet_v3_large")
efficientnet_b0 = _named("efficientnet_b0")
convnext_tiny = _named("convnext_tiny")
