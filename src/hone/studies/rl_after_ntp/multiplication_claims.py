"""What the multiplication study claims beside what every mixture does: rarity and sizes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hone.measures import AtLeast, AtMost, Estimate
from hone.measures.accuracy import CORRECT, joined
from hone.runs.results import Results
from hone.studies.rl_after_ntp.mixture_claims import LITTLE, MUCH, claims
from hone.studies.rl_after_ntp.mixture_statistics import (
    WORKED,
    extreme_of,
    gain,
    greedy,
    measured_on,
    sampled,
    undefined,
)
from hone.studies.study import Claim, Measure, cited

TOO_LARGE = 0.05  # of accuracy, below which a chain counts as not learned

_claim = partial(cited, "arXiv 2510.11495")


def at_largest(measure: Callable[[Results], Estimate | None]) -> Measure:
    """The measure on the stages of the size with most digits, which its note names."""

    def measured(results: Results) -> Estimate | None:
        sizes = [str(size) for size in results.factor("size")]
        largest = max(sizes, key=lambda size: [int(d) for d in size.split("x")])
        found = measure(results.select(size=largest))
        return found and replace(found, note=joined(f"at {largest} digits", found.note))

    return measured


@measured_on("sizes", stage="pretrain")
@at_largest
def worked_at_largest(results: Results) -> Estimate | None:
    """Per seed, how often the pretrained model works a product of the largest size out rightly."""
    worked = sampled(results).filter(WORKED)
    if not worked.height:
        return undefined(results, "no product was worked out")
    return extreme_of(worked, CORRECT, "size", largest=True)


@measured_on("sizes", stage="rl")
@at_largest
def largest_after_rl(results: Results) -> Estimate | None:
    """Per seed, greedy accuracy after GRPO at the largest size."""
    return extreme_of(greedy(results), CORRECT, "size", largest=True)


@measured_on("rare", stage="pretrain")
def right_when_rare(results: Results) -> Estimate | None:
    """Per seed, greedy accuracy of the pretrained model where worked products are rare."""
    return extreme_of(greedy(results), CORRECT, "p_cot", largest=True)


@measured_on("rare")
def lifted_when_rare(results: Results) -> Estimate | None:
    """Greedy accuracy after GRPO minus before, there."""
    return gain(results.select(stage="rl"), results.select(stage="pretrain"))


def lifted_at(size: str) -> Measure:
    """Greedy accuracy after GRPO at a size minus before."""

    @measured_on("sizes", size=size)
    def measure(results: Results) -> Estimate | None:
        return gain(results.select(stage="rl"), results.select(stage="pretrain"))

    return measure


CLAIMS: tuple[Claim, ...] = (
    *claims("§5, multiplication"),
    _claim(
        "rare_prediction_stalls",
        "§5, p_cot = 0.1",
        "Where one product in ten is worked out, next-token prediction answers wrongly at once, "
        "though it has read as many worked products as at p_cot = 0.4.",
        "greedy accuracy of the pretrained model, p_cot = 0.1",
        AtMost(LITTLE),
        right_when_rare,
    ),
    _claim(
        "rare_is_lifted",
        "§5, p_cot = 0.1",
        "RL lifts its accuracy there.",
        "greedy accuracy after GRPO minus before, p_cot = 0.1",
        AtLeast(MUCH),
        lifted_when_rare,
    ),
    _claim(
        "too_large_is_not_learned",
        "§5, 7 × 7 digits",
        "At the largest size, worked solutions are not learned within the budget.",
        "accuracy given worked of the pretrained model, temperature 1, largest size",
        AtMost(TOO_LARGE),
        worked_at_largest,
        reported=0.0,
    ),
    _claim(
        "too_large_is_not_rescued",
        "§5, 7 × 7 digits",
        "And RL does not rescue it.",
        "greedy accuracy after GRPO, largest size",
        AtMost(TOO_LARGE),
        largest_after_rl,
        reported=0.0,
    ),
    _claim(
        "smaller_is_lifted",
        "§5, multiplication",
        "With as many steps of either, RL lifts accuracy at 3 × 2 digits.",
        "greedy accuracy after GRPO minus before, 3 × 2 digits",
        AtLeast(LITTLE),
        lifted_at("3x2"),
    ),
)
