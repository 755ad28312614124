"""The paper's sentences that the study decides, each with its statistic and its rule.

Regions are those of §13.6 of the reproduction's specification; where it names none, they were set
before the runs that decide them.
"""

from collections.abc import Iterator
from functools import partial

from hone.measures import AtLeast, AtMost, Within
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.arms import GREEDY
from hone.studies.echo_chamber.optimum import way_left_under
from hone.studies.echo_chamber.runs import (
    change_of,
    counted,
    difference,
    mean_of,
    mean_over_runs,
    minus,
    paired,
    responses,
    slope_of,
    trend_over,
)
from hone.studies.echo_chamber.statistics import (
    FREE,
    GENTLE,
    after,
    agreed,
    between_looks,
    collapse_time,
    course,
    ends_in,
    entropy,
    most_accurate_wins,
    of_format,
    of_winner,
    passed,
    right,
    winner,
    wins,
)
from hone.studies.echo_chamber.winners import CROSSOVER, even, told
from hone.studies.study import Claim, cited

PENALTIES = (0.2, 0.3, 0.5)  # under which the optimum is looked for
MODERATE = PENALTIES[1]
SLOW = 0.1  # of RL's learning rate, at which it is looked for
NEAR: dict[str, Factor] = {**CROSSOVER, "unfavourable": 0.0}
FAR: dict[str, Factor] = {**CROSSOVER, "unfavourable": 1.0}
GREEDILY = f"{GREEDY} after"
WELL_READ: dict[str, Factor] = {"experiment": "well_read"}
SLOWER = "a third of the learning rate"
STILL = 0.02  # of accuracy, up to which a change counts as none
ALIKE = 0.05  # of accuracy, up to which two runs count as alike
FACTOR_OF_TWO = 0.7  # in nats

claim = partial(cited, "Echo Chamber (arXiv 2504.07912)")


def _not_the_most_frequent(run: Results) -> bool:
    return wins(run) != winner(responses(run, "before"))


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
                ", also where none of them is worse",
                "balanced mixture, all right",
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
        "first look with a share of 0.9, of 60 rounds, balanced mixture, β = 0",
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

WINNER = (
    *(
        claim(
            id,
            "§3.2",
            f"From a {mixture} mixture the winner is usually the most accurate format before RL.",
            f"share of models of which most runs end so, {mixture} mixture",
            AtLeast(0.5),
            counted(most_accurate_wins, **factors),
        )
        for id, mixture, factors in (
            ("the_best_wins", "balanced", FREE),
            ("the_best_wins_crossover", "crossover", NEAR),
        )
    ),
    claim(
        "not_the_most_frequent",
        "§3.2, Fig. 4a",
        "The winner is usually not the most frequent format.",
        "share of models of which most runs end in another, crossover mixture",
        AtLeast(0.5),
        counted(_not_the_most_frequent, **NEAR),
    ),
    claim(
        "the_frequent_can_win",
        "§3.2, Fig. 4b",
        "With enough of it in pretraining the format wins that otherwise loses.",
        "share of models of which most runs end in tagged code, unfavourable mixture",
        AtLeast(0.5),
        counted(ends_in("tagged"), **FAR),
    ),
    claim(
        "the_frequent_ends_lower",
        "§3.2, Fig. 4b",
        "Where such a format wins the model ends less accurate.",
        "greedy accuracy after RL, unfavourable mixture minus crossover mixture",
        AtMost(-STILL),
        difference(right, FAR, NEAR, GREEDILY),
    ),
    claim(
        "the_loser_is_better",
        "§3.2, Fig. 4b",
        "Where such a format wins programs are more accurate before RL, if asked for.",
        "accuracy before RL forced into programs minus into tagged code, unfavourable mixture",
        AtLeast(0.0),
        paired(right, ("before program", {}), ("before tagged", {}), **FAR),
    ),
    claim(
        "the_rare_is_better",
        "hone's own",
        "Where three times as much is read of that mixture, rare programs are more accurate.",
        "accuracy before RL forced into programs minus into tagged code, unfavourable mixture, "
        "three times the documents",
        AtLeast(0.0),
        paired(right, ("before program", {}), ("before tagged", {}), **WELL_READ, kl=0.0),
    ),
    claim(
        "the_rare_wins",
        "hone's own",
        "Rare programs, well read, win without a penalty against nearly all that was read.",
        "share of programs after RL, same model, β = 0; RLOO, a tenth of the learning rate",
        AtLeast(0.5),
        mean_of(of_format("program"), **WELL_READ, kl=0.0),
    ),
    claim(
        "the_frequent_loses",
        "hone's own",
        "Well read, what was nearly all that was read loses without a penalty.",
        "share of tagged code after RL, same model, β = 0",
        AtMost(0.5),
        mean_of(of_format("tagged"), **WELL_READ, kl=0.0),
    ),
    claim(
        "the_penalty_decides",
        "§3.6",
        "Under a penalty the format with the larger share × accuracy stays.",
        f"share of tagged code after RL, same model, β = {MODERATE:g} minus β = 0",
        AtLeast(0.5),
        difference(of_format("tagged"), {"kl": MODERATE}, {"kl": 0.0}, **WELL_READ),
    ),
    claim(
        "product_tells",
        "§3.6",
        "Where the more frequent format is the less accurate, share × accuracy tells the winner.",
        "share of models of which it tells most such mixtures, crossover to unfavourable, β = 0",
        AtLeast(0.5),
        told("share × accuracy"),
    ),
    claim(
        "accuracy_tells",
        "hone's own",
        "Without a penalty accuracy alone tells it there, whatever the shares.",
        "share of models of which it tells most such mixtures, crossover to unfavourable, β = 0",
        AtLeast(0.5),
        told("accuracy"),
    ),
    *(
        claim(
            f"{id}_switch",
            source,
            f"From mixture to mixture the winner switches where formats have as much {by}.",
            f"log of {by}, programs over tagged code, at which programs win as often as not; "
            "logistic fit over runs, β = 0",
            Within(-FACTOR_OF_TWO, FACTOR_OF_TWO),
            even(by),
            unit="nats",
            reported=0.0,
        )
        for id, source, by in (
            ("product", "§3.6", "share × accuracy"),
            ("accuracy", "hone's own", "accuracy"),
        )
    ),
)

OPTIMUM = tuple(
    claim(
        f"optimum_{kl:g}",
        "§3.6",
        f"Under a penalty of {kl:g} shares come to those of the KL-regularised optimum.",
        "total variation from predicted shares in the last quarter of rounds over that before RL, "
        "RLOO, KL in the reward, a tenth of the learning rate",
        AtMost(1 / 3),
        way_left_under(kl, SLOW),
        reported=0.0,
    )
    for kl in PENALTIES
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
        f"majority@16 after RL minus before, {arm}",
        AtLeast(0.0),
        change_of(agreed, **factors),
        reported=0.05,
    )
    yield claim(
        f"pass_k_falls{id}",
        "§3.1, Fig. 2",
        f"pass@k at large k falls{what}.",
        f"pass@16 after RL minus before, {arm}",
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
        "slope of pass@16 after RL on the rank of β",
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


CLAIMS = (*COLLAPSE, *WINNER, *OPTIMUM, *VARIETY)
