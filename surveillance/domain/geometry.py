"""Boxes, zones and lines in 0..1 of the full picture, x to the right and y down."""

from __future__ import annotations

from dataclasses import dataclass, field

from shapely import Polygon, prepare
from shapely.geometry import Point as ShapelyPoint

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with x1 < x2 and y1 < y2."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def center(self) -> Point:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    @property
    def foot(self) -> Point:
        """Middle of the lower edge: where something stands on the ground."""
        return (self.x1 + self.x2) / 2, self.y2

    def intersection(self, other: Box) -> float:
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return width * height if width > 0 and height > 0 else 0.0

    def iou(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        shared = self.intersection(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def united(self, other: Box) -> Box:
        return Box(min(self.x1, other.x1), min(self.y1, other.y1), max(self.x2, other.x2), max(self.y2, other.y2))

    def grown(self, margin: float) -> Box:
        """Larger by `margin` of its own size on each side, clipped to the picture."""
        dx, dy = self.width * margin, self.height * margin
        return Box(max(self.x1 - dx, 0.0), max(self.y1 - dy, 0.0), min(self.x2 + dx, 1.0), min(self.y2 + dy, 1.0))

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in a picture of that size, at least one pixel wide and high."""
        left = min(max(int(self.x1 * width), 0), width - 1)
        top = min(max(int(self.y1 * height), 0), height - 1)
        right = min(max(round(self.x2 * width), left + 1), width)
        bottom = min(max(round(self.y2 * height), top + 1), height)
        return left, top, right, bottom


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Zone:
    """A named polygon. In a `restricted` one, presence itself asks for permission."""

    name: str
    points: tuple[Point, ...]
    restricted: bool = False
    _polygon: Polygon = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        polygon = Polygon(self.points)
        prepare(polygon)
        object.__setattr__(self, "_polygon", polygon)

    def contains(self, point: Point) -> bool:
        return bool(self._polygon.covers(ShapelyPoint(point)))


@dataclass(frozen=True, slots=True)
class Line:
    """A named line from `start` to `end`. Crossing from its left to its right hand is `in`, else `out`."""

    name: str
    start: Point
    end: Point

    def crossing(self, before: Point, after: Point) -> str | None:
        """`"in"`, `"out"` or None for a step from `before` to `after`."""
        side_before, side_after = self.side(before), self.side(after)
        if side_before == side_after or 0 in (side_before, side_after):
            return None
        if _turn(before, after, self.start) == _turn(before, after, self.end):
            return None
        return "in" if side_after > 0 else "out"

    def side(self, point: Point) -> int:
        """+1 to the right hand of the way from start to end, -1 to the left, 0 on the line."""
        return _turn(self.start, self.end, point)


def _turn(a: Point, b: Point, c: Point) -> int:
    """Sign of the turn a-b-c; +1 is to the right hand, since y points down."""
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (cross > 0) - (cross < 0)
