"""A published network in other formats, each held to torch's answers on real crops; and how fast it is here.

OpenVINO IR and ONNX take any number of crops at once, prepared as the card says, and give logits before temperature.
"""

from __future__ import annotations

import hashlib
import logging
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import nn

from surveillance.domain.errors import ModelError
from surveillance.domain.values import Bgr
from surveillance.perception.backends.onnx_file import open_file
from surveillance.perception.backends.openvino_backend import OpenVinoBackend, save_as_openvino
from surveillance.perception.backends.torch_backend import TorchBackend
from surveillance.perception.cards import ModelCard
from surveillance.perception.registry import Backend, Batch, Logits, build_network, fit_crops, normalize

BOUND = 0.01  # the most that a logit may differ from torch's
CROPS = 64  # that answers are compared on
BATCH = 8  # that speed is measured with
MEASURED_S = 1.0

Write = Callable[[nn.Module, Batch, Path], Path]  # network, an example, path without suffix -> the file to be opened


def with_exports(
    card: ModelCard, folder: Path, crops: Sequence[Bgr], formats: Sequence[str] = ()
) -> tuple[ModelCard, dict[str, bytes]]:
    """The card with its exports, its parity and its speed, and the exports' files. `folder` holds the weights.

    Raises ModelError for a format whose answers are not torch's.
    """
    network = build_network(card, folder)
    fitted = fit_crops(crops[:CROPS], card.input)
    wanted = TorchBackend(lambda: network, card.input, "cpu")(fitted)
    running = OpenVinoBackend(lambda: network, card.input, "cpu")
    metrics = {
        "parity": {"format": "openvino, converted at start", **parity(running(fitted), wanted, card.name, "openvino")},
        "speed": measure_speed(running, fitted),
    }
    batch = normalize(np.stack(fitted), card.input)
    exports: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for name in formats:
        main = WRITERS[name](network, batch[:2].repeat(2, axis=0)[:2], folder / card.name)
        made = {path.name: path.read_bytes() for path in (main, main.with_suffix(".bin")) if path.is_file()}
        digests = {file: hashlib.sha256(data).hexdigest() for file, data in made.items()}
        exports[name] = {"files": digests, "parity": parity(open_file(main)(batch), wanted, card.name, name)}
        files |= made
    return replace(card, metrics={**card.metrics, **metrics}, exports=exports), files


def parity(found: Logits, wanted: Logits, model: str, form: str) -> dict[str, Any]:
    """How far apart the answers are. Raises ModelError when farther than BOUND, or when another label wins.

    Where torch's own two best are closer than BOUND either of them may.
    """
    largest = float(np.abs(found - wanted).max())
    best = np.sort(wanted, axis=1)[:, -2:]
    is_clear = best[:, 1] - best[:, 0] > BOUND
    same = found.argmax(axis=1) == wanted.argmax(axis=1)
    if not largest <= BOUND or not same[is_clear].all():
        raise ModelError(
            f"{model} answers otherwise in {form} than in torch: a logit differs by {largest:.4g} (at most {BOUND:g}), "
            f"{int((~same).sum())} of {len(wanted)} crops get another label; nothing was published"
        )
    return {"crops": len(wanted), "largest": float(f"{largest:.2g}"), "bound": BOUND, "same_label": int(same.sum())}


def measure_speed(run: Backend, crops: Sequence[Bgr]) -> dict[str, Any]:
    """Fitted crops a second on one thread, as busy as the machine is at this moment."""
    part = crops[:BATCH]
    run(part)
    rounds, begun = 0, time.perf_counter()
    while (took := time.perf_counter() - begun) < MEASURED_S or rounds == 0:
        run(part)
        rounds += 1
    rate = rounds * len(part) / took
    return {
        "crops_per_s": float(f"{rate:.3g}"),
        "batch": len(part),
        "threads": 1,
        "with": "openvino",
        "cpu": cpu_name(),
    }


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _write_openvino(network: nn.Module, example: Batch, path: Path) -> Path:
    return save_as_openvino(network, example.shape[1], example.shape[2], path.with_name(path.name + ".xml"))


def _write_onnx(network: nn.Module, example: Batch, path: Path) -> Path:
    to = path.with_name(path.name + ".onnx")
    for chatty in ("onnx_ir", "onnxscript"):  # they tell each step of their optimizer
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter's own, about how it traces
        program = torch.onnx.export(
            network,
            (torch.from_numpy(example),),
            dynamo=True,
            input_names=["crops"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("crops", min=1)},),
            verbose=False,
        )
    assert program is not None
    program.save(str(to), external_data=False)
    return to


WRITERS: Mapping[str, Write] = MappingProxyType({"openvino": _write_openvino, "onnx": _write_onnx})
FORMATS = tuple(WRITERS)
