"""What a model says today against what it said before."""

import numpy as np

from surveillance.training.drift import BINS, parse_profile, profile_of, shifts


def said(seed: int, count: int, mean: float = 0.9, people: float = 0.7) -> list[tuple[str, float]]:
    generator = np.random.default_rng(seed)
    sure = generator.beta(20 * mean, 20 * (1 - mean), count)
    labels = np.where(generator.random(count) < people, "person", "vehicle")
    return list(zip(labels.tolist(), sure.tolist(), strict=True))


def test_a_profile_counts_confidence_and_classes() -> None:
    profile = profile_of([("person", 1.0), ("person", 0.51), ("animal", 0.0)])
    assert (profile.confidence[-1], profile.confidence[10], profile.confidence[0], profile.count) == (1, 1, 1, 3)
    assert profile.classes == {"animal": 1, "person": 2}
    assert len(profile.confidence) == BINS
    assert parse_profile(profile.as_json()) == profile
    assert profile_of([]).count == 0


def test_a_stream_that_goes_on_as_it_was_does_not_drift() -> None:
    before = profile_of(said(0, 1000))
    assert [shifts(before, profile_of(said(seed, 100)), 0.25) for seed in range(1, 60)] == [{}] * 59


def test_a_darkened_stream_is_less_sure() -> None:
    found = shifts(profile_of(said(0, 1000)), profile_of(said(1, 100, mean=0.6)), 0.25)
    assert list(found) == ["confidence"]


def test_another_mix_of_classes_is_found() -> None:
    found = shifts(profile_of(said(0, 1000)), profile_of(said(1, 100, people=0.2)), 0.25)
    assert list(found) == ["classes"]


def test_a_few_tracks_prove_nothing() -> None:
    assert shifts(profile_of(said(0, 1000)), profile_of(said(1, 4, people=0.2)), 0.25) == {}
