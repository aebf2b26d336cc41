"""Networks of our own, built by name: crops in, one logit per label out. Weights come from `registry`, never from here.

Every architecture is `(num_labels, **parameters) -> Module` over NCHW float input and is registered as an entry
point of `surveillance.architectures`.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


def compact_cnn(
    num_labels: int,
    *,
    stem: int = 16,
    widths: Sequence[int] = (32, 64, 112, 192),
    depths: Sequence[int] = (1, 1, 3, 1),
    attend_from: int = 2,
    dropout: float = 0.1,
) -> nn.Module:
    """A small residual network (He et al. 2016) with the average-pooled shortcut of ResNet-D (He et al. 2019).

    Stages from `attend_from` on weigh their channels (squeeze and excitation, Hu et al. 2018). Input (n, 3, h, w) with
    h and w of at least 32; output (n, num_labels) logits. The defaults have 1.3 M weights and need 0.9 ms a crop of
    64 px in OpenVINO on one CPU thread. Every convolution is followed by a BatchNorm that folds into it.
    """
    layers: list[nn.Module] = [_convolution(3, stem, stride=2), nn.ReLU(inplace=True)]
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
