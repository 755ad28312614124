"""Where linear models end with infinite data, and how far from it T steps may leave them.

The bounds of Propositions 1–3 of arXiv 2510.11495, derived in `docs/theory.md`. Each has two
terms: what T steps leave (noise) and what the regulariser takes away (bias).
"""

import math
from collections.abc import Callable, Mapping

from scipy.optimize import root_scalar
from scipy.special import expit

from hone.measures.estimates import Number
from hone.training.linear_configs import LinearSGD

QUANTITIES = ("first", "match", "mismatch", "token")


def truth(p: float) -> Mapping[str, float]:
    """What a calibrated model says (Propositions 1–3 without error).

    `first`: P(y_1 = x_1). `match`, `mismatch`: P(end) after y_1 = x_1 and after y_1 = -x_1.
    `token`: P(right y_l after a right prefix).
    """
    return {
        "first": (1 + p) / 2,
        "match": (1 - p) / (1 + p),
        "mismatch": 1.0,
        "token": 1.0,
    }


def optimum(p: float, sgd: LinearSGD) -> Mapping[str, float]:
    """The same at the regularised optimum of the population, d ≥ 3.

    By symmetry each is the root of one equation in one logit u: the probability that is pulled
    towards 1/2 falls short of the truth by λ·u / weight, where weight is how often the case occurs.
    """
    weights = {"first": 1.0, "match": 1 + p, "mismatch": 1 - p, "token": 1.0}
    lams = {"first": sgd.first, "match": sgd.stop, "mismatch": sgd.stop, "token": sgd.chain}
    return {
        name: float(expit(_logit(value, lams[name] / weights[name])))
        for name, value in truth(p).items()
    }


def _logit(target: float, pull: float) -> float:
    """The root u of σ(u) + pull·u = target."""
    return _root(lambda u: float(expit(u)) + pull * u - target, -1 / pull, 1 / pull)


def squared_norms(d: int) -> Mapping[str, int]:
    """‖φ‖² of each predictor's features, all of which are signs; of y_l at l = d, its largest."""
    return {"first": d, "match": 2 * d + 2, "mismatch": 2 * d + 2, "token": 3 * d - 1}


def noise(quantity: str, d: int, sgd: LinearSGD, steps: Number, delta: float) -> float:
    """How far a probability may be from its regularised optimum, with probability 1 - δ, any x.

    (‖φ‖² / 2λ) √((1 + ln T) / (δT)); `docs/theory.md`, eq. (5). For y_l, T are the long rows.
    """
    lam = {"first": sgd.first, "token": sgd.chain}.get(quantity, sgd.stop)
    return (
        squared_norms(d)[quantity] / (2 * lam) * math.sqrt((1 + math.log(steps)) / (delta * steps))
    )


def bias(quantity: str, p: float, sgd: LinearSGD) -> float:
    """How far the regularised optimum may be from the truth: the corrected bounds of the paper."""
    end = abs(math.log(2 * p / (1 - p)))
    return {
        "first": sgd.first * math.log((1 + p) / (1 - p)) / (1 - p**2),
        "match": sgd.stop * (1 + p) * end / (8 * p * (1 - p)),
        "mismatch": math.sqrt(sgd.stop / (1 - p)),
        "token": math.sqrt(sgd.chain),
    }[quantity]


def doubled(p: float, rounds: int) -> float:
    """The share of chains after so many rounds of STaR: odds double (Theorem 2)."""
    odds = 2.0**rounds * p
    return odds / (odds + 1 - p)


def flips_after(p: float) -> int:
    """⌊log2((1 - p)/p)⌋, the rounds after which the share of chains is above 1/3."""
    return max(0, math.floor(math.log2((1 - p) / p) + 1e-9))


def steps_until(
    quantity: str, d: int, p: float, sgd: LinearSGD, delta: float, level: float
) -> float:
    """The smallest T at which noise and bias together are below a level; inf where bias is not."""
    left = level - bias(quantity, p, sgd)
    if left <= 0:
        return math.inf
    return math.exp(
        _root(lambda log: noise(quantity, d, sgd, math.exp(log), delta) - left, 0.0, 99.0)
    )


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that changes its sign between low and high is zero."""
    return float(root_scalar(function, bracket=(low, high)).root)
