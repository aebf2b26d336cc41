"""Files of several kinds through FileSource: rates, times, colors, and what cannot be read."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from clips import drawn, make_mp4

from surveillance.domain.errors import SourceError
from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Frame
from surveillance.ingest.sources import open_source


def read(path: Path | str, fps: float = 5.0) -> list[Frame]:
    return list(open_source(str(path), SourceOptions("yard", analyze_fps=fps)).frames())


@pytest.mark.parametrize(
    ("fps", "analyze_fps", "times"),
    [
        (25, 5.0, [0.0, 0.2, 0.4, 0.6, 0.8]),
        (10, 5.0, [0.0, 0.2, 0.4, 0.6, 0.8]),
        (10, 4.0, [0.0, 0.3, 0.5, 0.8]),
        (10, 25.0, [round(number / 10, 1) for number in range(10)]),
        (25, 0.5, [0.0]),
    ],
)
def test_a_clip_is_thinned_by_its_own_time(tmp_path: Path, fps: int, analyze_fps: float, times: list[float]) -> None:
    frames = read(make_mp4(tmp_path / "clip.mp4", fps, fps), analyze_fps)
    assert [frame.media_s for frame in frames] == times
    assert [frame.number for frame in frames] == list(range(len(times)))


@pytest.mark.parametrize("full_range", [False, True])
def test_pictures_look_as_they_were_drawn(tmp_path: Path, full_range: bool) -> None:
    frames = read(make_mp4(tmp_path / "clip.mp4", 25, full_range=full_range))
    for frame, number in zip(frames, (0, 5, 10, 15, 20), strict=True):
        assert np.abs(frame.picture.bgr().astype(int) - drawn(number).astype(int)).mean() < 4.0


def test_a_gif_keeps_its_uneven_times(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 161, 91, "bgr8"
        for number in range(10):
            picture = av.VideoFrame.from_ndarray(drawn(number, (161, 91)), format="bgr24").reformat(format="bgr8")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    frames = read(path, 10.0)
    assert [frame.media_s for frame in frames] == [round(number / 10, 1) for number in range(10)]
    assert (frames[0].picture.width, frames[0].picture.height) == (160, 90)


def test_a_phone_video_is_turned_upright(tmp_path: Path) -> None:
    clip = make_mp4(tmp_path / "clip.mp4", 25)
    content = bytearray(clip.read_bytes())
    matrix = content.find(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2: the track header's matrix
    quarter_turn = (0, 1 << 16, 0, -1 << 16, 0, 0, 180 << 16, 0, 1 << 30)
    content[matrix : matrix + 36] = struct.pack(">9i", *quarter_turn)
    clip.write_bytes(content)

    frames = read(clip)
    assert [(frame.picture.width, frame.picture.height) for frame in frames] == [(180, 320)] * 5
    upright = np.rot90(drawn(0), -1).astype(int)
    assert np.abs(frames[0].picture.bgr().astype(int) - upright).mean() < 4.0


def test_a_cut_off_clip_gives_what_it_holds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = tmp_path / "whole.mkv"
    make_mp4(whole, 100)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    read(whole)
    assert caplog.messages == []
    assert 3 <= len(read(cut)) < 20
    [told] = caplog.messages
    assert told.startswith(f"{cut} ends at ")
    assert told.endswith("the file is cut off or damaged; the rest was not seen")


@pytest.mark.parametrize(
    ("name", "content", "reason", "text"),
    [
        ("clip.mp4", b"this is no video", "unreadable", "not a readable video"),
        ("clip.mp4", b"", "unreadable", "not a readable video"),
        ("notes.lrc", b"[00:01.00]words\n[00:02.00]more words\n", "no_video", "it holds no video"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes, reason: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=text) as caught:
        read(path)
    assert caught.value.reason == reason
    assert str(caught.value).startswith(f"cannot read {path}: ")


def test_a_playlist_cannot_reach_the_network(tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError):
        read(playlist)


def test_real_footage_of_each_kind_is_read(footage: Path) -> None:
    counts = {
        name: len(read(footage / "video" / name))
        for name in ("vtest_480x360.mp4", "car-detection.mp4", "preview_classroom.gif")
    }
    assert counts == {"vtest_480x360.mp4": 398, "car-detection.mp4": 151, "preview_classroom.gif": 15}
