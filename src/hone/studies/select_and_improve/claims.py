"""The paper's sentences that the study decides, each with its statistic and its rule.

Numbers of claims and sections are those of the reproduction's specification; regions that the paper
does not give were set before the runs that decide them.
"""

from collections.abc import Callable, Iterator
from functools import partial

from hone.measures import AtLeast, AtMost, Region, Within
from hone.measures.drift import concentration, deciding_share
from hone.studies.select_and_improve.arms import REWARDS, STRATEGIES
from hone.studies.select_and_improve.statistics import (
    NATIVE,
    accuracy_against,
    accuracy_when,
    difference,
    how_much_sooner,
    late_in_rl,
    part_of_change,
    routed_when,
    slope_of_gain,
)
from hone.studies.study import Claim, Measure
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

SELECT = "Select and Improve (arXiv 2606.13125)"
CHANCE = 1 / 11
EXECUTED = 0.95  # from which a strategy counts as mastered
GAIN = 0.2  # of accuracy, from which a change counts as large
STILL = 0.05  # of accuracy, up to which it counts as none
NEAR = 0.1  # of accuracy, up to which two arms are near each other
COMPLETE = 0.9  # of responses, from which a routing is complete
CAPPED = Within(0.4, 0.6)  # of all problems, where one kind is out of reach
EASY, HARD = "easy", "hard"  # problems as the demonstrations are, and longer ones
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

ACCURACY = "mean accuracy of samples at RL's temperature"


def claim(
    id: str,
    paper: str,
    statement: str,
    statistic: str,
    region: Region,
    measure: Measure,
    reported: float | None = None,
    unit: str = "",
) -> Claim:
    """A claim, what it is decided by first."""
    return Claim(id, paper, statement, statistic, region, measure, unit, reported)


def _main(data: str, level: str = HARD) -> dict[str, str]:
    return {"experiment": "main", "data": data, "level": level}


def _yardstick(by: str) -> dict[str, str]:
    return {"experiment": "yardsticks", "by": by}


def _forced(strategy: str, kind: str, data: str) -> Measure:
    return accuracy_when(f"easy {strategy}", kind, experiment="main", data=data)


def _off_native(id: str, statement: str, when: str, **reported: float) -> Iterator[Claim]:
    """Each arm with one strategy, on the hard problems that it does not suit, is at chance."""
    for data, kind in (("F", INVERSION), ("B", EVALUATION)):
        yield claim(
            f"{id}_{data}",
            f"{SELECT} Table 1",
            statement.format(data),
            f"{ACCURACY}, {data} on hard {kind}s, {when} RL on them",
            Within(CHANCE - STILL, CHANCE + STILL),
            accuracy_when(when, kind, **_main(data)),
            reported[data],
        )


def after_easy_rl(
    id: str, subject: str, factors: Callable[[str], dict[str, str]]
) -> Iterator[Claim]:
    """What RL on easy problems does to FB; `factors` are those of the arm by its demonstrations."""
    reading = f"{SELECT} Table 1, reading"
    yield claim(
        f"{id}_routes",
        reading,
        f"{subject} completes FB's routing.",
        "share of native strategies on hard problems, FB after RL on easy ones",
        AtLeast(COMPLETE),
        routed_when("after", **factors("FB")),
        1.0,
    )
    yield claim(
        f"{id}_selects",
        reading,
        f"{subject} gains by selection.",
        "selection, as part of the change on all problems, FB by RL on easy ones",
        AtLeast(STILL),
        part_of_change("selection", **factors("FB")),
    )
    yield claim(
        f"{id}_leaves_execution",
        reading,
        f"{subject} leaves FB's execution of inversions as it was.",
        "improvement, as part of the change on inversions, FB by RL on easy ones",
        Within(-STILL, STILL),
        part_of_change("improvement", INVERSION, **factors("FB")),
    )
    yield claim(
        f"{id}_ends_near_B",
        reading,
        f"{subject} leaves FB near B on inversions.",
        f"{ACCURACY} on hard inversions, after RL on easy problems: FB minus B",
        Within(-NEAR, NEAR),
        accuracy_against("after", factors("FB"), "after", factors("B"), INVERSION),
        0.066,
    )


