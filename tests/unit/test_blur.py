"""Pictures on record without their people: by the boxes of tracks, and by silhouettes where a model tells them."""

from __future__ import annotations

import cv2
import numpy as np
from moving import HEIGHT, WIDTH, at, block, frame_at, scene_at, track_of

from surveillance.domain.geometry import Box
from surveillance.domain.values import Bgr
from surveillance.perception.blur import PeopleBlur
from surveillance.perception.detect import Found
from surveillance.perception.observe import encode_shot
from surveillance.perception.settings import ObserveSettings
from surveillance.perception.track import VoteTracker

PERSON, CAR, STRANGER = block(0.1), block(0.5), block(0.8)
PICTURE: Bgr = np.repeat(np.indices((HEIGHT, WIDTH)).sum(axis=0)[..., None] % 2 * 255, 3, axis=2).astype(np.uint8)


def told(blur: PeopleBlur, seconds: float = 0.0, *boxes: Box) -> PeopleBlur:
    tracks = [track_of(box, seconds, id=number) for number, box in enumerate(boxes or (PERSON,))]
    blur.follow(at(seconds), [*tracks, track_of(CAR, seconds, label="vehicle", id=99)])
    return blur


def hides(pixels: Bgr, box: Box) -> bool:
    """Nothing of the checkered pattern is left there; outside of it and of its margin all is as it was."""
    left, top, right, bottom = box.pixels(WIDTH, HEIGHT)
    return int(np.ptp(pixels[top:bottom, left:right])) < 40


def shows(pixels: Bgr, box: Box) -> bool:
    left, top, right, bottom = box.pixels(WIDTH, HEIGHT)
    return bool((pixels[top:bottom, left:right] == PICTURE[top:bottom, left:right]).all())


def test_people_are_hidden_and_vehicles_are_not() -> None:
    hidden = told(PeopleBlur(60.0))(PICTURE, at(0.0))
    assert hides(hidden, PERSON)
    assert shows(hidden, CAR)
    assert shows(hidden, Box(0.0, 0.8, 1.0, 1.0))


def test_who_is_in_doubt_is_hidden_too() -> None:
    blur = PeopleBlur(60.0)
    blur.follow(at(0.0), [track_of(PERSON, label="unknown"), track_of(CAR, label="background", confirmed=False)])
    hidden = blur(PICTURE, at(0.0))
    assert hides(hidden, PERSON)
    assert hides(hidden, CAR)


def test_what_was_found_is_hidden_beside_the_tracks() -> None:
    """A track's box lags behind what moved; what was surely seen as a vehicle is shown."""
    blur, scene = PeopleBlur(60.0), scene_at(0.0, (PERSON, "person"), (CAR, "vehicle"), (STRANGER, None))
    follow = blur.following(VoteTracker("yard"))
    follow(scene)
    hidden = blur(PICTURE, at(0.0))
    assert [hides(hidden, box) for box in (PERSON, CAR, STRANGER)] == [True, True, True]  # the new tracks are in doubt
    blur.follow(at(1.0), [], scene.subjects)
    hidden = blur(PICTURE, at(1.0))
    assert [hides(hidden, box) for box in (PERSON, CAR, STRANGER)] == [True, False, True]


def test_between_two_frames_both_their_places_are_hidden() -> None:
    blur = told(told(PeopleBlur(60.0), 0.0, block(0.1)), 1.0, block(0.3))
    assert shows(blur(PICTURE, at(0.0)), block(0.3))
    between = blur(PICTURE, at(0.5))
    assert hides(between, block(0.1))
    assert hides(between, block(0.3))


def test_where_nobody_knows_where_people_were_all_is_coarse() -> None:
    blur = told(told(PeopleBlur(60.0), 0.0), 61.0)
    assert [blur.knows(at(seconds)) for seconds in (-5.0, 0.0, 30.0, 60.0, 62.0, 64.0)] == [
        False, False, False, True, True, False,
    ]  # fmt: skip
    for pixels in (blur(PICTURE, at(30.0)), blur.quickly(PICTURE, at(30.0)), PeopleBlur(1.0)(PICTURE, at(0.0))):
        assert hides(pixels, Box(0.0, 0.0, 1.0, 1.0))


def test_a_detector_hides_who_is_not_followed() -> None:
    found = (Found("person", "person", 0.9, STRANGER), Found("car", "vehicle", 0.9, CAR))
    blur = told(PeopleBlur(60.0, find=lambda pixels: found))
    assert hides(blur(PICTURE, at(0.0)), STRANGER)
    assert shows(blur(PICTURE, at(0.0)), CAR)
    assert shows(blur.quickly(PICTURE, at(0.0)), STRANGER)


def test_silhouettes_leave_the_rest_of_a_box_as_it_is() -> None:
    """Of two people one has a silhouette, the lower half of the box; the other's box is hidden whole."""
    body = Box(PERSON.x1, PERSON.center[1], PERSON.x2, PERSON.y2)
    left, top, right, bottom = body.pixels(WIDTH, HEIGHT)
    people = np.zeros((HEIGHT, WIDTH), np.bool_)
    people[top:bottom, left:right] = True
    hidden = told(PeopleBlur(60.0, lambda pixels: people), 0.0, PERSON, STRANGER)(PICTURE, at(0.0))
    assert hides(hidden, body)
    assert shows(hidden, Box(PERSON.x1, PERSON.y1, PERSON.x2, PERSON.y1 + 0.1))
    assert hides(hidden, STRANGER)


def test_a_best_shot_is_blurred() -> None:
    frame = frame_at(0.0, PERSON, CAR)
    plain, blurred = (
        cv2.imdecode(np.frombuffer(encode_shot(frame, ObserveSettings(), hide), np.uint8), cv2.IMREAD_COLOR)
        for hide in (None, told(PeopleBlur(60.0)))
    )
    changed = np.abs(plain.astype(int) - blurred).max(axis=2)
    left, top, right, bottom = PERSON.pixels(WIDTH, HEIGHT)
    assert changed[top:bottom, left:right].mean() > 5
    left, top, right, bottom = CAR.pixels(WIDTH, HEIGHT)
    assert changed[top:bottom, left:right].max() < 12
