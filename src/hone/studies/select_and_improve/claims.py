"""The paper's sentences that the study decides, each with its statistic and its rule.

Numbers of claims and sections are those of the reproduction's specification; regions that the paper
does not give were set before the runs that decide them.
"""

from hone.measures import AtLeast, AtMost, Region, Within
from hone.studies.select_and_improve.statistics import (
    NATIVE,
    accuracy_when,
    concentration,
    difference,
    how_much_sooner,
    part_of_change,
    routed_when,
    share_when,
)
from hone.studies.study import Claim, Measure
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

SELECT = "Select and Improve (arXiv 2606.13125)"
CHANCE = 1 / 11
EXECUTED = 0.95  # from which a strategy counts as mastered
GAIN = 0.2  # of accuracy, from which a change counts as large
STILL = 0.05  # of accuracy, up to which it counts as none
EASY, HARD = "2-5", "6-9"
PAPER_TABLE = {
    ("B", "before"): (0.245, 0.389, 0.119),
    ("B", EASY): (0.184, 0.256, 0.101),
    ("B", HARD): (0.508, 0.960, 0.116),
    ("F", "before"): (0.570, 0.107, 0.971),
    ("F", EASY): (0.480, 0.093, 0.917),
    ("F", HARD): (0.583, 0.110, 0.993),
    ("FB", "before"): (0.470, 0.271, 0.643),
    ("FB", EASY): (0.600, 0.322, 0.915),
    ("FB", HARD): (0.957, 0.941, 0.971),
}
"""The paper's Table 1, as shares: all problems, inversions, evaluations."""

_ACCURACY = "mean accuracy of 8 samples at temperature 1"


def _claim(
    id: str,
    paper: str,
    statement: str,
    statistic: str,
    region: Region,
    measure: Measure,
    reported: float | None = None,
    unit: str = "",
) -> Claim:
    return Claim(id, paper, statement, statistic, region, measure, unit, reported)


def _main(data: str, train: str = HARD) -> dict[str, str]:
    return {"experiment": "main", "data": data, "train": train}


def _forced(strategy: str, kind: str, data: str) -> Measure:
    return accuracy_when(f"easy {strategy}", kind, data=data)


AFTER_SFT = (
    *(
        _claim(
            f"sft_native_{data}",
            f"{SELECT} §7 E0",
            f"After fine-tuning, {data} executes its native strategy on the lengths it was shown.",
            f"accuracy on {kind}s of 2-5 operations, forced {NATIVE[kind]}",
            AtLeast(EXECUTED),
            _forced(NATIVE[kind], kind, data),
            1.0,
        )
        for data, kind in (("F", EVALUATION), ("B", INVERSION))
    ),
    *(
        _claim(
            f"sft_off_native_{data}",
            f"{SELECT} §7 E0",
            f"On the other kind of problem {data} is between chance and that.",
            f"accuracy on {kind}s of 2-5 operations, forced {strategy}",
            Within(2 * CHANCE, 0.9),
            _forced(strategy, kind, data),
            0.6,
        )
        for data, kind, strategy in (("F", INVERSION, "forward"), ("B", EVALUATION, "backward"))
    ),
    *(
        _claim(
            f"long_off_native_{data}",
            f"{SELECT} Table 1",
            f"On 6-9 operations, {data}'s off-native solutions are at chance.",
            f"{_ACCURACY}, {kind}s of 6-9 operations, before RL",
            Within(CHANCE - STILL, CHANCE + STILL),
            accuracy_when("before", kind, **_main(data)),
            reported,
        )
        for data, kind, reported in (("F", INVERSION, 0.107), ("B", EVALUATION, 0.119))
    ),
    *(
        _claim(
            f"long_native_{data}",
            f"{SELECT} Table 1",
            f"On 6-9 operations, {data}'s native solutions are far above chance.",
            f"{_ACCURACY}, {kind}s of 6-9 operations, before RL",
            AtLeast(CHANCE + GAIN),
            accuracy_when("before", kind, **_main(data)),
            reported,
        )
        for data, kind, reported in (("F", EVALUATION, 0.971), ("B", INVERSION, 0.389))
    ),
    _claim(
        "forward_extends_further",
        f"{SELECT} Table 1",
        "Forward extends to longer problems better than backward does.",
        "F on evaluations minus B on inversions, 6-9 operations, before RL",
        AtLeast(STILL),
        difference(
            accuracy_when("before", EVALUATION, **_main("F")),
            accuracy_when("before", INVERSION, **_main("B")),
        ),
        0.582,
    ),
)

