"""Samples become fingerprints, and fingerprints the groups of pictures that are the same or nearly so.

Same means the same pixels. Nearly: perceptual hashes (the low frequencies' signs, Zauner 2010) at most NEAR_BITS apart,
and thumbnails that differ by at most NEAR_TONES on average. Exact over all pairs, in blocks of machine words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from surveillance.domain.errors import DataError
from surveillance.domain.values import Bgr
from surveillance.training.datasets import Sample

NEAR_BITS = 10  # of 64
NEAR_TONES = 6.0  # of 256
THUMB, COARSE, LOW = 16, 32, 8
BLOCK = 512
PLACES = np.uint64(1) << np.arange(LOW * LOW, dtype=np.uint64)

Groups = tuple[tuple[int, ...], ...]  # indices of samples, at least two a group


@dataclass(frozen=True, slots=True)
class Prints:
    """What stays of each readable sample, in order; `broken` names the others with what is wrong."""

    samples: tuple[Sample, ...]
    sizes: NDArray[np.int64]  # (n, 2) width and height
    digests: tuple[bytes, ...]
    hashes: NDArray[np.uint64]  # (n,)
    thumbs: NDArray[np.uint8]  # (n, 16, 16, 3)
    broken: tuple[tuple[Sample, str], ...]


def take_prints(samples: Sequence[Sample]) -> Prints:
    """Reads every picture once."""
    kept: list[Sample] = []
    broken: list[tuple[Sample, str]] = []
    sizes: list[tuple[int, int]] = []
    digests: list[bytes] = []
    hashes = np.zeros(len(samples), np.uint64)
    thumbs = np.zeros((len(samples), THUMB, THUMB, 3), np.uint8)
    for sample in tqdm(samples, "reading", unit="picture", leave=False):
        try:
            picture, index = load_whole(sample), len(kept)
        except DataError as fault:
            broken.append((sample, str(fault)))
            continue
        kept.append(sample)
        sizes.append((picture.shape[1], picture.shape[0]))
        digests.append(hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).digest())
        hashes[index] = perceptual_hash(picture)
        thumbs[index] = cv2.resize(picture, (THUMB, THUMB), interpolation=cv2.INTER_AREA)
    count = len(kept)
    shape = np.asarray(sizes, np.int64).reshape(-1, 2)
    return Prints(tuple(kept), shape, tuple(digests), hashes[:count], thumbs[:count], tuple(broken))


def load_whole(sample: Sample) -> Bgr:
    """A sample's picture. Raises DataError with what is wrong with its file, also for one that is cut short."""
    if sample.row is not None:
        return sample.load()
    data = sample.path.read_bytes()
    if not data:
        raise DataError("the file is empty")
    if _is_cut(data):
        raise DataError("the file is cut short")
    try:
        return sample.load()
    except DataError as fault:
        raise DataError("no readable picture") from fault


def _is_cut(data: bytes) -> bool:
    """Whether the end is missing; such files are read without complaint, gray where data is missing."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")  # the end comes after the last scan
    return data.startswith(b"\x89PNG") and b"IEND" not in data


def perceptual_hash(picture: Bgr) -> np.uint64:
    """64 bits: which of the 8x8 lowest frequencies of the 32x32 gray picture lie above their median."""
    gray = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(gray.astype(np.float32))[:LOW, :LOW].ravel()
    return np.uint64(PLACES[low > np.median(low)].sum())


def same_pictures(prints: Prints) -> Groups:
    """Groups of samples with the same pixels."""
    found: dict[bytes, list[int]] = {}
    for index, digest in enumerate(prints.digests):
        found.setdefault(digest, []).append(index)
    return tuple(tuple(group) for group in found.values() if len(group) > 1)


def near_pairs(prints: Prints) -> NDArray[np.int64]:
    """(m, 2) indices of pictures that are nearly or wholly the same, the smaller first."""
    hashes, thumbs = prints.hashes, prints.thumbs
    tones = thumbs.mean(axis=(1, 2, 3))
    found = [np.zeros((0, 2), np.int64)]
    for start in tqdm(range(0, len(hashes), BLOCK), "comparing", unit="block", leave=False):
        apart = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None, start:])
        near, other = np.nonzero(apart <= NEAR_BITS)
        pairs = np.stack([near, other], axis=1)[other > near] + start
        # means differ by no more than the pictures do: most pairs need no closer look
        pairs = pairs[np.abs(tones[pairs[:, 0]] - tones[pairs[:, 1]]) <= NEAR_TONES]
        found += [some[_tones_apart(thumbs, some) <= NEAR_TONES] for some in _portions(pairs)]
    return np.concatenate(found)


def _portions(pairs: NDArray[np.int64]) -> Iterable[NDArray[np.int64]]:
    return (pairs[start : start + 16384] for start in range(0, len(pairs), 16384))


def _tones_apart(thumbs: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    one, other = thumbs[pairs[:, 0]].astype(np.int16), thumbs[pairs[:, 1]]
    return np.asarray(np.abs(one - other).mean(axis=(1, 2, 3)), np.float64)


def join(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(count,) the group of each of `count` things, linked by pairs, directly or through others."""
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def groups_of(group_of: NDArray[np.int64]) -> Groups:
    """Those groups that have at least two members."""
    order = np.argsort(group_of, kind="stable")
    cuts = np.flatnonzero(np.diff(group_of[order])) + 1
    found = (tuple(part.tolist()) for part in np.split(order, cuts) if len(part) > 1)
    return tuple(sorted(found))
