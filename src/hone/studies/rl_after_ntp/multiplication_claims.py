"""What the multiplication study claims beside what every mixture does: sizes that are too large."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hone.measures import AtLeast, AtMost, Estimate
from hone.measures.accuracy import CORRECT
from hone.runs.results import Results
from hone.studies.rl_after_ntp.mixture_claims import LITTLE, claims
from hone.studies.rl_after_ntp.mixture_statistics import (
    WORKED,
    extreme_of,
    gain,
    greedy,
    measured_on,
    sampled,
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
        return found and replace(found, note=f"at {largest} digits")

    return measured


@measured_on("sizes", stage="pretrain")
@at_largest
def worked_at_largest(results: Results) -> Estimate | None:
    """Per seed, how often the pretrained model works a product of the largest size out rightly."""
    worked = sampled(results).filter(WORKED)
    return extreme_of(worked, CORRECT, "size", largest=True) if worked.height else None


@measured_on("sizes", stage="rl")
@at_largest
def largest_after_rl(results: Results) -> Estimate | None:
    """Per seed, greedy accuracy after GRPO at the largest size."""
    return extreme_of(greedy(results), CORRECT, "size", largest=True)


def lifted_at(size: str) -> Measure:
    """Greedy accuracy after GRPO at a size minus before."""

    @measured_on("sizes", size=size)
    def measure(results: Results) -> Estimate | None:
        return gain(results.select(stage="rl"), results.select(stage="pretrain"))

    return measure


CLAIMS: tuple[Claim, ...] = (
    *claims("§5, multiplication"),
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
