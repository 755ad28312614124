"""Claims on repeats of a corpus."""

from collections.abc import Iterator

from hone.measures import AtLeast, AtMost, Within
from hone.studies.echo_chamber.arms import GREEDY
from hone.studies.echo_chamber.claims.rules import ALIKE, GREEDILY, claim
from hone.studies.echo_chamber.measured.comparisons import change_of, difference, trend_over
from hone.studies.echo_chamber.measured.formats import agreed, passed, right
from hone.studies.study import Claim


def _of_repeats(tokens: str, how: str) -> Iterator[Claim]:
    """What becomes of models that read programs more often, in place of other text or beside it."""
    times, runs = "on the rank of 1, 2, 4 and 8 times", {"experiment": "repeats", "tokens": tokens}
    for id, what, statistic, credit, stages in (
        ("accuracy", "is right after RL", "greedy accuracy after RL", right, (GREEDILY,)),
        ("the_gain", "RL gains", "greedy accuracy after RL minus before", right,
         (GREEDILY, f"{GREEDY} before")),
        ("majority", "majorities are right after RL", "majority@k after RL", agreed, ("after",)),
        ("variety", "problems have one right sample after RL", "pass@k after RL", passed,
         ("after",)),
    ):  # fmt: skip
        yield claim(
            f"repeats_raise_{id}_{tokens}",
            "§3.3, Fig. 5",
            f"The more often programs are read, the more {what} ({how}).",
            f"slope of {statistic} {times}",
            AtLeast(0.0),
            trend_over("times", credit, stages, **runs),
        )
    yield claim(
        f"repeats_cost_variety_{tokens}",
        "§3.3, Fig. 5",
        f"However often programs are read, pass@k is no higher after RL than before ({how}).",
        "pass@k after RL minus before, all repeats",
        AtMost(0.0),
        change_of(passed, **runs),
    )


REPEATS = (
    *_of_repeats("fixed", "at as many tokens"),
    *_of_repeats("growing", "beside all else"),
    claim(
        "repeats_are_worth_others",
        "hone's own",
        "Programs read eight times are worth as much to RL as eight times as many.",
        "greedy accuracy after RL, programs read eight times minus eight times as many programs",
        Within(-ALIKE, ALIKE),
        difference(right, {"tokens": "fixed"}, {"tokens": "fresh"}, GREEDILY, experiment="repeats",
                   times=8),
    ),
)  # fmt: skip
