"""The task `text`: what two looks at a track read alike is told, in capitals."""

from __future__ import annotations

from moving import block, frame_at, track_of

from surveillance.domain.geometry import WHOLE
from surveillance.domain.values import Bgr
from surveillance.perception.looks import MOST_LOOKS
from surveillance.perception.read import Line
from surveillance.perception.text_task import TextTask


class Van:
    """Looks at a van whose lettering is read each time as the test says."""

    def __init__(self, *looks: tuple[tuple[str, float], ...]) -> None:
        self._looks = list(looks)
        self.count = 0
        self.task = TextTask(self._read)

    def _read(self, picture: Bgr) -> tuple[Line, ...]:
        self.count += 1
        lines = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return tuple(Line(text, confidence, WHOLE) for text, confidence in lines)

    def look(self, seconds: float, label: str = "vehicle") -> object:
        box = block(0.3, width=0.4)
        return self.task(frame_at(seconds, box), [track_of(box, seconds, label=label)])


def test_words_are_told_once_two_looks_read_them() -> None:
    van = Van(
        (("Fresh  Bread", 0.9), ("x", 0.9), ("smudge", 0.4)), (("fresh bread", 0.8), ("24h", 0.9)), (("24H", 0.9),)
    )
    told = [van.look(float(second)) for second in range(3)]
    assert told == [{1: {"text": words}} for words in (frozenset(), {"FRESH", "BREAD"}, {"FRESH", "BREAD", "24H"})]


def test_looks_are_bounded_and_none_is_for_background() -> None:
    van = Van((("24h", 0.9),))
    for second in range(40):
        van.look(float(second))
    assert van.count == MOST_LOOKS
    ground = Van((("24h", 0.9),))
    assert ground.look(0.0, "background") == {1: {"text": frozenset()}}
    assert ground.count == 0
