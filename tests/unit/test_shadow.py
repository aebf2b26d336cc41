"""A candidate looks at what the current model answered: after it, apart from it, and never in its way."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from surveillance.domain.errors import Expired, ModelError
from surveillance.domain.geometry import Box
from surveillance.domain.shadow import ShadowFailed, ShadowTold, ShadowVote
from surveillance.domain.values import Bgr, Classification, Detection, Frame, Scene, Subject, Track
from surveillance.engines.recognizer import SharedRecognizer
from surveillance.engines.shadow import QUEUE, Shadow, ShadowedCamera, subjects_of
from surveillance.engines.supervise import Supervised
from surveillance.perception.paired import TwoVotes
from surveillance.walk import RecognizerWalk
from tests.fakes import NOON
from tests.patience import eventually

BOXES = (Box(0.1, 0.1, 0.3, 0.5), Box(0.6, 0.1, 0.8, 0.5))


class PlainPicture:
    """A picture of one brightness."""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def crop(self, box: Box) -> Bgr:
        return np.full((4, 4, 3), self.value, np.uint8)


def frame(number: int, camera: str = "yard") -> Frame:
    at = NOON + timedelta(seconds=number / 5)
    return Frame(camera, at, number, np.zeros((2, 2), np.uint8), PlainPicture(number))  # type: ignore[arg-type]


def seen(label: str, model: str = "old", confidence: float = 0.9) -> Classification:
    return Classification(label, confidence, {label: confidence, "background": 1 - confidence}, model)


def scene(number: int, label: str = "person", boxes: Sequence[Box] = BOXES[:1], camera: str = "yard") -> Scene:
    return Scene(frame(number, camera), tuple(Subject(Detection(box, "motion"), seen(label)) for box in boxes))


def track(id: int, at: Scene, box: Box = BOXES[0], confirmed: bool = True) -> Track:
    when = at.frame.captured_at
    return Track(id, at.frame.camera, box, "person", 0.9, confirmed, NOON, when, 3)


class Candidate:
    """Says one thing of everything, or raises; `go` holds it up."""

    def __init__(self, label: str = "animal", fault: Exception | None = None) -> None:
        self.label = label
        self.fault = fault
        self.asked: list[int] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        self.go.wait(60)
        self.asked.append(len(crops))
        if self.fault is not None:
            raise self.fault
        return tuple(seen(self.label, "new") for _ in crops)


class Stage:
    """A shadow with one candidate, the cameras it stands behind, and what it told."""

    def __init__(self, candidate: Candidate, cameras: Sequence[str] = ("yard",)) -> None:
        self.told: list[ShadowTold] = []
        self.candidate = candidate
        self.shadow = Shadow(lambda model, camera: candidate, lambda: TwoVotes(0.55, 1.5), self.told.append)
        self.cameras = {name: ShadowedCamera(name, lambda f, d: self.scene, self.shadow) for name in cameras}
        self.shadow.change(dict.fromkeys(cameras, "new"))

    def look(self, shown: Scene, tracks: Sequence[Track]) -> Scene:
        self.scene = shown
        camera = self.cameras[shown.frame.camera]
        answered = camera(shown.frame, [subject.detection for subject in shown.subjects])
        camera.looked(tracks)
        return answered

    def follow(self, frames: int, camera: str = "yard", id: int = 1, confirmed: bool = True) -> None:
        """One track over some frames, and its end."""
        for number in range(frames):
            shown = scene(number, camera=camera)
            self.look(shown, [track(id, shown, confirmed=confirmed)])
        self.cameras[camera].looked(())


@pytest.fixture
def stage() -> Any:
    made: list[Stage] = []

    def build(*given: Any, **named: Any) -> Stage:
        made.append(Stage(*given, **named))
        return made[-1]

    yield build
    for each in made:
        each.candidate.go.set()
        each.shadow.close()


def test_each_track_gets_two_votes_over_the_same_crops(stage: Callable[..., Stage]) -> None:
    stood = stage(Candidate("animal"))
    stood.follow(5)
    assert eventually(lambda: stood.told)
    [vote] = stood.told
    assert isinstance(vote, ShadowVote)
    assert (vote.camera, vote.track, vote.crops, vote.differs) == ("yard", 1, 5, True)
    assert (vote.current_model, vote.current, vote.candidate_model, vote.candidate) == (
        "old",
        "person",
        "new",
        "animal",
    )
    assert vote.current_confidence == pytest.approx(vote.candidate_confidence)
    assert (vote.started_at, vote.at) == (NOON, NOON + timedelta(seconds=0.8))
    assert stood.shadow.counts == {"answered": 5}


def test_the_current_answer_is_passed_on_as_it_is(stage: Callable[..., Stage]) -> None:
    stood = stage(Candidate("animal"))
    shown = scene(0)
    assert stood.look(shown, [track(1, shown)]) is shown


def test_a_track_that_was_never_confirmed_is_forgotten(stage: Callable[..., Stage]) -> None:
    stood = stage(Candidate())
    stood.follow(2, confirmed=False)
    stood.follow(4, id=2)
    assert eventually(lambda: stood.told)
    assert [vote.track for vote in stood.told if isinstance(vote, ShadowVote)] == [2]


def test_without_a_candidate_nothing_is_cropped_or_asked(stage: Callable[..., Stage]) -> None:
    candidate = Candidate()
    stood = stage(candidate, ["yard", "gate"])
    stood.shadow.change({"gate": "new"})
    stood.follow(3)
    stood.follow(4, camera="gate")
    assert eventually(lambda: stood.told)
    assert [vote.camera for vote in stood.told if isinstance(vote, ShadowVote)] == ["gate"]
    assert candidate.asked == [1] * 4


def test_what_a_busy_candidate_cannot_take_is_dropped_and_counted(stage: Callable[..., Stage]) -> None:
    candidate = Candidate()
    candidate.go.clear()
    stood = stage(candidate)
    stood.follow(QUEUE + 20)  # returns at once, although the candidate answers nothing
    candidate.go.set()
    assert eventually(lambda: stood.told)
    assert 19 <= stood.shadow.counts["busy"] <= 20  # one more may have been taken out already
    assert stood.shadow.counts["busy"] + stood.shadow.counts["answered"] == QUEUE + 20


def test_crops_that_expire_are_counted_and_the_next_are_asked(stage: Callable[..., Stage]) -> None:
    candidate = Candidate(fault=Expired("late"))
    stood = stage(candidate)
    stood.follow(3)
    assert eventually(lambda: stood.shadow.counts["expired"] == 3)
    assert stood.told == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(ValueError("shape"), "it failed: ValueError('shape')"), (ModelError("no weights"), "no weights")],
)
def test_a_candidate_that_fails_is_switched_off_and_told_once(
    stage: Callable[..., Stage], fault: Exception, reason: str
) -> None:
    candidate = Candidate(fault=fault)
    stood = stage(candidate)
    stood.follow(20)
    assert eventually(lambda: stood.told and stood.shadow.of("yard") is None)
    stood.follow(5)
    time.sleep(0.05)
    assert stood.told == [ShadowFailed("new", reason)]
    assert candidate.asked == [1]

    candidate.fault = None
    stood.shadow.change({})
    stood.shadow.change({"yard": "new"})  # somebody put it right
    stood.follow(5, id=9)
    assert eventually(lambda: len(stood.told) == 2)
    assert stood.told[1].track == 9  # type: ignore[union-attr]


def test_a_model_that_is_promoted_meanwhile_begins_its_votes_anew(stage: Callable[..., Stage]) -> None:
    stood = stage(Candidate())
    for number in range(6):
        shown = Scene(
            frame(number), (Subject(Detection(BOXES[0], "motion"), seen("person", "old" if number < 2 else "x")),)
        )
        stood.look(shown, [track(1, shown)])
    stood.cameras["yard"].looked(())
    assert eventually(lambda: stood.told)
    assert (stood.told[0].current_model, stood.told[0].crops) == ("x", 4)  # type: ignore[union-attr]


def test_crops_go_to_the_track_they_overlap_most() -> None:
    shown = scene(0, boxes=BOXES)
    near, far = Box(0.11, 0.1, 0.3, 0.5), Box(0.2, 0.1, 0.5, 0.5)
    old = track(9, scene(-1), BOXES[1])  # not seen in this frame
    found = subjects_of(shown, [track(1, shown, far), track(2, shown, near), track(3, shown, BOXES[1]), old])
    assert [(subject.detection.box, each.id) for subject, each in found] == [(BOXES[1], 3), (BOXES[0], 2)]
    late = Scene(shown.frame, (Subject(Detection(BOXES[0], "motion"), None),))
    assert subjects_of(late, [track(1, shown)]) == []
    before = Scene(shown.frame, (Subject(Detection(BOXES[0], "motion"), seen("person"), held=True),))
    assert subjects_of(before, [track(1, shown)]) == []


def test_a_candidate_waits_until_nobody_else_does() -> None:
    needed = SimpleNamespace(now=True)
    candidate = Candidate()
    recognizer = SharedRecognizer(RecognizerWalk(candidate), deadline_s=10, yields=lambda: needed.now)
    runner = Supervised("candidate", recognizer.run, lambda name, error: None)
    runner.start()
    answers: list[Any] = []
    ask = threading.Thread(target=lambda: answers.append(recognizer.lane("yard")([PlainPicture(1).crop(BOXES[0])])))
    ask.start()
    assert eventually(lambda: recognizer.waiting == 1)
    time.sleep(0.05)
    assert candidate.asked == []
    needed.now = False
    ask.join(60)
    assert [each.label for each in answers[0]] == ["animal"]
    runner.stop()
    recognizer.stop()
