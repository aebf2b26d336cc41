"""Labels become versions of a data set: immutable, the same for the same labels, with a test part that only grows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_samples import NOON

from surveillance.app.labelled import collect, dataset_folder, versions
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.domain.errors import DataError
from surveillance.domain.geometry import Box
from surveillance.domain.labels import Pick, Said, subject_of
from surveillance.domain.values import Shot
from surveillance.settings import Settings
from surveillance.storage.settings import LabelingSettings
from surveillance.training.datasets import load_samples, split_samples
from surveillance.training.versions import (
    Labeled,
    digest_of,
    load_version,
    part_of,
    prune,
    read_manifest,
    write_version,
)

BOX = Box(0.25, 0.25, 0.75, 1.0)
LABELS = ("person", "fox", "delivery van")
FROZEN = [0, 1, 7, 14, 16]  # the tracks of one camera and moment that test; they must, for ever


def picture(number: int) -> bytes:
    pixels = np.full((48, 64, 3), 40 + number % 200, np.uint8)
    pixels[12:, 16:48] = (20, 200, number % 250)
    return bytes(cv2.imencode(".jpg", pixels)[1])


class Home:
    def __init__(self, directory: Path, **labeling: object) -> None:
        self.settings = Settings(data_dir=directory, labeling=LabelingSettings(**labeling))  # type: ignore[arg-type]
        upgrade_database(self.settings)
        self.store: Store = open_store(self.settings)

    def label(self, number: int, label: str, camera: str = "front gate") -> str:
        at = NOON + timedelta(seconds=number)
        shot = Shot(picture(number), BOX, at)
        said = Said("person", 0.5, "embedded")
        name = self.store.crops.queue(Pick("uncertain", camera, subject_of(camera, number, at), shot, said, number))
        assert name is not None
        self.store.labels.say([name], label, "ada")
        return name


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_labels_become_a_tree_with_a_manifest_that_training_reads(home: Home) -> None:
    names = [home.label(number, LABELS[number % 3]) for number in range(12)]
    made = collect(home.settings, home.store)
    assert (made.name, made.folder, made.added, made.is_new) == (
        "site/v1",
        dataset_folder(home.settings) / "v1",
        12,
        True,
    )
    samples = load_samples(made.folder)
    assert {sample.part for sample in samples} == {"train", "test"}
    assert {sample.label for sample in samples} == set(LABELS)
    assert {sample.source for sample in samples} == {"front-gate"}
    assert samples[0].load().shape == (36, 32, 3)
    [member] = [one for one in read_manifest(made.folder) if names[0] in one.file]
    assert (member.label, member.camera, member.labeled_by, member.licence_as_stated) == (
        "person", "front gate", "ada", "the site's own footage",
    )  # fmt: skip
    counted = {(part, label): n for part, row in made.counts.items() for label, n in row.items()}
    assert counted == {key: sum((sample.part, sample.label) == key for sample in samples) for key in counted}
    assert len(split_samples(samples).train) > 0
    assert load_version(made.folder) == made


def test_collecting_twice_gives_the_same_and_a_new_label_a_new_version(home: Home) -> None:
    first = [home.label(number, "person") for number in range(4)]
    one = collect(home.settings, home.store)
    again = collect(home.settings, home.store)
    assert (again, again.is_new) == (one, False)
    before = {path: path.read_bytes() for path in sorted(one.folder.rglob("*")) if path.is_file()}
    home.label(9, "fox")
    home.store.labels.say(first[:1], "fox", "bob")
    two = collect(home.settings, home.store)
    assert (two.name, two.added, two.relabeled) == ("site/v2", 1, 1)
    assert two.parents == ({"name": "site/v1", "digest": one.digest},)
    assert {path: path.read_bytes() for path in sorted(one.folder.rglob("*")) if path.is_file()} == before
    assert all(not path.stat().st_mode & 0o222 for path in before)
    assert [version.name for version in versions(home.settings)] == ["site/v1", "site/v2"]
    assert digest_of(read_manifest(two.folder)) == two.digest != one.digest


def test_the_same_labels_give_the_same_digest_elsewhere(home: Home, tmp_path: Path) -> None:
    for number in range(5):
        home.label(number, "person")
    here, there = collect(home.settings, home.store), collect(home.settings, home.store, tmp_path / "out")
    assert there.folder == tmp_path / "out" / "v1"
    assert there.digest == here.digest


def test_what_retention_took_stays_in_the_versions(home: Home) -> None:
    names = [home.label(number, "person") for number in range(4)]
    collect(home.settings, home.store)
    home.store.crops.drop(names)
    home.label(7, "fox")
    made = collect(home.settings, home.store)
    assert len(load_samples(made.folder)) == 5


def test_a_picture_that_is_gone_is_counted_and_left_out(home: Home) -> None:
    gone = home.label(1, "person")
    home.label(2, "person")
    home.store.crops.path(gone).unlink()
    made = collect(home.settings, home.store)
    assert (made.added, made.unreadable, len(load_samples(made.folder))) == (1, 1, 1)
    assert collect(home.settings, home.store).name == "site/v1"
    assert not list(dataset_folder(home.settings).glob(".v*"))


def test_without_a_label_there_is_nothing_to_collect(home: Home) -> None:
    with pytest.raises(DataError, match="no crop has a label yet; give some on the dashboard's page Labels"):
        collect(home.settings, home.store)


def test_old_versions_go_but_the_newest_and_those_a_card_names(tmp_path: Path) -> None:
    home = Home(tmp_path, versions_max=2)
    for number in range(5):
        home.label(number, "person")
        collect(home.settings, home.store)
        if number == 0:
            (tmp_path / "models").mkdir()
            (tmp_path / "models" / "own.yaml").write_text("name: own\ndata: {folder: /srv/datasets/site/v1}\n")
    assert [version.name for version in versions(home.settings)] == ["site/v1", "site/v4", "site/v5"]
    assert prune(dataset_folder(home.settings), 0) == ["site/v1", "site/v4"]


def test_a_damaged_version_is_said_to_be(home: Home) -> None:
    home.label(1, "person")
    made = collect(home.settings, home.store)
    page = made.folder / "dataset.json"
    page.chmod(0o644)
    page.write_text("{}")
    with pytest.raises(DataError, match="v1 is no version of a data set"):
        collect(home.settings, home.store)


def test_three_tracks_in_ten_test_and_all_pictures_of_one_track_are_on_one_side() -> None:
    drawn = [part_of(f"front:{number}:1794999995123") for number in range(5000)]
    assert 0.27 < drawn.count("test") / len(drawn) < 0.33
    assert [number for number in range(20) if part_of(f"front:{number}:1794999995123") == "test"] == FROZEN


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(LABELS)), max_size=8), max_size=5))
def test_the_test_part_never_loses_a_member(rounds: list[list[tuple[int, str]]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "shot.jpg").write_bytes(picture(1))
        seen: dict[str, str] = {}
        for said in rounds:
            if not said and not seen:
                continue
            members = read_manifest(write_version(folder / "site", labeled(folder / "shot.jpg", said)).folder)
            now = {member.name: member.part for member in members}
            assert now.items() >= seen.items()
            seen = now
            tracks: dict[str, set[str]] = {}
            for member in members:
                tracks.setdefault(member.source, set()).add(member.part)
            assert all(len(parts) == 1 for parts in tracks.values())


def labeled(shot: Path, said: Iterable[tuple[int, str]]) -> list[Labeled]:
    """Two pictures of each track, with the last label that is said of it."""
    newest = dict(said)
    return [
        Labeled(f"{number}-{view}", shot, BOX, "front", f"front:{number}:1", label, "ada", NOON, None)
        for number, label in newest.items()
        for view in (1, 2)
    ]


def test_the_pages_of_a_version_say_everything(home: Home) -> None:
    home.label(1, "person")
    made = collect(home.settings, home.store)
    page = json.loads((made.folder / "dataset.json").read_text())
    assert sorted(page) == ["added", "counts", "digest", "made_at", "name", "parents", "relabeled", "unreadable"]
    header = (made.folder / "MANIFEST.tsv").read_text().splitlines()[0].split("\t")
    assert header == ["file", "class", "source", "licence_as_stated", "camera", "labeled_by", "at", "event", "sha256"]
