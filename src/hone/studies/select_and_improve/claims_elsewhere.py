"""Claims beyond the main experiment: other mixtures, fields, lengths, settings and algorithms."""

from hone.measures import AtLeast, AtMost, Within
from hone.runs.plan import Factor
from hone.studies.select_and_improve.claims import (
    ACCURACY,
    CAPPED,
    CHANCE,
    EXECUTED,
    GAIN,
    SELECT,
    STILL,
    after_easy_rl,
    claim,
)
from hone.studies.select_and_improve.statistics import (
    accuracy_against,
    accuracy_when,
    difference,
    how_much_sooner,
    mean_over_rounds,
    part_of_change,
    share_when,
)
from hone.studies.study import Measure
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

UNCHANGED, FASTER = "group 8 and KL 0.05", "five times the learning rate"
VARIED = {
    "twice the group": {"FB": 0.01, "F": -0.09, "B": 0.05},
    "twice the KL": {"FB": -0.01, "F": -0.02, "B": 0.0},
    "twice both": {"FB": 0.0, "F": -0.08, "B": 0.0},
}
"""By variation and arm, what the accuracy changed by in the paper."""


def _of(experiment: str, **factors: Factor) -> dict[str, Factor]:
    return {"experiment": experiment, **factors}


def _restrained(data: str) -> dict[str, str]:
    return {"experiment": "restrained", "data": data}


VARIED_AGAINST = f"{ACCURACY} after RL on hard problems, minus that with {UNCHANGED}"


def _against_unchanged(data: str, variation: str) -> Measure:
    """Accuracy with varied hyperparameters minus that with the group and penalty of the paper."""
    varied, unchanged = (
        _of("hyperparameters", data=data, variation=name) for name in (variation, UNCHANGED)
    )
    return accuracy_against("after", varied, "after", unchanged)


ELSEWHERE = (
    ("another_field", "In GF(13)", "Figs. 7-8"),
    ("longer", "On problems of up to 15 operations", "E8"),
)
ROBUSTNESS = (
    *(
        claim(
            f"forward_share_tracks_{share:g}",
            f"{SELECT} Fig. 5",
            f"With {share:.0%} evaluations among RL's problems, as many answers are forward.",
            "share of forward on problems of the same mix, after RL",
            Within(share - STILL, share + STILL),
            share_when("after tilted", "forward", experiment="tilt", evaluation_share=share),
            share,
        )
        for share in (0.5, 0.75, 0.9)
    ),
    *(
        claim(
            f"tilt_does_no_harm_{share:g}",
            f"{SELECT} Fig. 5",
            f"With {share:.0%} evaluations accuracy on balanced problems is unharmed.",
            f"{ACCURACY} on balanced problems, minus that after balanced RL",
            AtLeast(-STILL),
            accuracy_against(
                "after",
                {"experiment": "tilt", "evaluation_share": share},
                "after",
                {"experiment": "tilt", "evaluation_share": 0.5},
            ),
        )
        for share in (0.75, 0.9)
    ),
    claim(
        "seeds_enable_composition",
        f"{SELECT} Fig. 6",
        "With two-part problems among the demonstrations, RL learns three to five parts.",
        f"{ACCURACY}, problems of 3-5 parts, after RL on them minus before",
        AtLeast(GAIN),
        accuracy_against(
            "composed after",
            _of("compositions", seeds="with"),
            "composed before",
            _of("compositions", seeds="with"),
        ),
    ),
    claim(
        "without_seeds_nothing_composes",
        f"{SELECT} Fig. 6",
        "Without two-part problems among them, three to five parts stay at chance.",
        f"{ACCURACY}, problems of 3-5 parts, after RL on them",
        AtMost(CHANCE + STILL),
        accuracy_when("composed after", experiment="compositions", seeds="without"),
        CHANCE,
    ),
    claim(
        "another_field_both_are_near_perfect",
        f"{SELECT} Figs. 7-8",
        "In GF(13), too, RL from both strategies is near-perfect.",
        f"{ACCURACY}, FB after RL",
        AtLeast(EXECUTED),
        accuracy_when("after", experiment="another_field", data="FB"),
    ),
    claim(
        "longer_both_improve",
        f"{SELECT} E8",
        "On problems of up to 15 operations, too, RL from both strategies improves inversions.",
        "improvement, as part of the change on inversions, FB by RL",
        AtLeast(GAIN),
        part_of_change("improvement", INVERSION, experiment="longer", data="FB"),
    ),
    *(
        claim(
            f"{experiment}_one_is_capped_{data}",
            f"{SELECT} {source}",
            f"{where}, too, RL from {data} alone stops at about half.",
            f"{ACCURACY}, {data} after RL",
            CAPPED,
            accuracy_when("after", experiment=experiment, data=data),
        )
        for experiment, where, source in ELSEWHERE
        for data in ("F", "B")
    ),
    *(
        claim(
            f"{experiment}_{id}",
            f"{SELECT} {source}",
            f"{where}, too, routing settles several times sooner than {later}.",
            f"rounds to half of the change in {later} over those in routing, FB",
            AtLeast(2.0),
            how_much_sooner(later, experiment=experiment, data="FB"),
            unit="times",
        )
        for experiment, where, source in ELSEWHERE
        for id, later in (("routing_comes_first", "execution"), ("routing_is_sooner", "accuracy"))
    ),
    *(
        claim(
            f"{experiment}_rl_improves",
            f"{SELECT} {source}",
            f"{where}, too, RL improves a strategy with none other to select.",
            "improvement, as part of the change on inversions, B by RL",
            AtLeast(GAIN),
            part_of_change("improvement", INVERSION, experiment=experiment, data="B"),
        )
        for experiment, where, source in ELSEWHERE
    ),
)