AFTER_RL = (
    _claim(
        "both_are_near_perfect",
        f"{SELECT} Table 1",
        "With both strategies in the demonstrations, RL on harder problems is near-perfect.",
        f"{_ACCURACY}, FB after RL(6-9)",
        AtLeast(EXECUTED),
        accuracy_when("after", **_main("FB")),
        0.957,
    ),
    *(
        _claim(
            f"one_is_capped_{data}",
            f"{SELECT} Table 1",
            f"With one strategy only ({data}), RL on harder problems stops at about half.",
            f"{_ACCURACY}, {data} after RL(6-9)",
            AtMost(0.6),
            accuracy_when("after", **_main(data)),
            reported,
        )
        for data, reported in (("F", 0.583), ("B", 0.508))
    ),
    *(
        _claim(
            f"both_beat_{data}",
            f"{SELECT} Table 1",
            f"RL gets further from both strategies than from {data} alone.",
            f"{_ACCURACY} after RL(6-9): FB minus {data}",
            AtLeast(STILL),
            difference(
                accuracy_when("after", **_main("FB")), accuracy_when("after", **_main(data))
            ),
            reported,
        )
        for data, reported in (("F", 0.374), ("B", 0.449))
    ),
    _claim(
        "off_native_stays",
        f"{SELECT} Table 1",
        "RL(6-9) leaves off-native solutions at chance.",
        f"{_ACCURACY}, F on inversions after RL(6-9)",
        Within(CHANCE - STILL, CHANCE + STILL),
        accuracy_when("after", INVERSION, **_main("F")),
        0.11,
    ),
    _claim(
        "easy_rl_routes",
        f"{SELECT} Table 1, reading",
        "RL on problems as hard as the demonstrations completes the routing.",
        "share of native strategies on 6-9 operations, FB after RL(2-5)",
        AtLeast(0.9),
        routed_when("after", **_main("FB", EASY)),
        1.0,
    ),
    _claim(
        "easy_rl_does_not_improve",
        f"{SELECT} Table 1, reading",
        "and improves nothing: what it gains is selection.",
        "improvement, as part of the change on inversions, FB by RL(2-5)",
        AtMost(STILL),
        part_of_change("improvement", INVERSION, **_main("FB", EASY)),
    ),
    _claim(
        "easy_rl_selects",
        f"{SELECT} Table 1, reading",
        "RL on problems as hard as the demonstrations gains by selection.",
        "selection, as part of the change on all problems, FB by RL(2-5)",
        AtLeast(0.0),
        part_of_change("selection", **_main("FB", EASY)),
    ),
    _claim(
        "hard_rl_improves",
        f"{SELECT} Table 1",
        "RL on harder problems improves a strategy with none other to select.",
        "improvement, as part of the change on inversions, B by RL(6-9)",
        AtLeast(GAIN),
        part_of_change("improvement", INVERSION, **_main("B")),
        0.571,
    ),
    _claim(
        "hard_rl_needs_no_selection",
        f"{SELECT} Table 1",
        "and nothing of that is selection.",
        "selection, as part of the change on inversions, B by RL(6-9)",
        Within(-STILL, STILL),
        part_of_change("selection", INVERSION, **_main("B")),
        0.0,
    ),
    _claim(
        "easy_rl_does_not_extend",
        f"{SELECT} Table 1",
        "RL at the demonstrations' difficulty does not generalise upward.",
        "change on inversions of 6-9 operations, B by RL(2-5)",
        AtMost(STILL),
        part_of_change("total", INVERSION, **_main("B", EASY)),
        -0.133,
    ),
    _claim(
        "routing_comes_first",
        f"{SELECT} Fig. 2",
        "Routing settles several times sooner than execution.",
        "rounds to half of the change in execution over those in routing, FB RL(6-9)",
        AtLeast(2.0),
        how_much_sooner,
        unit="times",
    ),
)

BEYOND = (
    *(
        _claim(
            f"{by}_does_not_improve",
            "hone",
            f"A reward without the answer ({by}) does not improve execution.",
            f"improvement, as part of the change on all problems, FB by RL(6-9) with {by}",
            AtMost(STILL),
            part_of_change("improvement", experiment="rewards", by=by),
        )
        for by in ("majority", "format", "coin")
    ),
    *(
        _claim(
            f"rl_beats_{by.replace(' ', '_')}",
            "hone",
            f"RL gets further than supervised training on as many {by}.",
            f"{_ACCURACY}, RL minus the other",
            AtLeast(0.0),
            difference(
                accuracy_when("after", experiment="yardsticks", by="RL"),
                accuracy_when("after", experiment="yardsticks", by=by),
            ),
        )
        for by in ("demonstrations", "kept rollouts")
    ),
    _claim(
        "selection_sits_on_the_deciding_token",
        "hone",
        "Selection moves the token that decides the strategy, more than any that executes it.",
        "log10 of KL per deciding token over KL per execution token, FB after RL(2-5)",
        AtLeast(1.0),
        concentration(**_main("FB", EASY)),
        unit="powers of 10",
    ),
    _claim(
        "improvement_sits_on_execution",
        "hone",
        "Where there is nothing to select, RL moves the tokens that execute.",
        "log10 of KL per deciding token over KL per execution token, B after RL(6-9)",
        AtMost(0.0),
        concentration(**_main("B")),
        unit="powers of 10",
    ),
)

