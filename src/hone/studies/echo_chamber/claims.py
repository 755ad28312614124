"""The paper's sentences that the study decides, each with its statistic and its rule.

Regions are those of §13.6 of the reproduction's specification; where it names none, they were set
before the runs that decide them.
"""

from functools import partial

from hone.measures import AtLeast, AtMost, Within, accuracy
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.optimum import distance_from_optimum
from hone.studies.echo_chamber.statistics import (
    FREE,
    accuracy_after,
    after,
    change_of,
    course,
    difference,
    difference_of_parts,
    entropy,
    largest_share,
    majority,
    mean_over_runs,
    most_accurate,
    pass_at_most,
    responses,
    trend_over,
    winner,
)
from hone.studies.echo_chamber.winners import threshold, wins
from hone.studies.study import cited

PENALTIES = (0.3, 1.0, 3.0)  # under which the optimum is looked for
CROSSOVER: dict[str, Factor] = {"experiment": "crossover", "unfavourable": 0.0}
STILL = 0.02  # of accuracy, up to which a change counts as none


claim = partial(cited, "Echo Chamber (arXiv 2504.07912)")


def _best_before(run: Results) -> float:
    return float(wins(run) == most_accurate(responses(run, "before")))


def _not_the_most_frequent(run: Results) -> float:
    return float(wins(run) != winner(responses(run, "before")))


def _tagged_wins(run: Results) -> float:
    return float(wins(run) == "tagged")


COLLAPSE = (
    claim(
        "one_format",
        "§3.1, Fig. 2",
        "RL converges to one format of the mixture.",
        "largest share of a format after RL, balanced mixture, β = 0",
        AtLeast(0.95),
        mean_over_runs(after(largest_share), **FREE),
    ),
    claim(
        "little_entropy",
        "§3.1, Fig. 2",
        "and little of the others is left.",
        "entropy of the format after RL, balanced mixture, β = 0",
        AtMost(0.2),
        mean_over_runs(after(entropy), **FREE),
        unit="nats",
    ),
    claim(
        "early",
        "§3.1, Fig. 2",
        "The collapse is early.",
        "first look with a share of 0.9, balanced mixture, β = 0",
        AtMost(60),
        mean_over_runs(lambda run: course(run).collapse_time, **FREE),
        unit="rounds",
    ),
    claim(
        "gain_with_collapse",
        "§3.1, Fig. 2",
        "The largest rise of accuracy comes with the collapse.",
        "part of the gain in sampled accuracy that is there when the policy has collapsed",
        AtLeast(0.6),
        mean_over_runs(lambda run: course(run).gain_by_collapse, **FREE),
    ),
)

WINNER = (
    *(
        claim(
            id,
            "§3.2",
            "The winner is usually the format that is most accurate before RL,",
            f"share of runs whose winner is, {mixture} mixture",
            AtLeast(0.5),
            mean_over_runs(_best_before, **factors),
        )
        for id, mixture, factors in (
            ("the_best_wins", "balanced", FREE),
            ("the_best_wins_crossover", "crossover", CROSSOVER),
        )
    ),
    claim(
        "not_the_most_frequent",
        "§3.2, Fig. 4a",
        "not the most frequent one.",
        "share of runs whose winner is not the most frequent format, crossover mixture",
        AtLeast(0.5),
        mean_over_runs(_not_the_most_frequent, **CROSSOVER),
    ),
    claim(
        "the_worse_can_win",
        "§3.2, Fig. 4b",
        "With enough of it in pretraining a worse format wins.",
        "share of runs that tagged code wins, unfavourable mixture",
        AtLeast(0.5),
        mean_over_runs(_tagged_wins, experiment="crossover", unfavourable=1.0),
    ),
    claim(
        "the_worse_ends_lower",
        "§3.2, Fig. 4b",
        "and the model ends less accurate.",
        "accuracy after RL, unfavourable mixture minus crossover mixture",
        AtMost(-STILL),
        difference(
            accuracy_after, {"unfavourable": 1.0}, {"unfavourable": 0.0}, experiment="crossover"
        ),
    ),
    claim(
        "share_times_accuracy",
        "§3.6",
        "Between two formats the one with the larger share × accuracy wins.",
        "log-odds of share × accuracy before RL from which programs win as often as not, "
        "logistic fit over mixtures",
        Within(-0.5, 0.5),
        threshold("share × accuracy"),
        reported=0.0,
    ),
    claim(
        "accuracy_alone",
        "hone's own",
        "Without a penalty the more accurate format wins, whatever its share.",
        "log-odds of accuracy before RL from which programs win as often as not, logistic fit "
        "over mixtures",
        Within(-0.5, 0.5),
        threshold("accuracy"),
    ),
)

