"""The reader's thread body: what it delivers, what it reports, and how it tries again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import pytest

from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import Source, SourceOptions
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Frame
from surveillance.ingest.pictures import BgrPicture
from surveillance.ingest.reader import CameraReader, retry_waits
from surveillance.ingest.settings import IngestSettings

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
QUICK = IngestSettings(retry_ladder=((0.001, 1000),), retry_jitter=0.0)


class ScriptedSource:
    """Gives some frames, then ends or raises."""

    duration_s = None

    def __init__(self, count: int, live: bool, end: Exception | None) -> None:
        self.live = live
        self.closed = False
        self._count = count
        self._end = end

    def frames(self) -> Iterator[Frame]:
        picture = BgrPicture(np.zeros((4, 4, 3), np.uint8))
        for number in range(self._count):
            media_s = None if self.live else number / 5
            yield Frame("yard", START + timedelta(seconds=number / 5), number, picture.luma(), picture, media_s)
        if self._end is not None:
            raise self._end

    def close(self) -> None:
        self.closed = True


class Bench:
    """A reader over a script of sources, with everything that it handed on."""

    def __init__(self, *script: ScriptedSource, camera: Camera | None = None) -> None:
        self.opened: list[str] = []
        self.frames: list[Frame] = []
        self.reports: list[CameraReport] = []
        self._script = iter(script)
        self.reader = CameraReader(
            camera or Camera("yard", "rtsp://192.0.2.1/main"),
            self._open,
            SourceOptions("yard"),
            self.frames.append,
            self._report,
            QUICK,
            drops=lambda: {"busy": 2},
        )

    def _open(self, url: str, options: SourceOptions) -> Source:
        self.opened.append(url)
        return next(self._script)

    def _report(self, report: CameraReport) -> None:
        self.reports.append(report)

    def told(self) -> list[tuple[str, str, bool]]:
        return [(report.state, report.reason, report.changed) for report in self.reports]


def test_a_file_is_delivered_whole_and_its_end_is_no_loss() -> None:
    source = ScriptedSource(13, live=False, end=None)
    bench = Bench(source)
    bench.reader.run()

    assert [frame.number for frame in bench.frames] == list(range(13))
    assert source.closed
    assert bench.reports == [
        CameraReport("yard", START, "live", "", 0.0, {"busy": 2}, changed=False),
        CameraReport("yard", START + timedelta(seconds=1), "live", "", 5.0, {"busy": 2}, changed=False),
        CameraReport("yard", START + timedelta(seconds=2), "live", "", 5.0, {"busy": 2}, changed=False),
    ]


def test_a_camera_is_tried_again_until_it_is_back_and_each_change_is_told_once() -> None:
    down = SourceError("refused", "unreachable")
    bench = Bench(
        ScriptedSource(0, live=True, end=down),
        ScriptedSource(0, live=True, end=down),
        ScriptedSource(2, live=True, end=SourceLost("gone", "ended")),
        ScriptedSource(1, live=True, end=ZeroDivisionError("a source with a fault")),
        ScriptedSource(1, live=False, end=None),
    )
    bench.reader.run()

    changes = [told for told in bench.told() if told[2]]
    assert changes == [
        ("lost", "unreachable", True),
        ("live", "", True),
        ("lost", "ended", True),
        ("live", "", True),
        ("lost", "unreadable", True),
        ("live", "", True),
    ]
    assert len(bench.frames) == 4


def test_one_attempt_raises_to_its_caller() -> None:
    bench = Bench(ScriptedSource(0, live=True, end=SourceError("no", "wrong_password")))
    with pytest.raises(SourceError, match="no"):
        bench.reader.run_once()


def test_the_sub_stream_is_what_is_watched() -> None:
    camera = Camera("yard", "rtsp://192.0.2.1/main", sub_url="rtsp://192.0.2.1/sub")
    bench = Bench(ScriptedSource(1, live=False, end=None), camera=camera)
    bench.reader.run()
    assert bench.opened == ["rtsp://192.0.2.1/sub"]


def test_stopping_ends_a_long_wait_at_once() -> None:
    told = threading.Event()

    def open_source(url: str, options: SourceOptions) -> Source:
        raise SourceError("refused", "unreachable")

    reader = CameraReader(
        Camera("yard", "rtsp://192.0.2.1/main"),
        open_source,
        SourceOptions("yard"),
        lambda frame: None,
        lambda report: told.set(),
        IngestSettings(retry_ladder=((3600.0, 1),)),
    )
    thread = threading.Thread(target=reader.run)
    thread.start()
    assert told.wait(60)
    reader.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_a_reader_ends_when_nobody_takes_its_frames() -> None:
    taken: list[int] = []

    def deliver(frame: Frame) -> bool:
        taken.append(frame.number)
        return frame.number < 2

    reader = CameraReader(
        Camera("yard", "clip.mp4"),
        lambda url, options: ScriptedSource(100, live=False, end=None),
        SourceOptions("yard"),
        deliver,
        lambda report: None,
        QUICK,
    )
    reader.run()
    assert taken == [0, 1, 2]


def test_the_waits_climb_the_ladder() -> None:
    settings = IngestSettings()
    plain = list(islice(retry_waits(settings, draw=lambda: 0.5), 22))
    assert plain == [1.0] * 5 + [5.0] * 5 + [10.0] * 10 + [60.0] * 2
    assert next(retry_waits(settings, draw=lambda: 0.0)) == pytest.approx(0.9)
    assert next(retry_waits(settings, draw=lambda: 1.0)) == pytest.approx(1.1)
