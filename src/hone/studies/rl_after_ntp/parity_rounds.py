"""How many rounds of STaR the parity takes, against ⌊log2((1 - p)/p)⌋ and doubling odds."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from hone.measures import AtMost, Estimate, Within, over_seeds
from hone.measures.estimates import Interval
from hone.runs.results import Results
from hone.studies.courses import rounds
from hone.studies.rl_after_ntp.mixture_statistics import greedy, half_width
from hone.studies.rl_after_ntp.parity_statistics import (
    EXACT,
    FLIPPED,
    IS_LONG,
    SOLVED,
    on,
)
from hone.studies.study import cited


@on("rounds")
def flip_slope(results: Results) -> Estimate | None:
    """Per seed, the slope of the flip round on log2((1 - p)/p) over starting p_cot."""
    if len(results.factor("p_cot")) < 2:
        return None
    runs = [results.of_seeds([seed]).select(stage="rl") for seed in results.seeds]
    return over_flips(results, runs, _flip_slope)


@on("rounds")
def flip_distance(results: Results) -> Estimate | None:
    """Per seed, the largest distance of a flip round from floor(log2((1 - p)/p))."""
    runs = [results.of_seeds([seed]).select(stage="rl") for seed in results.seeds]
    return over_flips(results, runs, _distance, bounds=(0.0, math.inf))


def over_flips(
    results: Results,
    runs: Sequence[Results],
    statistic: Callable[[Results, float], float],
    bounds: Interval | None = None,
) -> Estimate:
    """A statistic of flip rounds, one value for each seed's runs.

    A finite number of problems leaves open which round first reached the level: the interval
    spans what the flips would be a margin below it and above.
    """
    values = [statistic(run, FLIPPED) for run in runs]
    margin = half_width(FLIPPED, greedy(results)["problem_id"].n_unique())
    shifted = [statistic(run, FLIPPED + by) for run in runs for by in (-margin, margin)]
    floor = (min(*values, *shifted), max(*values, *shifted))
    return over_seeds(values, results.seeds, floor=floor, bounds=bounds)


@on("rounds")
def odds_slope(results: Results) -> Estimate | None:
    """Per seed, the slope of logit(long share) on rounds minus ln(2c), averaged over p_cot.

    Rounds up to a share of 0.95: beyond, a handful of short answers decides the log-odds.
    """
    runs = [results.of_seeds([seed]).select(stage="rl") for seed in results.seeds]
    problems = greedy(results)["problem_id"].n_unique()
    slopes, errors = np.array([_mean_slope(run, problems) for run in runs]).T
    value, half = (
        float(np.mean(slopes)),
        float(stats.norm.ppf(0.975)) * float(np.sqrt(np.mean(errors**2))),
    )
    return over_seeds(slopes, results.seeds, floor=(value - half, value + half))


def _flip_slope(results: Results, level: float) -> float:
    x, y = flips(results, level)
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else float("nan")


def _distance(results: Results, level: float) -> float:
    x, y = flips(results, level)
    return float(np.abs(y - np.floor(x + 1e-9)).max())


def flips(results: Results, level: float = FLIPPED) -> tuple[np.ndarray, np.ndarray]:
    """log2((1 - p)/p) and the first round whose greedy accuracy reaches a level, for one seed.

    A run that never flips counts as flipping one round after its last.
    """
    x, y = [], []
    for run in results:
        p_cot = float(run.factor("p_cot")[0])
        steps, values = rounds(run, "greedy_accuracy")
        flipped = np.flatnonzero(values[0] >= level)
        x.append(np.log2((1 - p_cot) / p_cot))
        y.append(steps[flipped[0]] if len(flipped) else steps[-1] + 1)
    return np.array(x), np.array(y, dtype=float)


def _mean_slope(results: Results, problems: int) -> tuple[float, float]:
    """The excess slope and its standard error, averaged over the runs of a seed."""
    slopes, errors = np.array([_excess_slope(run, problems) for run in results]).T
    return float(np.mean(slopes)), float(np.sqrt(np.sum(errors**2)) / len(errors))


def _excess_slope(run: Results, problems: int) -> tuple[float, float]:
    """Slope of the log-odds of the long share on the round, minus ln(2c), and its standard error.

    c is the share of exact chains in the same rounds; NaN where the chains died out. The error is
    that of shares p measured on n problems, whose log-odds have the variance 1 / (n p (1 - p)).
    """
    steps, shares = rounds(run, "share_long")
    upto = int(np.argmax(shares[0] > SOLVED)) or len(steps)
    steps, share = steps[:upto], shares[0, :upto]
    odds = share / (1 - share)
    if upto < 2 or not odds.all():
        return float("nan"), float("nan")
    centred = steps - steps.mean()
    leverage = centred / (centred @ centred)
    table = run.rollouts("train", steps=[step + 1 for step in steps.tolist()]).filter(IS_LONG)
    exact = table.group_by("step").agg(c=EXACT.mean())["c"].to_numpy()
    variance = leverage**2 @ (1 / (problems * share * (1 - share)))
    return float(leverage @ np.log(odds) - np.log(2 * exact).mean()), float(np.sqrt(variance))


CLAIMS = (
    cited(
        "arXiv 2510.11495",
        "rounds_slope",
        "Thm. 2",
        "Rounds of STaR until the chain is the greedy answer grow as log2((1 - p)/p).",
        "slope of the flip round on log2((1 - p)/p)",
        Within(0.8, 1.3),
        flip_slope,
        unit="rounds",
        reported=1.0,
    ),
    cited(
        "arXiv 2510.11495",
        "rounds_count",
        "Thm. 2",
        "The flip comes within one round of floor(log2((1 - p)/p)).",
        "largest distance over p_cot",
        AtMost(1),
        flip_distance,
        unit="rounds",
    ),
)
"""What theory says of the flip, whatever the model."""
