"""Fitted crops become logits in OpenVINO: on one CPU thread, any number of crops at once, in f32 unless told."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from surveillance.domain.errors import ModelError
from surveillance.domain.values import Bgr
from surveillance.perception.backends.onnx_file import all_answers, first_answer, ov
from surveillance.perception.backends.prepared import Prepared
from surveillance.perception.cards import Input
from surveillance.perception.opening import Run
from surveillance.perception.registry import Logits


class OpenVinoBackend:
    """The fastest way on a CPU; the network is converted once, in memory."""

    def __init__(
        self, build: Callable[[], nn.Module], shape: Input, device: str = "auto", precision: str = "f32"
    ) -> None:
        """`device` is auto or cpu; raises ModelError for another. `precision` is f32 or bf16."""
        if device.lower() not in ("auto", "cpu"):
            raise ModelError(f"the openvino backend runs on cpu, not on {device!r}; set device to auto or cpu")
        self._run = first_answer(_for_pixels(build(), shape), precision)

    def __call__(self, crops: Sequence[Bgr]) -> Logits:
        """n crops of (size, size, 3) uint8 to (n, labels) float32."""
        return self._run(np.stack(crops))


def save_as_openvino(network: nn.Module, channels: int, size: int, to: Path) -> Path:
    """Writes the network as OpenVINO IR in single precision: `to` (.xml), and a .bin beside it."""
    ov.save_model(converted(network, channels, size), str(to), compress_to_fp16=False)
    return to


def run_module(network: nn.Module, channels: int, size: int) -> Run:
    """What a network of torch answers to pictures of one size, one at a time."""
    return all_answers(converted(network, channels, size, batch=1))


def converted(network: nn.Module, channels: int, size: int, batch: int = -1) -> Any:
    """The network in OpenVINO's memory, for prepared crops."""
    network = network.cpu().float().eval()
    return _convert(network, torch.zeros(1, channels, size, size), [batch, channels, size, size])


def _for_pixels(network: nn.Module, shape: Input) -> Any:
    """The network for crops as a camera gives them: OpenVINO works order and scale of colors into its first layer.

    How to make gray of them it does not know.
    """
    if shape.color == "gray":
        size, prepared = shape.size, Prepared(network.cpu().float(), shape).eval()
        return _convert(prepared, torch.zeros(1, size, size, 3, dtype=torch.uint8), [-1, size, size, 3])
    steps = ov.preprocess.PrePostProcessor(converted(network, shape.channels, shape.size))
    pixels = steps.input()
    pixels.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    pixels.model().set_layout(ov.Layout("NCHW"))
    prepare = pixels.preprocess().convert_element_type(ov.Type.f32)
    if shape.color == "rgb":
        prepare.reverse_channels()
    prepare.mean([255 * mean for mean in shape.mean]).scale([255 * deviation for deviation in shape.std])
    return steps.build()


def _convert(network: nn.Module, example: torch.Tensor, shape: list[int]) -> Any:
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the converter traces by a call that torch calls deprecated
        return ov.convert_model(network, example_input=example, input=shape)
