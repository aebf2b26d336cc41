"""How much of a GPU the recognizer gets: our path beside the bare network, and how many cameras one card serves.

Runs where there is only torch, torchvision, NumPy and OpenCV: `python -m surveillance.bench.gpu_inference FILE`.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from surveillance import plugins
from surveillance.domain.values import Bgr
from surveillance.engines.recognizer import Answer, Ask, SharedRecognizer
from surveillance.perception.backends.torch_backend import CudaGraphs
from surveillance.perception.cards import Input, ModelCard
from surveillance.perception.registry import CardClassifier, preprocess
from surveillance.walk import RecognizerWalk

IMAGENET = Input(224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
MODELS: Mapping[str, Input] = {
    "compact_cnn": Input(64),
    "mobilenet_v3_large": IMAGENET,
    "resnet50": IMAGENET,
}
BATCHES = (1, 8, 64)
LABELS = ("animal", "background", "person", "vehicle")
ROUNDS = 5  # of each way, in turn
ROUND_S = 0.1
FPS = 5.0  # looked at, of each camera
CROPS = 2  # of each such picture
STREAMS = (128, 256, 512, 1024, 2048, 4096)
STREAM_S = 2.0
BOUND_MS = 200.0  # p99 of what a camera waits

Way = Callable[[], Any]


def measure(progress: bool = True) -> dict[str, Any]:
    """JSON-able figures. `models`: crops a second by model, batch and way, ratios of medians of interleaved rounds."""
    if not torch.cuda.is_available():
        return {"gpu": "not measured: torch finds none here"}
    rates: dict[str, Any] = {}
    serving: dict[str, Any] = {}
    for name in tqdm(MODELS, "models", disable=not progress):
        rates[name] = {str(batch): _rates(name, batch) for batch in BATCHES}
        serving[name] = _serving(name)
    return {
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "models": rates,
        "streams": serving,
    }


def described(figures: Mapping[str, Any]) -> Iterable[str]:
    """The lines of a table."""
    yield f"GPU: {figures['gpu']}"
    for name, by_batch in figures.get("models", {}).items():
        for batch, told in by_batch.items():
            rates = ", ".join(f"{way} {rate:,.0f}" for way, rate in told["crops_per_s"].items())
            yield f"{name}, batch {batch}: crops/s {rates}; ours over bare {told['ours_over_bare']:.2f}"
    for name, told in figures.get("streams", {}).items():
        yield f"{name}: {told['most']} cameras at {FPS:g} pictures/s of {CROPS} crops with p99 under {BOUND_MS:g} ms"


# --- throughput ------------------------------------------------------------------------------------------------------


def _rates(name: str, batch: int) -> dict[str, Any]:
    shape = MODELS[name]
    crops = _crops(shape.size, batch)
    ours = _classifier(name)
    ways = {
        "eager": _eager(name, crops, torch.float16),
        "bare fp16": _bare(name, crops, torch.float16),
        "bare bf16": _bare(name, crops, torch.bfloat16),
        "ours": lambda: ours.logits(crops),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, run in ways.items():
            found[way].append(_rate(run, batch))
    medians = {way: statistics.median(rates) for way, rates in found.items()}
    return {
        "crops_per_s": medians,
        "ours_over_bare": medians["ours"] / max(medians["bare fp16"], medians["bare bf16"]),
    }


def _rate(run: Way, batch: int) -> float:
    run()
    torch.cuda.synchronize()
    rounds, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < ROUND_S:
        run()
        rounds += 1
    torch.cuda.synchronize()
    return rounds * batch / (time.perf_counter() - begun)


def _eager(name: str, crops: Sequence[Bgr], precision: torch.dtype) -> Way:
    """As most programs do it: prepared in NumPy, sent as numbers, the network called kernel by kernel."""
    network = _placed(name, precision)

    def run() -> None:
        with torch.inference_mode():
            batch = torch.from_numpy(preprocess(crops, MODELS[name])).to("cuda", precision)
            network(batch.to(memory_format=torch.channels_last)).float().cpu()

    return run


def _bare(name: str, crops: Sequence[Bgr], precision: torch.dtype) -> Way:
    """The network alone, recorded, on a batch that is there and prepared already; nothing comes back."""
    network = _placed(name, precision)
    there = torch.from_numpy(preprocess(crops, MODELS[name])).to("cuda", precision)
    there = there.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        aside: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        with torch.cuda.stream(aside):
            for _ in range(3):
                network(there)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            network(there)

    def run(lives_as_long: tuple[nn.Module, torch.Tensor] = (network, there)) -> None:
        graph.replay()  # it knows the addresses of both
        torch.cuda.current_stream().synchronize()

    return run


def _placed(name: str, precision: torch.dtype) -> nn.Module:
    return _network(name).to("cuda", precision).to(memory_format=torch.channels_last).eval()


def _network(name: str) -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = plugins.load("architectures", name)(len(LABELS))
    return made


def _crops(size: int, count: int) -> list[Bgr]:
    return list(np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8))


def _classifier(name: str) -> CardClassifier:
    shape = MODELS[name]
    card = ModelCard(name, "0", name, {}, LABELS, shape, 1.0, 0.0, "", "", "")
    return CardClassifier(card, CudaGraphs(_network(name), shape, torch.device("cuda")))


# --- cameras ---------------------------------------------------------------------------------------------------------


def _serving(name: str) -> dict[str, Any]:
    """What cameras wait for their answers, by their number, and the most that stay under the bound."""
    classifier = _classifier(name)
    crops = _crops(MODELS[name].size, CROPS)
    for size in (1, 2, 4, 8, 16, 32, 64):  # recorded before anybody waits
        classifier.logits([crops[0]] * size)
    waits: dict[str, Any] = {}
    most = 0
    for streams in STREAMS:
        told = _wait(classifier, crops, streams)
        waits[str(streams)] = told
        if told["p99_ms"] > BOUND_MS or told["late_share"] > 0:
            break
        most = streams
    return {"most": most, "fps": FPS, "crops": CROPS, "bound_ms": BOUND_MS, "waits": waits}


def _wait(classifier: CardClassifier, crops: Sequence[Bgr], streams: int) -> dict[str, float]:
    """Cameras ask at their own times, whether answers have come or not."""
    recognizer = SharedRecognizer(RecognizerWalk(classifier), max_batch=64)
    thread = threading.Thread(target=recognizer.run)
    thread.start()
    times = np.sort(np.random.default_rng(1).uniform(0, STREAM_S, round(streams * FPS * STREAM_S)))
    waited: list[float] = []
    late: list[float] = []
    begun_s = time.monotonic() + 0.05
    for number, moment in enumerate(times):
        due_s = begun_s + float(moment)
        time.sleep(max(0.0, due_s - time.monotonic()))
        done = _noting(due_s, waited, late)
        recognizer.submit(Ask(f"camera-{number % streams}", crops, due_s, due_s + 1.0, False, done))
    until_s = time.monotonic() + 3
    while len(waited) + len(late) < len(times) and time.monotonic() < until_s:
        time.sleep(0.01)
    recognizer.stop()
    thread.join(10)
    told = np.asarray(waited or [float("inf")]) * 1000
    return {
        "p50_ms": float(np.percentile(told, 50)),
        "p99_ms": float(np.percentile(told, 99)),
        "late_share": 1 - len(waited) / len(times),
    }


def _noting(due_s: float, waited: list[float], late: list[float]) -> Callable[[Answer], None]:
    def done(answer: Answer) -> None:
        (late if answer is None else waited).append(time.monotonic() - due_s)

    return done


if __name__ == "__main__":
    told = measure()
    Path(sys.argv[1]).write_text(json.dumps(told, indent=2), encoding="utf-8")
    sys.stdout.write("\n".join(described(told)) + "\n")
