"""The claims of arXiv 2510.11495 §4 that linear models decide, each with its rule."""

from functools import partial

import polars as pl

from hone.measures import AtLeast, AtMost, Region, Within
from hone.studies.rl_after_ntp import linear_statistics as statistics
from hone.studies.rl_after_ntp import parity_rounds
from hone.studies.rl_after_ntp import parity_statistics as parity
from hone.studies.rl_after_ntp.linear_statistics import DELTA, SMALL
from hone.studies.rl_after_ntp.mixture_statistics import measured_on
from hone.studies.rl_after_ntp.parity_statistics import CHANCE, EXACT, HIGH, LOW, SOLVED
from hone.studies.study import Claim, cited

_claim = partial(cited, "arXiv 2510.11495")

_PLACES = {
    "first": ("Prop. 1", "the first token"),
    "match": ("Prop. 2", "the end after y_1 = x_1"),
    "mismatch": ("Prop. 2", "the end after y_1 = -x_1"),
    "token": ("Prop. 3", "a token of the chain"),
}
_RATE = -0.45
"""The local slope of the bounds themselves at the last T, √((1 + ln T)/T)."""
_ORDERS: dict[str, tuple[Region, str]] = {
    "first": (Within(0.8, 1.1), "in proportion to λ"),
    "match": (Within(0.8, 1.1), "in proportion to λ"),
    "mismatch": (AtLeast(0.5), "at least as √λ"),
    "token": (AtLeast(0.5), "at least as √λ"),
}

