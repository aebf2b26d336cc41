"""An evidence bundle proves an event to whoever has the site's key, and nothing else passes for one."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from chained_site import NOON, ChainedSite, lived_in

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.storage.bundle import write_bundle
from surveillance.storage.bundle_check import check_bundle, parse_key
from surveillance.storage.heads import public_key
from surveillance.storage.queries import Events
from surveillance.storage.reviews import Reviews


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> ChainedSite:
    return lived_in(tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="module")
def bundle(site: ChainedSite) -> Path:
    """That of an alert with a picture, a clip and a review."""
    made = site.alert(NOON, b"what the camera saw" * 1000)
    Reviews(site.engine).review([made.id], "bob", "a burglar")
    return bundled(site, made.id)


def bundled(site: ChainedSite, event_id: str) -> Path:
    file = site.desk.directory / f"{event_id}.zip"
    with file.open("wb") as out:
        write_bundle(site.engine, site.keys, site.place, event_id, out, file.name)
    return file


def test_a_bundle_proves_itself_without_the_site(site, bundle):
    told = check_bundle(bundle, public_key(site.keys))
    assert (told.faults, told.key) == ([], public_key(site.keys))
    kinds = [line.split()[0].split("/")[0] for line in told.proved]
    assert kinds == ["event", "review", "evidence", "files", "recording", "files", "recording"]
    assert check_bundle(bundle).is_sound
    with zipfile.ZipFile(bundle) as inside:
        told = json.loads(inside.read("event.json"))
        words = inside.read("README.txt").decode()
    assert told["judged"][0]["rule"] == "night-yard"
    assert "- a person stood in the yard" in words
    assert f"surveillance audit verify-bundle {bundle.name}" in words


def altered(bundle: Path, name: str, change) -> Path:
    """The bundle with one file changed: by a function of its bytes, None to leave it out."""
    file = bundle.with_name("altered.zip")
    with zipfile.ZipFile(bundle) as before, zipfile.ZipFile(file, "w") as after:
        for each in before.namelist():
            data = before.read(each)
            if each == name or (name == "clip" and each.endswith("clip.mp4")):
                data = change(data) if change else None
            if data is not None:
                after.writestr(each, data)
    return file


def faults(file: Path) -> list[str]:
    return check_bundle(file).faults


def test_what_was_changed_in_a_bundle_is_named(site, bundle):
    flipped = altered(bundle, "clip", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    assert [fault.partition(" ")[2] for fault in faults(flipped)] == ["has not the hash on record"]
    assert [fault.rpartition(" ")[2] for fault in faults(altered(bundle, "clip", None))] == ["missing"]
    lied = altered(bundle, "event.json", lambda data: data.replace(b"yard", b"park"))
    assert faults(lied)[0].endswith("is not as it was recorded")
    later = altered(bundle, "proof.json", lambda data: data.replace(b'"at": "20', b'"at": "19'))
    assert "was not signed by the key" in faults(later)[0]
    other = altered(bundle, "public-key.txt", lambda data: b"ab" * 32)
    assert "was not signed by the key" in faults(other)[0]
    with zipfile.ZipFile(altered(bundle, "none", None), "a") as more:
        more.writestr("files/another.jpg", b"made up")
    assert faults(bundle.with_name("altered.zip")) == ["files/another.jpg is in it, and nothing proves it"]


def test_a_proof_of_one_event_serves_no_other(site, bundle):
    with zipfile.ZipFile(bundle) as inside:
        proof = inside.read("proof.json")
    other = bundled(site, site.alert(NOON).id)
    assert "is not as it was recorded" in faults(altered(other, "proof.json", lambda data: proof))[0]


def test_files_that_retention_took_are_named(tmp_path):
    site = lived_in(tmp_path)
    site.retain(event_days=365, media_days=5)
    oldest = [row["id"] for row in Events(site.engine).page()[0] if row["kind"] == "sighting.alerted"][-1]
    told = check_bundle(bundled(site, oldest))
    assert told.faults == []
    assert [line for line in told.proved if "is not in the bundle: older than 5 days" in line]


def test_mistakes_are_told_in_one_line(site, bundle, tmp_path):
    with pytest.raises(NotFound, match="no event nothing is on record"):
        write_bundle(site.engine, site.keys, site.place, "nothing", io.BytesIO(), "x.zip")
    (tmp_path / "no.zip").write_bytes(b"nothing")
    with pytest.raises(UserMistake, match="is no evidence bundle"):
        check_bundle(tmp_path / "no.zip")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as empty:
        empty.writestr("proof.json", "[]")
    with pytest.raises(UserMistake, match="is no evidence bundle of this version"):
        check_bundle(tmp_path / "empty.zip")
    with pytest.raises(UserMistake, match="64 hexadecimal digits"):
        parse_key("secret")
    (tmp_path / "key").write_text(f"{public_key(site.keys)}\n")
    assert parse_key(str(tmp_path / "key")) == public_key(site.keys)