OPTIMUM = tuple(
    claim(
        f"optimum_{kl:g}",
        "§3.6",
        f"Under a penalty of {kl:g} shares come to those of the KL-regularised optimum.",
        "total variation between shares after RL and predicted ones, RLOO, KL in the reward",
        AtMost(0.1),
        mean_over_runs(distance_from_optimum, experiment="optimum", kl=kl),
        reported=0.0,
    )
    for kl in PENALTIES
)

VARIETY = (
    claim(
        "pass_1_rises",
        "§3.1, Fig. 2",
        "pass@1 rises,",
        "accuracy of samples at temperature 1 after RL minus before, balanced mixture, β = 0",
        AtLeast(STILL),
        change_of(accuracy, **FREE),
    ),
    claim(
        "majority_rises",
        "§3.1, Fig. 2",
        "majority@k rises,",
        "majority@32 after RL minus before, balanced mixture, β = 0",
        AtLeast(0.0),
        change_of(majority, **FREE),
        reported=0.05,
    ),
    claim(
        "pass_k_falls",
        "§3.1, Fig. 2",
        "and pass@k at large k falls.",
        "pass@32 after RL minus before, balanced mixture, β = 0",
        AtMost(0.0),
        change_of(pass_at_most, **FREE),
    ),
    claim(
        "kl_keeps_formats",
        "§3.1, Fig. 3",
        "A larger KL coefficient keeps part of the other formats",
        "slope of the format's entropy after RL on the rank of β in 0, 0.01, 0.1, 0.5",
        AtLeast(0.0),
        trend_over("kl", after(entropy), experiment="collapse"),
        unit="nats",
    ),
    claim(
        "kl_keeps_variety",
        "§3.1, Fig. 3",
        "and keeps pass@k.",
        "slope of pass@32 after RL on the rank of β in 0, 0.01, 0.1, 0.5",
        AtLeast(0.0),
        trend_over(
            "kl", after(lambda table: float(pass_at_most(table).value)), experiment="collapse"
        ),
    ),
)

WITHIN = (
    claim(
        "one_style",
        "§3.3, Fig. 6",
        "Within one format RL settles on one style.",
        "largest share of a style of program after RL",
        AtLeast(0.95),
        mean_over_runs(after(largest_share), experiment="refinement"),
    ),
    claim(
        "still_better",
        "§3.3, Fig. 6",
        "and still makes it more accurate.",
        "accuracy after RL minus before, programs in two styles",
        AtLeast(STILL),
        change_of(accuracy, experiment="refinement"),
    ),
)

CONTROLS = (
    claim(
        "nothing_moves",
        "independent replication",
        "Where pretraining has no rewarded format, RL moves nothing.",
        "accuracy after RL minus before, background documents alone",
        Within(-STILL, STILL),
        change_of(accuracy, experiment="controls", mixture="unrewarded"),
        reported=0.0,
    ),
    *(
        claim(
            f"no_gain_from_{reward}",
            "hone's own control",
            f"A {reward} reward makes nothing more accurate.",
            f"accuracy after RL minus before, balanced mixture, {reward} reward",
            AtMost(STILL),
            change_of(accuracy, experiment="controls", reward=reward),
        )
        for reward in ("format", "coin")
    ),
)

PARTS = (
    claim(
        "selection_is_more",
        "and Select and Improve (arXiv 2606.13125)",
        "More of the gain is choosing a format than working better within one.",
        "selection minus improvement, as parts of the change; balanced mixture, β = 0",
        AtLeast(0.0),
        difference_of_parts("selection", "improvement", **FREE),
    ),
)

CLAIMS = (*COLLAPSE, *WINNER, *OPTIMUM, *VARIETY, *WITHIN, *CONTROLS, *PARTS)
