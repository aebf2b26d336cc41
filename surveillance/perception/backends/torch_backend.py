"""Fitted crops become logits in PyTorch: half precision on a GPU, single precision on one CPU thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from surveillance.domain.errors import ModelError
from surveillance.domain.values import Bgr
from surveillance.perception.backends.prepared import Prepared
from surveillance.perception.cards import Input
from surveillance.perception.opening import Answers, Run
from surveillance.perception.registry import LARGEST_BATCH, Batch, Logits


class TorchBackend:
    """The reference that other backends are compared with."""

    def __init__(
        self, build: Callable[[], nn.Module], shape: Input, device: str = "auto", precision: str = "f32"
    ) -> None:
        """`device` is auto, cpu, cuda or cuda:N; raises ModelError for one that is not there.

        A GPU computes in half precision whatever `precision` says; on a CPU there is none but f32.
        """
        has_cuda = torch.cuda.is_available()
        chosen = ("cuda" if has_cuda else "cpu") if device == "auto" else device
        if chosen.startswith("cuda") and not has_cuda:
            raise ModelError(f"device {device!r} asks for a GPU, and torch finds none; set device to auto or cpu")
        if chosen == "cpu" and precision != "f32":
            raise ModelError("torch on a CPU computes in f32 only; set precision: f32 or backend: openvino")
        if chosen == "cpu":
            torch.set_num_threads(1)
            self._run: Callable[[Sequence[Bgr]], Logits] = _on_cpu(build(), shape)
        else:
            self._run = CudaGraphs(build(), shape, torch.device(chosen))

    def __call__(self, crops: Sequence[Bgr]) -> Logits:
        """n crops of (size, size, 3) uint8 to (n, labels) float32."""
        return self._run(crops)


def _on_cpu(network: nn.Module, shape: Input) -> Callable[[Sequence[Bgr]], Logits]:
    prepared = Prepared(network.cpu().float(), shape).to(memory_format=torch.channels_last).eval()

    def run(crops: Sequence[Bgr]) -> Logits:
        with torch.inference_mode():
            return np.asarray(prepared(torch.from_numpy(np.stack(crops))).numpy(), np.float32)

    return run


class CudaGraphs:
    """One recorded graph for each batch size that is a power of two: pixels up, prepared there, answered, logits down.

    A batch is filled up to the next of them; what fills it is thrown away. Not safe to share between threads.
    """

    def __init__(self, network: nn.Module, shape: Input, device: torch.device) -> None:
        self._device, self._side = device, shape.size
        half = network.to(device, torch.float16).to(memory_format=torch.channels_last)
        self._network = Prepared(half, shape, torch.float16).to(device).eval()
        self._recorded: dict[int, _Recorded] = {}

    def __call__(self, crops: Sequence[Bgr]) -> Logits:
        """n crops of (size, size, 3) uint8, LARGEST_BATCH at most, to (n, labels) float32."""
        count = len(crops)
        size = min(1 << (count - 1).bit_length(), LARGEST_BATCH)
        recorded = self._recorded.get(size)
        if recorded is None:
            recorded = self._recorded[size] = _record(self._network, size, self._side, self._device)
        np.stack(crops, out=recorded.pixels[:count])
        with torch.cuda.device(self._device):
            recorded.graph.replay()
            torch.cuda.current_stream().synchronize()
        return recorded.logits[:count].copy()


class _Recorded:
    """A graph, and the pinned memory that it reads from and writes to."""

    def __init__(self, graph: torch.cuda.CUDAGraph, taken: Tensor, on_device: Tensor, given: Tensor) -> None:
        self.graph = graph
        self._lives_as_long = taken, on_device, given  # a graph knows addresses and owns none of these
        self.pixels, self.logits = taken.numpy(), given.numpy()


def _record(network: nn.Module, size: int, side: int, device: torch.device) -> _Recorded:
    with torch.cuda.device(device), torch.inference_mode():
        taken = torch.zeros(size, side, side, 3, dtype=torch.uint8).pin_memory()
        on_device = taken.to(device)
        aside: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):  # libraries choose their kernels before anything is recorded
                answer = network(on_device)
        torch.cuda.current_stream().wait_stream(aside)
        given = torch.zeros(answer.shape, dtype=torch.float32).pin_memory()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            on_device.copy_(taken, non_blocking=True)
            given.copy_(network(on_device).float(), non_blocking=True)
    return _Recorded(graph, taken, on_device, given)


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
