"""Fitted crops, pixels as a camera gives them, become a network's input where the network runs: in the same graph.

What registry.normalize does on the processor, for training and for exports, number by number.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surveillance.perception.cards import Input

GRAY_OF_BGR = (3735.0, 19235.0, 9798.0)  # OpenCV's weights in 32768ths, so that gray is the same gray


class Prepared(nn.Module):
    """(n, size, size, 3) uint8 in BGR to the network's answer."""

    scale: Tensor
    offset: Tensor

    def __init__(self, network: nn.Module, shape: Input, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._network, self._color, self._precision = network, shape.color, precision
        deviation = torch.tensor(shape.std, dtype=torch.float32)
        self.register_buffer("scale", 1 / (255 * deviation))
        self.register_buffer("offset", torch.tensor(shape.mean, dtype=torch.float32) / deviation)
        self.register_buffer("gray", torch.tensor(GRAY_OF_BGR, dtype=torch.float32))

    def forward(self, crops: Tensor) -> Tensor:
        pixels = crops.float()
        if self._color == "gray":
            pixels = torch.floor(((pixels * self.gray).sum(-1, keepdim=True) + 16384.0) / 32768.0)
        elif self._color == "rgb":
            pixels = pixels.flip(-1)
        made = (pixels * self.scale - self.offset).permute(0, 3, 1, 2)
        answer: Tensor = self._network(made.to(self._precision))
        return answer
