"""Files that hold many pictures, IDX (MNIST and its kin) and CIFAR-10, become arrays of pictures and class numbers.

Nothing in such a file is run: CIFAR's Python version is a pickle, of which only numbers, text and containers are
read. A file is decoded once and kept; its pictures are cut from the one array.
"""

from __future__ import annotations

import gzip
import math
import pickle
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import DataError
from surveillance.domain.values import Bgr

Bytes = NDArray[np.uint8]

IDX_PICTURES = re.compile(r"(?P<set>.*)images(?P<mark>[-.])idx3-ubyte(\.gz)?", re.IGNORECASE)
IDX_BYTES = 8  # the type code of unsigned bytes
CIFAR = re.compile(r"(?P<set>data_batch_\d+|test_batch)(?P<binary>\.bin)?")
CIFAR_SHAPE = (3, 32, 32)
CIFAR_ROW = 1 + math.prod(CIFAR_SHAPE)
BELOW = ("", "raw", "*/raw", "cifar-10-batches-py", "cifar-10-batches-bin")  # where common loaders put them
PART_WORDS = {"train": "train", "data": "train", "t10k": "test", "test": "test"}


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of many pictures: the class number of each, in order, and the part that its name says."""

    path: Path
    numbers: tuple[int, ...]
    part: str


def find_packed(folder: Path) -> tuple[Packed, ...]:
    """The IDX or CIFAR-10 files in `folder`, or in the folder below it where common loaders put them.

    Raises DataError for pictures without their labels and for files that are cut short.
    """
    for below in BELOW:
        for place in sorted(folder.glob(below)) if below else [folder]:
            names = sorted(path for path in place.iterdir() if path.is_file()) if place.is_dir() else []
            found = [*_idx_files(names), *_cifar_files(names)]
            if found:
                return tuple(found)
    return ()


def class_names(folder: Path) -> tuple[str, ...]:
    """What the class numbers mean, by labels.txt, batches.meta.txt or batches.meta; nothing where no file says."""
    for name in ("labels.txt", "batches.meta.txt"):
        if (folder / name).is_file():
            lines = (folder / name).read_text(encoding="utf-8-sig").splitlines()
            return tuple(line.strip() for line in lines if line.strip())
    if (folder / "batches.meta").is_file():
        return tuple(_text(name) for name in _plain_pickle(folder / "batches.meta").get("label_names", ()))
    return ()


def picture_at(path: Path, row: int) -> Bgr:
    """(height, width, 3) uint8: one picture of such a file."""
    stat = path.stat()
    picture = _decoded(path, stat.st_mtime_ns, stat.st_size)[row]
    shown = picture if picture.ndim == 3 else np.broadcast_to(picture[..., None], (*picture.shape, 3))
    return np.ascontiguousarray(shown[..., ::-1])


@lru_cache(maxsize=12)
def _decoded(path: Path, _changed_at: int, _size: int) -> Bytes:
    """(n, height, width) gray or (n, height, width, 3) RGB."""
    if IDX_PICTURES.fullmatch(path.name):
        return _read_idx(path, 3)
    flat = _read_cifar(path)[1] if path.suffix == ".bin" else _pickled_pictures(path)
    return flat.reshape(-1, *CIFAR_SHAPE).transpose(0, 2, 3, 1)


def _idx_files(names: Iterable[Path]) -> Iterable[Packed]:
    found: dict[str, Path] = {}
    for path in names:
        match = IDX_PICTURES.fullmatch(path.name)
        if match and (match["set"] not in found or path.suffix != ".gz"):  # an unpacked one beside its archive
            found[match["set"]] = path
    for prefix, path in found.items():
        numbers = tuple(_read_idx(_labels_beside(path), 1).tolist())
        count = _idx_shape(path)[0]
        if len(numbers) != count:
            raise DataError(f"{path} holds {count} pictures, its labels are {len(numbers)}; fetch both again")
        yield Packed(path, numbers, _part_of(prefix))


def _labels_beside(path: Path) -> Path:
    match = IDX_PICTURES.fullmatch(path.name)
    prefix = match["set"] if match else ""
    wanted = [f"{prefix}labels{mark}idx1-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    for name in wanted:
        if path.with_name(name).is_file():
            return path.with_name(name)
    raise DataError(f"{path} has no labels: put {wanted[1]} beside it")


def _idx_shape(path: Path) -> tuple[int, ...]:
    with _opened(path) as file:
        return _read_idx_head(file, path)


def _read_idx(path: Path, dimensions: int) -> Bytes:
    """An IDX file of unsigned bytes (Yann LeCun's format: zero, zero, type, dimensions, then each size)."""
    with _opened(path) as file:
        shape = _read_idx_head(file, path)
        data = _read(file, path)
    if len(shape) != dimensions:
        raise DataError(f"{path} has {len(shape)} dimensions where {dimensions} were expected; is it named rightly?")
    if len(data) != math.prod(shape):
        raise DataError(f"{path} is cut short: {len(data)} bytes where {math.prod(shape)} should be; fetch it again")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read_idx_head(file: BinaryIO, path: Path) -> tuple[int, ...]:
    head = _read(file, path, 4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] != IDX_BYTES:
        raise DataError(f"{path} is no IDX file of bytes; fetch it again or take it away")
    sizes = _read(file, path, 4 * head[3])
    if not head[3] or len(sizes) < 4 * head[3]:
        raise DataError(f"{path} is cut short in its head; fetch it again")
    return tuple(int(size) for size in np.frombuffer(sizes, ">u4"))


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _read(file: BinaryIO, path: Path, count: int = -1) -> bytes:
    try:
        return file.read(count)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} cannot be unpacked ({error}); fetch it again") from error


