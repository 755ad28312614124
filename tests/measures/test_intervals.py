import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from hone.core.errors import UsageError
from hone.measures import (
    clopper_pearson,
    crossed_bootstrap,
    median_over_problems,
    over_problems,
    over_seeds,
    paired_difference,
    proportion_over_seeds,
    slope_over_seeds,
)

units = st.floats(0, 1)


def interval_of(estimate):
    assert estimate.interval is not None
    return estimate.interval


def contains(outer, inner):
    return outer[0] <= inner[0] and inner[1] <= outer[1]


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_is_scipys(counts):
    k, n = counts
    exact = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
    assert clopper_pearson(k, n) == pytest.approx((exact.low, exact.high), abs=1e-9)


@given(st.integers(2, 60).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n))))
def test_clopper_pearson_inverts_the_binomial_tails(counts):
    k, n = counts
    low, high = clopper_pearson(k, n, confidence=0.9)
    assert stats.binom.sf(k - 1, n, low) == pytest.approx(0.05)
    assert stats.binom.cdf(k, n, high) == pytest.approx(0.05)


def test_clopper_pearson_of_fractions_lies_between():
    lows, highs = zip(*(clopper_pearson(k, 10) for k in (3, 3.5, 4)), strict=True)
    assert list(lows) == sorted(lows)
    assert list(highs) == sorted(highs)


def test_clopper_pearson_refuses_impossible_counts():
    with pytest.raises(UsageError, match="successes = 5"):
        clopper_pearson(5, 4)
    with pytest.raises(UsageError, match="trials = 0"):
        clopper_pearson(0, 0)


@pytest.mark.parametrize("n", [2, 3, 9])
def test_below_ten_seeds_it_is_the_t_interval(n):
    values = np.random.default_rng(n).normal(size=n)
    estimate = over_seeds(values, range(n))
    expected = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    assert interval_of(estimate) == pytest.approx(expected)
    assert estimate.method == f"t over {n} seeds"
    assert estimate.seeds == tuple(range(n))


@given(st.lists(units, min_size=1, max_size=12), units, units)
def test_never_narrower_than_the_floor_or_than_without(values, a, b):
    floor = (min(a, b), max(a, b))
    seeds = range(len(values))
    result = interval_of(over_seeds(values, seeds, floor=floor, bounds=(0, 1)))
    assert contains(result, floor)
    assert contains((0, 1), result)
    alone = over_seeds(values, seeds, bounds=(0, 1)).interval
    assert alone is None or contains(result, alone)


@given(st.permutations(range(12)))
def test_order_of_seeds_does_not_matter(order):
    values = np.random.default_rng(0).normal(size=12)
    shuffled = over_seeds(values[list(order)], order)
    assert shuffled.interval == over_seeds(values, range(12)).interval


def test_one_seed_has_the_floor_or_nothing():
    assert over_seeds([0.5], [7]).interval is None
    floored = over_seeds([0.5], [7], floor=(0.4, 0.6))
    assert floored.interval == (0.4, 0.6)
    assert floored.method == "one seed, with an interval over problems"


def test_an_undefined_seed_makes_the_estimate_undefined():
    estimate = over_seeds([0.5, math.nan, 0.7], range(3), floor=(0.0, 1.0))
    assert math.isnan(estimate.value)
    assert estimate.interval is None
    assert estimate.note == "undefined in 1 of 3 seeds"


def test_agreeing_seeds_without_floor_are_noted():
    estimate = over_seeds([0.1, 0.1, 0.1], range(3))
    assert estimate.interval == (0.1, 0.1)
    assert "no width" in estimate.note
    assert not over_seeds([0.1, 0.1, 0.1], range(3), floor=(0.0, 0.2)).note


def test_seeds_must_match_values():
    for values, seeds in (([1.0, 2.0], [0]), ([1.0, 2.0], [0, 0]), ([], [])):
        with pytest.raises(UsageError, match="seeds"):
            over_seeds(values, seeds)


@given(st.integers(1, 5), st.data())
def test_proportions_are_never_narrower_than_clopper_pearson(n_seeds, data):
    counts = data.draw(st.lists(st.integers(0, 20), min_size=n_seeds, max_size=n_seeds))
    estimate = proportion_over_seeds(counts, [20] * n_seeds, range(n_seeds), problems=20)
    assert contains(interval_of(estimate), clopper_pearson(sum(counts) / n_seeds, 20))


def test_shared_problems_count_once():
    shared = proportion_over_seeds([80, 80, 80], [100] * 3, range(3), problems=100)
    fresh = proportion_over_seeds([80, 80, 80], [100] * 3, range(3), problems=300)
    assert shared.interval == pytest.approx(clopper_pearson(80, 100))
    assert fresh.interval == pytest.approx(clopper_pearson(240, 300))
    with pytest.raises(UsageError, match="problems = 301"):
        proportion_over_seeds([80, 80, 80], [100] * 3, range(3), problems=301)


