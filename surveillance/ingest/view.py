"""Each analyzed Frame of a camera in, whether its view is what it should be out: live, frozen, blinded or moved.

Frozen: the very same picture for long. Blinded: no detail in it. Moved: the fixed edges lie elsewhere than learned, or
are others. It costs less than 0.1 ms a frame on average, and what it learned lasts as long as the object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.values import Frame, Gray
from surveillance.ingest.settings import ViewSettings

Edges = NDArray[np.float32]  # (HEIGHT, WIDTH, 2): direction (as twice its angle) and clearness of the edge at a pixel
Block = tuple[slice, slice]

SAME_LEVELS, SAME_SHARE = 2, 0.0005  # a frozen picture, encoded anew, may differ by so much
GAP_S = 5.0  # longer without a picture, and whatever went on has to begin again
LOOK_S = 2.0  # how often detail and edges are looked at
RECENT = 1 / 3  # weight of the newest look among recent ones; what moves and noise average out
ADAPT_S = 900.0  # time constant with which the reference follows light and seasons
WIDTH, HEIGHT = 160, 96
ACROSS, DOWN, REACH = 4, 3, 16  # blocks that are looked for, and how far around their place, in pixels
CLEAR = 6.0  # gray levels a pixel at which an edge counts half
MIN_CLEARNESS = 0.004  # mean square; less in a block is noise
SURE_KEPT = 0.85  # of the cells: no need to look for displaced blocks
MOST_GONE = 0.3  # of the reference's clearness is left when it is too dark or too blurred to judge


@dataclass(frozen=True, slots=True)
class View:
    """live, frozen, blinded or moved, and why in words."""

    state: str
    reason: str = ""


LIVE = View("live")


class Lasting:
    """What has to last before it counts. A gap begins it anew."""

    def __init__(self) -> None:
        self._since: datetime | None = None

    def __call__(self, is_so: bool, at: datetime) -> float:
        """Seconds for which it has been so without a break; -1 when it is not."""
        if not is_so:
            self._since = None
            return -1.0
        if self._since is None or at < self._since:
            self._since = at
        return (at - self._since).total_seconds()

    def restart(self) -> None:
        self._since = None


class ViewCheck:
    """One camera's. Files and paced recordings may stand still and jump, so only live frames are checked."""

    def __init__(self, settings: ViewSettings) -> None:
        self._settings = settings
        self._scenery = Scenery(settings)
        self._anchor: Gray | None = None
        self._frozen, self._blinded = Lasting(), Lasting()
        self._plain = self._plain_before = ""
        self._is_blinded = False  # one clear look alone does not end it
        self._seen_at: datetime | None = None
        self._looked_at: datetime | None = None

    def __call__(self, frame: Frame) -> View:
        """The view as of this frame. Blinded goes before frozen, and frozen before moved."""
        if frame.media_s is not None:
            return LIVE
        at = frame.captured_at
        if self._seen_at is None or not 0 <= (at - self._seen_at).total_seconds() <= GAP_S:
            self._begin_again()
        self._seen_at = at
        still_s = self._frozen(self._is_same(frame.luma), at)
        if self._looked_at is None or (at - self._looked_at).total_seconds() >= LOOK_S:
            self._looked_at = at
            self._look(frame.luma, at)
        plain_s = self._blinded(bool(self._plain), at)
        self._is_blinded = 0 < self._settings.blinded_s <= plain_s
        if self._is_blinded:
            return View("blinded", self._plain)
        if 0 < self._settings.frozen_s <= still_s:
            return View("frozen", f"the very same picture for {self._settings.frozen_s:g} s and more")
        return View("moved", self._scenery.moved) if self._scenery.moved else LIVE

    def _begin_again(self) -> None:
        self._anchor = self._looked_at = None
        self._frozen.restart()
        self._blinded.restart()
        self._scenery.restart()

    def _is_same(self, luma: Gray) -> bool:
        if self._anchor is not None and self._anchor.shape == luma.shape:
            differs = cv2.threshold(cv2.absdiff(luma, self._anchor), SAME_LEVELS, 255, cv2.THRESH_BINARY)[1]
            if cv2.countNonZero(differs) <= SAME_SHARE * luma.size:
                return True
        self._anchor = luma
        return False

    def _look(self, luma: Gray, at: datetime) -> None:
        small = np.asarray(cv2.resize(luma, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
        across, down = steepness(small)
        why = plainness(small, across, down)
        self._plain, self._plain_before = why or (self._plain_before if self._is_blinded else ""), why
        if not self._plain and self._settings.moved_s > 0:
            self._scenery.look(edges(small, across, down), at)


class Scenery:
    """The fixed edges of a view as they were learned, and whether they are still there. `moved` says why not."""

    def __init__(self, settings: ViewSettings) -> None:
        self._settings = settings
        self._reference: Edges | None = None
        self._recent: Edges | None = None
        self._learned_s = 0.0
        self._looked_at: datetime | None = None
        self._displaced, self._other = Lasting(), Lasting()
        self.moved = ""

    def restart(self) -> None:
        """After a gap: what was learned stays, what was seen lately does not."""
        self._recent = None
        self._looked_at = None
        self._displaced.restart()
        self._other.restart()

    def look(self, found: Edges, at: datetime) -> None:
        """One look at the edges; some seconds pass before it counts."""
        passed_s = 0.0 if self._looked_at is None else (at - self._looked_at).total_seconds()
        self._looked_at = at
        self._recent = found if self._recent is None else self._recent + RECENT * (found - self._recent)
        if self._reference is None:
            self._reference = found.copy()
        elif self._learned_s < self._settings.learn_s:
            self._learned_s += passed_s
            share = LOOK_S / (self._learned_s + LOOK_S)
            self._reference += share * (found - self._reference)
        else:
            self._judge(at, passed_s)

    def _judge(self, at: datetime, passed_s: float) -> None:
        assert self._reference is not None
        assert self._recent is not None
        blocks = [block for block in _blocks() if clearness(self._reference[block]) >= MIN_CLEARNESS]
        is_judged = len(blocks) >= self._settings.min_blocks and self._is_clear(blocks)
        compared = compare(self._recent, self._reference, blocks) if is_judged else Compared(1.0, 0.0)
        is_displaced = compared.displaced >= 0.4 and compared.kept <= 0.45
        displaced_s = self._displaced(is_displaced, at)
        other_s = self._other(is_displaced or compared.kept <= 0.2, at)
        if displaced_s >= self._settings.moved_s:
            self.moved = f"the view has shifted: {compared.displaced:.0%} of it is found elsewhere in the picture"
        elif other_s >= 3 * self._settings.moved_s:
            self.moved = self.moved or "the view is another one: little of what was learned is where it was"
        elif is_judged and compared.kept >= 0.6:
            self.moved = ""
        if compared.kept >= 0.6:
            self._reference += min(passed_s / ADAPT_S, 1.0) * (self._recent - self._reference)

    def _is_clear(self, blocks: list[Block]) -> bool:
        """Whether there is enough to see now: a dark picture shows noise, not another view."""
        assert self._reference is not None
        assert self._recent is not None
        known = sum(clearness(self._reference[block]) for block in blocks)
        return clearness(self._recent) * len(blocks) >= MOST_GONE * known


@dataclass(frozen=True, slots=True)
class Compared:
    """Shares of the reference's blocks: still in their places, and found clearly better in another."""

    kept: float
    displaced: float


def compare(now: Edges, reference: Edges, blocks: list[Block]) -> Compared:
    """Where the blocks of the reference are found now; costs about 1.5 ms, or little while most is where it was."""
    if _kept_cells(now, reference) >= SURE_KEPT:
        return Compared(1.0, 0.0)
    around = cv2.copyMakeBorder(now, REACH, REACH, REACH, REACH, cv2.BORDER_CONSTANT)
    kept = displaced = 0
    for rows, columns in blocks:
        wanted = np.ascontiguousarray(reference[rows, columns])
        region = around[rows.start : rows.stop + 2 * REACH, columns.start : columns.stop + 2 * REACH]
        alike = cv2.matchTemplate(np.ascontiguousarray(region), wanted, cv2.TM_CCORR_NORMED)
        here = float(alike[REACH - 1 : REACH + 2, REACH - 1 : REACH + 2].max())
        _, best, _, (x, y) = cv2.minMaxLoc(alike)
        is_elsewhere = (x - REACH) ** 2 + (y - REACH) ** 2 >= 4
        displaced += is_elsewhere and best > 0.45 and best - here > 0.12
        kept += here > 0.45 and here > best - 0.06
    return Compared(kept / len(blocks), displaced / len(blocks))


def steepness(small: Gray) -> tuple[Edges, Edges]:
    """(across, down) in gray levels a pixel."""
    across, down = (cv2.Sobel(small, cv2.CV_32F, x, 1 - x, ksize=3, scale=0.125) for x in (1, 0))
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def edges(small: Gray, across: Edges, down: Edges) -> Edges:
    """The picture's edges whatever the light: brighter on this or that side, strong or faint. Masks show none."""
    square = across * across + down * down
    strength = cv2.sqrt(square)
    weight = 1.0 / (strength * (strength + CLEAR) + 1e-3)
    black = small == 0
    if black.any():
        weight[cv2.dilate(black.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0] = 0.0
    both = cv2.merge([(across * across - down * down) * weight, 2 * across * down * weight])
    return np.asarray(cv2.blur(both, (3, 3)), np.float32)


def clearness(part: Edges) -> float:
    """Mean square of the edges in a part of the picture."""
    return float(cv2.norm(part, cv2.NORM_L2SQR)) / (part.size / 2)


def plainness(small: Gray, across: Edges, down: Edges) -> str:
    """Why nothing can be seen in a picture, or nothing. A clock or name drawn at its upper or lower edge is no view."""
    steep = (np.abs(across) + np.abs(down) > 6.0).astype(np.float32)
    cells = np.asarray(cv2.resize(steep, (10, 6), interpolation=cv2.INTER_AREA)) > 0.02
    inner = np.asarray(cv2.resize(small, (10, 6), interpolation=cv2.INTER_AREA))[1:-1]
    is_flat = float(cells[1:-1].mean()) <= 0.03 and float(inner.std()) < 6.0
    if not is_flat and float(cells.mean()) > 0.02:
        return ""
    mean = float(inner.mean())
    if is_flat and mean < 40:
        return "the picture is black: is the lens covered, or is there no light?"
    if is_flat and mean > 215:
        return "the picture is white: does something shine into the lens?"
    return "nothing can be made out in the picture: is the lens covered or out of focus?"


def _kept_cells(now: Edges, reference: Edges) -> float:
    """Share of small cells that show the same edges in the same place."""
    sums = [cv2.resize(cv2.transform(a * b, np.ones((1, 2), np.float32)), (10, 6), interpolation=cv2.INTER_AREA)
            for a, b in ((now, reference), (now, now), (reference, reference))]  # fmt: skip
    known = sums[2] > MIN_CLEARNESS
    alike = sums[0] > 0.4 * cv2.sqrt(sums[1] * sums[2])
    return float(np.count_nonzero(alike & known)) / max(int(np.count_nonzero(known)), 1)


def _blocks() -> Iterator[Block]:
    down, across = HEIGHT // DOWN, WIDTH // ACROSS
    for row in range(DOWN):
        for column in range(ACROSS):
            yield slice(row * down, (row + 1) * down), slice(column * across, (column + 1) * across)
