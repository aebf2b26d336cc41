"""The task `kind`: several looks must agree, and a track whose kind is settled costs nothing more."""

from __future__ import annotations

from moving import block, frame_at, track_of

from surveillance.domain.geometry import Box
from surveillance.domain.values import Attributes, Track
from surveillance.perception.detect import Found
from surveillance.perception.kind_task import MOST_LOOKS, KindTask

PLACE = block(0.4)


class Eyes:
    """Sees what it is told to, in order; the last word goes on."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)
        self.looks = 0

    def __call__(self, frame: object) -> tuple[Found, ...]:
        self.looks += 1
        word = self.words.pop(0) if len(self.words) > 1 else self.words[0]
        return Found(word, "vehicle", 0.8, PLACE.grown(0.05)), Found("bench", None, 0.9, PLACE)


def looked(task: KindTask, seconds: float, box: Box = PLACE, **changes: object) -> Attributes | None:
    track: Track = track_of(box, seconds, **{"label": "vehicle", **changes})
    return task(frame_at(seconds), [track]).get(1)


def test_a_kind_is_told_once_looks_agree() -> None:
    task = KindTask(Eyes("truck", "truck", "car", "truck"))
    assert [looked(task, second)["kind"] for second in (0.0, 1.0, 2.0, 3.0)] == ["", "", "", "truck"]  # type: ignore[index]


def test_it_takes_no_more_looks_than_it_needs() -> None:
    eyes = Eyes("car")
    task = KindTask(eyes)
    for number in range(MOST_LOOKS + 5):
        looked(task, number / 5)
    assert eyes.looks == MOST_LOOKS
    looked(task, 9.0, ended=True)
    looked(task, 9.2)  # another track by that number
    assert eyes.looks == MOST_LOOKS + 1


def test_what_is_elsewhere_or_something_else_is_not_its_kind() -> None:
    task = KindTask(Eyes("car"))
    told = [
        looked(task, 0.0, label="person"),
        looked(task, 0.2, box=block(0.7)),
        looked(task, 0.4, confirmed=False),
        looked(task, 0.6, label="unknown"),
    ]
    assert told == [{"kind": ""}, {"kind": ""}, None, None]
