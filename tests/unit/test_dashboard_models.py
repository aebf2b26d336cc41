"""The page of models: what it shows, a candidate approved and rejected, a model taken back, and the same by the API."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import NAME, DashboardSite, fill_models, open_site, sign_in, stored_at, token_of, write_card
from flask.testing import FlaskClient

from surveillance.app.candidates import start_shadow
from surveillance.domain.permissions import Reach
from surveillance.storage.queries import EventFilter

CANDIDATE = "garden-20261124-1"


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    made = open_site(tmp_path)
    fill_models(made)
    return made


def post(client: FlaskClient, path: str, **fields: Any) -> Any:
    return client.post(path, data={"csrf_token": token_of(client.get("/models").text), **fields})


def models(site: DashboardSite) -> dict[str, str | None]:
    return {camera.name: camera.model for camera in site.services.site.read().cameras}


def kinds(site: DashboardSite) -> list[str]:
    return [row["kind"] for row in site.services.events.page(EventFilter(kind="model."))[0]]


def bound(site: DashboardSite, role: str, *cameras: str) -> FlaskClient:
    """Somebody who reaches some cameras and no door."""
    site.services.accounts.add("otto", role, "correct horse", reach=Reach(frozenset(cameras), frozenset()))
    client = site.visitor()
    assert sign_in(client, "otto", "correct horse").status_code == 302
    return client


def test_the_page_shows_models_their_cameras_and_what_drifted(site: DashboardSite) -> None:
    page = " ".join(site.user().get("/models").text.split())
    assert '<strong>embedded</strong></a> <small>2</small> <span class="tag">default</span>' in page
    assert page.count("</svg>drifted</span>") == 1
    assert "how sure it is has shifted against its first weeks (PSI 0.31, 240 tracks)" in page
    assert '<td data-label="Labels"><span>Hedgehog, Person</span></td>' in page
    assert 'href="/models"' in site.user().get("/cameras").text


def test_a_detector_is_named_as_one_and_put_on_no_camera(site: DashboardSite) -> None:
    onnx = {"architecture": "", "weights_file": "boxes.onnx", "kind": "detector", "decoder": "yolox"}
    write_card(site.desk.directory, "boxes", ("person", "car"), **onnx)
    user = site.user()
    assert '<span class="tag">detector</span>' in user.get("/models").text
    page = user.get("/models/boxes").text
    assert "<dd>yolox, 64 × 64</dd>" in page
    assert "/models/boxes/promotion" not in page
    assert user.get("/models/boxes/promotion").status_code == 404


def test_a_proposed_candidate_shows_its_difference_with_the_interval_and_its_counts(site: DashboardSite) -> None:
    page = " ".join(site.user().get("/models").text.split())
    assert "Better than the current model</strong> · 86.8% against 85.0% right of 400 paired examples" in page
    assert 'aria-label="A difference of +1.8 points, with 95 % certainty between +0.5 and +3.0"' in page
    assert "12 tracks · 4 called otherwise · 0 with a person’s label" in page
    assert page.count("Proposed") == 1


def test_approving_asks_for_the_door_and_closes_the_case(site: DashboardSite) -> None:
    user, path = site.user(), f"/models/{CANDIDATE}/promotion"
    page = user.get(path).text
    assert "It looks at the door front: what it sees may open that door." in page
    assert 'value="front" checked' not in page
    refused = post(user, path, camera="front")
    assert (refused.status_code, models(site)["front"]) == (400, None)
    assert "camera front looks at front: what it sees may open that door; confirm it first" in refused.text
    assert post(user, path).status_code == 400
    assert post(user, path, camera="front", door="front").location == "/models"
    assert models(site) == {"front": CANDIDATE, "gate": "garden"}
    page = user.get("/models").text
    assert f"{CANDIDATE} is on 1 camera now." in page
    assert "None waits." in page
    assert f"approved by {NAME}" in page
    assert kinds(site)[:2] == ["model.shadow_ended", "model.promoted"]


def test_a_promotion_warns_of_labels_that_are_lost(site: DashboardSite) -> None:
    page = site.user().get("/models/garden/promotion").text
    assert "garden does not know Animal, Vehicle, which embedded does" in page


def test_a_camera_is_rolled_back_and_its_door_confirmed(site: DashboardSite) -> None:
    user = site.user()
    assert "/model-rollback?camera=gate" in user.get("/models").text
    assert "Take camera gate back to embedded?" in user.get("/model-rollback?camera=gate").text
    assert post(user, "/model-rollback?camera=gate").location == "/models"
    assert models(site)["gate"] is None
    assert "/model-rollback" not in user.get("/models").text
    post(user, "/models/garden/promotion", camera="front", door="front")
    assert post(user, "/model-rollback?camera=front").status_code == 400
    assert models(site)["front"] == "garden"
    assert post(user, "/model-rollback?camera=front", door="front").status_code == 302
    assert models(site)["front"] is None
    assert kinds(site)[:2] == ["model.rolled_back", "model.promoted"]


def test_a_candidate_is_rejected_and_one_is_taken_out_of_the_shadow(site: DashboardSite) -> None:
    user = site.user()
    assert post(user, "/model-shadow").location == "/models"
    page = user.get("/models").text
    assert f"{CANDIDATE} is out of the shadow." in page
    assert "Switch the shadow off" not in page
    assert "Reject" in page
    assert post(user, f"/models/{CANDIDATE}/rejection").location == "/models"
    assert f"rejected by {NAME}" in user.get("/models").text
    assert kinds(site)[:2] == ["model.rejected", "model.shadow_ended"]
    assert post(user, "/models/garden/rejection").status_code == 404


def test_a_candidate_that_is_tried_again_after_its_rejection_can_be_switched_off(site: DashboardSite) -> None:
    user = site.user()
    post(user, f"/models/{CANDIDATE}/rejection")
    assert "Switch the shadow off" not in user.get("/models").text
    start_shadow(stored_at(site.desk.directory), CANDIDATE, ["front"], NAME, check=lambda settings, name: None)
    assert "Switch the shadow off" in user.get("/models").text


def test_nobody_changes_the_model_of_a_camera_or_door_out_of_reach(site: DashboardSite) -> None:
    client = bound(site, "installer", "front")
    page = client.get("/models").text
    assert "gate" not in page.partition("Promotions")[2]
    assert "Reject" not in page
    assert "Every camera that you may change uses it already." in client.get(f"/models/{CANDIDATE}/promotion").text
    for camera in ("front", "gate"):
        answer = post(client, f"/models/{CANDIDATE}/promotion", camera=camera, door="front")
        assert answer.status_code == 404
    assert post(client, f"/models/{CANDIDATE}/rejection").status_code == 403
    assert post(client, "/model-shadow").status_code == 403
    assert models(site) == {"front": None, "gate": "garden"}


def test_programs_read_promote_roll_back_and_reject(site: DashboardSite) -> None:
    client = site.visitor()
    token = site.services.accounts.create_token("program", ["models:write"])
    headers = {"Authorization": f"Bearer {token}"}
    told: Any = client.get("/api/models", headers=headers).json
    embedded = next(model for model in told["models"] if model["name"] == "embedded")
    assert (embedded["cameras"], embedded["doors"], embedded["is_default"]) == (["front"], {"front": ["front"]}, True)
    one: Any = client.get("/api/models/garden", headers=headers).json
    assert (one["model"]["labels"], one["card"]["input"]["size"]) == (["hedgehog", "person"], 64)
    waiting: Any = client.get("/api/models/candidates", headers=headers).json
    assert (waiting["shadow"]["tracks"], waiting["candidates"][0]["comparison"]["is_better"]) == (12, True)
    refused = client.post("/api/models/garden/promotions", headers=headers, json={"cameras": ["front"]})
    assert refused.status_code == 422
    meant = {"cameras": ["front"], "doors": ["front"]}
    moved: Any = client.post("/api/models/garden/promotions", headers=headers, json=meant).json
    assert moved["moves"] == [
        {
            "camera": "front",
            "before": "embedded",
            "after": "garden",
            "doors": ["front"],
            "lost_labels": ["animal", "vehicle"],
        }
    ]
    assert client.post("/api/model-rollbacks", headers=headers, json=meant).status_code == 200
    assert models(site)["front"] is None
    assert client.post(f"/api/models/{CANDIDATE}/rejections", headers=headers).status_code == 204
    told = client.get("/api/model-promotions", headers=headers).json
    assert [(step["camera"], step["actor"], step["is_rollback"]) for step in told["promotions"]] == [
        ("front", "program", True),
        ("front", "program", False),
        ("gate", NAME, False),
    ]


def test_the_page_loads_no_torch(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from dashboard_site import fill_models, open_site
site = open_site(Path(sys.argv[1]))
fill_models(site)
assert site.user().get("/models").status_code == 200
assert not {"torch", "openvino"} & set(sys.modules)
"""
    tests = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=tests, env=None)
