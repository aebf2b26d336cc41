"""Live pictures over HTTP from the real server: what many viewers cost, and what a page leaves behind when it goes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import pytest
from live_viewer import LiveStream, Viewer
from painted_site import painted_settings, running_painted
from patience import eventually

from surveillance.app.measuring import Gathered
from surveillance.app.service import RunningSite
from surveillance.domain.site import Camera

PASSWORD = "correct horse battery"
MOST = 16
EACH = 4  # frames that a camera gives while a slow line takes a picture
SITE = """
cameras:
  - {name: yard, url: "paint://yard?period=3"}
  - {name: gate, url: "paint://gate?period=4"}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    settings = painted_settings(tmp_path_factory.mktemp("live"), workers=1)
    dashboard = settings.dashboard.model_copy(update={"max_streams": MOST})
    with running_painted(settings.model_copy(update={"dashboard": dashboard}), SITE) as running:
        running.store.accounts.add("ada", "guard", PASSWORD)
        yield running


@pytest.fixture
def viewer(running: RunningSite) -> Viewer:
    return Viewer(running.settings.dashboard.port, "ada", PASSWORD)


def counted(running: RunningSite, name: str, camera: str) -> float:
    [told] = counted_at_once(running, camera, name)
    return told


def counted_at_once(running: RunningSite, camera: str, *names: str) -> list[float]:
    """Figures of a camera that were told together: one that is read after another may be a second younger."""
    samples = Gathered(running.settings, running.store)()["samples"]
    return [
        sum(value for _, sample, labels, value in samples if (sample, labels.get("camera")) == (name, camera))
        for name in names
    ]


def watch(stream: LiveStream, count: int, numbers: list[int]) -> None:
    for facts, _ in stream.pictures():
        numbers.append(facts["number"])
        if len(numbers) == count:
            break
    stream.close()


def follow(stream: LiveStream, numbers: list[int], is_over: threading.Event) -> None:
    for facts, _ in stream.pictures():
        numbers.append(facts["number"])
        if is_over.is_set():
            break


def test_sixteen_viewers_cost_one_encoding_a_frame(running: RunningSite, viewer: Viewer) -> None:
    with viewer_of(viewer, "yard") as first:
        next(first.pictures())
    assert eventually(lambda: counted(running, "pictures_encoded", "yard") > 0)
    before = counted_at_once(running, "yard", "frames_analyzed", "pictures_encoded")
    seen: list[list[int]] = [[] for _ in range(MOST)]
    threads = [threading.Thread(target=watch, args=(viewer.open("yard"), 20, numbers), daemon=True) for numbers in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [(len(numbers), numbers) for numbers in seen if len(numbers) != 20 or numbers != sorted(set(numbers))] == []
    assert eventually(lambda: counted(running, "pictures_encoded", "yard") - before[1] >= 20)
    after = counted_at_once(running, "yard", "frames_analyzed", "pictures_encoded")
    assert after[1] - before[1] <= after[0] - before[0]
    assert counted(running, "pictures_encoded", "gate") == 0


def test_one_stream_carries_all_cameras_of_a_page(viewer: Viewer) -> None:
    with viewer_of(viewer, "yard", "gate") as stream:
        first, _ = next(stream.messages())
        assert set(first["status"]) == {"yard", "gate"}
        seen = set()
        for facts, jpeg in stream.pictures():
            assert jpeg.startswith(b"\xff\xd8")
            seen.add(facts["camera"])
            if len(seen) == 2:
                break


def test_closed_pages_give_all_their_places_back(viewer: Viewer) -> None:
    for _ in range(3):
        with every_place(viewer) as streams:
            for stream in streams:
                next(stream.pictures())
            assert refused(viewer)


def test_pages_that_take_nothing_any_more_are_given_up(viewer: Viewer) -> None:
    """They vanished without a word, or sleep: what is sent piles up until nothing more fits."""
    with every_place(viewer, receive_bytes=2048):
        assert refused(viewer)
        assert eventually(lambda: not refused(viewer), 60)


def test_a_slow_line_gets_fewer_pictures_and_no_old_ones(running: RunningSite, viewer: Viewer) -> None:
    site = running.store.site.read()
    wide = Camera("wide", "synthetic://yard")
    running.store.site.save(replace(site, cameras=(*site.cameras, wide)), "test")
    assert eventually(lambda: counted(running, "frames_analyzed", "wide") > 0)
    with viewer_of(viewer, "wide", size="full") as quick, slow_viewer(viewer, "wide") as slow:
        newest: list[int] = []
        is_over = threading.Event()
        reader = threading.Thread(target=follow, args=(quick, newest, is_over), daemon=True)
        reader.start()
        assert eventually(lambda: bool(newest))
        got = []
        for facts, jpeg in slow.pictures():
            assert len(jpeg) > 20_000
            got.append((facts["number"], newest[-1]))
            if len(got) == 8:
                break
            assert eventually(lambda seen=newest[-1]: newest[-1] >= seen + EACH)
        is_over.set()
        reader.join(60)
    assert got[-1][0] - got[0][0] >= 2 * len(got), "pictures were left out"
    assert got[-1][1] - got[-1][0] <= 2 * EACH + 2, f"no more than the one that is sent and the one read: {got}"


def test_nothing_is_encoded_once_the_last_viewer_has_left(running: RunningSite, viewer: Viewer) -> None:
    with viewer_of(viewer, "gate") as stream:
        next(stream.pictures())

    def is_quiet() -> bool:
        """Whether ten more frames cost no picture."""
        frames, encoded = counted_at_once(running, "gate", "frames_analyzed", "pictures_encoded")
        assert eventually(lambda: counted(running, "frames_analyzed", "gate") > frames + 10)
        return counted(running, "pictures_encoded", "gate") == encoded

    assert eventually(is_quiet), "the stream is noticed to be closed, then three seconds"


@contextmanager
def every_place(viewer: Viewer, receive_bytes: int | None = None) -> Iterator[list[LiveStream]]:
    """As many streams as there are places for, once those of pages that were closed are free."""
    with ExitStack() as opened:
        streams: list[LiveStream] = []

        def all_open() -> bool:
            while len(streams) < MOST:
                stream = opened.enter_context(closing(viewer.open("yard", "gate", receive_bytes=receive_bytes)))
                if stream.status != 200:
                    return False
                streams.append(stream)
            return True

        assert eventually(all_open)
        yield streams


def refused(viewer: Viewer) -> bool:
    stream = viewer.open("yard")
    stream.close()
    return stream.status == 503


@contextmanager
def viewer_of(viewer: Viewer, *cameras: str, size: str = "tile") -> Iterator[LiveStream]:
    with closing(viewer.open(*cameras, size=size)) as stream:
        assert stream.status == 200
        yield stream


def slow_viewer(viewer: Viewer, camera: str) -> closing[LiveStream]:
    return closing(viewer.open(camera, size="full", receive_bytes=4096))
