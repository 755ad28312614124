"""What is read off rollout tables: numbers with intervals, and verdicts on claims."""

from hone.measures.estimates import Estimate
from hone.measures.intervals import (
    clopper_pearson,
    crossed_bootstrap,
    over_problems,
    over_seeds,
    paired_difference,
    proportion_over_seeds,
    slope,
    slope_over_seeds,
)
from hone.measures.verdicts import AtLeast, AtMost, Region, Verdict, Within, verdict

__all__ = [
    "AtLeast",
    "AtMost",
    "Estimate",
    "Region",
    "Verdict",
    "Within",
    "clopper_pearson",
    "crossed_bootstrap",
    "over_problems",
    "over_seeds",
    "paired_difference",
    "proportion_over_seeds",
    "slope",
    "slope_over_seeds",
    "verdict",
]
