"""`camera test` and `camera add` against a real RTSP server: what it gives, and in words what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from clips import make_mp4
from services import lacking

from surveillance.bench.rtsp_server import RtspServer, is_installed
from surveillance.cli import main

PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    if not is_installed():
        lacking("an RTSP server (gst-rtsp-server)")
    clip = make_mp4(tmp_path_factory.mktemp("rtsp") / "clip.mp4", frames=50)
    with RtspServer(clip, user="viewer", password=PASSWORD, auth="digest") as running:
        yield running


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    said = capsys.readouterr()
    assert PASSWORD not in said.out + said.err
    return left.value.code if isinstance(left.value.code, int) else 0, said.out, said.err


def login(server: RtspServer, password: str = PASSWORD, path: str = "/camera") -> str:
    return f"rtsp://viewer:{password}@{server.address(path).partition('://')[2].rpartition('@')[2]}"


def test_a_camera_that_works_is_described_and_its_picture_saved(
    capsys: pytest.CaptureFixture[str], server: RtspServer
) -> None:
    code, out, err = typed(capsys, "camera", "test", login(server), "--save", "front.jpg", "--seconds", "2")
    assert (code, err) == (0, "")
    told, *notes = out.splitlines()
    assert told.startswith("rtsp://***@127.0.0.1:")
    assert "h264, 320x180" in told.lower()
    assert notes[-1] == "saved front.jpg"
    picture = cv2.imread("front.jpg")
    assert picture is not None
    assert picture.shape == (180, 320, 3)


def test_a_camera_is_attached_by_an_address_that_nobody_sees(
    capsys: pytest.CaptureFixture[str], server: RtspServer
) -> None:
    command = [sys.executable, "-m", "surveillance.cli", "camera", "add", "front", "-"]
    added = subprocess.run(command, input=login(server) + "\n", text=True, capture_output=True, timeout=120)
    assert (added.returncode, added.stderr) == (0, "")
    listed = json.loads(typed(capsys, "camera", "list", "--json")[1])
    assert listed["url"] == "rtsp://***@" + login(server).rpartition("@")[2]
    assert typed(capsys, "camera", "test", "front", "--seconds", "0")[0] == 0, "the database has the whole address"
    changed = typed(capsys, "camera", "set", "front", f"sub_url={login(server)}")[1]
    assert "sub_url: rtsp://***@" in changed
    assert len(typed(capsys, "camera", "test", "front", "--seconds", "0")[1].splitlines()) >= 2, "both streams"


@pytest.mark.parametrize(
    ("password", "path", "words"),
    [
        ("wrong", "/camera", "refused the user name or password"),
        (PASSWORD, "/nothing", "answers, but has no stream of this path"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_nothing_is_added(
    capsys: pytest.CaptureFixture[str], server: RtspServer, password: str, path: str, words: str
) -> None:
    url = login(server, password, path)
    code, out, err = typed(capsys, "camera", "add", "front", url)
    assert (code, out) == (2, "")
    assert words in err
    assert err.endswith("(not added; --no-test adds it all the same)\n")
    assert typed(capsys, "camera", "test", url)[2].count(words) == 1
    assert typed(capsys, "camera", "list", "--json")[1] == ""
