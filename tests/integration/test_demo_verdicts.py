"""The demo's verdicts come from pixels: with people, with an empty picture, and with random weights behind the card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cards import embedded_card

from surveillance import places, plugins
from surveillance.app.worker import build_classifier, build_worker, source_options
from surveillance.demo.reader import PRESENTATIONS
from surveillance.demo.synthetic import SyntheticSource
from surveillance.domain.ports import Classifier
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import AccessRequest, CameraReport, Decision, Input, Observation, Tick
from surveillance.engines.worker import walk_source
from surveillance.perception import registry
from surveillance.perception.backends.torch_backend import TorchBackend
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.settings import Settings
from surveillance.storage.site_file import load_site

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # on the timetable's full half minute
ROUND_S = 30


def told_by(camera: Camera, classifier: Classifier, empty: bool) -> Iterator[Observation]:
    """One round of a demo camera's timetable through its worker."""
    settings = Settings()
    url = f"{camera.url}?once=1&empty={int(empty)}"
    source = SyntheticSource(url, source_options(settings, camera, START))
    for looked in walk_source(build_worker(settings, camera, source, classifier)):
        yield from looked.told


def badge_request(site: Site, number: int) -> AccessRequest:
    """The demo reader's badge as the desk hands it on; who it belongs to was looked up."""
    presented = PRESENTATIONS[number]
    at = START + timedelta(seconds=presented.at_s)
    owner = next(
        person for person in site.people if any(badge.value == presented.badge for badge in person.credentials)
    )
    return AccessRequest(
        f"r{number}", at, "front", "front", frozenset({"badge"}), owner.name, owner.groups, "valid",
        at + timedelta(seconds=2),
    )  # fmt: skip


def rehearse(classifier: Classifier, empty: bool = False) -> list[Decision]:
    """The demo site's decisions on one round of all cameras and badges, in order of time."""
    site = load_site(places.shipped("config") / "demo" / "site.yaml")
    judge = RuleJudge(parse_rulebook([RuleDocument(site.rules, "site")], site), site)
    inputs: list[Input] = [badge_request(site, number) for number in range(len(PRESENTATIONS))]
    for second in range(ROUND_S):
        at = START + timedelta(seconds=second)
        inputs += [CameraReport(camera.name, at, "live") for camera in site.cameras] + [Tick(at)]
    for camera in site.cameras:
        inputs += told_by(camera, classifier, empty)
    return [decision for entry in sorted(inputs, key=lambda entry: entry.at) for decision in judge(entry)]


def outcomes(decisions: list[Decision]) -> Counter[tuple[str, str | None]]:
    return Counter((decision.kind, decision.rule) for decision in decisions if decision.verdict and not decision.shadow)


def rested_on_sight(decisions: list[Decision]) -> set[tuple[str, str]]:
    """Outcomes whose rule was true; a denial by doubt is none of them."""
    return {
        (decision.kind, rule.rule)
        for decision in decisions
        for rule in decision.judged
        if rule.rule == decision.rule and rule.result and not decision.shadow
    }


@pytest.fixture(scope="module")
def embedded() -> Classifier:
    return build_classifier(Settings())


@pytest.fixture(scope="module")
def peopled(embedded: Classifier) -> list[Decision]:
    decisions = rehearse(embedded)
    for decision in decisions:
        seen = f"{decision.label} {decision.confidence:.2f}" if decision.label else ""
        print(f"{(decision.at - START).total_seconds():5.1f}s {decision.camera or '':6} {decision.kind:20} {seen}")
    return decisions


def test_every_verdict_is_reached_within_a_round(peopled: list[Decision]) -> None:
    found = outcomes(peopled)
    assert {decision.verdict for decision in peopled if decision.verdict} == {"authorize", "deny", "alert", "log"}
    assert found[("access.granted", "staff-front")] == 1, "Grace alone at the door"
    assert found[("access.denied", "one-at-a-time")] == 1, "two people, one badge"
    assert found[("sighting.alerted", "at-the-store")] >= 1
    assert found[("sighting.logged", "animal")] >= 1


def test_an_empty_picture_changes_each_of_the_four_verdicts(embedded: Classifier) -> None:
    found = outcomes(rehearse(embedded, empty=True))
    assert set(found) == {("access.denied", None)}, "only badges without anybody are left, refused by default"


def test_random_weights_collapse_the_verdicts(peopled: list[Decision]) -> None:
    card = embedded_card()
    import torch

    torch.manual_seed(7)
    network = plugins.load("architectures", card.architecture)(len(card.labels), **card.parameters).eval()
    guessing = registry.CardClassifier(card, TorchBackend(lambda: network, card.input, "cpu"))
    found = rested_on_sight(rehearse(guessing))
    right = {
        ("access.granted", "staff-front"),
        ("access.denied", "one-at-a-time"),
        ("sighting.alerted", "at-the-store"),
        ("sighting.logged", "animal"),
    }
    assert right <= rested_on_sight(peopled)
    assert not right & found
