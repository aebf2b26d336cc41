"""Plates and badges from pixels: painted and real ones are read, and the command says what it reads."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import pytest
import segno
from click.testing import CliRunner, Result

from surveillance.access.badges import BadgeSeal
from surveillance.access.roster import mark_of
from surveillance.app.store import open_store
from surveillance.bench import plates
from surveillance.cli import load_commands
from surveillance.domain.site import Credential, Person
from surveillance.settings import load_settings

SAMPLES = list(plates.painted(24, 5))  # two of each country


def test_the_same_seed_paints_the_same_plates() -> None:
    again = list(plates.painted(3, 5))
    assert [(one.plate, one.picture.tobytes()) for one in again] == [
        (one.plate, one.picture.tobytes()) for one in SAMPLES[:3]
    ]


def test_painted_plates_of_all_countries_are_read() -> None:
    figures = plates.measure(SAMPLES, plates.reader(), len(SAMPLES))
    assert set(figures["groups"]) == set(plates.LAYOUTS)
    assert figures["exact"] >= 0.9
    assert figures["exact_or_near"] >= 0.95


def test_real_chinese_plates_are_read(footage: Path) -> None:
    samples = list(plates.pictures_in(footage / "plates" / "lprnet"))[::10]
    figures = plates.measure(samples, plates.reader(), len(samples))
    assert figures["exact"] >= 0.5
    assert figures["exact_or_near"] >= 0.9


def test_the_command_reads_a_picture_and_shows_where(tmp_path: Path) -> None:
    file, shown = tmp_path / "car.png", tmp_path / "read.jpg"
    cv2.imwrite(str(file), SAMPLES[0].picture)
    told = command("read", str(file), "--json", "--save", str(shown))
    answer = json.loads(told.output)
    assert (answer["image"], answer["plate"], len(answer["lines"])) == (str(file), SAMPLES[0].plate, 1)
    assert cv2.imread(str(shown)).shape == SAMPLES[0].picture.shape
    assert f"{file}: {SAMPLES[0].plate} " in command("read", str(file), "--plates").output


def test_the_command_names_a_badge_and_never_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path))
    picture = tmp_path / "badge.png"
    segno.make("SB1.of-another-site", error="m", micro=False).save(str(picture), scale=8, border=4)
    assert "none is configured here" in str(command("read", str(picture), "--badge").exception)
    site = tmp_path / "site.yaml"
    site.write_text("doors: [{name: front}]\npeople: [{name: Ada}]\n", encoding="utf-8")
    assert command("site", "apply", str(site)).exit_code == 0
    assert command("read", str(picture), "--badge").output == f"{picture}: a badge that was not signed here\n"

    store = open_store(load_settings(None))
    badge, text = BadgeSeal(store.keys.key("badges")).issue(datetime.now(UTC), None)
    held = Credential("qr", store.site.hash_credential("qr", badge.id), enabled=False)
    store.site.save(replace(store.site.read(), people=(Person("Ada", credentials=(held,)),)), "test")
    segno.make(text, error="m", micro=False).save(str(picture), scale=8, border=4)
    said = command("read", str(picture), "--badge").output
    assert said == f"{picture}: a printed badge of Ada, No. {mark_of(held.value)}; credential not enabled\n"
    told = command("read", str(picture), "--badge", "--json").output
    assert json.loads(told)["faults"] == ["credential_not_enabled"]
    assert text not in told
    assert badge.id not in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("read", "nowhere.jpg"), "there is no such file"),
        (("read", "a.jpg", "b.jpg", "--save", "c.jpg"), "one picture"),
        (("bench", "plates"), "nothing to read"),
        (("bench", "plates", "--data", "."), "holds no pictures"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = command(*words)
    assert said in str(failed.exception) or said in failed.output


def command(*words: str) -> Result:
    return CliRunner().invoke(load_commands(words), words)
