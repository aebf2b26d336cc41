"""Core tries a camera and asks the network for others, in processes of their own, as the dashboard asks it to."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import make_mp4
from onvif_device import OnvifDevice, running_device
from patience import eventually
from services import lacking
from sqlalchemy import select

from surveillance.app.engine import running_engine
from surveillance.app.errands import BUSY, Errands
from surveillance.app.store import PAGES_KEY, Store, open_store, upgrade_database
from surveillance.app.worker import CamerasHere
from surveillance.bench.rtsp_server import RtspServer, is_installed
from surveillance.dashboard import DashboardSettings
from surveillance.domain.ports import Asked
from surveillance.settings import Settings
from surveillance.storage.database import reading
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.tables import inbox

Answer = Mapping[str, Any]
Ask = Callable[..., Answer]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data", dashboard=DashboardSettings(allow_loopback=True))
    upgrade_database(made)
    return made


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings)


@pytest.fixture
def ask(settings: Settings, store: Store) -> Iterator[Ask]:
    """Asks a running core through the inbox."""

    def asked(kind: str, payload: Answer, within_s: float = 90.0) -> Answer:
        deadline = datetime.now(UTC) + timedelta(seconds=within_s)
        sealed = store.keys.encrypt(json.dumps(payload), PAGES_KEY)
        return store.inbox.wait(store.inbox.ask(kind, {"sealed": sealed}, deadline), deadline) or {}

    with running_engine(settings, store, lambda core: CamerasHere(settings, core.failed)):
        yield asked


def size_of(picture: str) -> tuple[int, int]:
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return pixels.shape[1], pixels.shape[0]


# --- through the inbox ---------------------------------------------------------------------------------------------


def test_a_camera_is_tried_with_its_picture(ask: Ask) -> None:
    answer = ask("camera.test", {"camera": {"name": "new", "url": "synthetic://yard"}})
    [stream] = answer["streams"]
    assert (stream["address"], stream["width"], stream["height"]) == ("synthetic://yard", 640, 360)
    assert stream["fps"] > 0
    assert size_of(answer["picture"]) == (640, 360)
    assert len(answer["picture"]) < 70_000


def test_an_rtsp_camera_with_a_wrong_password_says_so_and_the_inbox_keeps_none(
    ask: Ask, store: Store, tmp_path: Path
) -> None:
    if not is_installed():
        lacking("an RTSP server (gst-rtsp-server)")
    clip = make_mp4(tmp_path / "clip.mp4", frames=50)
    with RtspServer(clip, "viewer", "secret", auth="digest") as server:
        good, bad = (server.url.replace("://", f"://viewer:{password}@") for password in ("secret", "hunter2"))
        well = ask("camera.test", {"camera": {"name": "new", "url": good, "sub_url": bad}})
    main, sub = well["streams"]
    assert main["codec"] == "h264"
    assert main["address"] == sub["address"]
    assert "fault" not in main
    assert (sub["reason"], sub["fault"]) == (
        "wrong_password",
        f"{sub['address']} refused the user name or password",
    )
    assert well["picture"]
    with reading(store.engine) as connection:
        rows = [dict(row) for row in connection.execute(select(inbox)).mappings()]
    assert len(rows) == 1
    assert not any(word in str(rows) for word in ("secret", "hunter2"))


def test_a_device_found_on_the_network_tells_its_streams(ask: Ask) -> None:
    with running_device(OnvifDevice(), found=True) as device:
        assert eventually(  # a busy machine may miss an answer
            lambda: device.service in [each["service"] for each in ask("camera.discover", {"seconds": 3.0})["devices"]],
            90,
        )
        login = {"service": device.service, "user": "viewer"}
        offer = ask("camera.profiles", {**login, "password": "secret"})
        refused = ask("camera.profiles", {**login, "password": "hunter2"})
    assert (offer["main"], offer["sub"]) == ("rtsp://127.0.0.1:8554/main", "rtsp://127.0.0.1:8554/sub")
    assert [profile["width"] for profile in offer["profiles"]] == [1280, 640, 176]
    assert refused == {"fault": "the device at 127.0.0.1 refused the user name or password", "reason": "wrong_password"}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://169.254.169.254/latest", "169.254.169.254 is a link-local or metadata address"),
        ("gopher://10.0.0.1/", "gopher:// is no camera address"),
    ],
)
def test_what_is_no_camera_is_not_opened(ask: Ask, url: str, words: str) -> None:
    answer = ask("camera.test", {"camera": {"name": "new", "url": url}})
    assert words in answer["fault"]


def test_a_model_is_asked_where_it_looked(ask: Ask, settings: Settings) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    _, jpeg = cv2.imencode(".jpg", picture)
    name = EvidenceStore(settings.data_dir / "evidence").write("0197-look", jpeg.tobytes())
    wanted = {"model": "embedded", "evidence": name, "box": [0.25, 0.0, 0.75, 1.0]}
    answer = ask("event.look", wanted, 200.0)  # a busy machine takes long to load torch
    assert (answer["model"], [size_of(look["picture"]) for look in answer["looks"]]) == ("embedded", [(284, 320)] * 2)
    first, second = (look["chance"] for look in answer["looks"])
    assert 1 >= first >= second > 0
    assert {look["label"] for look in answer["looks"]} < {"animal", "background", "person", "vehicle"}
    gone = {**wanted, "model": "nobody"}
    assert ask("event.look", gone, 60.0)["fault"] == "no model is called 'nobody'; there are: embedded"
    no_picture = {**wanted, "evidence": "0197-gone.jpg"}
    assert ask("event.look", no_picture, 60.0)["fault"] == "no picture is called '0197-gone.jpg'"


# --- what goes wrong -----------------------------------------------------------------------------------------------


class Asker:
    """Errands whose child is a Python text; answers come into `answers`."""

    def __init__(self, settings: Settings, directory: Path, text: str) -> None:
        (directory / "bad_errand.py").write_text(text, encoding="utf-8")
        self.answers: list[Answer] = []
        self.came = threading.Event()
        self.errands = Errands(settings, lambda text: text, self._answered, module="bad_errand")

    def ask(self, within_s: float = 30.0, sealed: str = "{}") -> Answer | None:
        now = datetime.now(UTC)
        return self.errands.ask(
            Asked("question", "camera.test", {"sealed": sealed}, now, now + timedelta(seconds=within_s))
        )

    def _answered(self, id: str, answer: Answer) -> bool:
        self.answers.append(answer)
        self.came.set()
        return True


@pytest.fixture
def asker(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Asker]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    return lambda text: Asker(settings, tmp_path, text)


@pytest.mark.parametrize(
    ("child", "within_s", "fault", "reason"),
    [
        ("import time; time.sleep(60)", 0.5, "no answer within 0 s", "timeout"),
        ("import os; os.abort()", 30, "cannot be decoded: the process that tried ended by signal 6", "unreadable"),
        ("raise SystemExit(3)", 30, "cannot be decoded: the process that tried failed", "unreadable"),
        ("print('x' * 10_000_000)", 30, "cannot be decoded", "unreadable"),
        ("print('[1]')", 30, "cannot be decoded", "unreadable"),
    ],
)
def test_a_child_that_fails_is_one_sentence(
    asker: Callable[[str], Asker], child: str, within_s: float, fault: str, reason: str
) -> None:
    made = asker(child)
    assert made.ask(within_s) is None
    assert made.came.wait(90)
    [answer] = made.answers
    assert fault in answer["fault"]
    assert answer["reason"] == reason


def test_only_two_are_tried_at_a_time_and_then_there_is_room_again(asker: Callable[[str], Asker]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gate:
        made = asker(f"import socket; socket.create_connection(('127.0.0.1', {gate.getsockname()[1]})).recv(1)")
        assert [made.ask(), made.ask(), made.ask()] == [None, None, BUSY]
        for _ in range(2):
            gate.accept()[0].close()
        assert made.came.wait(90)
        eventually_free = threading.Event()
        for _ in range(900):
            if made.ask() is None:
                break
            eventually_free.wait(0.1)
        else:
            pytest.fail("no room again")
        gate.accept()[0].close()


def test_a_password_is_in_no_list_of_processes(asker: Callable[[str], Asker]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gate:
        made = asker(
            "import os, socket, sys; sys.stdin.read()\n"
            f"connection = socket.create_connection(('127.0.0.1', {gate.getsockname()[1]}))\n"
            "connection.sendall(str(os.getpid()).encode())\n"
            "connection.recv(1)"
        )
        made.ask(sealed=json.dumps({"password": "hunter2"}))
        connection, _ = gate.accept()
        with connection:
            place = Path("/proc") / connection.recv(20).decode()
            told = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
        assert b"bad_errand" in told
        assert b"hunter2" not in told
        assert made.came.wait(90)


def test_a_question_that_was_not_sealed_here_is_refused(asker: Callable[[str], Asker]) -> None:
    assert asker("").ask(sealed="no json") == {"fault": "the question cannot be read", "reason": ""}
