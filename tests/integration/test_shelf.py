"""Models carried on a stick, and weights that others publish: what is taken over, and what leaves no trace."""

from __future__ import annotations

import hashlib
import pickle
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from models import made

from surveillance.app import shelf
from surveillance.app.shelf import Imported
from surveillance.domain.errors import ModelError, NotFound, UserMistake
from surveillance.perception.cards import find_card
from surveillance.perception.registry import build_network
from surveillance.perception.shelf import unpacked
from surveillance.settings import Settings


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "here")
    made("one", settings.data_dir / "models")
    made("two", settings.data_dir / "models", seed=2)
    return settings


@pytest.fixture
def there(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "there")


def kept(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.data_dir / "models").iterdir())


# --- bundles -------------------------------------------------------------------------------------------------------


def test_a_bundle_carries_models_to_another_machine(here: Settings, there: Settings, tmp_path: Path) -> None:
    stick = tmp_path / "models.zip"
    assert shelf.export(here, ("one", "two", "one"), stick) == stick.stat().st_size
    assert shelf.bring_in(there, stick, replace=False) == [
        Imported("one", "1", "added"),
        Imported("two", "1", "added"),
    ]
    assert kept(there) == ["one.safetensors", "one.yaml", "two.safetensors", "two.yaml"]
    for name in ("one", "two"):
        files = [settings.data_dir / "models" / f"{name}.safetensors" for settings in (here, there)]
        assert files[0].read_bytes() == files[1].read_bytes()
        assert find_card(name, there.model_dirs) == find_card(name, here.model_dirs)
    assert shelf.bring_in(there, stick, replace=False) == [
        Imported("one", "1", "is there already"),
        Imported("two", "1", "is there already"),
    ]


def test_the_model_that_ships_is_carried_too(here: Settings, there: Settings, tmp_path: Path) -> None:
    shelf.export(here, ("embedded",), tmp_path / "models.zip")
    assert [each.how for each in shelf.bring_in(there, tmp_path / "models.zip", replace=False)] == ["is there already"]
    made("embedded", here.data_dir / "models")
    shelf.export(here, ("embedded",), tmp_path / "mine.zip")
    with pytest.raises(UserMistake, match=r"a model called embedded already \(version 2\)"):
        shelf.bring_in(there, tmp_path / "mine.zip", replace=False)
    assert kept(there) == []


def test_another_model_of_that_name_stays_unless_told(here: Settings, there: Settings, tmp_path: Path) -> None:
    stick = tmp_path / "models.zip"
    made("two", there.data_dir / "models", seed=7, version="7")
    before = (there.data_dir / "models" / "two.safetensors").read_bytes()
    shelf.export(here, ("one", "two"), stick)
    with pytest.raises(UserMistake, match=r"called two already \(version 7\); --replace puts this in its place"):
        shelf.bring_in(there, stick, replace=False)
    assert kept(there) == ["two.safetensors", "two.yaml"]
    assert (there.data_dir / "models" / "two.safetensors").read_bytes() == before
    assert [each.how for each in shelf.bring_in(there, stick, replace=True)] == ["added", "replaced 7"]
    build_network(find_card("two", there.model_dirs), there.data_dir / "models")


def test_a_card_beside_its_weights_is_taken_over(here: Settings, there: Settings) -> None:
    folder = here.data_dir / "models"
    assert shelf.bring_in(there, folder / "one.yaml", replace=False) == [Imported("one", "1", "added")]
    assert kept(there) == ["one.safetensors", "one.yaml"]
    (folder / "two.safetensors").unlink()
    with pytest.raises(ModelError, match=r"two\.yaml is refused, and nothing was imported: two\.safetensors, which a"):
        shelf.bring_in(there, folder / "two.yaml", replace=False)
    with pytest.raises(ModelError, match=r"cannot read the model card .*none\.yaml"):
        shelf.bring_in(there, folder / "none.yaml", replace=False)


def test_what_is_altered_is_not_packed(here: Settings, tmp_path: Path) -> None:
    weights = here.data_dir / "models" / "one.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ModelError, match=r"one\.safetensors is not what was published as one 1: expected sha256"):
        shelf.export(here, ("two", "one"), tmp_path / "models.zip")
    assert list(tmp_path.glob("models.zip*")) == []
    (tmp_path / "models.zip").write_text("mine")
    with pytest.raises(UserMistake, match="is there already; choose another name"):
        shelf.export(here, ("two",), tmp_path / "models.zip")
    with pytest.raises(NotFound, match="no model is called 'tow'; did you mean 'two'"):
        shelf.export(here, ("tow",), tmp_path / "other.zip")


Change = Callable[[zipfile.ZipFile, dict[str, bytes]], None]


def _with(name: str, data: bytes = b"x") -> Change:
    return lambda box, files: box.writestr(name, data)


