"""The claims of arXiv 2510.11495 that hold whatever is worked out, each with its rule."""

import math
from collections.abc import Callable
from functools import partial

import polars as pl

from hone.measures import AtLeast, AtMost, Estimate, Within
from hone.measures.accuracy import CORRECT, estimate, per_problem
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.rl_after_ntp.mixture_figures import ALGORITHMS
from hone.studies.rl_after_ntp.mixture_statistics import (
    ANSWER,
    WORKED,
    crossing_of,
    extreme_of,
    gain,
    greedy,
    growth,
    largest_error,
    measured_on,
    rounds_to_half,
    sampled,
    smallest_gain,
)
from hone.studies.study import Claim, Measure, cited

LITTLE, MUCH = 0.1, 0.2  # of greedy accuracy
AT = "p_cot of the settings"
BUDGETS = {
    "×1 samples": "as many sequences as RL draws",
    "×10 samples": "ten times as many sequences as RL draws",
    "equal compute": "as much computing as RL takes",
}


_Cite = Callable[..., Claim]


def claims(where: str) -> tuple[Claim, ...]:
    """What every study of a mixture decides.

    Args:
        where: in the paper this is claimed of the study's task.
    """
    claim = partial(cited, "arXiv 2510.11495", where=where)
    return (
        *_before_rl(claim),
        *_prediction_stalls(claim),
        *_rl_lifts(claim),
        *_rl_beats_prediction(claim),
        *_how_rl_lifts(claim),
    )


def _before_rl(claim: _Cite) -> tuple[Claim, ...]:
    return (
        claim(
            id="calibration",
            statement="The pretrained model works a solution out as often as its data do.",
            statistic="largest |sampled worked share - p_cot| over p_cot",
            region=AtMost(0.05),
            measure=calibration,
            reported=0.0,
        ),
        claim(
            id="switch",
            where="§6 of the derivation; not in the paper",
            statement="Where the first token decides, greedy answers are worked out from "
            "p_cot = 1/2.",
            statistic="p_cot at which half of interpolated greedy answers are worked out",
            region=Within(0.4, 0.6),
            measure=switch,
            unit="p_cot",
        ),
        claim(
            id="worked_is_better",
            statement="Before RL, what is worked out is right more often than what is answered at "
            "once.",
            statistic=f"accuracy given worked minus accuracy given answer, temperature 1, {AT}",
            region=AtLeast(MUCH),
            measure=worked_is_better,
        ),
    )


def _prediction_stalls(claim: _Cite) -> tuple[Claim, ...]:
    return tuple(
        claim(
            id=f"prediction_stalls_{_slug(budget)}",
            statement=f"More next-token prediction, on {words}, adds little.",
            statistic=f"greedy accuracy after it minus before, {AT}",
            region=AtMost(LITTLE),
            measure=added_by_prediction(budget),
        )
        for budget, words in BUDGETS.items()
    )


def _rl_lifts(claim: _Cite) -> tuple[Claim, ...]:
    return tuple(
        claim(
            id=f"{name}_lifts",
            statement=f"{label} from the same model lifts its accuracy.",
            statistic=f"greedy accuracy after RL minus before, {AT}",
            region=AtLeast(MUCH),
            measure=added_by_rl("algorithms", algorithm=name),
        )
        for name, label in ALGORITHMS.items()
    )


def _rl_beats_prediction(claim: _Cite) -> tuple[Claim, ...]:
    return tuple(
        claim(
            id=f"rl_beats_prediction_{_slug(budget)}",
            statement=f"GRPO adds more than next-token prediction on {words}.",
            statistic=f"greedy accuracy after GRPO minus that after more prediction, {AT}",
            region=AtLeast(MUCH),
            measure=rl_over_prediction(budget),
        )
        for budget, words in BUDGETS.items()
    )


