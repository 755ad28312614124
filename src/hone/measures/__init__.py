"""What is read off rollout tables: numbers with intervals, and verdicts on claims."""

from hone.measures.accuracy import (
    accuracy,
    accuracy_change,
    by,
    majority_at_k,
    pass_at_k,
    pass_at_k_curve,
)
from hone.measures.estimates import Estimate, without_interval
from hone.measures.intervals import (
    clopper_pearson,
    crossed_bootstrap,
    median_over_problems,
    over_problems,
    over_seeds,
    paired_difference,
    proportion_over_seeds,
    slope_over_seeds,
    slope_weights,
)
from hone.measures.lengths import Lengths, length_histogram, lengths
from hone.measures.logistic import logistic_fit
from hone.measures.strategies import (
    accuracy_given,
    share,
    shares,
    step_accuracy,
    verified_share,
)
from hone.measures.verdicts import AtLeast, AtMost, Region, Verdict, Within, verdict

__all__ = [
    "AtLeast",
    "AtMost",
    "Estimate",
    "Lengths",
    "Region",
    "Verdict",
    "Within",
    "accuracy",
    "accuracy_change",
    "accuracy_given",
    "by",
    "clopper_pearson",
    "crossed_bootstrap",
    "length_histogram",
    "lengths",
    "logistic_fit",
    "majority_at_k",
    "median_over_problems",
    "over_problems",
    "over_seeds",
    "paired_difference",
    "pass_at_k",
    "pass_at_k_curve",
    "proportion_over_seeds",
    "share",
    "shares",
    "slope_over_seeds",
    "slope_weights",
    "step_accuracy",
    "verdict",
    "verified_share",
    "without_interval",
]