def _cifar_files(names: Iterable[Path]) -> Iterable[Packed]:
    found: dict[str, tuple[Path, bool]] = {}
    for path in names:
        if match := CIFAR.fullmatch(path.name):
            found[match["set"]] = (path, bool(match["binary"]))
    for name, (path, binary) in found.items():
        numbers = _read_cifar(path)[0].tolist() if binary else _plain_pickle(path).get("labels", ())
        yield Packed(path, tuple(int(number) for number in numbers), _part_of(name))


def _read_cifar(path: Path) -> tuple[Bytes, Bytes]:
    """Class numbers and flat pictures of the binary version: one byte of class, then red, green, blue planes."""
    data = np.fromfile(path, np.uint8)
    if not data.size or data.size % CIFAR_ROW:
        raise DataError(f"{path} is cut short: its size is no multiple of {CIFAR_ROW} bytes; fetch it again")
    rows = data.reshape(-1, CIFAR_ROW)
    return rows[:, 0], rows[:, 1:]


def _pickled_pictures(path: Path) -> Bytes:
    data = _plain_pickle(path).get("data")
    if not isinstance(data, _Array) or len(data.raw) % (CIFAR_ROW - 1):
        raise DataError(f"{path} is no CIFAR-10 batch: it holds no array of pictures; fetch it again")
    return np.frombuffer(data.raw, np.uint8)


def _part_of(name: str) -> str:
    """The part that a file's name says: `train-`, `data_batch_1`, `t10k-`, `emnist-letters-test-`."""
    words = [word for word in re.split(r"[-_.]", name.lower()) if word in PART_WORDS]
    return PART_WORDS[words[0]] if words else ""


class _Array:
    """Stands in for numpy's array while a pickle is read; holds its bytes and runs nothing."""

    raw: bytes = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        raw = state[-1]
        self.raw = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)


class _Ignored:
    """Stands in for numpy's dtype and class objects."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


def _encoded(text: str, _: str = "latin1") -> bytes:
    return text.encode("latin1")


STAND_INS: dict[str, Callable[..., Any]] = {
    "numpy.core.multiarray._reconstruct": lambda *_: _Array(),
    "numpy._core.multiarray._reconstruct": lambda *_: _Array(),
    "numpy.ndarray": _Ignored,
    "numpy.dtype": _Ignored,
    "_codecs.encode": _encoded,
}


class _PlainUnpickler(pickle.Unpickler):
    """Reads containers, text and numbers; names of anything else are refused, so nothing foreign is ever called."""

    def find_class(self, module: str, name: str) -> Any:
        known = STAND_INS.get(f"{module}.{name}")
        if known is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return known


def _plain_pickle(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            page = _PlainUnpickler(file, encoding="bytes").load()
        return {_text(key): value for key, value in page.items()}
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, TypeError, ValueError, KeyError) as error:
        raise DataError(f"{path} is no CIFAR-10 file that can be read safely ({error}); fetch it again") from error


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
