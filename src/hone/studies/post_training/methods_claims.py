"""What the methods study asks of its runs, each with its rule. The expectations are our own."""

import polars as pl

from hone.measures import AtLeast, AtMost, Estimate, Region, accuracy
from hone.measures.accuracy import CORRECT, estimate, per_problem
from hone.runs.results import Results
from hone.studies.rl_after_ntp.mixture_statistics import greedy
from hone.studies.rl_after_ntp.parity_statistics import CHANCE, SOLVED
from hone.studies.study import Claim, Measure

GAP = 0.2  # of reward over accuracy, from which a reward counts as over-optimised
NAMES = {
    "ppo": "PPO",
    "grpo": "GRPO",
    "dr_grpo": "Dr. GRPO",
    "dapo": "DAPO",
    "gspo": "GSPO",
    "rloo": "RLOO",
    "reinforce": "REINFORCE",
    "reinforce_pp": "REINFORCE++",
    "expert_iteration": "Expert iteration",
    "star": "STaR",
}


def solved_after(experiment: str, **factors: str) -> Measure:
    """Greedy accuracy after RL."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(experiment=experiment, stage="rl", **factors)
        return accuracy(greedy(runs)) if len(runs) else None

    return measure


def promised_more(experiment: str, **factors: str) -> Measure:
    """Mean reward minus accuracy of the rollouts of the last round."""

    def measure(results: Results) -> Estimate | None:
        runs = results.select(experiment=experiment, stage="rl", **factors)
        if not len(runs):
            return None
        gap = (pl.col("reward") - CORRECT.cast(pl.Float64)).mean()
        problems = per_problem(runs.rollouts("train", steps=(-1,)), gap)
        return estimate(problems, 0.95, bounds=(-1.0, 1.0))

    return measure


def _claim(
    id: str, statement: str, statistic: str, region: Region, measure: Measure, unit: str = ""
) -> Claim:
    return Claim(id, "hone", statement, statistic, region, measure, unit)


_GREEDY = "greedy accuracy after RL"
_GAP = "mean reward minus accuracy of the last round's rollouts"

CLAIMS: tuple[Claim, ...] = (
    *(
        _claim(
            f"{name}_solves",
            f"{label} solves it at the common budget and learning rate.",
            _GREEDY,
            AtLeast(SOLVED),
            solved_after("algorithms", algorithm=name),
        )
        for name, label in NAMES.items()
    ),
    _claim(
        "coin_teaches_nothing",
        "A random reward leaves greedy accuracy at chance.",
        _GREEDY,
        AtMost(CHANCE),
        solved_after("rewards", reward="coin"),
    ),
    _claim(
        "format_teaches_nothing",
        "A reward for form alone leaves greedy accuracy at chance.",
        _GREEDY,
        AtMost(CHANCE),
        solved_after("rewards", reward="format"),
    ),
    _claim(
        "majority_is_gamed",
        "The majority's vote is over-optimised: reward comes to exceed accuracy.",
        _GAP,
        AtLeast(GAP),
        promised_more("rewards", reward="majority"),
    ),
    _claim(
        "learned_is_gamed",
        "A learned reward is over-optimised: reward comes to exceed accuracy.",
        _GAP,
        AtLeast(GAP),
        promised_more("learned"),
    ),
    _claim(
        "learned_ends_at_chance",
        "Optimised for long, a learned reward leaves greedy accuracy at chance.",
        _GREEDY,
        AtMost(CHANCE),
        solved_after("learned"),
    ),
)