ABLATIONS = (
    *after_easy_rl("restrained", "With the paper's KL penalty RL on easy problems", _restrained),
    *(
        claim(
            f"restrained_{data}_keeps_{kind}s",
            "hone",
            f"With that penalty RL on easy problems costs {data}'s {kind}s nothing.",
            f"{ACCURACY} on hard {kind}s, after RL on easy problems minus before",
            AtLeast(-STILL),
            accuracy_against("after", _restrained(data), "before", _restrained(data), kind),
        )
        for data, kind in (
            ("B", INVERSION),
            ("F", EVALUATION),
            ("FB", EVALUATION),
            ("FB", INVERSION),
        )
    ),
    *(
        claim(
            f"{variation.replace(' ', '_')}_changes_nothing_for_{data}",
            f"{SELECT} E10",
            f"{variation[0].upper()}{variation[1:]} makes no difference to {data}.",
            VARIED_AGAINST,
            Within(-STILL, STILL),
            _against_unchanged(data, variation),
            reported,
        )
        for variation, by_arm in VARIED.items()
        for data, reported in by_arm.items()
    ),
    *(
        claim(
            f"five_times_the_learning_rate_is_too_much_for_{data}",
            f"{SELECT} E10",
            f"{FASTER[0].upper()}{FASTER[1:]} costs accuracy from {data}.",
            VARIED_AGAINST,
            AtMost(-STILL),
            _against_unchanged(data, FASTER),
        )
        for data in ("B", "F", "FB")
    ),
    *(
        claim(
            f"{name}_gains_as_much",
            "hone",
            f"{name} gains as much as GRPO.",
            f"{ACCURACY} after RL on hard problems, minus that of GRPO",
            AtLeast(-STILL),
            accuracy_against(
                "after", _of("algorithms", by=name), "after", _of("algorithms", by="grpo")
            ),
        )
        for name in ("ppo", "rloo", "expert_iteration")
    ),
    *(
        claim(
            f"{name}_curriculum_helps",
            f"{SELECT} §10",
            f"A curriculum of difficulties ({name}) gets there sooner than the hardest alone.",
            "accuracy on hard problems, mean over all looks, minus that of fixed difficulty",
            AtLeast(STILL),
            difference(
                mean_over_rounds(experiment="curricula", by=name),
                mean_over_rounds(experiment="curricula", by="fixed"),
            ),
        )
        for name in ("even", "staged", "adaptive")
    ),
    *(
        claim(
            id,
            "hone",
            statement,
            f"improvement by RL on hard problems: all of the practice minus {less}",
            AtLeast(STILL),
            difference(
                *(
                    part_of_change("improvement", kind, experiment="practice", practice=practice)
                    for practice in ("all", less)
                )
            ),
        )
        for id, kind, less, statement in (
            (
                "practice_enables_improvement",
                None,
                "a quarter of long",
                "Less practice with long walks and lists leaves less for RL to improve.",
            ),
            (
                "replay_enables_improvement",
                None,
                "no replay",
                "Without that practice during fine-tuning there is less for RL to improve.",
            ),
            (
                "backward_practice_leaves_less",
                INVERSION,
                "twice as many undone",
                "The more of it goes backward, the less RL improves inversions.",
            ),
        )
    ),
)
