"""The demo's cameras: the same seed draws the same picture, and only visitors change it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from surveillance.demo.cutouts import CUTOUTS, load_figure, load_photograph
from surveillance.demo.reader import LOOP_S, PRESENTATIONS
from surveillance.demo.synthetic import TIMETABLES, Scene, SyntheticSource, Visit, pose_at
from surveillance.domain.errors import SourceError
from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Bgr

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def pictures(url: str) -> list[Bgr]:
    source = SyntheticSource(url, SourceOptions("yard", analyze_fps=0.5, start_at=START))
    return [frame.picture.bgr() for frame in source.frames()]


def test_the_same_seed_draws_the_same_pictures() -> None:
    first, again = pictures("synthetic://front-door?once=1"), pictures("synthetic://front-door?once=1")
    other = pictures("synthetic://front-door?once=1&seed=2")
    assert len(first) == 15
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("name", TIMETABLES)
def test_empty_draws_the_backdrop_and_noise_only(name: str) -> None:
    empty = pictures(f"synthetic://{name}?once=1&empty=1")
    assert all(np.abs(picture.astype(int) - empty[0]).max() < 30 for picture in empty)
    peopled = pictures(f"synthetic://{name}?once=1")
    assert max(np.abs(picture.astype(int) - empty[0]).mean() for picture in peopled) > 5


@pytest.mark.parametrize("name", TIMETABLES)
def test_the_scene_is_as_empty_as_its_timetable_says(name: str) -> None:
    peopled, empty = Scene(name), Scene(name, empty=True)
    for at_s in np.arange(0, TIMETABLES[name].loop_s, 0.5):
        present = [visit for visit in TIMETABLES[name].visits if pose_at(visit, float(at_s)) is not None]
        if not present:
            np.testing.assert_array_equal(peopled.draw(float(at_s), 3), empty.draw(float(at_s), 3))


def standing_at(at_s: float) -> list[str]:
    """The figures that stand still at the front door at that second."""

    def stands(visit: Visit) -> bool:
        return visit.poses[1].at_s <= at_s < visit.poses[2].at_s

    return sorted(visit.figure for visit in TIMETABLES["front-door"].visits if stands(visit))


def test_the_badge_reader_knows_the_timetable_of_the_front_door() -> None:
    assert TIMETABLES["front-door"].loop_s == LOOP_S
    assert [standing_at(presentation.at_s) for presentation in PRESENTATIONS] == [
        ["officer"],
        ["astronaut", "officer"],
        ["cat"],
    ]


@pytest.mark.parametrize("name", CUTOUTS)
def test_a_figure_is_tight_and_soft(name: str) -> None:
    figure = load_figure(name)
    assert figure.bgr.shape[:2] == figure.alpha.shape
    assert 0.4 < figure.alpha.mean() < 0.9
    assert (figure.alpha.min(), figure.alpha.max()) == (0.0, 1.0)


def test_a_missing_package_is_said_plainly() -> None:
    with pytest.raises(SourceError, match=r"a picture of the package no_such_package \(a\.png\): pip install"):
        load_photograph("no_such_package", "a.png")
