"""/metrics in Prometheus' text format, for people who are signed in and for tokens of its scope."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import DashboardSite, open_site, sign_in
from flask import Flask
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from surveillance.dashboard import create_app
from surveillance.dashboard.metrics import HELP
from surveillance.engines.figures import BOUNDS_S, Figures

ODD = 'the "north"\\gate\n'


def told() -> dict[str, Any]:
    figures = Figures()
    figures.count("frames_analyzed", 3, camera="front")
    figures.count("frames_analyzed", 4, camera=ODD)
    figures.set("queue_length", 2, queue="core")
    figures.set("queue_length", 1, queue="mailbox", camera="front")
    figures.observe("step_seconds", 0.0003, step="gate")
    figures.observe("step_seconds", 20.0, step="gate")
    return dict(json.loads(json.dumps(figures.as_json())))


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


@pytest.fixture
def app(site: DashboardSite) -> Flask:
    return create_app(replace(site.services, figures=told))


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in parse(text):
        for sample in family.samples:
            yield sample.name, {name: value for name, value in sample.labels.items() if value}, sample.value


def with_token(site: DashboardSite, app: Flask, scope: str, **headers: str) -> Any:
    token = site.services.accounts.create_token("prometheus", [scope])
    return app.test_client().get("/metrics", headers={"Authorization": f"Bearer {token}", **headers})


def test_prometheus_reads_what_was_told(site: DashboardSite, app: Flask) -> None:
    answer = with_token(site, app, "metrics:read")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    found = list(samples(answer.text))
    buckets = [sample for sample in found if sample[0] == "surveillance_step_seconds_bucket"]
    rest = [sample for sample in found if sample not in buckets]
    assert rest == [
        ("surveillance_frames_analyzed_total", {"camera": "front"}, 3),
        ("surveillance_frames_analyzed_total", {"camera": ODD}, 4),
        ("surveillance_queue_length", {"camera": "front", "queue": "mailbox"}, 1),
        ("surveillance_queue_length", {"queue": "core"}, 2),
        ("surveillance_step_seconds_count", {"step": "gate"}, 2),
        ("surveillance_step_seconds_sum", {"step": "gate"}, 20.0003),
    ]
    assert [(float(labels["le"]), value) for _, labels, value in buckets] == [
        *((bound, 0 if bound < 0.0003 else 1) for bound in BOUNDS_S),
        (float("inf"), 2),
    ]


def test_every_family_says_what_it_is(site: DashboardSite, app: Flask) -> None:
    families = {family.name: family for family in parse(with_token(site, app, "metrics:read").text)}
    assert {(family.type, family.documentation) for family in families.values()} == {
        ("counter", HELP["frames_analyzed"]),
        ("gauge", HELP["queue_length"]),
        ("histogram", HELP["step_seconds"]),
    }


def test_openmetrics_where_it_is_asked_for(site: DashboardSite, app: Flask) -> None:
    answer = with_token(site, app, "metrics:read", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.mimetype == "application/openmetrics-text"
    assert len(list(parse_openmetrics(answer.text))) == 3


def test_they_are_not_for_everybody(site: DashboardSite, app: Flask) -> None:
    visitor = app.test_client()
    assert visitor.get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}).status_code == 401
    refused = with_token(site, app, "access:request")
    assert (refused.status_code, refused.json["detail"]) == (403, "This token lacks the scope metrics:read.")
    assert with_token(site, app, "metrics:read").status_code == 200
    person = app.test_client()
    sign_in(person)
    assert person.get("/metrics").status_code == 200


def test_before_core_has_told_anything(site: DashboardSite) -> None:
    token = site.services.accounts.create_token("prometheus", ["metrics:read"])
    answer = site.visitor().get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, list(parse(answer.text))) == (200, [])
