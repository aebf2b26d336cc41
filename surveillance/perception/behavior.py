"""The camera task `behavior`: tracks in, how each one moves out: how fast, how long about one place, running, fallen.

Lengths are the subject's own height, so that nothing has to be calibrated. Running and falling are read from the box
alone, over time; they are hints, and only of persons.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from surveillance.domain.geometry import Box
from surveillance.domain.values import Attribute, Attributes, Doubt, Frame, Track
from surveillance.perception.settings import BehaviorSettings

WORDS = ("loiter_s", "speed", "running", "fallen")
PERSON = "person"
BORDER = 0.005  # a box nearer to the picture's edge is cut off by it, and its height says nothing
TOP_HEIGHTS = 3.0  # seen from straight above, a body is about so many times as tall as its box is wide
WINDOW_S = 1.2  # over which a speed is taken; a track that stands is looked at once a second
KEEP_S = 4.0
LEAST_S, LEAST_LOOKS = 0.5, 3  # a speed of less says nothing of running
LOITER_STEP_S = 0.5
MOST_PLACES = 1200  # kept of one track; every other one goes then
UPRIGHT, LYING = 1.3, 0.9  # height by width of who stands, and of who lies
FALL_S = 2.0  # at most, from standing to lying
HEAD_DROP = 0.4  # of the standing height
FROM_ABOVE = Doubt("a camera that looks straight down cannot tell who fell")


@dataclass(frozen=True, slots=True)
class Stance:
    """A track at one moment: its middle, head and size in picture heights."""

    at_s: float
    x: float
    y: float
    head: float
    height: float
    shape: float  # height by width


@dataclass(slots=True)
class Moves:
    """What is remembered of one track."""

    stances: deque[Stance] = field(default_factory=deque)  # of the last KEEP_S
    places: list[tuple[float, float, float]] = field(default_factory=list)  # at_s, x, y while it stays
    speed: float = 0.0
    fast_since: float | None = None
    stood: Stance | None = None  # the last time that it surely stood, with its usual height
    lies_since: float | None = None
    rises_since: float | None = None
    running: bool = False
    fallen: bool = False


class BehaviorTask:
    """Implements domain.ports.Task for a camera of that view (side or top)."""

    words: tuple[str, ...] = WORDS

    def __init__(self, settings: BehaviorSettings | None = None, view: str = "side") -> None:
        self._settings = settings or BehaviorSettings()
        self._is_top = view == "top"
        self._moves: dict[int, Moves] = {}

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        told: dict[int, Attributes] = {}
        for track in tracks:
            if track.ended:
                self._moves.pop(track.id, None)
            elif track.confirmed:
                moves = self._moves.setdefault(track.id, Moves())
                if track.seen_at == frame.captured_at:
                    self._follow(moves, track, frame.picture.width / frame.picture.height)
                told[track.id] = self._told(moves, track)
        return told

    def _told(self, moves: Moves, track: Track) -> dict[str, Attribute]:
        since = moves.places[0][0] if moves.places else track.seen_at.timestamp()
        is_person = track.label == PERSON
        return {
            "loiter_s": max(track.seen_at.timestamp() - since, 0.0),
            "speed": round(moves.speed, 2),
            "running": is_person and moves.running,
            "fallen": FROM_ABOVE if self._is_top else is_person and moves.fallen,
        }

    def _follow(self, moves: Moves, track: Track, aspect: float) -> None:
        stance = self._stance(track.box, track.seen_at.timestamp(), aspect)
        if _is_cut(track.box):
            moves.speed, moves.running = 0.0, False
            self._loiter(moves, stance, stance.height)
            return
        moves.stances.append(stance)
        while moves.stances[0].at_s < stance.at_s - KEEP_S:
            moves.stances.popleft()
        height = median(each.height for each in moves.stances)
        self._loiter(moves, stance, height)
        moves.speed, lasts_s = _speed(moves.stances, height)
        self._run(moves, stance, lasts_s)
        if not self._is_top:
            self._fall(moves, stance, height)

    def _stance(self, box: Box, at_s: float, aspect: float) -> Stance:
        x, y = box.center
        width = box.width * aspect
        height = TOP_HEIGHTS * (width + box.height) / 2 if self._is_top else box.height
        return Stance(at_s, x * aspect, y, box.y1, height, box.height / width)

    def _loiter(self, moves: Moves, stance: Stance, height: float) -> None:
        """Forgets the places up to the last one that lies too far from a later one."""
        places = moves.places
        if places and stance.at_s - places[-1][0] < LOITER_STEP_S:
            return
        places.append((stance.at_s, stance.x, stance.y))
        most = self._settings.loiter_heights * height
        low_x = high_x = stance.x
        low_y = high_y = stance.y
        for index in range(len(places) - 1, -1, -1):
            _, x, y = places[index]
            low_x, high_x, low_y, high_y = min(low_x, x), max(high_x, x), min(low_y, y), max(high_y, y)
            if high_x - low_x > most or high_y - low_y > most:
                del places[: index + 1]
                break
        if len(places) > MOST_PLACES:
            del places[1::2]

    def _run(self, moves: Moves, stance: Stance, lasts_s: float) -> None:
        """Fast for long enough, as somebody upright; over once it is slow again."""
        is_fast = moves.speed >= self._settings.running_speed and (self._is_top or stance.shape >= 1.0)
        if not is_fast or lasts_s < LEAST_S:
            moves.fast_since, moves.running = None, False
        elif moves.fast_since is None:
            moves.fast_since = stance.at_s
        else:
            moves.running = stance.at_s - moves.fast_since >= self._settings.running_s

    def _fall(self, moves: Moves, stance: Stance, height: float) -> None:
        """Stood, lies within two seconds with the head far lower, and stays so; over once it has stood up again."""
        if stance.shape >= UPRIGHT:
            moves.lies_since = None
            moves.rises_since = moves.rises_since or stance.at_s
            if not moves.fallen:
                moves.stood = replace(stance, height=max(height, stance.height))
            elif stance.at_s - moves.rises_since >= self._settings.fallen_s:
                moves.fallen = False
            return
        moves.rises_since = None
        if stance.shape > LYING or moves.stood is None or moves.fallen:
            moves.lies_since = moves.lies_since if stance.shape <= LYING else None
            return
        if moves.lies_since is None:
            fell_s = stance.at_s - moves.stood.at_s
            drop = stance.head - moves.stood.head
            if fell_s <= FALL_S and drop >= HEAD_DROP * moves.stood.height:
                moves.lies_since = stance.at_s
        elif stance.at_s - moves.lies_since >= self._settings.fallen_s:
            moves.fallen = True


def _speed(stances: deque[Stance], height: float) -> tuple[float, float]:
    """Own heights a second from the first to the last place in the window, and over how long; 0 of too few looks."""
    now_s = stances[-1].at_s
    window = [stance for stance in stances if stance.at_s >= now_s - WINDOW_S]
    first, last = window[0], window[-1]
    lasts_s = last.at_s - first.at_s
    if lasts_s <= 0:
        return 0.0, 0.0
    apart = ((last.x - first.x) ** 2 + (last.y - first.y) ** 2) ** 0.5
    return apart / lasts_s / height, lasts_s if len(window) >= LEAST_LOOKS else 0.0


def _is_cut(box: Box) -> bool:
    return box.x1 < BORDER or box.y1 < BORDER or box.x2 > 1 - BORDER or box.y2 > 1 - BORDER
