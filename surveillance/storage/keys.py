"""Secrets of the site, each in a file of its own that only its owner reads, outside the database and its backups."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from surveillance.domain import duress
from surveillance.domain.errors import SettingsError
from surveillance.domain.plates import spelled
from surveillance.storage.durable import sync_directory

KEY_BYTES = 32
HASHED = "hmac-sha256:"
SEALED = "sealed:"
_ERASED = ".erased"
_RETIRED = "retired"


class KeyStore:
    """Keys by purpose, made on first use: random, on disk before they are used, mode 0600.

    `people` holds a key for each person who has a face on record.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._keys: dict[str, bytes] = {}
        self.people = PersonKeys(directory / "people")

    def key(self, purpose: str) -> bytes:
        """32 bytes, the same for ever. Several processes asking for the first time get the same."""
        if purpose not in self._keys:
            self._keys[purpose] = self._read_or_make(purpose)
        return self._keys[purpose]

    def has(self, purpose: str) -> bool:
        """Whether there is such a key yet; asking for one makes it."""
        return self._path(purpose).is_file()

    def older(self, purpose: str) -> list[bytes]:
        """Those that were retired, the newest first: what they sealed or signed before can still be read."""
        return [_read(path) for path in self._retired(purpose)]

    def exchange(self, purpose: str, keeps: bool) -> None:
        """A new key in place of the one there is, which `keeps` retires beside it rather than dropping it.

        Other processes know the old one until they are started again. Both are on the disk before the change.
        """
        path = self._path(purpose)
        try:
            if keeps:
                number = 1 + max((int(one.stem.rpartition("-")[2]) for one in self._retired(purpose)), default=0)
                folder = self._directory / _RETIRED
                folder.mkdir(exist_ok=True, mode=0o700)
                os.link(path, folder / f"{purpose}-{number:04}.key")
                sync_directory(folder)
            fresh = path.with_name(f".{path.name}.next")
            fresh.unlink(missing_ok=True)
            _make(fresh)
            fresh.replace(path)
            sync_directory(path.parent)
        except OSError as error:
            raise SettingsError(f"the key {path} cannot be exchanged: {error.strerror}") from error
        self._keys.pop(purpose, None)

    def purposes(self) -> list[str]:
        """What there are keys for, people's apart."""
        return sorted(path.stem for path in self._directory.glob("*.key"))

    def made_at(self, purpose: str) -> datetime:
        """Since when that key counts."""
        return datetime.fromtimestamp(self._path(purpose).stat().st_mtime, UTC)

    def missing(self) -> list[Path]:
        """Files of keys that are in use here and gone from the disk."""
        return [path for path in map(self._path, sorted(self._keys)) if not path.is_file()]

    def encrypt(self, text: str, purpose: str = "sealing") -> str:
        """The text sealed (Fernet: AES-128-CBC with HMAC-SHA256), starting with `sealed:`."""
        return SEALED + self._box(purpose).encrypt(text.encode()).decode()

    def decrypt(self, sealed: str, purpose: str = "sealing") -> str:
        """What `encrypt` was given. Raises SettingsError when the key is not the one it was sealed with."""
        try:
            return self._box(purpose).decrypt(sealed.removeprefix(SEALED).encode()).decode()
        except InvalidToken as error:
            raise SettingsError(
                f"a secret in the database was not sealed with {self._path(purpose)}: put the key file back "
                "that belongs to this database"
            ) from error

    def hash_credential(self, kind: str, value: str) -> str:
        """Keyed HMAC-SHA256 of what a reader reads, so that a stolen database opens no door.

        A value that looks like a hash is hashed like any other: whoever presents a stolen hash gets nowhere.
        """
        kind = "pin" if kind == duress.KIND else kind  # so that a reader's PIN is compared with both alike
        message = f"{kind}\0{_normal(kind, value)}".encode()
        return HASHED + hmac.new(self.key("credentials"), message, hashlib.sha256).hexdigest()

    def hash_text(self, purpose: str, text: str) -> str:
        """Keyed HMAC-SHA256 in hexadecimal, by which a text that must not be kept is known again."""
        return hmac.new(self.key(purpose), text.encode(), hashlib.sha256).hexdigest()

    def _box(self, purpose: str) -> MultiFernet:
        keys = [self.key(purpose), *self.older(purpose)]
        return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])

    def _retired(self, purpose: str) -> list[Path]:
        """Their files, the newest first."""
        return sorted((self._directory / _RETIRED).glob(f"{purpose}-[0-9][0-9][0-9][0-9].key"), reverse=True)

    def _path(self, purpose: str) -> Path:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", purpose):
            raise ValueError(f"{purpose!r} cannot name a key file")
        return self._directory / f"{purpose}.key"

    def _read_or_make(self, purpose: str) -> bytes:
        path = self._path(purpose)
        try:
            if not path.exists():
                _make(path)
            return _read(path)
        except OSError as error:
            raise SettingsError(f"the key {path} cannot be read or made: {error.strerror}") from error