UNINFORMED = tuple(name for name in REWARDS if name != "verifier")
"""Rewards that do not know the answer."""
AFTER_SFT = (
    *(
        claim(
            f"sft_native_{data}",
            f"{SELECT} §7 E0",
            f"After fine-tuning, {data} executes its native strategy on the lengths it was shown.",
            f"accuracy on easy {kind}s, forced {NATIVE[kind]}",
            AtLeast(EXECUTED),
            _forced(NATIVE[kind], kind, data),
            1.0,
        )
        for data, kind in (("F", EVALUATION), ("B", INVERSION))
    ),
    *(
        claim(
            f"sft_off_native_{data}",
            f"{SELECT} §7 E0",
            f"After fine-tuning, {data}'s off-native solutions are between chance and native ones.",
            f"accuracy on easy {kind}s, forced {strategy}",
            Within(2 * CHANCE, 0.9),
            _forced(strategy, kind, data),
            0.6,
        )
        for data, kind, strategy in (("F", INVERSION, "forward"), ("B", EVALUATION, "backward"))
    ),
    *(
        claim(
            f"sft_all_{data}",
            f"{SELECT} §7 E0",
            f"{data} is right on about 80 % of problems as long as its demonstrations.",
            f"{ACCURACY}, easy problems, {data} before RL",
            Within(0.7, 0.9),
            accuracy_when("easy", experiment="main", data=data),
            0.8,
        )
        for data in STRATEGIES
    ),
    *_off_native(
        "long_off_native",
        "On hard problems, {}'s off-native solutions are at chance.",
        "before",
        F=0.107,
        B=0.119,
    ),
    *(
        claim(
            f"long_native_{data}",
            f"{SELECT} Table 1",
            f"On hard problems, {data}'s native solutions are far above chance.",
            f"{ACCURACY}, hard {kind}s, before RL",
            AtLeast(CHANCE + GAIN),
            accuracy_when("before", kind, **_main(data)),
            reported,
        )
        for data, kind, reported in (("F", EVALUATION, 0.971), ("B", INVERSION, 0.389))
    ),
    claim(
        "forward_extends_further",
        f"{SELECT} Table 1",
        "Forward extends to longer problems better than backward does.",
        "F on hard evaluations minus B on hard inversions, before RL",
        AtLeast(STILL),
        difference(
            accuracy_when("before", EVALUATION, **_main("F")),
            accuracy_when("before", INVERSION, **_main("B")),
        ),
        0.582,
    ),
)

