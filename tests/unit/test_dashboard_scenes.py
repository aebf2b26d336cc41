"""Scenes on the pages of a camera: tried with a picture, watched, changed, shown with their state, and removed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import DashboardSite, core_that_answers, open_site, somebody, token_of
from flask.testing import FlaskClient

from surveillance.domain.site import SceneWatch

PICTURE = "/9j/4AAQ"
PAGE = "/cameras/front/scenes"
TYPED = {"name": "gate", "model": "garden", "zone": "yard", "every_s": "2", "hold_s": "20", "min_confidence": "0.75"}
GATE = SceneWatch("gate", "garden", "yard", hold_s=20.0, min_confidence=0.75)


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


@pytest.fixture
def user(site: DashboardSite) -> FlaskClient:
    return site.user()


def send(client: FlaskClient, form: Mapping[str, Any], path: str = PAGE) -> Any:
    """Fills in the page's form and sends it, as a browser does."""
    shown = client.get(PAGE).text
    hidden = dict(re.findall(r'<input type="hidden" name="(version)" value="([^"]*)">', shown))
    return client.post(path, data={"csrf_token": token_of(shown), **hidden, **form})


def scenes(site: DashboardSite) -> tuple[SceneWatch, ...]:
    camera = site.services.site.read().camera("front")
    assert camera is not None
    return camera.scenes


def test_a_scene_from_its_first_look_to_its_end(site: DashboardSite, user: FlaskClient) -> None:
    with core_that_answers(site, {"picture": PICTURE, "scores": [["open", 0.97], ["closed", 0.03]]}) as asked:
        tried = send(user, TYPED | {"do": "test"}).text
    assert asked[0]["scene"] == "gate"
    assert asked[0]["camera"]["scenes"][0]["zone"] == "yard"
    assert f"data:image/jpeg;base64,{PICTURE}" in tried
    assert "<strong>open</strong> 97%" in tried
    assert scenes(site) == (), "nothing is saved yet"
    assert send(user, TYPED | {"do": "save"}).location == "/cameras/front?saved=2"
    assert scenes(site) == (GATE,)
    form = user.get(f"{PAGE}?scene=gate").text
    assert "Change gate" in form
    assert 'value="20"' in form
    changed = {**TYPED, "name": "ignored", "was": "gate", "zone": "", "do": "save"}
    assert send(user, changed).location == "/cameras/front?saved=3"
    assert scenes(site) == (SceneWatch("gate", "garden", hold_s=20.0, min_confidence=0.75),)
    assert send(user, {"scene": "gate"}, f"{PAGE}/remove").location == "/cameras/front?saved=4"
    assert scenes(site) == ()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": "a/b"}, "is no name; use letters"),
        ({"every_s": "60"}, "must be less than or equal to 10"),
        ({"hold_s": "long"}, "must be a valid number"),
        ({"zone": "yrad"}, "did you mean"),
        ({"model": ""}, "at least 1 character"),
    ],
)
def test_a_mistake_is_told_at_its_field(
    site: DashboardSite, user: FlaskClient, typed: dict[str, str], words: str
) -> None:
    answer = send(user, TYPED | typed | {"do": "save"})
    assert answer.status_code == 400
    (field,) = typed
    at_field = answer.text.partition(f'id="f-{field}"')[2].partition("<label")[0]
    assert words in at_field
    assert scenes(site) == ()


def test_states_are_shown_with_their_doubts(site: DashboardSite, user: FlaskClient) -> None:
    send(user, TYPED | {"do": "save"})
    send(user, TYPED | {"name": "light", "zone": "", "do": "save"})
    told = {"state": "open", "doubt": "", "confidence": 0.9, "since": "2026-11-26T08:00:00.000Z"}
    unsure = {"state": "", "doubt": "its model is unsure", "confidence": 0.0, "since": "2026-11-26T08:00:00.000Z"}
    at = {"at": "2026-11-26T09:00:00.000Z"}
    of_front = {"state": "live", "since": "2026-11-26T07:00:00.000Z", "reason": "", "fps": 5.0, "drops": {}}
    site.applied["cameras"] = {"front": of_front | {"scenes": {"gate": told | at, "light": unsure | at}}}
    for page in (PAGE, "/cameras/front"):
        shown = user.get(page).text
        assert re.search(r"chip[^>]*>.*?open</span>", shown, re.DOTALL)
        assert "its model is unsure" in shown
    api = user.get("/api/cameras/front").get_json()["camera"]
    assert [scene["name"] for scene in api["scenes"]] == ["gate", "light"]
    assert api["state"]["scenes"]["gate"] == told | at


def test_who_may_not_edit_cameras_sees_no_form(site: DashboardSite) -> None:
    guard = somebody(site, "guard")
    assert guard.get(PAGE).status_code == 403
    assert PAGE not in guard.get("/cameras/front").text


def test_rules_are_offered_what_its_model_can_tell(user: FlaskClient) -> None:
    send(user, TYPED | {"do": "save"})
    headers = {"X-CSRFToken": token_of(user.get("/rules/new/blank").text)}

    def offered(when: str) -> list[str]:
        text = f"- on: camera\n  when: {when}"
        answer = user.post("/api/rules/complete", json={"text": text, "cursor": len(text)}, headers=headers).json
        return [candidate["shown"] for candidate in answer["candidates"]]

    assert offered('scene("') == ['"gate"']
    assert offered('scene("gate") == ') == ['"hedgehog"', '"person"']
    assert "Gate left open" in user.get("/rules/new").text
    filled = user.get("/rules/new/left-open").text
    assert '<option value="front/gate">front: gate</option>' in filled
    blanks = {"csrf_token": token_of(filled), "scene": "front/gate", "state": "hedgehog", "seconds": "60"}
    editor = user.post("/rules/new/left-open", data=blanks).text
    assert "the same camera" in editor
    assert re.search(r'<option value="hedgehog" selected>', editor)
