"""torchvision's networks by the names that torchvision gives them; classifiers are entry points of
`surveillance.architectures`, detectors and segmenters are opened by `opening`.

Weights come from a card or a checkpoint, never from here. What else a model takes (`dropout`, `stochastic_depth_prob`
and so on) is a parameter of the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

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


# --- detectors and segmenters --------------------------------------------------------------------------------------


def detector(num_labels: int, *, model: str, **parameters: Any) -> nn.Module:
    """A detector by its name: (1, 3, h, w) in 0..1 to boxes in pixels, scores and labels, best first."""
    if model not in detector_names():
        raise ValueError(f"torchvision has no detector {model!r}; there are: {', '.join(detector_names())}")
    return _Detector(_bare(model, num_labels, parameters))


def segmenter(num_labels: int, *, model: str, **parameters: Any) -> nn.Module:
    """A segmenter by its name: (1, 3, h, w) normalized to (1, labels, h, w) logits."""
    if model not in segmenter_names():
        raise ValueError(f"torchvision has no segmenter {model!r}; there are: {', '.join(segmenter_names())}")
    aux = {} if model.startswith("lraspp") else {"aux_loss": False}  # the side head is for training only
    return _Segmenter(_bare(model, num_labels, {**aux, **parameters}))


def detector_names() -> list[str]:
    """Those that answer boxes of many labels."""
    from torchvision import models

    return [name for name in models.list_models(module=models.detection) if not name.startswith("keypoint")]


def segmenter_names() -> list[str]:
    from torchvision import models

    return list(models.list_models(module=models.segmentation))


def _bare(model: str, num_labels: int, parameters: dict[str, Any]) -> nn.Module:
    from torchvision import models

    network: nn.Module = models.get_model(
        model, weights=None, weights_backbone=None, num_classes=num_labels, **parameters
    )
    return network


class _Wrapped(nn.Module):
    """Keeps torchvision's own names of the weights."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def load_state_dict(self, *args: Any, **more: Any) -> Any:
        return self.network.load_state_dict(*args, **more)


class _Detector(_Wrapped):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.network([x[0]])[0]
        return found["boxes"], found["scores"], found["labels"]


class _Segmenter(_Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)["out"]
        return logits


alexnet = _named("alexnet")
vgg16 = _named("vgg16")
resnet18 = _named("resnet18")
resnet50 = _named("resnet50")
resnet152 = _named("resnet152")
mobilenet_v3_small = _named("mobilenet_v3_small")
mobilenet_v3_large = _named("mobilenet_v3_large")
efficientnet_b0 = _named("efficientnet_b0")
convnext_tiny = _named("convnext_tiny")
