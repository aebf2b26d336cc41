"""Keys: made once, private, and worth nothing to who holds the database alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from surveillance.domain.errors import SettingsError
from surveillance.storage.keys import KeyStore


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    key = KeyStore(tmp_path / "keys").key("signing")
    assert len(key) == 32
    assert KeyStore(tmp_path / "keys").key("signing") == key
    assert KeyStore(tmp_path / "keys").key("sealing") != key
    assert (tmp_path / "keys" / "signing.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["sealing.key", "signing.key"]


def test_all_who_ask_first_get_the_same_key(tmp_path):
    stores = [KeyStore(tmp_path / "keys") for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda store: store.key("sealing"), stores))
    assert len(keys) == 1


def test_sealed_text_opens_with_its_key_only(tmp_path):
    keys = KeyStore(tmp_path / "keys")
    sealed = keys.encrypt("rtsp://user:secret@10.0.0.9/1")
    assert "secret" not in sealed
    assert keys.decrypt(sealed) == "rtsp://user:secret@10.0.0.9/1"
    with pytest.raises(SettingsError, match=r"was not sealed with .*sealing\.key"):
        KeyStore(tmp_path / "others").decrypt(sealed)


def test_a_damaged_key_is_refused(tmp_path):
    (tmp_path / "sealing.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="damaged"):
        KeyStore(tmp_path).key("sealing")


def test_a_hash_depends_on_key_kind_and_value(tmp_path):
    keys = KeyStore(tmp_path / "keys")
    hashed = keys.hash_credential("badge", "0012")
    assert hashed == keys.hash_credential("badge", " 0012 ")
    assert hashed != keys.hash_credential("card", "0012")
    assert hashed != keys.hash_credential("badge", "12")
    assert hashed != KeyStore(tmp_path / "others").hash_credential("badge", "0012")
    assert keys.hash_credential("plate", "b-ab 12") == keys.hash_credential("plate", "BAB12")


def test_presenting_a_stolen_hash_opens_nothing(tmp_path):
    keys = KeyStore(tmp_path / "keys")
    hashed = keys.hash_credential("badge", "0012")
    assert keys.hash_credential("badge", hashed) != hashed
