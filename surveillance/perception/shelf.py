"""A folder of models, each a card beside its files: written whole, packed into a bundle, taken out of one again.

Only this module writes cards: for `training.publish`, for weights that are pulled, and for bundles. A file comes into
the folder once its checksum is the card's and its network could be built, under a name that belongs to its card.
"""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import yaml
from tqdm import tqdm

from surveillance.domain.errors import ModelError, UserMistake
from surveillance.perception.cards import DETECTOR, WEIGHTS, ModelCard, parse_card
from surveillance.perception.detect import build_detector
from surveillance.perception.opening import check_model

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # it becomes a file name
SUFFIXES = (".safetensors", ".onnx", ".xml", ".bin")
MOST_CARD_BYTES = 4 * 2**20
MOST_BYTES = 8 * 2**30  # of a bundle's files, unpacked
_STEP = 2**20


@dataclass(frozen=True, slots=True)
class Packed:
    """A model on its way in: its card as it was written, and where its files lie until they are put in place."""

    card: ModelCard
    page: bytes
    folder: Path


# --- writing -------------------------------------------------------------------------------------------------------


def check_name(name: str) -> str:
    """Raises UserMistake for a name that cannot be a file's."""
    if not NAME.fullmatch(name):
        raise UserMistake(f"{name!r} is no model name: use letters, digits and . _ -, a letter or digit first")
    return name


def write_model(card: ModelCard, files: Mapping[str, bytes], cards: Path, weights: Path | None = None) -> Path:
    """Writes the files (beside the card, or in `weights`), then the card; returns its path."""
    check_name(card.name)
    for name, data in files.items():
        _write((weights or cards) / name, data)
    page = yaml.safe_dump(card.as_yaml(), sort_keys=False, width=120, allow_unicode=True)
    return _write(cards / f"{card.name}.yaml", page.encode())


def write_checked(card: ModelCard, data: bytes, folder: Path) -> Path:
    """Writes a model of one file once its network could be opened. Raises ModelError."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".pull-", dir=folder) as room:
        _write(Path(room) / card.weights_file, data)
        _check_network(card, Path(room))
    return write_model(card, {card.weights_file: data}, folder)


def _check_network(card: ModelCard, folder: Path) -> None:
    """Raises ModelError for a model that cannot be opened, or that answers otherwise than its decoder reads."""
    if card.kind == DETECTOR:
        build_detector(card, folder)
    else:
        check_model(card, folder)


def put_in_place(model: Packed, folder: Path) -> Path:
    """Moves what `unpacked` verified into the folder, the card last; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in model.card.files():
        (model.folder / name).replace(folder / name)
    return _write(folder / f"{model.card.name}.yaml", model.page)


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    return part.replace(path)


# --- out -----------------------------------------------------------------------------------------------------------


def size_of(card: ModelCard, folders: Sequence[Path]) -> int | None:
    """Bytes of all its files; None where one is missing."""
    found = [_found(name, folders) for name in card.files()]
    return sum(path.stat().st_size for path in found if path is not None) if all(found) else None


def pack(cards: Sequence[ModelCard], folders: Sequence[Path], bundle: Path) -> int:
    """Writes the cards and their files, each checked, as one zip; returns its size. Raises ModelError, UserMistake."""
    if bundle.exists():
        raise UserMistake(f"{bundle} is there already; choose another name, or remove it first")
    part = bundle.with_name(bundle.name + ".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as box:
            for card in cards:
                _check_files(card)
                for name, sha256 in card.files().items():
                    path = _found(name, folders)
                    if path is None:
                        raise ModelError(f"{name} of {card.name} is missing; publish it again, or pull it again")
                    _check_digest(path, sha256, card)
                    box.write(path, name)
                page = yaml.safe_dump(card.as_yaml(), sort_keys=False, width=120, allow_unicode=True)
                box.writestr(f"{card.name}.yaml", page)
        return part.replace(bundle).stat().st_size
    finally:
        part.unlink(missing_ok=True)


def _found(name: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / name for folder in (*folders, WEIGHTS) if (folder / name).is_file()), None)


# --- in ------------------------------------------------------------------------------------------------------------


