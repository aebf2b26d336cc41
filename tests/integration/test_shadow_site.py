"""A candidate in shadow on a running site: it is told of, it changes nothing, and one that fails is switched off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cards import embedded_card
from patience import eventually
from ports import free_port

from surveillance.app.candidates import start_shadow, stop_shadow
from surveillance.app.engine import running_engine
from surveillance.app.service import running_site
from surveillance.app.site_edit import open_site
from surveillance.app.store import Store
from surveillance.app.watch import WatchOrder, build_watch_judge, heartbeats
from surveillance.app.worker import CamerasHere, build_classifier, build_shadow, build_worker, source_options
from surveillance.dashboard import DashboardSettings
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.shadow import ShadowTold, ShadowVote
from surveillance.domain.site import Camera, Site
from surveillance.engines.figures import Figures
from surveillance.engines.shadow import ShadowedCamera
from surveillance.engines.worker import walk_source
from surveillance.ingest.sources import open_source
from surveillance.perception.cards import WEIGHTS
from surveillance.settings import Settings
from surveillance.storage.labels import Labels
from surveillance.storage.queries import EventFilter
from surveillance.storage.shadows import Shadows

CLIP = "one-by-one-person-detection.mp4"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def write_card(settings: Settings, name: str, **changes: Any) -> None:
    """The embedded model under another name."""
    (settings.data_dir / "models").mkdir(parents=True, exist_ok=True)
    card = replace(embedded_card(), name=name, data={}, training={}, metrics={}, **changes)
    (settings.data_dir / "models" / f"{name}.yaml").write_text(yaml.safe_dump(card.as_yaml()))


def events(store: Store, kind: str) -> list[Any]:
    return list(store.events.page(EventFilter(kind=kind), None, 100)[0])


def quick(settings: Settings, name: str) -> None:
    """It is tried when it is asked."""


# --- nothing is decided otherwise ----------------------------------------------------------------------------------


def decided(settings: Settings, file: Path, candidate: str | None) -> tuple[list[Any], list[ShadowTold]]:
    """Everything that the judge says of a file's frames, and what the candidate told beside it."""
    told: list[ShadowTold] = []
    camera = Camera("front", str(file))
    source = open_source(str(file), source_options(settings, camera, START))
    judge = build_watch_judge(settings, WatchOrder(str(file)), camera, live=False)
    shadow = build_shadow(settings, lambda model, name: build_classifier(settings, model), told.append, Figures())
    walk = build_worker(settings, camera, source, build_classifier(settings))
    second = ShadowedCamera("front", walk.recognize, shadow)
    shadow.change({"front": candidate} if candidate else {})

    def looks() -> Iterator[Any]:
        for looked in walk_source(replace(walk, recognize=second)):
            yield looked
            second.looked(looked.tracks)
            if candidate:  # a file is read faster than any camera sends; what is dropped would not be compared
                assert eventually(lambda: shadow.waiting == 0)

    decisions = [
        replace(decision, id="", subject="")
        for entries in heartbeats("front", looks())
        for entry in entries
        for decision in judge(entry)
    ]
    shadow.close()
    return decisions, told


