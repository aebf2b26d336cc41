"""The task `plates`: it looks at vehicles where more is to be seen, believes no single look, and is bounded."""

from __future__ import annotations

from collections.abc import Mapping

from moving import at, block, frame_at, track_of

from surveillance.domain.geometry import WHOLE, Box
from surveillance.domain.values import Attributes, Bgr, Track
from surveillance.perception.looks import MOST_LOOKS
from surveillance.perception.plate_task import PlateTask
from surveillance.perception.plates import Reading, plate_of
from surveillance.perception.read import Line


class Reader:
    """Reads what it is told to, in order; the last text goes on."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.looks = 0

    def __call__(self, picture: Bgr) -> tuple[Line, ...]:
        self.looks += 1
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        return (Line(text, 0.9, WHOLE),)


def look(task: PlateTask, seconds: float, width: float = 0.4, **track: object) -> Mapping[int, Attributes]:
    box = block(0.3, width=width)
    return task(frame_at(seconds, box), [vehicle(box, seconds, **track)])


def vehicle(box: Box, seconds: float, **changes: object) -> Track:
    return track_of(box, seconds, **{"label": "vehicle", **changes})


def test_a_plate_is_told_once_two_looks_agree() -> None:
    task = PlateTask(Reader("B·MW 1234", "8-MW 1234", "B MW 1234"))
    told = [look(task, second)[1] for second in (0.0, 1.0, 2.0)]
    assert told == [{"plate": ""}, {"plate": ""}, {"plate": "BMW1234"}]


def test_it_looks_again_only_where_more_is_to_be_seen() -> None:
    reader = Reader("AB12 CDE")
    task = PlateTask(reader)
    look(task, 0.0)
    look(task, 0.2)  # as large as before
    assert reader.looks == 1
    look(task, 0.4, width=0.5)
    assert (reader.looks, look(task, 3.0, width=0.5)) == (2, {1: {"plate": "AB12CDE"}})
    assert reader.looks == 2  # it is settled
    look(task, 3.2, width=0.65)
    assert reader.looks == 3


def test_what_is_no_vehicle_or_not_confirmed_is_not_looked_at() -> None:
    reader = Reader("AB12 CDE")
    task = PlateTask(reader)
    assert look(task, 0.0, label="person") == {1: {"plate": ""}}
    assert look(task, 0.2, confirmed=False) == {}
    assert look(task, 0.4, seen_at=at(0.2)) == {1: {"plate": ""}}
    assert look(task, 0.6, width=0.1) == {1: {"plate": ""}}  # 32 pixels: nothing could be read
    assert reader.looks == 0


def test_looks_are_bounded_and_forgotten_with_their_track() -> None:
    reader = Reader("TAXI")
    task = PlateTask(reader)
    for second in range(40):
        look(task, float(second))
    assert reader.looks == MOST_LOOKS
    look(task, 40.0, width=0.6)  # it comes nearer after all
    assert reader.looks == MOST_LOOKS + 1
    assert look(task, 41.0, ended=True) == {}
    look(task, 42.0)
    assert reader.looks == MOST_LOOKS + 2


def test_a_plate_may_stand_on_two_lines_or_in_two_parts() -> None:
    beside = (Line("AB12", 0.9, Box(0.1, 0.5, 0.3, 0.6)), Line("CDE", 0.8, Box(0.35, 0.5, 0.5, 0.6)))
    assert plate_of(beside) == Reading("AB12CDE", 0.8, Box(0.1, 0.5, 0.5, 0.6))
    below = (Line("WX", 0.9, Box(0.1, 0.4, 0.3, 0.5)), Line("123", 0.9, Box(0.12, 0.53, 0.3, 0.62)))
    assert plate_of(below) == Reading("WX123", 0.9, Box(0.1, 0.4, 0.3, 0.62))
    apart = (Line("WX", 0.9, Box(0.1, 0.4, 0.3, 0.5)), Line("123", 0.9, Box(0.7, 0.8, 0.9, 0.9)))
    assert plate_of(apart) is None
    assert plate_of((Line("AB12CDE", 0.4, WHOLE),)) is None  # not sure enough
