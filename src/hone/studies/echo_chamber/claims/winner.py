"""Claims on which format wins, and on the optimum under a penalty."""

from hone.measures import AtLeast, AtMost, Within
from hone.runs.results import Results
from hone.studies.echo_chamber.arms import MODERATE, PENALTIES, SLOW
from hone.studies.echo_chamber.claims.rules import FACTOR_OF_TWO, GREEDILY, STILL, claim
from hone.studies.echo_chamber.measured.comparisons import counted, difference, mean_of, paired
from hone.studies.echo_chamber.measured.endings import ends_in, most_accurate_wins, wins
from hone.studies.echo_chamber.measured.formats import of_format, right, winner
from hone.studies.echo_chamber.measured.optimum import way_left_under
from hone.studies.echo_chamber.measured.selection import FAR, FREE, NEAR, WELL_READ, responses
from hone.studies.echo_chamber.measured.winners import even, told


def _not_the_most_frequent(run: Results) -> bool:
    return wins(run) != winner(responses(run, "before"))


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
    )
    for kl in PENALTIES
)
