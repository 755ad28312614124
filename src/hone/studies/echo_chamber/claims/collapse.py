"""Claims on the collapse onto one format, and on what it costs."""

from collections.abc import Iterator

from hone.measures import AtLeast, AtMost, Within
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.arms import GREEDY
from hone.studies.echo_chamber.claims.rules import ALIKE, GREEDILY, SLOWER, STILL, claim
from hone.studies.echo_chamber.measured.comparisons import (
    change_of,
    difference,
    mean_of,
    mean_over_runs,
    minus,
    slope_of,
    trend_over,
)
from hone.studies.echo_chamber.measured.course import between_looks, collapse_time, course
from hone.studies.echo_chamber.measured.endings import after
from hone.studies.echo_chamber.measured.formats import agreed, entropy, of_winner, passed, right
from hone.studies.echo_chamber.measured.selection import FREE, GENTLE
from hone.studies.study import Claim


def _entropy_after(run: Results) -> float:
    return after(entropy)(run)


COLLAPSE = (
    *(
        claim(
            f"one_format{suffix}",
            "§3.1, Fig. 2",
            f"RL converges to one format of the mixture{where}.",
            f"largest share of a format after RL, {mixture}, β = 0",
            AtLeast(0.95),
            mean_of(of_winner, **factors),
        )
        for suffix, where, mixture, factors in (
            ("", "", "balanced mixture", FREE),
            ("_gently", f", also at {SLOWER}", f"balanced mixture, {SLOWER}", GENTLE),
            (
                "_all_sound",
                ", also where none of them has errors built in",
                "balanced mixture, all sound",
                {"experiment": "all_sound"},
            ),
        )
    ),
    claim(
        "little_entropy",
        "§3.1, Fig. 2",
        "When RL has settled on one format little of the others is left.",
        "entropy of the format after RL, balanced mixture, β = 0",
        AtMost(0.2),
        mean_over_runs(_entropy_after, **FREE),
        unit="nats",
    ),
    claim(
        "early",
        "§3.1, Fig. 2",
        "The collapse is early.",
        "first look at which a format has nine tenths, balanced mixture, β = 0",
        AtMost(20),
        mean_over_runs(collapse_time, between_looks, **FREE),
        unit="rounds",
    ),
    claim(
        "gain_with_collapse",
        "§3.1, Fig. 2",
        "Most of what accuracy rises has come when RL has settled on one format.",
        "part of the gain in sampled accuracy that is there by then",
        AtLeast(0.6),
        mean_over_runs(lambda run: course(run).gain_by_collapse, **FREE),
    ),
)


def _variety(id: str, arm: str, what: str, factors: dict[str, Factor]) -> Iterator[Claim]:
    """What becomes of single answers, of their majority and of all of them together."""
    yield claim(
        f"pass_1_rises{id}",
        "§3.1, Fig. 2",
        f"pass@1 rises{what}.",
        f"greedy accuracy after RL minus before, {arm}",
        AtLeast(STILL),
        change_of(right, GREEDY, **factors),
    )
    yield claim(
        f"majority_rises{id}",
        "§3.1, Fig. 2",
        f"majority@k rises{what}.",
        f"majority@k after RL minus before, k all samples (the paper: 64), {arm}",
        AtLeast(0.0),
        change_of(agreed, **factors),
        reported=0.05,
    )
    yield claim(
        f"pass_k_falls{id}",
        "§3.1, Fig. 2",
        f"pass@k at large k falls{what}.",
        f"pass@k after RL minus before, k all samples, {arm}",
        AtMost(0.0),
        change_of(passed, **factors),
    )


VARIETY = (
    *_variety("", "balanced mixture, β = 0", "", FREE),
    *_variety("_gently", f"balanced mixture, {SLOWER}", f", also at {SLOWER}", GENTLE),
    claim(
        "samples_get_better",
        "§3.1, Fig. 2",
        "Samples get better.",
        "accuracy of samples at temperature 1 after RL minus before, balanced mixture, β = 0",
        AtLeast(STILL),
        change_of(right, **FREE),
    ),
    claim(
        "kl_keeps_formats",
        "§3.1, Fig. 3",
        "A larger KL coefficient keeps part of the other formats.",
        "slope of the format's entropy after RL on the rank of β",
        AtLeast(0.0),
        slope_of("kl", _entropy_after, experiment="collapse"),
        unit="nats",
    ),
    claim(
        "kl_keeps_variety",
        "§3.1, Fig. 3",
        "A larger KL coefficient keeps pass@k.",
        "slope of pass@k after RL on the rank of β",
        AtLeast(0.0),
        trend_over("kl", passed, experiment="collapse"),
    ),
    claim(
        "kl_costs_samples",
        "§3.1, Fig. 3",
        "A larger KL coefficient costs samples some of their accuracy.",
        "slope of accuracy of samples after RL on the rank of β",
        AtMost(0.0),
        trend_over("kl", right, experiment="collapse"),
    ),
    claim(
        "kl_spares_greedy",
        "§13.6 of the specification",
        "The largest KL coefficient costs greedy answers nothing.",
        "greedy accuracy after RL, β = 0.5 minus β = 0",
        AtLeast(-ALIKE),
        difference(right, {"kl": 0.5}, {"kl": 0.0}, GREEDILY, experiment="collapse"),
    ),
    claim(
        "no_penalty_is_like_a_small_one",
        "§3.1",
        "No penalty is like a small one in accuracy.",
        "accuracy of samples after RL, β = 0 minus β = 0.01",
        Within(-ALIKE, ALIKE),
        difference(right, {"kl": 0.0}, {"kl": 0.01}, experiment="collapse"),
        reported=0.0,
    ),
    claim(
        "no_penalty_keeps_as_much",
        "§3.1",
        "No penalty is like a small one in what is left of other formats.",
        "entropy of the format after RL, β = 0 minus β = 0.01",
        Within(-0.1, 0.1),
        minus(_entropy_after, {"kl": 0.0}, {"kl": 0.01}, experiment="collapse"),
        reported=0.0,
        unit="nats",
    ),
)
