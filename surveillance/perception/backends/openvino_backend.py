"""Prepared crops become logits in OpenVINO: single precision on one CPU thread, any number of crops at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from surveillance.domain.errors import ModelError
from surveillance.perception.backends.onnx_file import all_answers, first_answer, ov
from surveillance.perception.opening import Run
from surveillance.perception.registry import Batch, Logits


class OpenVinoBackend:
    """The fastest way on a CPU; the network is converted once, in memory."""

    def __init__(self, build: Callable[[], nn.Module], channels: int, size: int, device: str = "auto") -> None:
        """`device` is auto or cpu; raises ModelError for another."""
        if device.lower() not in ("auto", "cpu"):
            raise ModelError(f"the openvino backend runs on cpu, not on {device!r}; set device to auto or cpu")
        self._run = first_answer(_converted(build(), channels, size))

    def __call__(self, batch: Batch) -> Logits:
        """(n, channels, size, size) float32 to (n, labels) float32."""
        return self._run(batch)


def save_as_openvino(network: nn.Module, channels: int, size: int, to: Path) -> Path:
    """Writes the network as OpenVINO IR in single precision: `to` (.xml), and a .bin beside it."""
    ov.save_model(_converted(network, channels, size), str(to), compress_to_fp16=False)
    return to


def run_module(network: nn.Module, channels: int, size: int) -> Run:
    """What a network of torch answers to pictures of one size, one at a time."""
    return all_answers(_converted(network, channels, size, batch=1))


def _converted(network: nn.Module, channels: int, size: int, batch: int = -1) -> Any:
    network = network.cpu().float().eval()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the converter traces by a call that torch calls deprecated
        example = torch.zeros(1, channels, size, size)
        return ov.convert_model(network, example_input=example, input=[batch, channels, size, size])
