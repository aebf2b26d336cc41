"""Networks of our own, built by name: crops in, one logit per label out. Weights come from `registry`, never from here.

Every architecture is `(num_labels, **parameters) -> Module` over NCHW float input and is registered as an entry
point of `surveillance.architectures`. `channels` and `size`, where one has them, are those of its input.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def simple_cnn(
    num_labels: int,
    *,
    channels: int = 1,
    size: int = 28,
    filters: Sequence[int] = (32, 64),
    hidden: int = 256,
    dropout: float = 0.4,
) -> nn.Module:
    """Two convolutions, each with ReLU and max pooling, and two dense layers: a first CNN, with nothing hidden.

    Input (n, channels, size, size) with a size of at least 4.
    """
    first, second = filters
    return nn.Sequential(
        nn.Conv2d(channels, first, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(second * (size // 4) ** 2, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, num_labels),
    )


def lenet5(num_labels: int, *, channels: int = 1, size: int = 28) -> nn.Module:
    """LeCun et al. 1998: 5x5 convolutions, average pooling, tanh, dense layers of 120, 84 and the labels.

    Pictures of 28 pixels are padded to the 32 of the paper. Input (n, channels, size, size), size at least 12.
    """
    side = (((size if size != 28 else 32) - 4) // 2 - 4) // 2
    if side < 1:
        raise ValueError(f"lenet5 needs pictures of 12 pixels or more, not {size}")
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5, padding=2 if size == 28 else 0),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * side**2, 120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, num_labels),
    )


def mobilenet_v1_025(num_labels: int, *, dropout: float = 0.0) -> nn.Module:
    """MobileNet v1 (Howard et al. 2017) of a quarter of the width, 0.2 M weights without the head, leaky ReLU of 0.1.

    Its names of layers are those of the ImageNet checkpoint that RetinaFace's authors published, so that it loads.
    Input (n, 3, h, w), 224 pixels for that checkpoint.
    """
    return _MobileNetV1(num_labels, dropout)


class _MobileNetV1(nn.Module):
    STAGES = (
        ((3, 8, 2), (8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)),
        ((64, 128, 2), *((128, 128, 1),) * 5),
        ((128, 256, 2), (256, 256, 1)),
    )

    def __init__(self, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.stage1, self.stage2, self.stage3 = (
            nn.Sequential(*(_leaky(*block) for block in stage)) for stage in self.STAGES
        )
        self.avg = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(256, num_labels)

    def forward(self, x: Tensor) -> Tensor:
        for stage in (self.stage1, self.stage2, self.stage3):
            x = stage(x)
        y: Tensor = self.fc(self.dropout(torch.flatten(self.avg(x), 1)))
        return y


class _Block(nn.Sequential):
    """Layers that belong together: whoever freezes parts of a network takes them as one."""


def _leaky(channels: int, width: int, stride: int) -> nn.Sequential:
    """A whole convolution of the picture itself; after it a depthwise one and a pointwise one."""
    if channels == 3:
        return _Block(*_convolution(channels, width, stride), nn.LeakyReLU(0.1))
    apart = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
    return _Block(
        apart,
        nn.BatchNorm2d(channels),
        nn.LeakyReLU(0.1),
        nn.Conv2d(channels, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.1),
    )


def compact_cnn(
    num_labels: int,
    *,
    channels: int = 3,
    stem: int = 16,
    stem_stride: int = 2,
    widths: Sequence[int] = (32, 64, 112, 192),
    depths: Sequence[int] = (1, 1, 3, 1),
    attend_from: int = 2,
    dropout: float = 0.1,
) -> nn.Module:
    """A small residual network (He et al. 2016) with the average-pooled shortcut of ResNet-D (He et al. 2019).

    Stages from `attend_from` on weigh their channels (squeeze and excitation, Hu et al. 2018). Input (n,
    channels, h, w) with h and w of at least 32, or 16 where `stem_stride` is 1; output (n, num_labels) logits. The
    defaults have 1.3 M weights and need 0.9 ms a crop of 64 px in OpenVINO on one CPU thread. Every convolution is
    followed by a BatchNorm that folds into it.
    """
    layers: list[nn.Module] = [_convolution(channels, stem, stem_stride), nn.ReLU(inplace=True)]
    channels = stem
    for index, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for block in range(depth):
            stride = 2 if block == 0 and index > 0 else 1
            layers.append(_Residual(channels, width, stride, attend=index >= attend_from))
            channels = width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, num_labels)]
    return nn.Sequential(*layers, *head)


def _convolution(channels: int, width: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(width),
    )


class _Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels: int, width: int, stride: int, attend: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels, width, stride), nn.ReLU(inplace=True), _convolution(width, width)
        )
        self.attention = _Attention(width) if attend else nn.Identity()
        shortcut: list[nn.Module] = [nn.AvgPool2d(2, ceil_mode=True)] if stride == 2 else []
        if channels != width:
            shortcut.append(_convolution(channels, width, size=1))
        self.shortcut = nn.Sequential(*shortcut)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.attention(self.body(x)) + self.shortcut(x))
        return y


class _Attention(nn.Module):
    """Each channel times a factor in 0..1 that is drawn from the mean of all channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, width // 8, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width // 8, width, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x * self.weigh(x)
        return y