CLAIMS: tuple[Claim, ...] = (
    _claim(
        "threshold_below",
        "Thm. 1(iii)",
        "Below p_cot = 1/3 the greedy answer of next-token prediction is right by chance.",
        f"largest greedy accuracy over p_cot ≤ {LOW}",
        AtMost(CHANCE),
        parity.below_threshold,
        reported=0.5,
    ),
    _claim(
        "threshold_above",
        "Thm. 1(iii)",
        "Above p_cot = 1/3 it is the chain, and right.",
        f"smallest greedy accuracy over p_cot ≥ {HIGH}",
        AtLeast(SOLVED),
        parity.above_threshold,
        reported=1.0,
    ),
    _claim(
        "threshold_place",
        "Thm. 1(iii)",
        "The switch comes at p_cot = 1/3.",
        "p_cot at which interpolated greedy accuracy reaches 0.75",
        Within(0.29, 0.40),
        parity.crossing,
        unit="p_cot",
        reported=1 / 3,
    ),
    _claim(
        "length_calibration",
        "Thm. 1(i)",
        "The model writes a chain as often as its data do.",
        "largest |sampled long share - p_cot| over the sweep",
        AtMost(0.03),
        parity.share_error,
        reported=0.0,
    ),
    _claim(
        "right_when_long",
        "Thm. 1(i)",
        "A long answer is right in every step.",
        "long answers at temperature 1 whose every step is right",
        AtLeast(0.94),
        parity.right_when_long,
        reported=1.0,
    ),
    _claim(
        "chance_when_short",
        "Thm. 1(ii)",
        "A short answer is a coin flip.",
        "accuracy given short at temperature 1",
        Within(0.45, 0.55),
        parity.right_when_short,
        reported=0.5,
    ),
    *(
        _claim(
            f"{name}_{strategy}",
            where,
            f"{what}, over {over}.",
            f"largest error over sampled inputs and {over}",
            AtMost(most),
            measured_on(experiment)(statistics.largest_likelihood_error(strategy)),
            reported=0.0,
        )
        for name, experiment, over, most in (
            ("p", "threshold", "p_cot", 0.05),  # half of the smallest p_cot
            ("d", "dimensions", "d", 0.1),
        )
        for strategy, where, what in (
            ("long", "Thm. 1(i)", "For every input the whole chain has probability p_cot"),
            (
                "short",
                "Thm. 1(ii)",
                "For every input the right short answer has probability (1 - p_cot)/2",
            ),
        )
    ),
    _claim(
        "d_greedy_short",
        "Thm. 1(iii)",
        "At p_cot = 0.2 the greedy answer is (x_1, end), whatever d.",
        "smallest share of greedy answers of one token over d",
        AtLeast(SOLVED),
        measured_on("dimensions")(statistics.greedy_form(0.2, pl.col("strategy") == "short")),
        reported=1.0,
    ),
    _claim(
        "d_greedy_long",
        "Thm. 1(iii)",
        "At p_cot = 0.42 the greedy answer is the right chain, whatever d.",
        "smallest share of greedy answers that are exact chains over d",
        AtLeast(SOLVED),
        measured_on("dimensions")(statistics.greedy_form(0.42, EXACT)),
        reported=1.0,
    ),
    *(
        _claim(
            f"rate_{quantity}",
            where,
            f"The error of {what} falls with the steps T at least as fast as its bound, T^(-1/2).",
            "slope of ln(largest error over inputs) on ln T, one sample a step",
            AtMost(_RATE),
            measured_on("rates")(statistics.rate(quantity)),
            reported=-0.5,
        )
        for quantity, (where, what) in _PLACES.items()
    ),
    _claim(
        "bounds_hold",
        "Props. 1-3",
        f"With probability {1 - DELTA:g} no error exceeds its bound.",
        "share of fits that exceed any bound at any T, of bounds that an error could exceed",
        AtMost(DELTA),
        measured_on("rates")(statistics.over_bound),
    ),
    *(
        _claim(
            f"bias_{quantity}",
            f"{where}, corrected",
            f"What regularisation takes from {what} falls {how}.",
            f"slope of ln(bias) on ln λ, λ ≤ {SMALL:g}",
            region,
            measured_on("biases")(statistics.bias_order(quantity)),
        )
        for quantity, (where, what) in _PLACES.items()
        for region, how in (_ORDERS[quantity],)
    ),
    _claim(
        "odds_doubling",
        "Thm. 2",
        "Each STaR round multiplies the odds of a chain by 2c, c the accuracy of chains.",
        "slope of logit(long share) per round minus ln(2c), mean over p_cot",
        Within(-0.08, 0.08),
        parity_rounds.odds_slope,
        reported=0.0,
    ),
    _claim(
        "deviation",
        "Thm. 2",
        "The share of chains after n rounds is within (2^(n+1) - 1)ε/(1 - 4ε) of "
        "2^n p/(2^n p + 1 - p), ε the mean error over inputs of the model that STaR starts from.",
        "largest distance over what is allowed, over p_cot and rounds where it is not everything",
        AtMost(1.0),
        statistics.deviation,
    ),
    *parity_rounds.CLAIMS,
    _claim(
        "length",
        "Thm. 2",
        "Length grows with the share of chains: 1 + (d - 1)p_n tokens on average after round n.",
        "largest relative distance over rounds and p_cot",
        AtMost(0.1),
        statistics.mean_length,
        reported=0.0,
    ),
    _claim(
        "cost_within_budgets",
        "Thms. 1, 2",
        "Steps that are enough for d = 8 many times over are enough up to d = 64, with samples in "
        "proportion to d: nothing grows as 2^d.",
        "greedy answers after STaR that are exact chains, at most steps a fit, fewest over d",
        AtLeast(SOLVED),
        statistics.exact_at_largest_budget,
        reported=1.0,
    ),
    _claim(
        "polynomial_cost",
        "Thms. 1, 2",
        "The steps that next-token prediction and STaR take grow as a small power of d, no faster "
        "than d^1.5; the bounds ask for d^9.",
        "slope of ln(fewest steps a fit) on ln d, twice the largest budget where none is enough",
        AtMost(1.5),
        statistics.cost_order,
    ),
    *(
        _claim(
            f"rare_as_a_power_{power}",
            "Thm. 2",
            f"Chains as rare as d^-{power} are enough, at a budget that grows as d^{power}.",
            "greedy answers after STaR that are exact chains, fewest over d",
            AtLeast(SOLVED),
            statistics.exact_after(rarity),
            reported=1.0,
        )
        for power, rarity in ((1, "d⁻¹"), (2, "d⁻²"))
    ),
    _claim(
        "exponentially_rare",
        "Thm. 2",
        "Chains as rare as 2^-d are not, from some d on, at a budget that grows as d^2: there are "
        "too few for their odds to double.",
        "exact chains of the last round over those foretold, largest d",
        AtMost(0.5),
        statistics.still_doubled,
    ),
    _claim(
        "direct_fails",
        "§4, after the lower bounds for parities",
        "Answers without a chain are not learned in budgets that are enough for chains.",
        "accuracy of a transformer trained on short answers alone, largest d",
        AtMost(CHANCE),
        statistics.direct_accuracy,
        reported=0.5,
    ),
)
