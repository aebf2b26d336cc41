"""How much of a network's bare speed is left when crops go through the whole classifier, on one CPU thread.

Ours takes fitted crops as a camera's worker hands them over and gives classifications; beside it the same network in
the same backend is given arrays that are prepared already. In turns of one run, in CPU time. A GPU's rows come from
`gpu_inference` where there is one. Imports no more than torch, torchvision, OpenVINO, NumPy and OpenCV.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from surveillance.bench import gpu_inference
from surveillance.bench.machine import facts_of_machine, load_now
from surveillance.bench.random_models import publish
from surveillance.perception.backends.onnx_file import CORE, SETTINGS
from surveillance.perception.backends.openvino_backend import converted
from surveillance.perception.cards import ModelCard
from surveillance.perception.registry import build_classifier, build_network, preprocess

MODELS = ("mobilenet_v3_large", "resnet50")
BATCHES = (1, 8)
ROUND_S = 0.5  # that each way is given in one turn, at least one batch
Ask = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class InferenceOrder:
    """Which networks, and how many turns of each way."""

    models: Sequence[str] = MODELS
    rounds: int = 5


def measure(order: InferenceOrder) -> dict[str, Any]:
    """`rows`: pictures a second of CPU time by network, batch and way, and `of_bare`, ours by the bare network's."""
    load, rows = load_now(), []
    with TemporaryDirectory(prefix="bench-") as folder:
        for name in tqdm(order.models, unit="network", disable=None, leave=False):
            card = publish(name, Path(folder))
            rows += [row for batch in BATCHES for row in rows_of(card, Path(folder), batch, order.rounds)]
    gpu = gpu_inference.measure()
    return {"machine": facts_of_machine(load), "rows": rows, "gpu": gpu} | headline(rows)


def rows_of(card: ModelCard, folder: Path, batch: int, rounds: int) -> Iterator[dict[str, Any]]:
    """OpenVINO in single precision and in bfloat16, and torch: ours and the bare network."""
    side = card.input.size
    crops = list(np.random.default_rng(1).integers(0, 255, (batch, side, side, 3), np.uint8))
    prepared = preprocess(crops, card.input)
    ways: dict[str, Ask] = {
        "openvino": _ours(card, folder, "openvino", crops),
        "openvino_bare": _openvino(build_network(card, folder), prepared, "f32"),
        "openvino_bf16": _ours(card, folder, "openvino", crops, "bf16"),
        "openvino_bf16_bare": _openvino(build_network(card, folder), prepared, "bf16"),
        "torch": _ours(card, folder, "torch", crops),
        "torch_bare": _torch(build_network(card, folder), prepared),
    }
    per_s = {way: [batch / seconds for seconds in took] for way, took in _turns(ways, rounds).items()}
    for backend, told in (("openvino", "openvino f32"), ("openvino_bf16", "openvino bf16"), ("torch", "torch f32")):
        shares = [ours / bare for ours, bare in zip(per_s[backend], per_s[f"{backend}_bare"], strict=True)]
        yield {
            "model": card.architecture,
            "batch": batch,
            "backend": told,
            "ours_per_s": round(median(per_s[backend]), 1),
            "bare_per_s": round(median(per_s[f"{backend}_bare"]), 1),
            "of_bare": round(median(shares), 3),
        }


def _turns(ways: Mapping[str, Ask], rounds: int) -> dict[str, list[float]]:
    """Seconds of CPU time a batch, by turn."""
    took: dict[str, list[float]] = {way: [] for way in ways}
    for ask in ways.values():
        ask()
    for number in range(rounds):
        for way in list(ways) if number % 2 else reversed(list(ways)):
            began_s, count = time.process_time(), 0
            while (passed_s := time.process_time() - began_s) < ROUND_S or not count:
                ways[way]()
                count += 1
            took[way].append(passed_s / count)
    return took


def _ours(card: ModelCard, folder: Path, backend: str, crops: Sequence[Any], precision: str = "f32") -> Ask:
    classifier = build_classifier(card, folder, backend, "cpu", precision=precision)
    return lambda: classifier(crops)


def _openvino(network: nn.Module, prepared: Any, precision: str) -> Ask:
    """As OpenVINO's documentation has it: the network for this very batch."""
    batch, channels, side, _ = prepared.shape
    settings = SETTINGS | {"INFERENCE_PRECISION_HINT": precision}
    compiled = CORE.compile_model(converted(network, channels, side, batch), "CPU", settings)
    return lambda: compiled(prepared)


def _torch(network: nn.Module, prepared: Any) -> Ask:
    torch.set_num_threads(1)
    network, batch = network.to(memory_format=torch.channels_last), torch.from_numpy(prepared)

    def ask() -> Any:
        with torch.inference_mode():
            return network(batch)

    return ask


def headline(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Ours by the bare network's speed in OpenVINO, a batch of eight."""
    return {
        f"{row['model']}_of_bare": row["of_bare"]
        for row in rows
        if (row["backend"], row["batch"]) == ("openvino f32", BATCHES[-1])
    }


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people."""
    yield f"{figures['machine']['told']}; pictures a second of CPU time, one thread"
    for row in figures["rows"]:
        ours = f"ours {row['ours_per_s']:7.1f}, {row['of_bare']:.0%} of it"
        yield f"{row['model']:20} batch {row['batch']} {row['backend']:14} bare {row['bare_per_s']:7.1f}, {ours}"
    yield from gpu_inference.described(figures["gpu"])
