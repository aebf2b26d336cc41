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
        self.register_buffer("scale", (1 / (255 * deviation)).view(1, -1, 1, 1))
        self.register_buffer("offset", (torch.tensor(shape.mean, dtype=torch.float32) / deviation).view(1, -1, 1, 1))

    def forward(self, crops: Tensor) -> Tensor:
        pixels = crops.permute(0, 3, 1, 2).float()
        if self._color != "bgr":
            blue, green, red = pixels[:, 0:1], pixels[:, 1:2], pixels[:, 2:3]
            if self._color == "gray":
                blue_share, green_share, red_share = GRAY_OF_BGR
                whole = blue * blue_share + green * green_share + red * red_share
                pixels = torch.floor((whole + 16384.0) / 32768.0)
            else:
                pixels = torch.cat((red, green, blue), 1)  # a flip would cost OpenVINO a quarter of a small network
        answer: Tensor = self._network((pixels * self.scale - self.offset).to(self._precision))
        return answer
