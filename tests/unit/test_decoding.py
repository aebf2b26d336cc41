"""Decoding less: key pictures alone while all is quiet, and nothing is missing once it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from clips import encode_mp4
from moving import START, block, frame_at, track_of

from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Frame, Motion
from surveillance.ingest.decoding import Calm
from surveillance.ingest.sources import FileSource

QUIET, MOTION = Motion("quiet"), Motion("motion", (block(0.3),))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds, a key picture each, which all tell their number by how bright they are."""
    place = tmp_path_factory.mktemp("decoding") / "clip.mp4"
    gray = (frame_at(0.0).picture.bgr() // 2 + number for number in range(60))
    return encode_mp4(place, gray, fps=10)


def read(clip: Path, is_quiet: Callable[[], bool], while_quiet: Literal["keys", "unfiltered"]) -> Iterator[Frame]:
    saving = SourceOptions("yard", analyze_fps=10, start_at=START, is_quiet=is_quiet, while_quiet=while_quiet)
    return FileSource(str(clip), saving).frames()


def stamps(clip: Path, is_quiet: Callable[[], bool]) -> list[float | None]:
    return [frame.media_s for frame in read(clip, is_quiet, "keys")]


def test_a_quiet_camera_is_seen_by_its_key_pictures(clip: Path) -> None:
    assert stamps(clip, lambda: True) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert len(stamps(clip, lambda: False)) == 60


def test_what_moves_in_a_key_picture_is_followed_from_there_without_a_gap(clip: Path) -> None:
    """And from the middle of a group, such as when somebody asks at a door, with the pictures since its beginning."""
    whole = list(read(clip, lambda: False, "keys"))
    seen: list[Frame] = []
    for frame in read(clip, lambda: seen[-1].media_s not in (2.0, 2.1) if seen else True, "keys"):
        seen.append(frame)
    assert [frame.media_s for frame in seen] == [0.0, 1.0, *[round(2 + n / 10, 1) for n in range(10)], 3.0, 4.0, 5.0]

    asked = iter([*[True] * 15, *[False] * 100])
    late = list(read(clip, lambda: next(asked), "keys"))
    assert [frame.media_s for frame in late] == [0.0, *[round(1 + n / 10, 1) for n in range(50)]]
    for frame in (*seen, *late):
        assert (frame.luma == whole[round((frame.media_s or 0) * 10)].luma).all()


def test_a_stream_whose_key_pictures_are_far_apart_is_decoded_whole(tmp_path: Path) -> None:
    place = tmp_path / "far.mp4"
    with av.open(str(place), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "40", "preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(100):
            picture = av.VideoFrame.from_ndarray(frame_at(0.0).picture.bgr(), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())

    assert len(stamps(place, lambda: True)) == 100


def coarse(place: Path, bf: int = 0) -> Path:
    """Six seconds of something that turns, coarsely encoded, so that the filter has much to smooth."""
    ground = np.kron(np.random.default_rng(3).integers(60, 200, (18, 32, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    how = {"g": "10", "preset": "veryfast", "crf": "38", "bf": str(bf), "sc_threshold": "0"}
    with av.open(str(place), "w") as container:
        stream = container.add_stream("libx264", rate=10, options=how)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(60):
            picture = av.VideoFrame.from_ndarray(np.roll(ground, 2 * number, axis=1), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return place


def alike(clip: Path, is_quiet: Callable[[], bool]) -> list[bool]:
    """Whether each picture is as it was sent, none missing."""
    whole, saved = (list(read(clip, quiet, "unfiltered")) for quiet in (lambda: False, is_quiet))
    assert [frame.media_s for frame in saved] == [frame.media_s for frame in whole]
    told = [bool((one.luma == other.luma).all()) for one, other in zip(whole, saved, strict=True)]
    assert all(is_alike or not frame.is_whole for is_alike, frame in zip(told, saved, strict=True))
    return told


def test_a_quiet_camera_is_decoded_without_the_filter_and_in_full_from_the_picture_that_wakes_it(
    tmp_path: Path,
) -> None:
    """Saved on from the key picture at 1 s until it is quiet no more at 2.5 s, and from that at 4 s on."""
    clip = coarse(tmp_path / "coarse.mp4")
    asked = iter([False, *[True] * 15, False, False, *[True] * 100])  # the first: at the key picture of 0 s

    told = alike(clip, lambda: next(asked))

    assert told[:10] == [True] * 10
    assert not any(told[11:25])
    assert told[25:40] == [True] * 15
    assert not any(told[41:50])
    assert not all(told[50:])


def test_pictures_that_were_decoded_without_the_filter_say_so(tmp_path: Path) -> None:
    asked = iter([False, *[True] * 15, False, False, *[True] * 100])
    frames = read(coarse(tmp_path / "coarse.mp4"), lambda: next(asked), "unfiltered")
    assert [frame.is_whole for frame in frames] == [*[True] * 10, *[False] * 15, *[True] * 15, *[False] * 20]


def test_a_stream_that_is_quiet_from_its_first_picture_on_is_decoded_without_the_filter_from_its_second_group_on(
    tmp_path: Path,
) -> None:
    told = alike(coarse(tmp_path / "coarse.mp4"), lambda: True)
    assert told[:10] == [True] * 10
    assert not any(told[10:20])


def test_a_stream_that_reorders_its_pictures_is_always_decoded_in_full(tmp_path: Path) -> None:
    assert all(alike(coarse(tmp_path / "reordered.mp4", bf=2), lambda: True))


def test_a_camera_is_quiet_ten_seconds_after_the_last_motion_or_track() -> None:
    calm = Calm()
    told = []
    for second, (motion, tracks) in enumerate([(QUIET, ()), (MOTION, ()), (QUIET, (track_of(block(0.3)),))]):
        calm.looked(START + timedelta(seconds=second), motion, tracks)
    for second in (6, 11.9, 12, 14, 1, 10.9, 11):  # the clock is set back in between
        calm.looked(START + timedelta(seconds=second), Motion("probe"), ())
        told.append(calm())
    assert told == [False, False, True, True, False, False, True]
