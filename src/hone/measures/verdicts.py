"""Whether a measured interval agrees with a claim's reproduction region."""

import math
from dataclasses import dataclass
from typing import Literal

from hone.core.errors import require
from hone.measures.estimates import Estimate, Interval, Number

Verdict = Literal["reproduced", "not reproduced", "inconclusive", "indicative"]

_MIN_SEEDS = 3  # below, an interval over seeds says next to nothing


@dataclass(frozen=True)
class AtLeast:
    """All values from `bound` up, itself included."""

    bound: Number

    def __str__(self) -> str:
        return f"≥ {self.bound:.4g}"

    def contains(self, interval: Interval) -> bool:
        """Whether the whole interval lies in the region."""
        return interval[0] >= self.bound

    def is_disjoint(self, interval: Interval) -> bool:
        """Whether the whole interval lies outside the region."""
        return interval[1] < self.bound


@dataclass(frozen=True)
class AtMost:
    """All values up to `bound`, itself included."""

    bound: Number

    def __str__(self) -> str:
        return f"≤ {self.bound:.4g}"

    def contains(self, interval: Interval) -> bool:
        return interval[1] <= self.bound

    def is_disjoint(self, interval: Interval) -> bool:
        return interval[0] > self.bound


@dataclass(frozen=True)
class Within:
    """All values from `low` to `high`, both included."""

    low: Number
    high: Number

    def __post_init__(self) -> None:
        require(self.low <= self.high, "high", self.high, f"at least low = {self.low}")

    def __str__(self) -> str:
        return f"in [{self.low:.4g}, {self.high:.4g}]"

    def contains(self, interval: Interval) -> bool:
        return self.low <= interval[0] and interval[1] <= self.high

    def is_disjoint(self, interval: Interval) -> bool:
        return interval[1] < self.low or interval[0] > self.high


Region = AtLeast | AtMost | Within
"""A closed set of values for which a claim counts as reproduced; `str` of it is readable."""


def verdict(estimate: Estimate, region: Region) -> Verdict:
    """What the interval, never the point estimate, says of a claim.

    Args:
        estimate: the measured statistic.
        region: where the claim counts as reproduced.

    Returns:
        `indicative` below three seeds, whatever the interval; `reproduced` if the interval lies in
        the region, `not reproduced` if it lies in the complement; otherwise `inconclusive`.
    """
    if len(set(estimate.seeds)) < _MIN_SEEDS:
        return "indicative"
    if estimate.interval is None or math.isnan(estimate.value):
        return "inconclusive"
    if region.contains(estimate.interval):
        return "reproduced"
    return "not reproduced" if region.is_disjoint(estimate.interval) else "inconclusive"