def test_over_problems_of_single_trials_is_clopper_pearson():
    assert over_problems(np.array([1.0, 0.0, 1.0, 1.0])) == clopper_pearson(3, 4)
    unused = np.array([1.0, 1.0, 0.0, 1.0])
    assert over_problems(np.array([1.0, 0.0, 0.0, 1.0]), unused) == clopper_pearson(2, 3)


@given(arrays(float, st.integers(2, 30), elements=units))
def test_over_problems_keeps_a_width_and_its_bounds(scores):
    interval = over_problems(scores)
    assert interval is not None
    assert interval[0] <= scores.mean() + 1e-12
    assert interval[1] >= scores.mean() - 1e-12
    assert contains((0, 1), interval)
    assert interval[1] > interval[0]


def test_over_problems_that_all_agree_is_clopper_pearson_at_the_ends():
    mostly = np.full(50, 4.0), np.full(50, 4.0)  # four samples each, all correct
    assert over_problems(*mostly) == pytest.approx(clopper_pearson(50, 50))


def test_over_problems_with_nothing_to_say():
    assert over_problems(np.array([])) is None
    assert over_problems(np.array([7.0]), bounds=None) is None
    assert over_problems(np.array([0.5])) == (0, 1)


@given(arrays(int, st.integers(1, 60), elements=st.integers(0, 9)))
def test_the_median_over_single_rows_lies_between_order_statistics(values):
    """The ends are the values whose ranks a binomial of one half leaves open."""
    n = len(values)
    low, high = median_over_problems(values.astype(float), np.arange(n), (0, 9))
    assert low <= np.median(values) <= high
    rank = int(stats.binom.ppf(0.025, n, 0.5))  # fewer rows below the median than that are rare
    ordered = np.sort(values)
    assert low == (ordered[rank - 1] if rank else 0)
    assert high == (ordered[n - rank] if rank else 9)


def test_samples_of_one_problem_are_no_evidence_of_others():
    values = np.tile([3.0, 5.0, 8.0], 50)
    many = median_over_problems(values, np.arange(150), (0, 9))
    three = median_over_problems(values, np.tile([0, 1, 2], 50), (0, 9))
    assert many == (5, 5)
    assert three == (0, 9)


def test_paired_difference_pairs_and_leaves_out_missing_pairs():
    rng = np.random.default_rng(0)
    before = (rng.random((3, 40)) < 0.5).astype(float)
    after = before.copy()
    after[:, 0] = np.nan
    same = paired_difference(after, before, range(3))
    assert same.value == 0
    assert interval_of(same) == pytest.approx((-0.0903, 0.0903), abs=1e-3)  # 1 - 0.025^(1/39)
    forwards = interval_of(paired_difference(before, rng.permuted(before, axis=1), range(3)))
    assert forwards[0] < 0 < forwards[1]


@given(arrays(float, (2, 3, 8), elements=units))
def test_paired_difference_is_antisymmetric(scores):
    there = interval_of(paired_difference(scores[0], scores[1], range(3)))
    back = interval_of(paired_difference(scores[1], scores[0], range(3)))
    assert there == pytest.approx((-back[1], -back[0]), abs=1e-9)


def test_paired_difference_of_a_seed_without_pairs_is_undefined():
    before = np.zeros((3, 4))
    after = before.copy()
    after[1] = np.nan
    assert math.isnan(paired_difference(after, before, range(3)).value)


def test_slope_is_scipys():
    rng = np.random.default_rng(0)
    x, y = np.arange(7.0), rng.normal(size=(2, 7))
    for seed, curve in enumerate(y):
        expected, *_ = stats.linregress(x, curve)
        assert slope_over_seeds(x, curve[None], (seed,)).value == pytest.approx(expected)


def test_slope_refuses_a_single_place():
    with pytest.raises(UsageError, match="different"):
        slope_over_seeds(np.ones(3), np.zeros((2, 3)), (0, 1))


def test_slope_over_seeds_is_the_t_interval_of_the_slopes():
    curves = np.outer([1.0, 2.0, 4.0], np.arange(5.0)) + 3
    estimate = slope_over_seeds(np.arange(5.0), curves, range(3))
    assert estimate.interval == pytest.approx(over_seeds([1, 2, 4], range(3)).interval)


def test_crossed_bootstrap_repeats_and_contains_its_floor():
    matrix = np.random.default_rng(0).random((10, 15))
    matrix[3, 4] = np.nan
    first, again = (
        crossed_bootstrap(matrix, range(10), np.random.default_rng(1), floor=(0.1, 0.9))
        for _ in range(2)
    )
    assert first == again
    assert first.value == pytest.approx(np.nanmean(matrix))
    assert contains(interval_of(first), (0.1, 0.9))


def test_crossed_bootstrap_refuses_few_seeds():
    with pytest.raises(UsageError, match="seeds = 9"):
        crossed_bootstrap(np.zeros((9, 3)), range(9), np.random.default_rng(0))
