"""Faults of real cameras, from the stream to the record: each gives its event, and no door opens until it is over."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import encode_mp4
from judging import rule
from patience import eventually
from services import lacking

from surveillance.bench.rtsp_server import Mount, RtspServer, is_installed
from surveillance.domain.ports import SourceOptions
from surveillance.domain.site import Camera, Door, Site
from surveillance.domain.values import AccessRequest, Bgr, CameraReport, Decision, Frame
from surveillance.engines.camera import CameraHealth
from surveillance.ingest.reader import CameraReader
from surveillance.ingest.settings import IngestSettings, ViewSettings
from surveillance.ingest.sources import open_source
from surveillance.ingest.view import ViewCheck
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.rules.settings import RuleSettings

FPS = 5
SETTINGS = IngestSettings(retry_ladder=((0.3, 1000),), report_every_s=0.5)
QUICK_VIEW = ViewSettings(frozen_s=3.0, blinded_s=2.0, moved_s=2.0, learn_s=4.0)
OPTIONS = SourceOptions("yard", open_timeout_s=5.0, read_timeout_s=2.0)
EMPTY_ROOM = rule("empty", "access", "authorize", '"badge" in factors and people == 0')
RANDOM = np.random.default_rng(5)


def painted(seed: int = 3) -> Bgr:
    random = np.random.default_rng(seed)
    picture = np.full((180, 320, 3), 110, np.uint8)
    for _ in range(60):
        x, y, width, height = (int(value) for value in random.integers((0, 0, 6, 6), (320, 180, 60, 60)))
        cv2.rectangle(picture, (x, y), (x + width, y + height), [int(part) for part in random.integers(30, 220, 3)], -1)
    return picture


def noisy(picture: Bgr, seconds: float) -> Iterator[Bgr]:
    for _ in range(int(seconds * FPS)):
        yield np.clip(picture + RANDOM.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def clip(path: Path, pictures: Iterable[Bgr]) -> Path:
    return encode_mp4(path, pictures, FPS)


@dataclass
class Watched:
    """A camera's reports as the judge hears them; at each change somebody with a badge asks at its door."""

    url: str
    told: list[tuple[str, str, str]] = field(default_factory=list)  # event kind, reason, verdict at the door
    frames: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        site = Site(1, cameras=(Camera("yard", self.url),), doors=(Door("gate", "yard"),))
        ids = count(1)
        book = parse_rulebook([RuleDocument(EMPTY_ROOM, "rules.yaml")], site, 1)
        self._judge = RuleJudge(book, site, RuleSettings(settle_s=0), lambda: f"id-{next(ids)}")
        self._health = CameraHealth("yard", self._hear, view=ViewCheck(QUICK_VIEW))
        self.reader = CameraReader(
            Camera("yard", self.url), open_source, OPTIONS, self._look, self._health.report, SETTINGS
        )

    def _look(self, frame: Frame) -> None:
        self.frames += 1
        self._health.looked(frame)

    def _hear(self, report: CameraReport) -> None:
        with self._lock:
            kinds = [decision.kind for decision in self._judge(report) if decision.kind.startswith("camera.")]
            for kind in kinds:
                self.told.append((kind, report.reason, self._ask(report).verdict or ""))

    def _ask(self, report: CameraReport) -> Decision:
        badge = AccessRequest(
            f"asked-{len(self.told)}",
            report.at,
            "gate",
            "yard",
            frozenset({"badge"}),
            "Ada",
            frozenset(),
            "valid",
            report.at + timedelta(seconds=2),
        )
        return self._judge(badge)[0]

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.told]


@contextmanager
def watching(url: str) -> Iterator[Watched]:
    watched = Watched(url)
    thread = threading.Thread(target=watched.reader.run)
    thread.start()
    try:
        yield watched
    finally:
        watched.reader.stop()
        thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not is_installed():
        lacking("an RTSP server (gst-rtsp-server)")
    return clip(tmp_path_factory.mktemp("faults") / "quiet.mp4", noisy(painted(), 2.0))


def test_a_camera_that_is_not_there_is_lost_with_the_reason(quiet: Path) -> None:
    with RtspServer(quiet, user="ada", password="s3cret") as server, ExitStack() as running:
        host = server.url.removeprefix("rtsp://")
        urls = {
            "wrong_password": f"rtsp://ada:other@{host}",
            "not_found": f"rtsp://ada:s3cret@{host}x",
            "unreachable": "rtsp://127.0.0.1:9/camera",
        }
        all_watched = {reason: running.enter_context(watching(url)) for reason, url in urls.items()}
        assert eventually(lambda: all(watched.told for watched in all_watched.values()))
    for reason, watched in all_watched.items():
        assert watched.told == [("camera.lost", reason, "deny")]


@pytest.mark.parametrize(
    ("fault", "mend", "reasons"), [("kill", "start", {"ended", "unreachable"}), ("hang", "resume", {"timeout"})]
)
def test_a_camera_that_goes_away_is_lost_and_found_again(fault: str, mend: str, reasons: set[str], quiet: Path) -> None:
    with RtspServer(quiet) as server, watching(server.url) as watched:
        assert eventually(lambda: watched.frames > 3)
        getattr(server, fault)()
        assert eventually(lambda: watched.kinds()[-1:] == ["camera.lost"])
        getattr(server, mend)()
        assert eventually(lambda: watched.kinds()[-1:] == ["camera.found"])
    assert [(kind, verdict) for kind, _, verdict in watched.told] == [
        ("camera.found", "authorize"),
        ("camera.lost", "deny"),
        ("camera.found", "authorize"),
    ]
    assert watched.told[1][1] in reasons


def scenes(folder: Path) -> dict[str, Mount]:
    """Each mount shows the room, then its fault, then the room again, over and over."""
    room = painted()
    shifted = np.roll(room, (12, 30), (0, 1))
    faults = {
        "frozen": [next(noisy(room, 1.0))] * (FPS * 8),
        "blinded": noisy(np.full_like(room, 16), 8.0),
        "moved": noisy(shifted, 16.0),
    }
    before = clip(folder / "before.mp4", noisy(room, 14.0))
    return {f"/{state}": Mount([before, clip(folder / f"{state}.mp4", pictures)]) for state, pictures in faults.items()}


@pytest.mark.slow
def test_a_view_that_is_not_what_it_should_be_is_told_and_found_again(quiet: Path, tmp_path: Path) -> None:
    with RtspServer(scenes(tmp_path)) as server, ExitStack() as running:
        all_watched = {
            state: running.enter_context(watching(server.address(f"/{state}")))
            for state in ("frozen", "blinded", "moved")
        }
        assert eventually(lambda: all(len(watched.told) >= 3 for watched in all_watched.values()), 90)
    words = {"frozen": "the very same picture", "blinded": "the picture is black", "moved": "the view has shifted"}
    for state, watched in all_watched.items():
        assert [(kind, verdict) for kind, _, verdict in watched.told[:3]] == [
            ("camera.found", "authorize"),
            (f"camera.{state}", "deny"),
            ("camera.found", "authorize"),
        ]
        assert words[state] in watched.told[1][1]