def _link(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    entry = zipfile.ZipInfo("link.bin")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    box.writestr(entry, "/etc/passwd")


def _altered(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    files["one.safetensors"] = files["one.safetensors"][:-1] + b"\x01"


def _lacking(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    del files["one.safetensors"]


def _pickled(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    old, new = files["one.safetensors"], pickle.dumps({"weights": print})
    files["one.safetensors"] = new
    digests = [hashlib.sha256(data).hexdigest().encode() for data in (old, new)]
    files["one.yaml"] = files["one.yaml"].replace(*digests)


def _in_anothers_name(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    files["embedded.safetensors"] = files.pop("one.safetensors")
    files["one.yaml"] = files["one.yaml"].replace(b"one.safetensors", b"embedded.safetensors")


def _misfit(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    files["one.yaml"] = files["one.yaml"].replace(b"attend_from: 1", b"attend_from: 0")


def _unknown_parameter(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    files["one.yaml"] = files["one.yaml"].replace(b"attend_from: 1", b"attend: 1")


def _unknown_architecture(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    files["one.yaml"] = files["one.yaml"].replace(b"compact_cnn", b"compact_ccn")


def _cardless(box: zipfile.ZipFile, files: dict[str, bytes]) -> None:
    files.clear()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_with("../evil.yaml"), r"'\.\./evil\.yaml' is not the plain name of a file"),
        (_with("/etc/cron.d/evil"), r"'/etc/cron\.d/evil' is not the plain name of a file"),
        (_with("..\\evil.yaml"), "is not the plain name of a file"),
        (_with("sub/one.bin"), "is not the plain name of a file"),
        (_with(".import-me"), "is not the plain name of a file"),
        (_with("one.pt", pickle.dumps({})), r"one\.pt belongs to no card in it"),
        (_with("one.onnx"), r"one\.onnx belongs to no card in it"),
        (_with("big.yaml", b" " * (4 * 2**20 + 1)), r"big\.yaml is too large for a card"),
        (_with("odd.yaml", b"\xff\xfe"), r"odd\.yaml is no text"),
        (_with("odd.yaml", b"name: x"), r"odd\.yaml is no model card"),
        (_link, r"'link\.bin' is not the plain name of a file"),
        (_altered, r"one\.safetensors is not what was published as one 1: expected sha256 \w+, found \w+"),
        (_lacking, r"one\.safetensors, which a card names, is missing"),
        (_pickled, r"one\.safetensors is no safetensors file"),
        (_in_anothers_name, r"one names the file 'embedded\.safetensors'; only one with \.safetensors, "),
        (_misfit, "does not fit compact_cnn with 2 labels"),
        (_unknown_parameter, "one asks compact_cnn for what it cannot be: "),
        (_unknown_architecture, "no architecture is called 'compact_ccn'; did you mean 'compact_cnn'"),
        (_cardless, r"holds no model card \(NAME\.yaml\)"),
    ],
)  # fmt: skip
def test_a_bundle_that_is_not_what_it_should_be_leaves_no_trace(
    here: Settings, there: Settings, tmp_path: Path, change: Change, told: str
) -> None:
    folder = here.data_dir / "models"
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.stem in ("one", "two")}
    with zipfile.ZipFile(tmp_path / "stick.zip", "w") as box:
        change(box, files)
        for name, data in files.items():
            box.writestr(name, data)
    with pytest.raises(UserMistake, match=told) as refused:
        shelf.bring_in(there, tmp_path / "stick.zip", replace=True)
    assert "\n" not in str(refused.value)
    assert kept(there) == []
    assert {path.name for path in tmp_path.iterdir()} == {"here", "there", "stick.zip"}


def test_what_unpacks_to_too_much_or_to_nothing_is_refused(here: Settings, tmp_path: Path) -> None:
    shelf.export(here, ("one",), tmp_path / "stick.zip")
    with (
        pytest.raises(ModelError, match=r"it unpacks to more than 9\.5\d*e-07 GiB"),
        unpacked(tmp_path / "stick.zip", tmp_path / "in", most_bytes=1024),
    ):
        pass
    data = (tmp_path / "stick.zip").read_bytes()
    for name, damaged in {
        "cut": data[: len(data) // 2],
        "none": b"",
        "flipped": data.replace(b"cat", b"cow", 1),
    }.items():
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ModelError, match=r"it is no zip file|is damaged|is not what was published"):
            shelf.bring_in(here, tmp_path / name, replace=True)
    with pytest.raises(ModelError, match=r"cannot read the bundle .*: No such file or directory"):
        shelf.bring_in(here, tmp_path / "nowhere.zip", replace=False)


# --- what the list says --------------------------------------------------------------------------------------------


def test_the_list_says_where_a_model_is_from_and_what_is_lost(here: Settings) -> None:
    (here.data_dir / "models" / "two.safetensors").unlink()
    found = {model.card.name: model for model in shelf.list_models(here)}
    size = (here.data_dir / "models" / "one.safetensors").stat().st_size
    assert [(found[name].origin, found[name].size_bytes) for name in ("one", "two")] == [
        ("trained", size),
        ("trained", None),
    ]
    assert (found["embedded"].origin, found["embedded"].is_default) == ("shipped", True)
    assert found["embedded"].accuracy == (found["embedded"].card.metrics["held_out"]["accuracy"], "held out")
    assert replace(found["one"]).accuracy is None