AFTER_RL = (
    claim(
        "both_are_near_perfect",
        f"{SELECT} Table 1",
        "With both strategies in the demonstrations, RL on hard problems is near-perfect.",
        f"{ACCURACY}, FB after RL on hard ones",
        AtLeast(EXECUTED),
        accuracy_when("after", **_main("FB")),
        0.957,
    ),
    *(
        claim(
            f"one_is_capped_{data}",
            f"{SELECT} Table 1",
            f"With one strategy only ({data}), RL on hard problems stops at about half.",
            f"{ACCURACY}, {data} after RL on hard ones",
            CAPPED,
            accuracy_when("after", **_main(data)),
            reported,
        )
        for data, reported in (("F", 0.583), ("B", 0.508))
    ),
    *(
        claim(
            f"both_beat_{data}",
            f"{SELECT} Table 1",
            f"RL gets further from both strategies than from {data} alone.",
            f"{ACCURACY} after RL on hard problems: FB minus {data}",
            AtLeast(STILL),
            accuracy_against("after", _main("FB"), "after", _main(data)),
            reported,
        )
        for data, reported in (("F", 0.374), ("B", 0.449))
    ),
    *_off_native(
        "off_native_stays",
        "RL on hard problems leaves {}'s off-native solutions at chance.",
        "after",
        F=0.11,
        B=0.116,
    ),
    *after_easy_rl("easy_rl", "RL on easy problems", partial(_main, level=EASY)),
    claim(
        "hard_rl_improves",
        f"{SELECT} Table 1",
        "RL on hard problems improves a strategy with none other to select.",
        "improvement, as part of the change on inversions, B by RL on hard ones",
        AtLeast(GAIN),
        part_of_change("improvement", INVERSION, **_main("B")),
        0.571,
    ),
    claim(
        "hard_rl_needs_no_selection",
        f"{SELECT} Table 1",
        "Where RL on hard problems improves a lone strategy, nothing of it is selection.",
        "selection, as part of the change on inversions, B by RL on hard ones",
        Within(-STILL, STILL),
        part_of_change("selection", INVERSION, **_main("B")),
        0.0,
    ),
    claim(
        "easy_rl_does_not_extend",
        f"{SELECT} Table 1",
        "RL on easy problems does not carry B's inversions further.",
        "change on hard inversions, B by RL on easy ones",
        AtMost(STILL),
        part_of_change("total", INVERSION, **_main("B", EASY)),
        -0.133,
    ),
    *(
        claim(
            id,
            f"{SELECT} Fig. 2",
            f"Routing settles several times sooner than {later}.",
            f"rounds to half of the change in {later} over those in routing, FB, RL on hard ones",
            AtLeast(2.0),
            how_much_sooner(later, **_main("FB")),
            unit="times",
        )
        for id, later in (("routing_comes_first", "execution"), ("routing_is_sooner", "accuracy"))
    ),
)

BEYOND = (
    *(
        claim(
            f"{by}_does_not_improve",
            "hone",
            f"A reward without the answer ({by}) leaves execution as it was.",
            f"improvement, as part of the change on all problems, FB by RL on hard ones with {by}",
            Within(-STILL, STILL),
            part_of_change("improvement", experiment="rewards", by=by),
        )
        for by in UNINFORMED
    ),
    *(
        claim(
            f"{by}_selects",
            "hone",
            f"By a reward without the answer ({by}) strategies are chosen better all the same.",
            f"selection, as part of the change on all problems, FB by RL on hard ones with {by}",
            AtLeast(STILL),
            part_of_change("selection", experiment="rewards", by=by),
        )
        for by in UNINFORMED
    ),
    *(
        claim(
            f"rl_beats_{by.replace(' ', '_')}",
            "hone",
            f"RL gets further than supervised training on as many tokens of {by}.",
            f"{ACCURACY}, RL minus the other",
            AtLeast(STILL),
            accuracy_against("after", _yardstick("RL"), "after", _yardstick(by)),
        )
        for by in ("demonstrations", "kept rollouts")
    ),
    claim(
        "selection_sits_on_the_deciding_token",
        "hone",
        "Late in RL the token that decides the strategy has moved more than one that executes it.",
        "log10 of KL per deciding token over KL per execution token, FB late in RL on hard ones",
        AtLeast(1.0),
        late_in_rl(concentration, **_main("FB")),
        unit="powers of 10",
    ),
    claim(
        "improvement_sits_on_execution",
        "hone",
        "Where there is nothing to select, RL moves the other tokens.",
        "part of a response's KL that is on its deciding token, inversions, B late in RL on hard",
        AtMost(0.25),
        late_in_rl(deciding_share, INVERSION, **_main("B")),
    ),
    *(
        claim(
            f"headroom_foretells_{part}",
            "hone",
            f"What is left to gain before RL tells what it gains by {part}.",
            f"slope of {part} by RL on its headroom before, seed by seed, over the arms of Table 1",
            Within(0.5, 1.5),
            slope_of_gain(part),
        )
        for part in ("selection", "improvement")
    ),
)

MAIN: tuple[Claim, ...] = (*AFTER_SFT, *AFTER_RL, *BEYOND)
