"""What is known of weights that others publish: where they are, which digest they have, and the card they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from surveillance.perception.cards import CLASSIFIER, Input


@dataclass(frozen=True, slots=True)
class Known:
    """Weights that can be pulled. `sha256` may be its first digits, as torchvision's file names have them."""

    name: str
    file: str
    url: str | None  # None: they come from a file only
    sha256: str
    architecture: str  # "" of a file in ONNX
    parameters: Mapping[str, Any]
    labels: tuple[str, ...]
    input: Input
    licence: str
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    kind: str = CLASSIFIER
    decoder: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    reject_below: float = 0.0
    sources: Mapping[str, Any] = field(default_factory=dict)  # what it was taught, with each one's terms
    also: tuple[str, ...] = ()  # digests of other files that hold the same network

    def is_of(self, digest: str) -> bool:
        """Whether a file of that digest is what the makers published, or the same network in another file."""
        return digest.startswith(self.sha256) or digest in self.also