class PersonKeys:
    """A key for each person, in a file of its own. What it sealed is gone for good once the key is erased: in this
    database and in every backup of it. A key is read anew each time, so that no process still knows an erased one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> set[str]:
        """Of the keys that are there."""
        return {path.stem for path in self._directory.glob("*.key")}

    def stamp(self) -> object:
        """Another one after every key that was made, exchanged or erased, by whichever process."""
        try:
            return self._directory.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def make(self) -> str:
        """The name of a new key; it tells nothing of the person."""
        name = os.urandom(16).hex()
        try:
            _make(self._path(name))
        except OSError as error:
            raise SettingsError(f"a person's key cannot be made in {self._directory}: {error.strerror}") from error
        return name

    def seal(self, name: str, data: bytes) -> str:
        """Raises SettingsError where the key is gone."""
        box = self._box(name)
        if box is None:
            raise SettingsError(f"the person's key {self._path(name)} is gone: remove the faces and enroll them anew")
        return SEALED + box.encrypt(data).decode()

    def open(self, name: str, sealed: str) -> bytes | None:
        """What was sealed; None where the key is erased, or is another one."""
        box = self._box(name)
        try:
            return None if box is None else box.decrypt(sealed.removeprefix(SEALED).encode())
        except InvalidToken:
            return None

    def erased(self) -> set[str]:
        """Names of the keys that were erased for good, so that what a backup brings back of them is known."""
        return {path.stem for path in self._directory.glob(f"*{_ERASED}")}

    def erase(self, name: str, for_good: bool = False) -> None:
        """Overwritten, then deleted. One that is gone already is no fault. `for_good` leaves its name."""
        path = self._path(name)
        try:
            if for_good:
                path.with_suffix(_ERASED).touch(mode=0o600)
                sync_directory(self._directory)
            _overwrite(path)
            sync_directory(self._directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise SettingsError(f"the key {path} cannot be erased: {error.strerror}") from error

    def _box(self, name: str) -> Fernet | None:
        try:
            return Fernet(urlsafe_b64encode(_read(self._path(name))))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsError(f"the key {self._path(name)} cannot be read: {error.strerror}") from error

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{32}", name):
            raise ValueError(f"{name!r} cannot name a person's key")
        return self._directory / f"{name}.key"


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise SettingsError(f"the key {path} is damaged: it should be {KEY_BYTES} bytes; restore it from its copy")
    return key


def _overwrite(path: Path) -> None:
    """And away with it."""
    with path.open("r+b") as file:
        file.write(bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, os.urandom(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, path)  # unlike rename, never replaces the key that another process was quicker to make
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_directory(path.parent)


def _normal(kind: str, value: str) -> str:
    """A plate counts however it is written; anything else as it is."""
    return spelled(value) if kind == "plate" else value.strip()
