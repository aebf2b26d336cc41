"""One errand of core in a process of its own: a camera tried, the network searched, a model looked into, rules tried.

Reads {"kind", "payload", "ingest", "storage", "rules", "data_dir", "loopback"} as JSON from its standard input, so that
no password shows in a list of processes, and writes the answer as JSON. What a camera sends may hang or crash a
decoder: then only this process ends.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from surveillance.app.processes import end_with_parent
from surveillance.domain.errors import SourceError, UserMistake
from surveillance.domain.geometry import WHOLE, Box
from surveillance.domain.site import Camera, hide_password
from surveillance.rules.book import RuleDocument
from surveillance.settings import PREFIX, Settings
from surveillance.storage.camera_edits import find_scene
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.site_file import parse_camera

WATCH_S = 2.0  # how long each stream is watched after its first picture; the rate is counted after its first second
PICTURE_BYTES = 48 * 1024
PICTURE_PX = 640
MOST_SCORES = 5
MEMORY_BYTES = 4 * 2**30  # of addresses; a decoder that wants more is given none
MODEL_BYTES = 16 * 2**30  # torch takes four before it holds a network
PROCESSOR_S = 60
BACKTEST_S = 600

Errand = Callable[[Settings, Mapping[str, Any], bool], dict[str, Any]]


def try_camera(settings: Settings, payload: Mapping[str, Any], loopback: bool) -> dict[str, Any]:
    """{"camera": as in a site file} in; {"streams": what each gives or what is wrong with it, "picture"} out."""
    camera = parse_camera(payload["camera"])
    streams, picture = [], ""
    for address in (camera.url, camera.sub_url):
        if address is not None:
            told, jpeg = try_stream(settings, camera, address)
            streams.append(told)
            picture = picture or jpeg
    return {"streams": streams, "picture": picture}


def try_stream(settings: Settings, camera: Camera, address: str) -> tuple[dict[str, Any], str]:
    """What one stream gives, in words and numbers, and a masked picture of it in base64."""
    from surveillance.app.worker import source_options
    from surveillance.ingest.pictures import shrink_jpeg
    from surveillance.ingest.probe import probe

    shown = hide_password(address)
    try:
        found = probe(address, source_options(settings, camera), WATCH_S)
    except SourceError as fault:
        return {"address": shown, "fault": str(fault), "reason": fault.reason}, ""
    told = {key: getattr(found, key) for key in ("codec", "width", "height", "fps", "first_picture_s", "notes")}
    return {"address": shown, **told}, base64.b64encode(shrink_jpeg(found.jpeg, PICTURE_PX, PICTURE_BYTES)).decode()


def try_scene(settings: Settings, payload: Mapping[str, Any], loopback: bool) -> dict[str, Any]:
    """{"camera": as in a site file, "scene": its name} in; {"picture", "scores": best first} of one look out."""
    from surveillance.app.scene_pictures import look_once
    from surveillance.ingest.pictures import shrink_jpeg

    camera = parse_camera(payload["camera"])
    try:
        seen, jpeg = look_once(settings, camera, find_scene(camera, payload["scene"]))
    except SourceError as fault:
        return {"fault": str(fault), "reason": fault.reason}
    best = sorted(seen.scores.items(), key=lambda pair: -pair[1])[:MOST_SCORES]
    picture = base64.b64encode(shrink_jpeg(jpeg, PICTURE_PX, PICTURE_BYTES)).decode()
    return {"picture": picture, "scores": [[label, round(score, 4)] for label, score in best]}


def search_network(settings: Settings, payload: Mapping[str, Any], loopback: bool) -> dict[str, Any]:
    """{"seconds"} in, {"devices": [{"name", "address", "hardware", "service"}]} out."""
    from surveillance.ingest.onvif import discover

    return {"devices": [asdict(device) for device in discover(float(payload["seconds"]), loopback)]}


def ask_device(settings: Settings, payload: Mapping[str, Any], loopback: bool) -> dict[str, Any]:
    """{"service", "user", "password"} in, {"maker", "model", "firmware", "profiles", "main", "sub", "notes"} out."""
    from surveillance.ingest.onvif import read_offer

    offer = read_offer(payload["service"], payload["user"], payload["password"], loopback)
    return {**asdict(offer), "main": offer.main and offer.main.url, "sub": offer.sub and offer.sub.url}


def look_inside(settings: Settings, payload: Mapping[str, Any], loopback: bool) -> dict[str, Any]:
    """{"model", "evidence", "box"} in; {"model", "version", "looks": [{"label", "chance", "picture"}]} out."""
    from surveillance.perception.cards import find_card

    card = find_card(payload["model"], settings.model_dirs)
    jpeg = EvidenceStore(settings.data_dir / "evidence").read(payload["evidence"])
    box = Box(*payload["box"]) if payload["box"] else WHOLE
    from surveillance.perception.inside import painted_looks  # torch, which takes seconds: a mistake is told without it

    looks = [
        {"label": label, "chance": chance, "picture": base64.b64encode(picture).decode()}
        for label, chance, picture in painted_looks(card, settings.data_dir / "models", jpeg, box)
    ]
    return {"model": card.name, "version": card.version, "looks": looks}


def try_rules(settings: Settings, payload: Mapping[str, Any], loopback: bool) -> dict[str, Any]:
    """{"documents": [{"text", "origin"}], "days", "rule"} in; a Backtest out, of that rule and of those that differ."""
    from surveillance.app.backtesting import backtest_rules, last_days
    from surveillance.app.store import open_store

    documents = tuple(RuleDocument(each["text"], each["origin"]) for each in payload["documents"])
    store = open_store(settings, existing=True)
    found = backtest_rules(settings, store, store.site.read(), documents, last_days(float(payload["days"])))
    of_interest = tuple(tally for tally in found.tallies if tally.differs or tally.rule == payload["rule"])
    return replace(found, tallies=of_interest).as_json()


ERRANDS: Mapping[str, Errand] = {
    "camera.test": try_camera,
    "camera.discover": search_network,
    "camera.profiles": ask_device,
    "event.look": look_inside,
    "rules.backtest": try_rules,
    "scene.test": try_scene,
}
ASK_MODELS = ("event.look", "scene.test")


def main() -> int:
    end_with_parent()
    asked = json.loads(sys.stdin.buffer.read())
    memory = MODEL_BYTES if asked["kind"] in ASK_MODELS else MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    processor_s = BACKTEST_S if asked["kind"] == "rules.backtest" else PROCESSOR_S
    resource.setrlimit(resource.RLIMIT_CPU, (processor_s, processor_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[variable]
    settings = Settings(
        ingest=asked["ingest"], data_dir=asked["data_dir"], storage=asked["storage"], rules=asked["rules"]
    )
    try:
        answer = ERRANDS[asked["kind"]](settings, asked["payload"], bool(asked["loopback"]))
    except UserMistake as mistake:
        answer = {"fault": str(mistake), "reason": getattr(mistake, "reason", "")}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main()
    os._exit(code)  # a decoder's threads are not waited for
