"""Two models on the same examples: who is better, and when that is not yet known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveillance.domain.errors import DataError
from surveillance.training.compare import compare_answers, compare_pairs, comparison_of, say


def answers(both: int, only_current: int, only_candidate: int, neither: int = 0) -> tuple[np.ndarray, np.ndarray]:
    counts = (both, only_current, only_candidate, neither)
    current = np.repeat([True, True, False, False], counts)
    candidate = np.repeat([True, False, True, False], counts)
    return current, candidate


def test_counts_what_only_one_of_them_gets_right() -> None:
    found = compare_pairs(*answers(150, 10, 30, 10))
    assert (found.count, found.both, found.only_current, found.only_candidate, found.neither) == (200, 150, 10, 30, 10)
    assert (found.current, found.candidate, found.difference) == (0.8, 0.9, pytest.approx(0.1))
    assert 0 < found.low < 0.1 < found.high
    assert found.chance == pytest.approx(0.0022, abs=0.0002)  # McNemar's exact test of 30 against 10
    assert found.is_better
    assert not found.is_worse
    assert comparison_of(found.as_json()).as_json() == found.as_json()


def test_fewer_than_two_hundred_pairs_show_nothing() -> None:
    found = compare_pairs(*answers(100, 0, 99))
    assert found.low > 0.4
    assert not found.is_better
    assert compare_pairs(*answers(100, 0, 100)).is_better
    assert say(found, "old", "new") == (
        "new cannot be told from old yet: 100.0% against 50.3% of 199 examples, a difference of +49.7 points "
        "(95 % interval +42.7 to +56.8); at least 200 examples are needed"
    )


def test_says_which_one_is_better() -> None:
    better, worse = compare_pairs(*answers(400, 10, 60, 30)), compare_pairs(*answers(400, 60, 10, 30))
    even = compare_pairs(*answers(400, 30, 33, 37))
    assert say(better, "old", "new").startswith("new is better than old: 92.0% against 82.0% of 500 examples, a")
    assert say(worse, "old", "new").startswith("new is worse than old: 82.0% against 92.0% of 500 examples, a")
    assert say(even, "old", "new").startswith("new is not shown to be better than old: 86.6% against 86.0% of 500")


def test_labels_are_compared_with_the_true_one() -> None:
    found = compare_answers(["a", "b", "a"], ["a", "a", "b"], ["a", "b", "b"])
    assert (found.both, found.only_current, found.only_candidate, found.neither) == (1, 0, 1, 1)


def test_nothing_to_compare_is_a_mistake() -> None:
    with pytest.raises(DataError, match="nothing to compare: 0 and 0"):
        compare_answers([], [], [])
    with pytest.raises(DataError, match="nothing to compare: 2 and 3"):
        compare_pairs(np.ones(2, bool), np.ones(3, bool))


@given(st.lists(st.booleans(), min_size=200, max_size=400))
@settings(max_examples=20, deadline=None)
def test_identical_models_are_never_better(right: list[bool]) -> None:
    found = compare_pairs(np.array(right), np.array(right))
    assert (found.low, found.high, found.is_better, found.is_worse) == (0.0, 0.0, False, False)
    assert found.chance == 1.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=200, max_size=260), st.data())
@settings(max_examples=20, deadline=None)
def test_one_more_right_answer_never_hurts(pairs: list[tuple[bool, bool]], data: st.DataObject) -> None:
    current, candidate = (np.array(column) for column in zip(*pairs, strict=True))
    better = candidate.copy()
    better[data.draw(st.integers(0, len(pairs) - 1))] = True
    before, after = compare_pairs(current, candidate), compare_pairs(current, better)
    assert after.low >= before.low
    assert after.high >= before.high
    assert after.is_better or not before.is_better


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    """Of 300 samples with a known difference, some 285 intervals hold it; four standard deviations are allowed."""
    chances = (0.7, 0.08, 0.14, 0.08)  # both, only the current one, only the candidate, neither
    generator = np.random.default_rng(5)
    held = 0
    for seed in range(300):
        found = compare_pairs(*answers(*generator.multinomial(250, chances).tolist()), seed=seed)
        held += found.low <= chances[2] - chances[1] <= found.high
    assert 270 <= held <= 300
