"""Prepared crops become logits in PyTorch: half precision on a GPU, single precision on one CPU thread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from surveillance.domain.errors import ModelError
from surveillance.perception.opening import Answers, Run
from surveillance.perception.registry import Batch, Logits


class TorchBackend:
    """The reference that other backends are compared with."""

    def __init__(self, build: Callable[[], nn.Module], channels: int, size: int, device: str = "auto") -> None:
        """`device` is auto, cpu, cuda or cuda:N; raises ModelError for one that is not there."""
        has_cuda = torch.cuda.is_available()
        chosen = ("cuda" if has_cuda else "cpu") if device == "auto" else device
        if chosen.startswith("cuda") and not has_cuda:
            raise ModelError(f"device {device!r} asks for a GPU, and torch finds none; set device to auto or cpu")
        self._device = torch.device(chosen)
        self._type = torch.float16 if self._device.type == "cuda" else torch.float32
        if self._device.type == "cpu":
            torch.set_num_threads(1)
        network = build().to(device=self._device, dtype=self._type)
        self._network = network.to(memory_format=torch.channels_last).eval()

    def __call__(self, batch: Batch) -> Logits:
        """(n, channels, size, size) float32 to (n, labels) float32."""
        with torch.inference_mode():
            crops = torch.from_numpy(batch).to(self._device, self._type, memory_format=torch.channels_last)
            logits: Logits = self._network(crops).float().cpu().numpy().astype(np.float32)
        return logits


def run_eagerly(network: nn.Module) -> Run:
    """What a network answers to pictures of any size, in single precision on one CPU thread."""
    torch.set_num_threads(1)
    network = network.cpu().float().eval()

    def run(batch: Batch) -> Answers:
        with torch.inference_mode():
            found = network(torch.from_numpy(batch))
        parts = found if isinstance(found, tuple) else (found,)
        return tuple(np.asarray(part.numpy(), np.float32) for part in parts)

    return run