@contextmanager
def unpacked(source: Path, folder: Path, most_bytes: int = MOST_BYTES) -> Iterator[tuple[Packed, ...]]:
    """The models of a bundle, or of a card beside its files, verified in a temporary folder inside `folder`.

    Nothing is in place yet. Raises ModelError for a bundle that is damaged or holds anything else than cards and their
    files: paths, links, pickles, files of other names, more bytes than it says, checksums that differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_:
        box = open_.enter_context(_Box(source, most_bytes))
        room = Path(open_.enter_context(TemporaryDirectory(prefix=".import-", dir=folder)))
        cards = [(box.card(name), name) for name in box.cards]
        if not cards:
            raise ModelError(f"{source} holds no model card (NAME.yaml); make a bundle by `surveillance models export`")
        box.refuse_strangers([card for (card, _), _ in cards])
        for (card, _), name in cards:
            if name != f"{card.name}.yaml":
                raise ModelError(f"{source}: {name} is the card of {card.name}; it must be called {card.name}.yaml")
            for file, sha256 in card.files().items():
                box.copy(file, room / file)
                _check_digest(room / file, sha256, card)
            _check_network(card, room)
        yield tuple(Packed(card, page, room) for (card, page), _ in cards)


class _Box:
    """A zip of models, or the folder around one card: plain names, and no file longer than it says."""

    def __init__(self, source: Path, most_bytes: int) -> None:
        self._source = source
        self._most_bytes = most_bytes
        self._zip: zipfile.ZipFile | None = None
        if source.suffix == ".yaml":
            if not source.is_file():
                raise ModelError(f"cannot read the model card {source}: there is no such file")
            self._sizes = {path.name: path.stat().st_size for path in source.parent.iterdir() if path.is_file()}
            self.cards = [source.name]
        else:
            self._sizes = self._open()
            self.cards = sorted(name for name in self._sizes if name.endswith(".yaml"))

    def __enter__(self) -> _Box:
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def _open(self) -> dict[str, int]:
        try:
            self._zip = zipfile.ZipFile(self._source)
        except (OSError, zipfile.BadZipFile) as error:
            reason = getattr(error, "strerror", None) or "it is no zip file"
            raise ModelError(f"cannot read the bundle {self._source}: {reason}") from error
        sizes: dict[str, int] = {}
        for entry in self._zip.infolist():
            name = entry.orig_filename
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            if name != entry.filename or not NAME.fullmatch(name) or is_link or entry.flag_bits & 1 or name in sizes:
                raise self._refusal(f"{name[:80]!r} is not the plain name of a file")
            sizes[name] = entry.file_size
        if sum(sizes.values()) > self._most_bytes:
            raise self._refusal(f"it unpacks to more than {self._most_bytes / 2**30:g} GiB")
        return sizes

    def card(self, name: str) -> tuple[ModelCard, bytes]:
        if self._sizes[name] > MOST_CARD_BYTES:
            raise self._refusal(f"{name} is too large for a card")
        with self._stream(name) as stream:
            page = stream.read(MOST_CARD_BYTES)
        try:
            card = parse_card(page.decode(), f"{self._source}: {name}")
        except UnicodeDecodeError:
            raise self._refusal(f"{name} is no text") from None
        check_name(card.name)
        _check_files(card)
        return card, page

    def refuse_strangers(self, cards: Sequence[ModelCard]) -> None:
        """What belongs to no card: a pickle, for one."""
        wanted = {name for card in cards for name in card.files()}
        missing = sorted(wanted - set(self._sizes))
        if missing:
            raise self._refusal(f"{missing[0]}, which a card names, is missing")
        strangers = sorted(set(self._sizes) - wanted - set(self.cards)) if self._zip is not None else []
        if strangers:
            raise self._refusal(f"{strangers[0]} belongs to no card in it")

    def copy(self, name: str, to: Path) -> None:
        left = self._sizes[name]
        with (
            self._stream(name) as stream,
            to.open("wb") as file,
            tqdm(total=left, desc=name, unit="B", unit_scale=True, leave=False, disable=None) as bar,
        ):
            while chunk := stream.read(_STEP):
                left -= len(chunk)
                if left < 0:
                    raise self._refusal(f"{name} holds more than it says")
                file.write(chunk)
                bar.update(len(chunk))

    @contextmanager
    def _stream(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with (self._source.parent / name).open("rb") if self._zip is None else self._zip.open(name) as stream:
                yield stream
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise self._refusal(f"{name} is damaged ({error})") from error

    def _refusal(self, why: str) -> ModelError:
        return ModelError(f"{self._source} is refused, and nothing was imported: {why}")


def _check_files(card: ModelCard) -> None:
    """A model's files carry its name, so that none can take another's place."""
    for name in card.files():
        if name not in {card.name + suffix for suffix in SUFFIXES}:
            raise ModelError(
                f"{card.name} names the file {name!r}; only {card.name} with {', '.join(SUFFIXES)} can be carried"
            )


def _check_digest(path: Path, sha256: str, card: ModelCard) -> None:
    found = digest_of(path)
    if found != sha256:
        raise ModelError(
            f"{path.name} is not what was published as {card.name} {card.version}: expected sha256 {sha256}, "
            f"found {found}"
        )


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def same_files(card: ModelCard, folders: Sequence[Path]) -> bool:
    """Whether all its files are there, unaltered."""
    found = [(_found(name, folders), sha256) for name, sha256 in card.files().items()]
    return all(path is not None and digest_of(path) == sha256 for path, sha256 in found)
