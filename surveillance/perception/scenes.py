"""Frames in, scene reports out: the state of each watched part of a picture, told on change and as a heartbeat.

Looked at by the clock, whether anything moves or not: a gate that swings open slowly is no motion. No single look is
believed: a state is told once it has shown for `hold_s`. The clock is the frames' own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from surveillance.domain.errors import Expired, NotFound, SurveillanceError, UserMistake
from surveillance.domain.geometry import WHOLE, Box
from surveillance.domain.ports import Classifier, Hide
from surveillance.domain.site import Camera, SceneWatch
from surveillance.domain.values import Frame, SceneReport, Shot
from surveillance.perception.observe import encode_shot
from surveillance.perception.settings import ObserveSettings

HEARTBEAT = timedelta(seconds=10)
LATE = timedelta(seconds=10)  # so long without an answer is a doubt; a broken model is asked again after as long
LEAST_LOOKS = 2  # before a state is told
PREVAILS = 3 / 4  # share of the looks that must agree
DOUBT = ""  # what a look says that is less sure than `min_confidence`
UNSURE = "its model is unsure"
SPLIT = "its looks do not agree"


def no_model(name: str) -> Classifier:
    """Where no model is asked for."""
    raise NotFound(f"there is no model {name}")


@dataclass(slots=True)
class Telling:
    """What was told of one scene, and its last looks: when, which state, how sure."""

    next_at: datetime  # when it is looked at again
    answered_at: datetime
    agreed_at: datetime
    looked_at: datetime
    looks: deque[tuple[datetime, str, float]] = field(default_factory=deque)
    told: tuple[str, str] | None = None  # state and doubt
    told_at: datetime | None = None
    since: datetime | None = None


class SceneWatcher:
    """Implements domain.ports.Look for one camera. `ask(model)` gives its classifier; what that raises is a doubt.

    `hide` blurs the pictures of changes.
    """

    def __init__(
        self,
        camera: Camera,
        ask: Callable[[str], Classifier] = no_model,
        settings: ObserveSettings | None = None,
        hide: Hide | None = None,
    ) -> None:
        self._camera = camera
        self._ask = ask
        self._hide = hide
        self._settings = settings or ObserveSettings()
        self._tellings: dict[str, Telling] = {}

    def change(self, camera: Camera) -> None:
        """Takes over zones that were moved, from the next look on. Other scenes ask for a new watcher."""
        self._camera = camera

    def __call__(self, frame: Frame) -> tuple[SceneReport, ...]:
        """What is worth telling now; nothing between two looks."""
        camera, at = self._camera, frame.captured_at
        told: list[SceneReport] = []
        for scene in camera.scenes:
            telling = self._telling(scene.name, at)
            if at >= telling.next_at:
                told += self._watch(frame, camera, scene, telling)
        return tuple(told)

    def _telling(self, scene: str, at: datetime) -> Telling:
        """It begins anew after a gap, or when the clock was set back: nobody knows what happened."""
        telling = self._tellings.get(scene)
        if telling is None or not telling.looked_at <= at <= telling.next_at + LATE:
            telling = self._tellings[scene] = Telling(at, at, at, at)
        return telling

    def _watch(self, frame: Frame, camera: Camera, scene: SceneWatch, telling: Telling) -> Iterator[SceneReport]:
        at = telling.looked_at = frame.captured_at
        telling.next_at = at + timedelta(seconds=scene.every_s)
        try:
            box = watched_part(camera, scene)
            seen = self._ask(scene.model)([frame.picture.crop(box)])[0]
        except SurveillanceError as error:
            if isinstance(error, Expired) and at - telling.answered_at < LATE:
                return
            telling.next_at = telling.agreed_at = at + LATE
            telling.looks.clear()
            yield from self._tell(frame, scene, telling, (DOUBT, str(error)), None)
            return
        telling.answered_at = at
        telling.looks.append((at, seen.label if seen.confidence >= scene.min_confidence else DOUBT, seen.confidence))
        settled = settle(telling, scene)
        if settled is not None:
            yield from self._tell(frame, scene, telling, settled, box)

    def _tell(
        self, frame: Frame, scene: SceneWatch, telling: Telling, settled: tuple[str, str], box: Box | None
    ) -> Iterator[SceneReport]:
        """On change, and every HEARTBEAT in between. Without a box nothing was looked at."""
        at, changed = frame.captured_at, telling.told != settled
        if not changed and telling.told_at is not None and at - telling.told_at < HEARTBEAT:
            return
        state, doubt = settled
        agreeing = [look for look in telling.looks if look[1] == state]
        if changed:
            telling.since = agreeing[0][0] if agreeing else at
        telling.told, telling.told_at = settled, at
        yield SceneReport(
            camera=self._camera.name,
            at=at,
            scene=scene.name,
            state=state,
            confidence=round(sum(sure for *_, sure in agreeing) / len(agreeing), 4) if agreeing else 0.0,
            since=telling.since,
            changed=changed,
            doubt=doubt,
            failed=box is None,
            model=scene.model,
            media_s=frame.media_s,
            shot=Shot(encode_shot(frame, self._settings, self._hide), box, at) if changed and box is not None else None,
        )


def settle(telling: Telling, scene: SceneWatch) -> tuple[str, str] | None:
    """The state and doubt that its looks say; None before there are enough.

    While they disagree the last word stands, for three times `hold_s`; then it is a doubt.
    """
    looks, hold = telling.looks, timedelta(seconds=scene.hold_s)
    at = looks[-1][0]
    while len(looks) > LEAST_LOOKS and at - looks[1][0] >= hold:
        looks.popleft()
    winner, count = Counter(label for _, label, _ in looks).most_common(1)[0]
    began_at = next(when for when, label, _ in looks if label == winner)
    if count >= max(LEAST_LOOKS, PREVAILS * len(looks)) and at - began_at >= hold:
        telling.agreed_at = at
        return winner, UNSURE if winner == DOUBT else ""
    patience = 3 * max(hold, timedelta(seconds=LEAST_LOOKS * scene.every_s))
    return telling.told if at - telling.agreed_at <= patience else (DOUBT, SPLIT)


def watched_part(camera: Camera, scene: SceneWatch) -> Box:
    """The box around the scene's zone, or the whole picture. Raises UserMistake for a zone that is not there."""
    if scene.zone is None:
        return WHOLE
    for zone in camera.zones:
        if zone.name == scene.zone:
            across, down = zip(*zone.points, strict=True)
            return Box(min(across), min(down), max(across), max(down))
    raise UserMistake(f"there is no zone {scene.zone}; draw it, or watch the whole picture")
