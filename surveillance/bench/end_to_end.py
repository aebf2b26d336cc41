"""What a camera costs from its stream to the record, beside decoding alone (the floor) and beside tutorial loops.

Ours is a whole site without its dashboard: core, recognizer and workers, with rules, database and evidence. All are
measured in turns of one run, in CPU time of whole process trees; each ratio is of two neighbors in time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from surveillance.bench.clips import LOOP_S, SIZES, Size, make_clip, repeated
from surveillance.bench.contenders import ANALYZED_FPS, Contender, contenders
from surveillance.bench.cpu import spread
from surveillance.bench.machine import facts_of_machine, load_now
from surveillance.bench.random_models import publish
from surveillance.bench.rtsp_server import Mount, RtspServer, is_installed
from surveillance.bench.whole_site import WholeSite, whole_site
from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Camera
from surveillance.settings import Settings

SETTLE_S = 3.0  # until the gate has learned the view and tracks are confirmed
SPARE_S = 30.0  # how much longer a file is than what is measured of it
TUTORIAL_S, TUTORIAL_5FPS_S = 1.0, 5.0  # of the video; 25 pictures each
OVERLOADED = 0.9  # less of the pictures analyzed than this share, and a row says nothing of what a camera costs
BUSY_MODEL = "mobilenet_v3_large"
COUNTED = ("frames_analyzed", "recognizer_crops", "observations_recorded", "decisions")
SCENES = {"quiet": "quiet", "embedded": "two", "busy": "one"}  # what is measured -> the clip
FOOTAGE = "footage"
SUB, DOZING = "sub", "dozing"  # over RTSP: two walkers analyzed on a sub stream, and nobody by key pictures alone
OVER_RTSP = {SUB: "two", DOZING: "quiet"}
CALM_AFTER_S = 13.0  # until a quiet camera is decoded with less work
CALM = ("quiet", DOZING)
UNASKED = (*CALM, FOOTAGE)  # where the recognizer may have nothing to answer
MODEL_S = 60.0  # for a model to be built


@dataclass(frozen=True, slots=True)
class EndToEndOrder:
    """What is measured, for how long in each turn, and how often."""

    sizes: Sequence[str] = ("720p", "1080p")
    over: Sequence[str] = ("file", "rtsp")
    cameras: Sequence[int] = (1, 4, 16)
    seconds: float = 8.0
    rounds: int = 3
    footage: Path | None = None


@dataclass(slots=True)
class Turns:
    """What the turns of one row gave: CPU milliseconds a camera-second, ours by process, and counts a second."""

    floor: list[float] = field(default_factory=list)
    ours: list[dict[str, float]] = field(default_factory=list)
    counts: list[dict[str, float]] = field(default_factory=list)

    def row(self, about: Mapping[str, Any]) -> dict[str, Any]:
        cameras = int(about["cameras"])
        totals = [sum(each.values()) for each in self.ours]
        analyzed = median(each["frames_analyzed"] for each in self.counts)
        frames = max(sum(each["frames_analyzed"] for each in self.counts), 1e-9)
        return {
            **about,
            "floor_ms": spread(self.floor, 1),
            "ours_ms": spread(totals, 1),
            "over_floor": spread([ours / floor for ours, floor in zip(totals, self.floor, strict=True)]),
            "by_process_ms": {name: round(median(each[name] for each in self.ours), 1) for name in self.ours[0]},
            "cameras_per_core": round(1000 / median(totals), 1),
            "crops_per_picture": round(sum(each["recognizer_crops"] for each in self.counts) / frames, 2),
            "observations_per_s": round(median(each["observations_recorded"] for each in self.counts), 2),
            "decisions_per_s": round(median(each["decisions"] for each in self.counts), 2),
            "is_overloaded": analyzed < OVERLOADED * ANALYZED_FPS * cameras and about["scene"] != DOZING,
        }


def measure(settings: Settings, order: EndToEndOrder) -> dict[str, Any]:
    """The figures, JSON-able. Raises UserMistake where RTSP cannot be served here."""
    if "rtsp" in order.over and not is_installed():
        raise UserMistake("no RTSP server here: install gst-rtsp-server (docs/performance.md), or measure --over file")
    load = load_now()
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        model = publish(BUSY_MODEL, folder / "site" / "models").name
        with whole_site(dozing(settings, order), folder / "site") as site, contenders() as ways:
            bench = EndToEnd(order, folder, site, ways, model)
            rows = [row for size in order.sizes for row in bench.rows_of(SIZES[size])]
            tutorials = [bench.tutorials(SIZES[size], over) for size in order.sizes for over in order.over]
    figures = {"machine": facts_of_machine(load), "seconds": order.seconds, "rounds": order.rounds, "rows": rows}
    return figures | {"tutorials": tutorials} | headline(rows, tutorials)


def dozing(settings: Settings, order: EndToEndOrder) -> Settings:
    """The settings under which the cameras of that scene doze."""
    places = range(1, max(order.cameras) + 1)
    names = [f"{DOZING}-{number}-{place}" for number in range(order.rounds) for place in places]
    ingest = settings.ingest.model_copy(update={"decode_of": dict.fromkeys(names, "key_while_quiet")})
    return settings.model_copy(update={"ingest": ingest})


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """One run: the site that is up, and the processes beside it."""

    order: EndToEndOrder
    folder: Path
    site: WholeSite
    ways: Mapping[str, Contender]
    model: str

    def rows_of(self, size: Size) -> list[dict[str, Any]]:
        cells = [(over, cameras) for over in self.order.over for cameras in self.order.cameras]
        return [row for over, cameras in cells for row in self._cell(size, over, cameras)]

    def _cell(self, size: Size, over: str, cameras: int) -> list[dict[str, Any]]:
        scenes = [*SCENES, *(OVER_RTSP if over == "rtsp" else ()), *([FOOTAGE] if self.order.footage else [])]
        turns = {scene: Turns() for scene in scenes}
        label = f"{size.name} {over} x{cameras}"
        with self._urls(size, over, cameras) as urls:
            for number in tqdm(range(self.order.rounds), desc=label, unit="round", disable=None, leave=False):
                for scene in scenes:
                    self._turn(turns[scene], scene, urls[scene], number)
        about = {"size": size.name, "over": over, "cameras": cameras}
        return [turns[scene].row(about | {"scene": scene}) for scene in scenes]

    def _turn(self, turns: Turns, scene: str, urls: list[str], number: int) -> None:
        """Floor and ours, whichever first in turn."""
        for is_floor in (True, False) if number % 2 else (False, True):
            if is_floor:
                turns.floor.append(self.ways["decode"].run(urls, self.order.seconds))
            else:
                self._ours(turns, scene, urls, number)

    def _ours(self, turns: Turns, scene: str, urls: list[str], number: int) -> None:
        model = self.model if scene == "busy" else None
        named = [(f"{scene}-{number}-{place}", url) for place, url in enumerate(urls, start=1)]
        cameras = [Camera(name, url, model=model, analyze_fps=ANALYZED_FPS) for name, url in named]
        if scene == SUB:
            cameras = [replace(camera, sub_url=f"{camera.url}-{SUB}") for camera in cameras]
        asked = self.site.counted("recognizer_crops")
        self.site.watch(cameras)
        if scene not in UNASKED:
            self._await_answers(asked)
        time.sleep(CALM_AFTER_S if scene in CALM else SETTLE_S)
        before, counted, began_s = self.site.cpu_s(), self._counted(), time.monotonic()
        time.sleep(self.order.seconds)
        after, took_s = self.site.cpu_s(), time.monotonic() - began_s
        counts = {name: (count - counted[name]) / took_s for name, count in self._counted().items()}
        turns.ours.append({name: 1000 * (after[name] - before[name]) / took_s / len(urls) for name in after})
        turns.counts.append(counts)
        self.site.watch([])

    def _await_answers(self, asked: float) -> None:
        """A model is built when it is first asked for, which is no part of what a camera costs."""
        ends_s = time.monotonic() + MODEL_S
        while self.site.counted("recognizer_crops") <= asked and time.monotonic() < ends_s:
            time.sleep(0.2)

    def _counted(self) -> dict[str, float]:
        return {name: self.site.counted(name) for name in COUNTED}

    def tutorials(self, size: Size, over: str) -> dict[str, Any]:
        """One camera, the clip with two walkers."""
        with self._urls(size, over, 1) as urls:
            every, some = [], []
            for _ in range(self.order.rounds):
                every.append(self.ways["tutorial"].run(urls["embedded"], TUTORIAL_S))
                some.append(self.ways["tutorial_5fps"].run(urls["embedded"], TUTORIAL_5FPS_S))
        about = {"size": size.name, "over": over}
        return about | {"tutorial_ms": spread(every, 1), "tutorial_5fps_ms": spread(some, 1)}

    @contextmanager
    def _urls(self, size: Size, over: str, cameras: int) -> Iterator[dict[str, list[str]]]:
        """By what is measured, one for each camera."""
        seconds = LOOP_S if over == "rtsp" else SETTLE_S + self.order.seconds + SPARE_S
        clips = {scene: make_clip(self.folder, clip, size, seconds) for scene, clip in SCENES.items()}
        if self.order.footage is not None:
            clips[FOOTAGE] = repeated(self.order.footage, self.folder / f"{FOOTAGE}-{seconds:g}.mp4", seconds)
        if over == "file":
            yield {scene: [str(clip)] * cameras for scene, clip in clips.items()}
            return
        clips |= {scene: make_clip(self.folder, clip, size, seconds) for scene, clip in OVER_RTSP.items()}
        paths = {scene: [f"/{scene}-{number}" for number in range(cameras)] for scene in clips}
        mounts = {path: Mount([clips[scene]]) for scene in clips for path in paths[scene]}
        small = make_clip(self.folder, OVER_RTSP[SUB], SIZES["sub"], seconds)
        mounts |= {f"{path}-{SUB}": Mount([small]) for path in paths[SUB]}
        with RtspServer(mounts) as server:
            yield {scene: [server.address(path) for path in paths[scene]] for scene in clips}


def headline(rows: Sequence[Mapping[str, Any]], tutorials: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The ratios at 720p with one camera: of a file, and of RTSP under the same names with `rtsp_` before."""
    found: dict[str, float] = {}
    for over, prefix in (("file", ""), ("rtsp", "rtsp_")):
        ours = {
            row["scene"]: row
            for row in rows
            if (row["size"], row["over"], row["cameras"]) == ("720p", over, 1) and row["scene"] in SCENES
        }
        found |= {f"{prefix}{scene}_over_floor": row["over_floor"]["median"] for scene, row in ours.items()}
        for told in tutorials:
            if (told["size"], told["over"]) == ("720p", over) and ours:
                every, some = told["tutorial_ms"]["median"], told["tutorial_5fps_ms"]["median"]
                found[f"{prefix}tutorial_over_ours"] = round(every / ours["embedded"]["ours_ms"]["median"], 1)
                found[f"{prefix}tutorial_5fps_over_ours"] = round(some / ours["busy"]["ours_ms"]["median"], 2)
    return found


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people."""
    yield f"{figures['machine']['told']}; CPU ms for a second of one camera, median of {figures['rounds']} turns"
    head = f"{'':25} {'floor':>7} {'ours':>7} {'over floor':>17} {'cameras':>8}"
    yield f"{head}  crops a picture, verdicts a second, ours by process"
    for row in figures["rows"]:
        yield _line(row)
    for told in figures["tutorials"]:
        name = f"{told['size']} {told['over']}, tutorial"
        yield f"{name}, every picture by resnet50: {_span(told['tutorial_ms'])}"
        yield f"{name}, 5 pictures a second by {BUSY_MODEL}: {_span(told['tutorial_5fps_ms'])}"
    if any(row["is_overloaded"] for row in figures["rows"]):
        yield "* this machine could not keep up: pictures were left out, so the row says little of what a camera costs"


def _span(ms: Mapping[str, float]) -> str:
    return f"{ms['median']:.0f} ({ms['least']:.0f}-{ms['most']:.0f})"


def _line(row: Mapping[str, Any]) -> str:
    name = f"{row['size']} {row['over']} x{row['cameras']} {row['scene']}"
    ratio = row["over_floor"]
    parts = ", ".join(f"{process} {ms:.1f}" for process, ms in row["by_process_ms"].items())
    return (
        f"{name:25} {row['floor_ms']['median']:7.1f} {row['ours_ms']['median']:7.1f}"
        f" {ratio['median']:6.2f} ({ratio['least']:.2f}-{ratio['most']:.2f}) {row['cameras_per_core']:6.1f}/core"
        f"{'*' if row['is_overloaded'] else ' '} {row['crops_per_picture']:.1f}, {row['decisions_per_s']:.2f}, {parts}"
    )
