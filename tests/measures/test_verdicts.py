import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.core.errors import UsageError
from hone.measures import AtLeast, AtMost, Estimate, Region, Within, verdict

finite = st.floats(-1e6, 1e6)
intervals = st.tuples(finite, finite).map(lambda ends: (min(ends), max(ends)))
regions = st.one_of(
    st.builds(AtLeast, finite),
    st.builds(AtMost, finite),
    intervals.map(lambda ends: Within(*ends)),
)


def measured(
    interval: tuple[float, float] | None, n_seeds: int = 3, value: float = 0.5
) -> Estimate:
    return Estimate(value, interval, 0.95, "given", tuple(range(n_seeds)))


@pytest.mark.parametrize(
    ("region", "interval", "expected"),
    [
        (AtLeast(0.9), (0.9, 1.0), "reproduced"),
        (AtLeast(0.9), (0.8, 0.95), "inconclusive"),
        (AtLeast(0.9), (0.8, 0.89), "not reproduced"),
        (AtLeast(0.9), (0.8, 0.9), "inconclusive"),
        (AtMost(0), (-2.0, 0.0), "reproduced"),
        (AtMost(0), (0.1, 0.2), "not reproduced"),
        (AtMost(0), (0.0, 0.2), "inconclusive"),
        (Within(0, 1), (0.0, 1.0), "reproduced"),
        (Within(0, 1), (1.1, 2.0), "not reproduced"),
        (Within(0, 1), (-2.0, -1.0), "not reproduced"),
        (Within(0, 1), (-1.0, 2.0), "inconclusive"),
    ],
)
def test_verdict_by_interval(region: Region, interval: tuple[float, float], expected: str) -> None:
    assert verdict(measured(interval), region) == expected


@given(regions, st.none() | intervals, st.integers(0, 2))
def test_below_three_seeds_always_indicative(region, interval, n_seeds):
    assert verdict(measured(interval, n_seeds), region) == "indicative"


def test_repeated_seeds_count_once():
    estimate = Estimate(1.0, (1.0, 1.0), 0.95, "given", (4, 4, 4))
    assert verdict(estimate, AtLeast(0)) == "indicative"


@given(regions)
def test_nothing_known_is_inconclusive(region):
    assert verdict(measured(None), region) == "inconclusive"
    assert verdict(measured((0.0, 0.0), value=math.nan), region) == "inconclusive"
    assert verdict(measured((math.nan, math.nan)), region) == "inconclusive"


@given(regions, intervals, finite)
def test_point_estimate_never_decides(region, interval, value):
    assert verdict(measured(interval), region) == verdict(measured(interval, value=value), region)


@given(regions, intervals, st.floats(0, 1), st.floats(0, 1))
def test_a_narrower_interval_keeps_a_decision(region, interval, a, b):
    low, high = interval
    cut = sorted(min(max(low + share * (high - low), low), high) for share in (a, b))
    decided = verdict(measured(interval), region)
    if decided != "inconclusive":
        assert verdict(measured((cut[0], cut[1])), region) == decided


@given(finite, intervals, st.floats(0, 1e6))
def test_moving_into_the_region_never_unreproduces(bound, interval, shift):
    moved = (interval[0] + shift, interval[1] + shift)
    order = ["not reproduced", "inconclusive", "reproduced"]
    before, after = (order.index(verdict(measured(i), AtLeast(bound))) for i in (interval, moved))
    assert after >= before
    mirrored = ((-high, -low) for low, high in (interval, moved))
    before, after = (order.index(verdict(measured(i), AtMost(-bound))) for i in mirrored)
    assert after >= before


@given(regions, intervals)
def test_no_interval_is_inside_and_outside(region, interval):
    assert not (region.contains(interval) and region.is_disjoint(interval))


def test_regions_read_as_text():
    assert [str(r) for r in (AtLeast(0.95), AtMost(-2), Within(0, 0.1))] == [
        "≥ 0.95",
        "≤ -2",
        "in [0, 0.1]",
    ]


def test_an_empty_region_is_refused():
    with pytest.raises(UsageError, match="high = 0"):
        Within(1, 0)
