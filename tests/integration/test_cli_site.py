"""Cameras, zones and the whole site from the command line: what is said, what is kept, and one line for a mistake."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from surveillance import places
from surveillance.app.site_edit import apply_plan, plan_site
from surveillance.cli import main
from surveillance.settings import Settings

SECRET = "hunter2"
CAMERA = f"rtsp://viewer:{SECRET}@127.0.0.1:1/stream"
NEVER = "`surveillance run` will start with it"
SITE = f"""\
cameras:
  - name: front
    url: {CAMERA}
    zones: [{{name: porch, points: [[0, 0], [1, 0], [1, 1]]}}]
    lines: [{{name: gate, start: [0, 0.5], end: [1, 0.5]}}]
  - name: side
    url: synthetic://yard
doors:
  - {{name: main, camera: front, relay: "http://127.0.0.1:1/doors/main"}}
people:
  - name: Ada
    groups: [staff]
    credentials: [{{kind: badge, value: 0012}}]
notify:
  - {{name: ops, kind: webhook, url: "https://example.org/{SECRET}", secret: whsec_{SECRET}}}
rules:
  - name: porch
    on: sighting
    verdict: alert
    when: camera == "side" or "porch" in zones
    notify: [ops]
"""


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


class Typist:
    """Types commands; no answer may hold the secret."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        with pytest.raises(SystemExit) as left:
            main(list(words))
        said = self._capsys.readouterr()
        assert SECRET not in said.out + said.err
        return left.value.code if isinstance(left.value.code, int) else 0, said.out, said.err

    def said(self, *words: str) -> list[str]:
        """The lines of a command that went well."""
        code, out, err = self(*words)
        assert (code, err) == (0, ""), err
        return out.splitlines()

    def refused(self, *words: str) -> str:
        """The one line of a command that was refused."""
        code, out, err = self(*words)
        assert (code, out, err.count("\n")) == (2, "", 1), (out, err)
        return err.removeprefix("surveillance: ").rstrip()


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typist:
    return Typist(capsys)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a site file and the data directory in which it is in force."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    settings = Settings(data_dir=folder / "data")
    assert apply_plan(settings, plan_site(settings, folder / "site.yaml")) == 1
    return folder


