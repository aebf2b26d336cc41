"""A network in a file answers in OpenVINO: single precision on one CPU thread, and no torch, for workers go without."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surveillance.perception.opening import Answers, Run
from surveillance.perception.registry import Batch, Logits

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # it would report each import to its maker
import openvino as ov  # noqa: E402

__all__ = ["CORE", "all_answers", "first_answer", "open_file", "ov", "run_onnx"]
First = Callable[[NDArray[Any]], Logits]  # a batch in the network's own terms to its first answer
# One for as long as the process lives. It gives the thread in which its first network is compiled another stack for
# signals, and frees that stack when it goes; were that in another thread, the next signal would end the process.
CORE = ov.Core()
SETTINGS = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}


def open_file(path: Path) -> First:
    """What a file in OpenVINO IR or ONNX answers first."""
    return first_answer(CORE.read_model(str(path)))


def run_onnx(data: bytes) -> Run:
    """What a network in ONNX answers, all its outputs. Raises RuntimeError for bytes that are none."""
    return all_answers(CORE.read_model(data, b""))


def first_answer(model: Any, precision: str = "f32") -> First:
    """`precision` bf16 is half the work on processors that have it, for two or three digits less of each logit."""
    network = CORE.compile_model(model, "CPU", SETTINGS | {"INFERENCE_PRECISION_HINT": precision})
    return lambda batch: np.array(network(batch)[0], np.float32)


def all_answers(model: Any) -> Run:
    network = CORE.compile_model(model, "CPU", SETTINGS)
    count = len(network.outputs)

    def run(batch: Batch) -> Answers:
        answered = network(batch)
        return tuple(np.array(answered[place], np.float32) for place in range(count))

    return run