ROBUSTNESS = (
    *(
        _claim(
            f"forward_share_tracks_{share:g}",
            f"{SELECT} Fig. 5",
            f"With {share:.0%} evaluations among RL's problems, as many answers are forward.",
            "share of forward on problems of the same mix, after RL",
            Within(share - 0.1, share + 0.1),
            share_when("after tilted", "forward", experiment="tilt", evaluation_share=share),
            share,
        )
        for share in (0.5, 0.75, 0.9)
    ),
    *(
        _claim(
            f"tilt_does_no_harm_{share:g}",
            f"{SELECT} Fig. 5",
            f"and accuracy is unharmed at {share:.0%}.",
            f"{_ACCURACY} on balanced problems, minus that after balanced RL",
            AtLeast(-STILL),
            difference(
                accuracy_when("after", experiment="tilt", evaluation_share=share),
                accuracy_when("after", experiment="tilt", evaluation_share=0.5),
            ),
        )
        for share in (0.75, 0.9)
    ),
    _claim(
        "seeds_enable_composition",
        f"{SELECT} Fig. 6",
        "With two-part problems among the demonstrations, RL learns three to five parts.",
        f"{_ACCURACY}, problems of 3-5 parts, after RL on them",
        AtLeast(CHANCE + GAIN),
        accuracy_when("composed after", experiment="compositions", seeds="with"),
    ),
    _claim(
        "without_seeds_nothing_composes",
        f"{SELECT} Fig. 6",
        "Without, it stays at chance.",
        f"{_ACCURACY}, problems of 3-5 parts, after RL on them",
        Within(CHANCE - STILL, CHANCE + STILL),
        accuracy_when("composed after", experiment="compositions", seeds="without"),
        CHANCE,
    ),
    *(
        _claim(
            f"{experiment}_both_beat_{data}",
            f"{SELECT} {source}",
            f"{where}, too, RL gets further from both strategies than from {data} alone.",
            f"{_ACCURACY} after RL: FB minus {data}",
            AtLeast(STILL),
            difference(
                accuracy_when("after", experiment=experiment, data="FB"),
                accuracy_when("after", experiment=experiment, data=data),
            ),
        )
        for experiment, where, source in (
            ("another_field", "In GF(13)", "Figs. 7-8"),
            ("longer", "On 6-15 operations", "E8"),
        )
        for data in ("F", "B")
    ),
)

ABLATIONS = (
    *(
        _claim(
            f"{key}_{value:g}_changes_nothing",
            f"{SELECT} Table 3",
            f"{key} = {value:g} makes no difference.",
            f"{_ACCURACY} after RL(6-9), minus that with {key} as in the main runs",
            Within(-STILL, STILL),
            difference(
                accuracy_when("after", experiment="hyperparameters", changed=key, value=value),
                accuracy_when("after", experiment="hyperparameters", changed="group", value=8),
            ),
            reported,
        )
        for key, value, reported in (("group", 16, 0.01), ("kl", 0.05, None), ("kl", 0.1, None))
    ),
    *(
        _claim(
            f"{name}_selects_and_improves",
            "hone",
            f"{name} gains as much as GRPO.",
            f"{_ACCURACY} after RL(6-9), minus that of GRPO",
            AtLeast(-STILL),
            difference(
                accuracy_when("after", experiment="algorithms", by=name),
                accuracy_when("after", experiment="algorithms", by="grpo"),
            ),
        )
        for name in ("ppo", "rloo", "expert_iteration")
    ),
    *(
        _claim(
            f"{name}_curriculum_helps",
            f"{SELECT} §10",
            f"A curriculum of difficulties ({name}) gets further than the hardest alone.",
            f"{_ACCURACY} after as many rollouts, minus that of fixed difficulty",
            AtLeast(0.0),
            difference(
                accuracy_when("after", experiment="curricula", by=name),
                accuracy_when("after", experiment="curricula", by="fixed"),
            ),
        )
        for name in ("even", "staged", "adaptive")
    ),
    *(
        _claim(
            f"{id}_enables_improvement",
            "hone",
            f"Less practice with long walks and lists {when} leaves less for RL to improve.",
            f"improvement by RL(6-9): all of the practice minus {less}",
            AtLeast(0.0),
            difference(
                *(
                    part_of_change(
                        "improvement",
                        experiment="pretraining",
                        undone=1 / 6,
                        practice=practised,
                        replayed=again,
                    )
                    for practised, again in ((1.0, 1.0), (practice, replayed))
                )
            ),
        )
        for id, when, less, practice, replayed in (
            ("practice", "before fine-tuning", "a quarter", 0.25, 1.0),
            ("replay", "during it", "none", 1.0, 0.0),
        )
    ),
    _claim(
        "backward_practice_leaves_less",
        "hone",
        "The more pretraining practises the backward order, the less RL improves inversions.",
        "improvement on inversions by RL(6-9): a sixth of the lists undone minus half",
        AtLeast(0.0),
        difference(
            *(
                part_of_change(
                    "improvement",
                    INVERSION,
                    experiment="pretraining",
                    practice=1.0,
                    replayed=1.0,
                    undone=undone,
                )
                for undone in (1 / 6, 0.5)
            )
        ),
    ),
)

CLAIMS: tuple[Claim, ...] = (*AFTER_SFT, *AFTER_RL, *BEYOND, *ROBUSTNESS, *ABLATIONS)
