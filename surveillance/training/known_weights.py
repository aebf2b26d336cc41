"""Weights that others publish become models of ours: by name, fetched or from a file, verified, with a card.

Each name is declared with the digest that its file must have. A checkpoint is read as tensors only, loaded into the
network that its card names, and kept as safetensors without the heads that only training needs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, cast
from urllib.error import URLError
from urllib.parse import urlsplit

import torch
from safetensors.torch import save

from surveillance import plugins
from surveillance.domain.errors import ModelError, NotFound, UserMistake
from surveillance.domain.suggest import no_such
from surveillance.perception.cards import CLASSIFIER, DETECTOR, ModelCard
from surveillance.perception.shelf import check_name, digest_of, write_checked
from surveillance.perception.torchvision_models import classifier_names, detector, segmenter
from surveillance.training.known import Known
from surveillance.training.known_tasks import chosen_weights, find_task, task_names
from surveillance.training.pretrained import SIDE_HEADS, input_of, read_checkpoint
from surveillance.training.recipes import IMAGENET

IMAGENET_TERMS = "learned from ImageNet-1K, whose terms allow research and may bind what is made of it"
IMAGENET_SOURCES = {"ImageNet-1K": {"origin": "ILSVRC 2012", "licence": IMAGENET_TERMS}}
CARRY = (
    "where there is a network, run `surveillance models pull {name}` and `surveillance models export {name} --to "
    "models.zip`; carry that here, and run `surveillance models import models.zip`"
)
Fetch = Callable[[str, Path], None]


def find_known(text: str) -> Known:
    """`resnet50`, `resnet50:IMAGENET1K_V2`, or a name of TABLE. Raises NotFound, with the names there are."""
    name, _, chosen = text.partition(":")
    if name in TABLE and not chosen:
        return TABLE[name]()
    if name in task_names():
        return find_task(name, chosen)
    if name not in classifier_names():
        raise NotFound(no_such("known model", name, known_names()))
    return _of_torchvision(name, chosen)


def known_names() -> list[str]:
    """Everything that `find_known` finds, sorted."""
    return sorted({*TABLE, *task_names(), *classifier_names()})


def find_by_file(file: Path) -> Known | None:
    """The detector, segmenter or face model that this file is by its digest."""
    digest = digest_of(file)
    return next((known for known in map(find_task, task_names()) if known.is_of(digest)), None)


def pull(
    known: Known,
    folder: Path,
    name: str | None = None,
    file: Path | None = None,
    sha256: str | None = None,
    fetch: Fetch | None = None,
) -> Path:
    """Writes the model into `folder` as `name` and returns its card's path.

    The checkpoint is `file`, or fetched; with `sha256` it may be another than the makers', and the card then claims
    nothing for it. Raises ModelError for one that is not what was asked for (`sha256`, else the
    digest that its makers state), UserMistake where it cannot be fetched.
    """
    check_name(name or known.name)
    with TemporaryDirectory() as room:
        source = file or _fetched(known, Path(room), fetch or download)
        if not source.is_file():
            raise UserMistake(f"no weights at {source}; give the file {known.file}")
        digest = _checked(known, source, (sha256 or "").lower())
        data = _as_safetensors(known, source) if known.architecture else source.read_bytes()
    if digest in known.also:
        known = replace(known, file=source.name)
    elif not known.is_of(digest):  # the same network, but not its makers' weights
        known = replace(known, file=source.name, licence="not stated", training={}, metrics={})
    return write_checked(card_of(known, name or known.name, digest, data), data, folder)


def card_of(known: Known, name: str, digest: str, data: bytes) -> ModelCard:
    """What is known, as a card of the file that was made of the checkpoint."""
    return ModelCard(
        name=name,
        version=str(known.training.get("weights", "1")).rpartition(".")[2],
        architecture=known.architecture,
        parameters=known.parameters,
        labels=known.labels,
        input=known.input,
        temperature=1.0,
        reject_below=known.reject_below,
        weights_file=f"{name}{'.safetensors' if known.architecture else '.onnx'}",
        weights_sha256=hashlib.sha256(data).hexdigest(),
        licence=known.licence,
        data={"sources": dict(known.sources or IMAGENET_SOURCES)},
        training={"pulled": {**known.training, "file": known.file, "sha256": digest}},
        metrics=known.metrics,
        kind=known.kind,
        decoder=known.decoder,
        options=known.options,
        classes=known.classes,
    )


def download(url: str, to: Path) -> None:
    """Fetches with a progress bar. Raises OSError."""
    torch.hub.download_url_to_file(url, str(to), progress=True)


def _fetched(known: Known, room: Path, fetch: Fetch) -> Path:
    if known.url is None:
        raise UserMistake(f"{known.name} is nowhere to be fetched: give its file by --from {known.file}")
    try:
        fetch(known.url, room / "weights")
    except (URLError, OSError) as error:
        raise UserMistake(
            f"cannot fetch {known.file} ({getattr(error, 'reason', error)}): {CARRY.format(name=known.name)}"
        ) from error
    return room / "weights"


def _checked(known: Known, file: Path, sha256: str) -> str:
    """The file's digest, once it is what was asked for: one that begins with `sha256`, else the makers' own."""
    found = digest_of(file)
    if not (found.startswith(sha256) if sha256 else known.is_of(found)):
        raise ModelError(
            f"{file.name} is not {known.file}: its sha256 should begin with {sha256 or known.sha256}, it is {found}; "
            "fetch it again, or say by --sha256 which file you mean"
        )
    return found


def _as_safetensors(known: Known, file: Path) -> bytes:
    """What the network of the card holds once the checkpoint is in it, by the names that it has there."""
    tensors = {key: value for key, value in read_checkpoint(file).items() if not key.startswith(SIDE_HEADS)}
    network = _bare_network(known)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ModelError(f"{file.name} does not fit {known.architecture}: {reason}") from error
    held = {key: value.contiguous().clone() for key, value in network.state_dict().items()}
    return save(held, metadata={"labels": json.dumps(list(known.labels))})


def _bare_network(known: Known) -> torch.nn.Module:
    """The network that the checkpoint fits, with random weights."""
    if known.kind == CLASSIFIER:
        network = plugins.load("architectures", known.architecture)(len(known.labels), **known.parameters)
    else:
        build = detector if known.kind == DETECTOR else segmenter
        network = build(len(known.labels), model=known.architecture, **known.parameters).network
    return cast(torch.nn.Module, network)


# --- what is known -------------------------------------------------------------------------------------------------


def _of_torchvision(name: str, chosen: str) -> Known:
    weights = chosen_weights(name, chosen)
    file = urlsplit(weights.url).path.rpartition("/")[2]
    architecture, parameters = _built_as(name, weights.transforms())
    return Known(
        name=name if weights == chosen_weights(name, "") else f"{name}-{weights.name.lower()}",
        file=file,
        url=weights.url,
        sha256=file.removesuffix(".pth").rpartition("-")[2],
        architecture=architecture,
        parameters=parameters,
        labels=tuple(weights.meta["categories"]),
        input=input_of(weights.transforms()),
        licence=weights.meta.get("license") or f"BSD-3-Clause (torchvision); {IMAGENET_TERMS}",
        training={"weights": str(weights), "recipe": weights.meta.get("recipe", "")},
        metrics={"stated": _stated(weights.meta.get("_metrics", {}))},
    )


def _built_as(name: str, transform: Any) -> tuple[str, dict[str, Any]]:
    """The architecture's name and parameters, as torchvision's own weights want them."""
    if name in ("googlenet", "inception_v3"):  # brought over from TensorFlow, with its range of pixels
        return "torchvision", {"model": name, "aux_logits": False, "transform_input": True, "init_weights": False}
    parameters = {"image_size": int(transform.crop_size[0])} if name.startswith("vit_") else {}
    if name in plugins.names("architectures"):
        return name, parameters
    return "torchvision", {"model": name, **parameters}


def _stated(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What the makers measured, which is nothing that we did."""
    ratios = metrics.get("ImageNet-1K", {})
    shown = {"acc@1": "accuracy", "acc@5": "top5"}
    found = {word: round(ratios[key] / 100, 5) for key, word in shown.items() if key in ratios}
    return {"by": "torchvision", "data": "ImageNet-1K validation", **found}


def _mobilenet_v1_025() -> Known:
    """A quarter as wide as MobileNet (Howard et al. 2017), as it starts detectors of faces."""
    from torchvision import models

    return Known(
        name="mobilenet_v1_025",
        file="mobilenetV1X0.25_pretrain.tar",
        url=None,
        sha256="75c37f8d438b7c6aed2e6b310fd0540c40dabf0dd820770bd7082668dfd7c1c1",
        architecture="mobilenet_v1_025",
        parameters={},
        labels=tuple(models.ResNet18_Weights.DEFAULT.meta["categories"]),
        input=IMAGENET,
        licence=f"MIT, as the repository states that it comes with; {IMAGENET_TERMS}",
    )


TABLE: Mapping[str, Callable[[], Known]] = MappingProxyType({"mobilenet_v1_025": _mobilenet_v1_025})