@pytest.fixture
def applied(first: Path, tmp_path: Path) -> Path:
    """A copy of the site file that is in force."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    return tmp_path / "site.yaml"


def user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def test_a_camera_from_attaching_to_removing(typed: Typist) -> None:
    assert typed("camera", "list")[2].startswith("no cameras yet; attach one")
    tried, added, *_, version = typed.said("camera", "add", "yard", "synthetic://yard", "--analyze-fps", "4")
    assert tried.startswith("synthetic://yard: 640x360")
    assert (added, version) == ("+ camera yard", f"configuration version 1; {NEVER}")
    assert typed.said("camera", "set", "yard", "analyze_fps=2", "enabled=no", "model=embedded") == [
        "~ camera yard",
        "    analyze_fps: 4 -> 2",
        "    enabled: yes -> no",
        "    model: embedded",
        f"configuration version 2; {NEVER}",
    ]
    [listed] = typed.said("camera", "list", "--json")
    assert json.loads(listed) == {
        "name": "yard",
        "state": "disabled",
        "reason": "",
        "fps": 0.0,
        "drops": {},
        "url": "synthetic://yard",
        "sub_url": None,
        "model": "embedded",
        "analyze_fps": 2.0,
        "view": "side",
        "enabled": False,
        "sensitivity": 50,
        "min_confidence": 0.0,
        "tasks": [],
        "proposer": "motion",
        "blur": "none",
        "purpose": "",
        "zones": [],
        "lines": [],
        "masks": 0,
        "scenes": [],
    }
    assert typed.said("camera", "set", "yard", "model=", "name=garden")[0:2] == ["- camera yard", "+ camera garden"]
    assert typed.said("camera", "list") == [
        "NAME    STATE     FPS  DROPS  MODEL      ZONES  URL",
        "garden  disabled  -    -      (default)  -      synthetic://yard",
    ]
    assert typed.said("camera", "set", "garden", "enabled=no") == [
        "nothing to change: it is so already (configuration version 3)"
    ]
    assert typed.said("camera", "remove", "garden")[0] == "- camera garden"
    history = [json.loads(line) for line in typed.said("site", "history", "--json")]
    assert [(edit["version"], edit["author"], edit["change"]) for edit in history] == [
        (4, user(), "camera garden removed"),
        (3, user(), "camera yard removed; camera garden added"),
        (2, user(), "camera yard changed (analyze_fps, enabled, model)"),
        (1, user(), "camera yard added"),
    ]
    [noted, *_] = typed.said("events", "list", "--kind", "configuration.changed", "--json")
    assert json.loads(noted)["details"] == {"actor": user(), "version": 4, "change": "camera garden removed"}


def test_a_scene_from_watching_to_removing(typed: Typist, applied: Path) -> None:
    put = ("camera", "scene", "set", "front")
    gate = ("gate", "--model", "embedded", "--zone", "porch", "--hold-s", "20")
    assert typed.said(*put, *gate)[:2] == [
        "~ camera front",
        "    scene gate: embedded in zone porch, every 2 s, held 20 s, from 0.6",
    ]
    assert typed.said(*put, "gate", "--whole", "--min-confidence", "0.8")[1:2] == [
        "    scene gate: embedded in zone porch, every 2 s, held 20 s, from 0.6"
        " -> embedded in the whole picture, every 2 s, held 20 s, from 0.8",
    ]
    assert typed.said("camera", "scene", "list") == [
        "CAMERA  SCENE  NOW  WATCHED",
        "front   gate   -    embedded in the whole picture, every 2 s, held 20 s, from 0.8",
    ]
    assert [json.loads(line) for line in typed.said("camera", "scene", "list", "front", "--json")] == [
        {
            "camera": "front",
            "name": "gate",
            "model": "embedded",
            "hold_s": 20.0,
            "min_confidence": 0.8,
            "now": None,
        },
    ]
    exported = "\n".join(typed.said("site", "export"))
    assert "scenes:\n      - name: gate\n        model: embedded\n" in exported
    assert typed.said("camera", "scene", "remove", "front", "gate")[0] == "~ camera front"


def test_pictures_of_a_scene_are_collected_by_state(typed: Typist, applied: Path, data_dir: Path) -> None:
    words = ("camera", "scene", "collect", "side", "light")
    folder = data_dir / "datasets" / "scenes" / "light"
    assert typed.said(*words, "day", "--seconds", "0") == [f"1 picture in {folder}/day"]
    cv2.imwrite(str(applied.parent / "dark.png"), np.zeros((90, 160, 3), np.uint8))
    assert typed.said(*words, "night", "--from", "dark.png") == [
        f"1 picture in {folder}/night",
        f"states so far: day, night; train: surveillance train --data {folder} --out RUN",
    ]
    [live] = folder.glob("day/*.jpg")
    assert re.fullmatch(r"side-\d{8}T\d{6}_0001\.jpg", live.name), "another time gives other files"
    assert [path.name for path in folder.glob("night/*.jpg")] == ["dark_0001.jpg"]


def test_a_file_is_kept_with_its_whole_path(typed: Typist, tmp_path: Path) -> None:
    picture = np.zeros((90, 160, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "still.png"), picture)
    told = typed.said("camera", "add", "still", "still.png")
    assert "160x90" in told[0]
    assert any("the picture is all black" in line for line in told)
    assert json.loads(typed.said("camera", "list", "--json")[0])["url"] == str(tmp_path / "still.png")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("camera", "add", "front", CAMERA), "there is a camera 'front' already; choose another name"),
        (
            ("camera", "add", "new", CAMERA),
            "rtsp://***@127.0.0.1:1/stream refused the connection: is the address right",
        ),
        (
            ("camera", "add", "new", "10.0.0.9/stream"),
            "10.0.0.9/stream is neither a file nor a camera's address; write",
        ),
        (("camera", "add", "new", "pigeon://x"), "cannot watch pigeon://x: no source is called 'pigeon'; there are"),
        (("camera", "add", "new", "rtsp:///x"), "cannot watch rtsp:///x: it names no host"),
        (("camera", "add", "a/b", "synthetic://yard"), "camera a/b: 'a/b' is no name; use letters, digits, blanks"),
        (
            ("camera", "add", "new", "synthetic://yard", "--model", "embeded", "--no-test"),
            "camera new: no model is called",
        ),
        (
            ("camera", "add", "new", "synthetic://yard", "--analyze-fps", "0"),
            "camera new: analyze_fps: must be greater",
        ),
        (("camera", "set", "frnt", "enabled=no"), "no camera is called 'frnt'; did you mean 'front'?"),
        (("camera", "set", "front", "fps=2"), "a camera has no 'fps' to set; there are: analyze_fps, blur, "),
        (("camera", "set", "front", "enabled"), "'enabled' sets nothing; write key=value, such as analyze_fps=5"),
        (("camera", "set", "front", "enabled=perhaps"), "camera front: enabled: must be a valid boolean"),
        (("camera", "set", "front", "url="), "camera front: url: is empty; write the camera's address"),
        (("camera", "set", "front", "name=side"), "there is a camera 'side' already; choose another name"),
        (
            ("camera", "set", "front", "url=rtsp://***@10.9.9.9/x"),
            "camera front: url: *** keeps a password for the addr",
        ),
        (("camera", "scene", "set", "front", "gate"), "scene gate needs a model: --model NAME; `surveillance models"),
        (
            ("camera", "scene", "set", "front", "gate", "--model", "gates"),
            "camera front: scene gate: no model is called",
        ),
        (
            ("camera", "scene", "set", "front", "gate", "--model", "embedded", "--zone", "porhc"),
            "camera front: scene gate: zone: no zone is called 'porhc'; did you mean 'porch'?",
        ),
        (
            ("camera", "scene", "set", "front", "gate", "--model", "embedded", "--every-s", "60"),
            "camera front: scene gate: every_s: must be less than or equal to 10",
        ),
        (("camera", "scene", "collect", "side", "gate", "a/b"), "'a/b' is no state; write a word such as open"),
        (("camera", "scene", "collect", "side", "gate", "open", "--zone", "porch"), "no zone is called 'porch'; there"),
        (("camera", "scene", "collect", "side", "gate", "open", "--since", "1h"), "nothing is kept of camera side bet"),
        (("camera", "scene", "collect", "side", "gate", "open", "--from", "x.mp4"), "x.mp4: there is no such file"),
        (("camera", "scene", "test", "side", "gate"), "camera side: no scene is called 'gate'; there are: none"),
        (("camera", "scene", "remove", "front", "gate"), "camera front: no scene is called 'gate'; there are: none"),
        (("camera", "set", "side", "name=yard"), "a rule names what this takes away: database:4: rule porch: "),
        (
            ("camera", "remove", "front", "--yes"),
            "camera front looks at door main, which would then be judged without it",
        ),
        (("camera", "remove", "side", "--yes"), "a rule names what this takes away: database:4: rule porch: "),
        (
            ("camera", "test", "frnt"),
            "no camera is called 'frnt'; did you mean 'front'?; an address starts like rtsp://",
        ),
        (("camera", "test", "front"), "rtsp://***@127.0.0.1:1/stream refused the connection"),
        (
            ("zone", "set", "front", "new", "-1,0", "1,0", "1,1"),
            "camera front: zone new: [-1, 0] is outside the picture",
        ),
        (("zone", "set", "front", "new", "0,0 1,1"), "camera front: zone new: needs at least 3 points (there are 2)"),
        (("zone", "set", "front", "new", "0,0 1,1 1"), "'1' is no point; write x,y from 0,0 (top left) to 1,1 (bottom"),
        (("zone", "set", "front", "new", "0,0 1,0 1,9"), "camera front: zone new: [1, 9] is outside the picture"),
        (
            ("zone", "set", "front", "new", "0,0 1,1 1,0 0,1"),
            "camera front: zone new: its edges cross or enclose nothing",
        ),
        (("zone", "remove", "front", "porhc"), "camera front: no zone is called 'porhc'; did you mean 'porch'?"),
        (("zone", "remove", "front", "porch"), "a rule names what this takes away: database:4: rule porch: "),
        (
            ("line", "set", "front", "new", "0,0 1,0 1,1"),
            "camera front: line new: needs 2 points, start and end (there",
        ),
        (("line", "set", "front", "new", "0,0 0,0"), "camera front: line new: is where the line starts; give two diff"),
        (("mask", "set", "front", "0,0 1,0"), "camera front: mask 1: needs at least 3 points (there are 2)"),
        (("mask", "set", "nobody", "0,0 1,0 1,1"), "no camera is called 'nobody'; there are: front, side"),
        (("site", "plan", "nowhere.yaml"), "no site file nowhere.yaml: check the path"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    typed: Typist, applied: Path, words: tuple[str, ...], line: str
) -> None:
    assert typed.refused(*words).startswith(line)
    assert len(typed.said("site", "history", "--json")) == 1


def test_zones_lines_and_masks_are_drawn_listed_and_removed(typed: Typist, applied: Path) -> None:
    points = "0.6,0.5 1,0.5 1,1 0.6,1"
    assert typed.said("zone", "set", "side", "store", points, "--restricted") == [
        "~ camera side",
        f"    zone store: {points} restricted",
        f"configuration version 2; {NEVER}",
    ]
    redrawn = typed.said("zone", "set", "side", "store", "0,0", "1,0", "1,1")
    assert redrawn[1] == f"    zone store: {points} restricted -> 0,0 1,0 1,1 restricted", "it stays restricted"
    typed.said("zone", "set", "side", "store", "0,0 1,0 1,1", "--unrestricted")
    typed.said("line", "set", "side", "fence", "0,0.4 1,0.4")
    masked = typed.said("mask", "set", "side", "0,0 0.1,0 0.1,0.1", "0.9,0 1,0 1,0.1")
    assert masked[-1].endswith("cannot be masked")
    assert [line.split(maxsplit=2) for line in typed.said("zone", "list")] == [
        ["front", "porch", "0,0 1,0 1,1"],
        ["side", "store", "0,0 1,0 1,1"],
    ]
    assert json.loads(typed.said("line", "list", "side", "--json")[0]) == {
        "camera": "side",
        "name": "fence",
        "points": [[0.0, 0.4], [1.0, 0.4]],
    }
    assert len(typed.said("mask", "list", "side")) == 2

    [saved] = typed.said("zone", "show", "side", "--save", "side.jpg")
    assert saved == "saved side.jpg"
    drawn = cv2.imread("side.jpg")
    assert drawn is not None
    assert drawn[300, 100].max() - drawn[300, 100].min() < drawn[100, 500].max(), "the zone's ground is tinted"

    typed.said("zone", "remove", "side", "store")
    typed.said("line", "remove", "side", "fence")
    typed.said("mask", "remove", "side")
    assert [typed(shape, "list", "side")[:2] for shape in ("zone", "line", "mask")] == [(0, "")] * 3
    told = [typed(shape, "list", "side")[2].partition(";")[0] for shape in ("zone", "line", "mask")]
    assert told == ["no zones yet", "no lines yet", "no masks yet"]


def test_a_plan_shows_the_difference_and_apply_makes_it_one_version(typed: Typist, applied: Path) -> None:
    assert typed.said("site", "plan", "site.yaml") == [
        "no difference: the site is as site.yaml says (configuration version 1)"
    ]
    edited = SITE.replace("synthetic://yard", "synthetic://garden").replace("verdict: alert", "verdict: log")
    edited = edited.replace("    notify: [ops]\n", "").replace(f"viewer:{SECRET}", f"viewer:{SECRET}!")
    applied.write_text(edited.replace("groups: [staff]", "groups: [staff, it]"), encoding="utf-8")
    difference = [
        "~ camera front",
        "    url: rtsp://***@127.0.0.1:1/stream (a secret part differs)",
        "~ camera side",
        "    url: synthetic://yard -> synthetic://garden",
        "~ person Ada",
        "    groups: staff -> it, staff",
        "~ rule porch",
        "    -   verdict: alert",
        "    +   verdict: log",
        "    -   notify: [ops]",
        "4 differences to configuration version 1: 4 changed",
    ]
    code, out, _ = typed("site", "plan", "site.yaml")
    assert (code, out.splitlines()) == (1, difference)
    assert typed.said("site", "apply", "site.yaml") == [*difference, "applied as configuration version 2"]
    assert typed("site", "plan", "site.yaml")[0] == 0
    words = "camera front changed (url); camera side changed (url); person Ada changed (groups); rule porch changed"
    assert json.loads(typed.said("site", "history", "--json")[0])["change"] == words


def test_an_export_is_no_difference_and_can_be_edited(typed: Typist, applied: Path, tmp_path: Path) -> None:
    assert typed.said("site", "export", "copy.yaml") == ["wrote copy.yaml"]
    copy = tmp_path / "copy.yaml"
    assert typed.said("site", "export") == copy.read_text(encoding="utf-8").splitlines()
    assert typed.said("site", "export", "-") == typed.said("site", "export")
    assert SECRET not in copy.read_text(encoding="utf-8")
    assert typed("site", "plan", "copy.yaml")[0] == 0
    copy.write_text(copy.read_text(encoding="utf-8").replace("0.5]", "0.6]"), encoding="utf-8")
    assert typed.said("site", "apply", "copy.yaml", "--yes")[:2] == [
        "~ camera front",
        "    line gate: 0,0.5 1,0.5 -> 0,0.6 1,0.6",
    ]
    applied.write_text(SITE.replace("0.5]", "0.6]"), encoding="utf-8")
    assert typed("site", "plan", "site.yaml")[0] == 0, "the passwords are still those of the first file"


def test_every_fault_of_a_file_is_told_with_its_place(typed: Typist, applied: Path) -> None:
    wrong = SITE.replace("camera: front", "camera: frnt").replace("url: synthetic://yard", "ulr: synthetic://yard")
    applied.write_text(wrong, encoding="utf-8")
    code, out, err = typed("site", "apply", "site.yaml")
    assert (code, out) == (2, "")
    assert "site.yaml:6: cameras[1].url: is missing; write it" in err
    assert "site.yaml:7: cameras[1].ulr: unknown key; did you mean 'url'?" in err
    applied.write_text(SITE.replace('"porch" in zones', '"porhc" in zones'), encoding="utf-8")
    code, out, err = typed("site", "plan", "site.yaml")
    assert (code, out) == (2, "")
    assert f"site.yaml:{SITE[: SITE.index('when:')].count(chr(10)) + 1}: rule porch:" in err
    applied.write_text(SITE.replace("  - name: side\n", "  - name: side\n    model: embeded\n"), encoding="utf-8")
    assert typed.refused("site", "plan", "site.yaml") == (
        "site.yaml: camera side: no model is called 'embeded'; did you mean 'embedded'?"
    )


def test_an_export_seeds_no_database_that_lacks_its_secrets(typed: Typist, applied: Path, tmp_path: Path) -> None:
    typed.said("site", "export", "copy.yaml")
    for left in (tmp_path / "data").glob("surveillance.db*"):
        left.unlink()
    code, out, err = typed("site", "apply", "copy.yaml")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "surveillance: copy.yaml: camera front: url: the database keeps nothing that *** could stand for; write it out",
        "copy.yaml: notification target ops: url: the database keeps nothing that *** could stand for; write it out",
        "copy.yaml: notification target ops: secret: the database keeps none that *** could stand for; write it",
    ]


def test_the_example_site_can_be_applied(typed: Typist) -> None:
    example = str(places.shipped("config") / "site.example.yaml")
    assert typed.said("site", "apply", example)[-1] == "applied as configuration version 1"
    assert typed("site", "plan", example)[0] == 0