def _how_rl_lifts(claim: _Cite) -> tuple[Claim, ...]:
    return (
        claim(
            id="steep",
            statement="Accuracy rises steeply, within few RL steps.",
            statistic=f"share of GRPO's rounds after which half of the gain is made, {AT}",
            region=AtMost(0.25),
            measure=steepness,
        ),
        claim(
            id="longer",
            statement="RL lengthens responses, with no length bonus.",
            statistic=f"mean sampled length after over before, smallest over algorithms, {AT}",
            region=AtLeast(1.25),
            measure=longer,
            unit="×",
        ),
        claim(
            id="works_out",
            statement="After RL, greedy answers are worked out.",
            statistic=f"share of worked greedy responses, smallest over algorithms, {AT}",
            region=AtLeast(0.95),
            measure=works_out,
        ),
        claim(
            id="every_temperature",
            statement="Every algorithm lifts accuracy at every sampling temperature.",
            statistic=f"smallest gain in greedy accuracy over algorithms and temperatures, {AT}",
            region=AtLeast(LITTLE),
            measure=every_temperature,
        ),
        claim(
            id="nothing_to_amplify",
            where="control, not in the paper",
            statement="Where no worked solution was ever seen, RL adds nothing.",
            statistic="greedy accuracy after GRPO minus before, p_cot = 0",
            region=AtMost(0.05),
            measure=added_by_rl("without_worked"),
        ),
    )


@measured_on("rarity", stage="pretrain")
def calibration(results: Results) -> Estimate | None:
    """Per seed, the largest distance between the sampled worked share and p_cot."""
    return largest_error(sampled(results), ("p_cot",), WORKED, pl.lit(1), pl.col("p_cot"))


@measured_on("rarity", stage="pretrain")
def switch(results: Results) -> Estimate | None:
    """Per seed, the p_cot from which more than half of greedy answers are worked out."""
    return crossing_of(greedy(results), WORKED, level=0.5)


@measured_on("algorithms", stage="pretrain")
def worked_is_better(results: Results) -> Estimate | None:
    """Accuracy given worked minus accuracy given answer, of the pretrained model.

    Every response counts with the inverse of its form's share, and one in neither form with
    nothing, so that a mean is the difference; undefined for a seed that lacks one of the forms.
    """
    rows = sampled(results.select(arm=results.arms[0]))
    worked, answer = (form.mean().over("seed") for form in (WORKED, ANSWER))
    weight = pl.when(WORKED).then(1 / worked).when(ANSWER).then(-1 / answer).otherwise(0.0)
    weighted = pl.when((worked > 0) & (answer > 0)).then(CORRECT * weight)
    hits = weighted.fill_null(math.nan).alias("hits")
    return estimate(per_problem(rows.with_columns(hits), pl.col("hits").mean()), 0.95,
                    bounds=(-1.0, 1.0))  # fmt: skip


def added_by_prediction(budget: str) -> Measure:
    """Greedy accuracy after more next-token prediction minus before."""

    @measured_on("matched", budget=budget)
    def measure(results: Results) -> Estimate | None:
        return gain(results.select(stage="more_ntp"), results.select(stage="pretrain"))

    return measure


def added_by_rl(experiment: str, **factors: Factor) -> Measure:
    """Greedy accuracy after RL minus before."""

    @measured_on(experiment)
    def measure(results: Results) -> Estimate | None:
        after, before = results.select(stage="rl", **factors), results.select(stage="pretrain")
        return gain(after, before) if len(after) else None

    return measure


def rl_over_prediction(budget: str) -> Measure:
    """Greedy accuracy after GRPO minus that after more next-token prediction, of the same seeds."""

    def measure(results: Results) -> Estimate | None:
        after = results.select(experiment="algorithms", stage="rl", algorithm="grpo")
        more = results.select(experiment="matched", stage="more_ntp", budget=budget)
        return gain(after, more) if len(after) and len(more) else None

    return measure


@measured_on("algorithms", stage="rl", algorithm="grpo")
def steepness(results: Results) -> Estimate | None:
    """Per seed, the share of rounds after which half of the gain is made."""
    return rounds_to_half(results)


@measured_on("algorithms", stage="rl")
def longer(results: Results) -> Estimate | None:
    """Per seed, the growth of mean sampled length, smallest over algorithms."""
    return growth(results)


@measured_on("algorithms", stage="rl")
def works_out(results: Results) -> Estimate | None:
    """Per seed, worked greedy responses after RL, fewest over algorithms."""
    return extreme_of(greedy(results), WORKED, "algorithm", largest=False)


@measured_on("temperatures")
def every_temperature(results: Results) -> Estimate | None:
    """Per seed, the smallest gain over algorithms and temperatures."""
    return smallest_gain(results.select(stage="rl"), results.select(stage="pretrain"), "arm")


def _slug(budget: str) -> str:
    return budget.replace("×", "").replace(" ", "_")
