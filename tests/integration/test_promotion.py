"""A model onto cameras and back: what is checked before, what is on record after, and whose edit is never lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cards import embedded_card

from surveillance.app.candidates import list_candidates, start_shadow
from surveillance.app.model_trial import try_model
from surveillance.app.promotion import planned, planned_rollback, promote, promotions, rollback
from surveillance.app.site_edit import edit_site, open_site
from surveillance.domain.errors import ModelError, NotFound, SettingsError
from surveillance.domain.promotions import Move
from surveillance.domain.site import Camera, Door, Site
from surveillance.settings import Settings
from surveillance.storage.camera_edits import with_camera
from surveillance.storage.queries import EventFilter
from surveillance.storage.shadows import Shadows

SITE = Site(
    cameras=(
        Camera("gate", "synthetic://yard"),
        Camera("hall", "synthetic://yard", model="older"),
        Camera("yard", "synthetic://yard", model="newer"),
    ),
    doors=(Door("front", camera="hall"),),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data")
    (made.data_dir / "models").mkdir(parents=True)
    for name in ("older", "newer"):
        write_card(made, name)
    open_site(made).site.seed(SITE)
    return made


def write_card(settings: Settings, name: str, **changes: object) -> None:
    """The embedded model under another name."""
    card = replace(embedded_card(), name=name, data={}, training={}, metrics={}, **changes)  # type: ignore[arg-type]
    (settings.data_dir / "models" / f"{name}.yaml").write_text(yaml.safe_dump(card.as_yaml()))


def models(settings: Settings) -> dict[str, str | None]:
    return {camera.name: camera.model for camera in open_site(settings).site.read().cameras}


def loads(settings: Settings, name: str) -> None:
    """Any model does."""


def test_every_camera_gets_the_model_and_goes_back_to_its_own(settings: Settings) -> None:
    moves = promote(settings, "newer", actor="ada", check=loads)
    assert moves == (
        Move("gate", "embedded", "newer", "newer", was_default=True),
        Move("hall", "older", "newer", "newer", doors=("front",)),
    )
    assert models(settings) == {"gate": "newer", "hall": "newer", "yard": "newer"}
    back = rollback(settings, actor="bob", check=loads)
    assert [(move.camera, move.before, move.after, move.model) for move in back] == [
        ("gate", "newer", "embedded", None),
        ("hall", "newer", "older", "older"),
    ]
    assert models(settings) == {"gate": None, "hall": "older", "yard": "newer"}
    assert [
        (step.camera, step.before, step.after, step.actor, step.is_rollback) for step in promotions(settings, "hall")
    ] == [("hall", "newer", "older", "bob", True), ("hall", "older", "newer", "ada", False)]


def test_each_promotion_is_one_version_and_one_event_per_camera(settings: Settings) -> None:
    promote(settings, "newer", actor="ada", check=loads)
    assert open_site(settings).site.version() == 2
    rows, _ = open_site(settings).events.page(EventFilter(kind="model."))
    told = {"actor": "ada", "model": "newer"}
    assert sorted(((row["camera"], row["kind"], row["details"]) for row in rows), key=lambda row: row[0]) == [
        ("gate", "model.promoted", {**told, "camera": "gate", "before": "embedded", "was_default": True}),
        ("hall", "model.promoted", {**told, "camera": "hall", "before": "older"}),
    ]
    assert promote(settings, "newer", actor="ada", check=loads) == ()
    assert open_site(settings).site.version() == 2


def test_a_candidate_that_is_promoted_is_approved_and_leaves_the_shadow(settings: Settings) -> None:
    start_shadow(settings, "newer", ["gate"], "ada", check=loads)
    promote(settings, "older", ["gate"], "bob", check=loads)
    engine = open_site(settings).engine
    order = Shadows(engine).order()
    assert order is not None
    assert (order.model, [page["decided"] for page in list_candidates(settings)]) == ("newer", [""])
    promote(settings, "newer", ["gate"], "bob", check=loads)
    assert Shadows(engine).order() is None
    assert [(page["model"], page["decided"]) for page in list_candidates(settings)] == [("newer", "approved by bob")]
    rows, _ = open_site(settings).events.page(EventFilter(kind="model."))
    assert [row["kind"] for row in rows][:2] == ["model.shadow_ended", "model.promoted"]


def test_promotions_are_undone_one_after_the_other(settings: Settings) -> None:
    for name in ("newer", "embedded", "older"):
        promote(settings, name, ["gate"], check=loads)
    met = []
    for _ in range(3):
        [move] = rollback(settings, ["gate"], check=loads)
        met.append(move.after)
    assert met == ["embedded", "newer", "embedded"]
    assert models(settings)["gate"] is None
    with pytest.raises(NotFound, match="camera gate has no promotion on record that could be rolled back"):
        rollback(settings, ["gate"], check=loads)


def test_a_model_that_a_person_chose_since_is_left_alone(settings: Settings) -> None:
    promote(settings, "newer", check=loads)
    edit_site(settings, lambda site: with_camera(site, "gate", lambda camera: replace(camera, model="older")))
    with pytest.raises(SettingsError, match="camera gate was promoted to newer and then edited to older; choose"):
        rollback(settings, ["gate"], check=loads)
    assert [move.camera for move in rollback(settings, check=loads)] == ["hall"]
    assert models(settings)["gate"] == "older"


def test_nothing_changes_for_a_model_that_cannot_be_loaded(settings: Settings) -> None:
    write_card(settings, "broken", weights_sha256="0" * 64)
    with pytest.raises(ModelError, match=r"embedded\.safetensors is not what was published as broken 2"):
        promote(settings, "broken")
    with pytest.raises(NotFound, match="no model is called 'newre'; did you mean 'newer'"):
        promote(settings, "newre")
    with pytest.raises(NotFound, match="no camera is called 'gaet'; did you mean 'gate'"):
        planned(settings, "newer", ["gaet"])
    with pytest.raises(NotFound, match="no camera has a promotion on record"):
        planned_rollback(settings)
    assert open_site(settings).site.version() == 1


def test_an_edit_that_was_quicker_is_not_lost(settings: Settings) -> None:
    def edits_meanwhile(settings: Settings, name: str) -> None:
        edit_site(settings, lambda site: with_camera(site, "gate", lambda camera: replace(camera, analyze_fps=2.0)))

    promote(settings, "newer", ["gate"], check=edits_meanwhile)
    gate = open_site(settings).site.read().camera("gate")
    assert gate is not None
    assert (gate.model, gate.analyze_fps) == ("newer", 2.0)


def test_a_model_is_really_loaded(settings: Settings) -> None:
    try_model(settings, "newer")
    with pytest.raises(ModelError, match="no model is called 'none'"):
        try_model(settings, "none")
