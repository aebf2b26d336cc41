"""Chapter 8: the demo's front door by the steps that a site runs, from pixels to a verdict with its reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from gathered import Gathered, table
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from runs import Places
from seeing import bare

from surveillance import places as lies
from surveillance.app.worker import build_classifier, build_worker, source_options
from surveillance.cli.printing import explanation_of
from surveillance.demo.reader import PRESENTATIONS
from surveillance.demo.synthetic import SyntheticSource
from surveillance.domain.ports import Classifier
from surveillance.domain.site import Site
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    Decision,
    Event,
    Input,
    Tick,
)
from surveillance.engines.worker import Looked, walk_source
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.settings import Settings
from surveillance.storage.site_file import load_site
from surveillance.training.plots import Theme

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # on the timetable's full half minute
SPAN_S = 30
CASES = ("alone", "two", "cat")  # what the camera shows at each of the reader's presentations
VOTES = 8  # frames of a track whose votes are told
LOST_S = 3.0  # second from which the camera is silent in the last case: longer than it may be before it is stale


def tell_door(_places: Places, found: Gathered) -> None:
    site = load_site(lies.shipped("config") / "demo" / "site.yaml")
    classifier = build_classifier(Settings())
    looked = list(_look(site, classifier))
    decisions = _judge(site, looked, SPAN_S)
    for name, decision in zip(CASES, decisions, strict=True):
        found.tell(**{f"door_{name}": explained(decision)})
    blind = _judge(site, looked, LOST_S)[0]
    found.tell(door_blind=explained(blind))
    moments = [_nearest(looked, shown.at_s) for shown in PRESENTATIONS]
    verdicts = [decision.kind for decision in decisions]
    found.draw("door", partial(draw_door, moments, verdicts), is_photograph=True)
    found.tell(vote=_vote(looked, classifier))


def _look(site: Site, classifier: Classifier) -> Iterator[Looked]:
    """One round of the front camera's timetable through its worker."""
    settings = Settings()
    camera = next(each for each in site.cameras if each.name == "front")
    source = SyntheticSource(f"{camera.url}?once=1", source_options(settings, camera, START))
    yield from walk_source(build_worker(settings, camera, source, classifier))


def _judge(site: Site, looked: Sequence[Looked], seen_until_s: float) -> list[Decision]:
    """The decisions on the demo reader's badges; the camera is heard until that second."""
    numbers = count(1)
    judge = RuleJudge(
        parse_rulebook([RuleDocument(site.rules, "site")], site), site, make_id=lambda: f"{next(numbers):08x}"
    )
    inputs: list[Input] = [_request(site, number) for number in range(len(PRESENTATIONS))]
    for second in range(SPAN_S):
        at = START + timedelta(seconds=second)
        inputs += [CameraReport("front", at, "live"), Tick(at)] if second <= seen_until_s else [Tick(at)]
    until = START + timedelta(seconds=seen_until_s)
    inputs += [entry for look in looked for entry in look.told if entry.at <= until]
    made = [decision for entry in sorted(inputs, key=lambda entry: entry.at) for decision in judge(entry)]
    return [decision for decision in made if decision.kind.startswith("access.")]


def _request(site: Site, number: int) -> AccessRequest:
    """The badge as the desk hands it on; who it belongs to was looked up."""
    presented = PRESENTATIONS[number]
    at = START + timedelta(seconds=presented.at_s)
    owner = next(p for p in site.people if any(badge.value == presented.badge for badge in p.credentials))
    return AccessRequest(
        f"r{number}", at, "front", "front", frozenset({"badge"}), owner.name, owner.groups, "valid",
        at + timedelta(seconds=2),
    )  # fmt: skip


def explained(decision: Decision) -> str:
    """What `surveillance events explain` tells of it, its reasons in lines of their own."""
    judged = [each.as_json() for each in decision.judged]
    event = {**Event(1, decision).as_json(), "rulebook_version": decision.rulebook_version, "judged": judged}
    _first, _version, *rules = explanation_of({**event, "recordings": []})
    return "\n".join([decision.kind, *(f"  because {reason}" for reason in decision.reasons), "", *rules])


def _nearest(looked: Sequence[Looked], at_s: float) -> Looked:
    return min(looked, key=lambda look: abs((look.frame.media_s or 0) - at_s))


def _vote(looked: Sequence[Looked], classifier: Classifier) -> str:
    """How the first visitor's track came to its label: what each crop says, and what all so far say together."""
    first = next(track for look in looked for track in look.tracks if track.confirmed)
    rows = [["second", "this crop says", "", "the vote so far", "confirmed"]]
    for look in looked:
        for track in look.tracks:
            if track.id == first.id and len(rows) <= VOTES:
                seen = classifier([look.frame.picture.crop(track.box)])[0]
                is_sure = "yes" if track.confirmed else "no"
                rows.append([f"{look.frame.media_s:.1f}", seen.label, f"{seen.confidence:.2f}", track.label, is_sure])
    return table(rows)


def draw_door(moments: Sequence[Looked], verdicts: Sequence[str], theme: Theme) -> Figure:
    """The door's camera when each badge is held to the reader: what is followed, and what was decided."""
    figure = Figure((10.2, 2.5), layout="constrained")
    for axes, look, verdict in zip(figure.subplots(1, len(moments)), moments, verdicts, strict=True):
        picture = look.frame.picture.bgr()
        height, width = picture.shape[:2]
        axes.imshow(picture[..., ::-1])
        for track in look.tracks:
            if track.confirmed:
                box, place = track.box, (track.box.x1 * width, track.box.y1 * height)
                size = ((box.x2 - box.x1) * width, (box.y2 - box.y1) * height)
                axes.add_patch(Rectangle(place, *size, fill=False, edgecolor="#ffd34d", linewidth=2))
                axes.text(
                    place[0] + 6, place[1] + 10, f"{track.label} {track.confidence:.0%}", fontsize=8, va="top",
                    bbox={"facecolor": "#ffd34d", "edgecolor": "none", "pad": 1.5},
                )  # fmt: skip
        axes.set_title(verdict, fontsize=10, color=theme.good if verdict == "access.granted" else theme.bad)
        bare(axes, theme)
    return figure