def test_the_whole_ledger_is_the_same_with_a_candidate_and_without(tmp_path: Path, footage: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    write_card(settings, "odd", labels=("vehicle", "person", "background", "animal"), weights_file="odd.safetensors")
    relabel(settings, "odd")
    write_card(settings, "same")
    alone, nothing = decided(settings, footage / "video" / CLIP, None)
    beside, told = decided(settings, footage / "video" / CLIP, "odd")
    again, agreed = decided(settings, footage / "video" / CLIP, "same")
    assert len(alone) >= 6, "six visits"
    assert beside == alone
    assert again == alone
    assert nothing == []
    votes = [vote for vote in told if isinstance(vote, ShadowVote)]
    assert {"background"} <= {vote.candidate for vote in votes if vote.current == "person"}
    assert len(agreed) == len(votes) >= 6
    assert not any(vote.differs for vote in agreed if isinstance(vote, ShadowVote)), "the same network"


def relabel(settings: Settings, name: str) -> None:
    """The embedded weights with their labels shuffled, so that a person is called background."""
    import hashlib
    import json

    from safetensors.torch import load_file, save_file

    page = yaml.safe_load((settings.data_dir / "models" / f"{name}.yaml").read_text())
    file = settings.data_dir / "models" / f"{name}.safetensors"
    save_file(load_file(WEIGHTS / "embedded.safetensors"), file, metadata={"labels": json.dumps(page["labels"])})
    page["weights"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (settings.data_dir / "models" / f"{name}.yaml").write_text(yaml.safe_dump(page))


# --- a running site ------------------------------------------------------------------------------------------------


@contextmanager
def running(settings: Settings) -> Iterator[Store]:
    """The service in one process, or as the settings say."""
    store = open_site(settings)
    store.site.seed(Site(cameras=(Camera("yard", "synthetic://front-door"), Camera("own", "synthetic://x?empty=1"))))
    with ExitStack() as stack:
        if settings.engine.kind == "inline":
            stack.enter_context(running_engine(settings, store, lambda core: CamerasHere(settings, core.failed)))
        else:
            stack.enter_context(running_site(settings, None, lambda line: None))
        yield store


@pytest.fixture(params=["inline", "processes"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    dashboard = DashboardSettings(port=free_port())
    return Settings(data_dir=tmp_path / "data", dashboard=dashboard, engine={"kind": request.param})


def test_a_candidate_is_put_in_shadow_and_taken_out_while_the_site_runs(settings: Settings) -> None:
    write_card(settings, "second")
    with running(settings) as store:
        shadows = Shadows(store.engine)
        start_shadow(settings, "second", ["yard"], "ada", quick)
        assert eventually(lambda: shadows.counts("second").tracks >= 2, within_s=90)
        assert shadows.counts("second").differing == 0, "the same network"
        assert stop_shadow(settings, "ada").model == "second"
        time.sleep(3)

        def is_over() -> bool:
            before = shadows.counts("second").tracks
            time.sleep(8)
            return shadows.counts("second").tracks == before

        assert eventually(is_over, 60)
        assert [event["kind"] for event in events(store, "model.")] == ["model.shadow_ended", "model.shadow_started"]
        assert events(store, "health.degraded") == []


def test_what_the_candidate_calls_otherwise_waits_for_a_label(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", engine={"kind": "inline"})
    write_card(settings, "odd", labels=("vehicle", "person", "background", "animal"), weights_file="odd.safetensors")
    relabel(settings, "odd")
    with running(settings) as store:
        start_shadow(settings, "odd", actor="ada", check=quick)
        labels = Labels(store.engine)
        assert eventually(lambda: any(crop.why == "disagreed" for crop in labels.page()), within_s=120)
        [*_, crop] = [crop for crop in labels.page() if crop.why == "disagreed"]
        assert (crop.model, crop.other_model) == ("embedded", "odd")
        assert crop.guess != crop.other_guess


def test_a_candidate_that_fails_is_switched_off_with_one_event(settings: Settings) -> None:
    write_card(settings, "broken", weights_sha256="0" * 64)
    with running(settings) as store:
        start_shadow(settings, "broken", actor="ada", check=quick)
        assert eventually(lambda: events(store, "model.shadow_failed"), within_s=60)
        assert Shadows(store.engine).order() is None
        time.sleep(3)
        [failed] = events(store, "model.shadow_failed")
        assert failed["reasons"][0].startswith("broken is out of the shadow: ")
        assert "is not what was published as broken" in failed["reasons"][0]
        assert events(store, "health.degraded") == []


# --- who may be one ------------------------------------------------------------------------------------------------


def test_a_candidate_needs_the_labels_of_the_models_in_use(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    open_site(settings).site.seed(Site(cameras=(Camera("yard", "synthetic://yard"),)))
    write_card(settings, "digits", labels=("one", "two"))
    with pytest.raises(NotFound, match="no model is in shadow"):
        stop_shadow(settings)
    with pytest.raises(NotFound, match="digit"):
        start_shadow(settings, "digit", check=quick)
    with pytest.raises(NotFound, match="yord"):
        start_shadow(settings, "digits", ["yord"], check=quick)
    with pytest.raises(SettingsError, match="digits knows one, two and embedded, which is in use, animal, background"):
        start_shadow(settings, "digits", check=quick)
    with pytest.raises(SettingsError, match="embedded is what every one of these cameras uses"):
        start_shadow(settings, "embedded", check=quick)
