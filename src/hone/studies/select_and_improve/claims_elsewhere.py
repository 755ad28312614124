"""Claims beyond the main experiment: other mixtures, fields, lengths, settings and algorithms."""

from hone.measures import AtLeast, Within
from hone.studies.select_and_improve.claims import ACCURACY, CHANCE, GAIN, SELECT, STILL, claim
from hone.studies.select_and_improve.statistics import (
    accuracy_when,
    difference,
    part_of_change,
    share_when,
)
from hone.tasks.field_arithmetic import EVALUATION, INVERSION

ROBUSTNESS = (
    *(
        claim(
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
        claim(
            f"tilt_does_no_harm_{share:g}",
            f"{SELECT} Fig. 5",
            f"and accuracy is unharmed at {share:.0%}.",
            f"{ACCURACY} on balanced problems, minus that after balanced RL",
            AtLeast(-STILL),
            difference(
                accuracy_when("after", experiment="tilt", evaluation_share=share),
                accuracy_when("after", experiment="tilt", evaluation_share=0.5),
            ),
        )
        for share in (0.75, 0.9)
    ),
    claim(
        "seeds_enable_composition",
        f"{SELECT} Fig. 6",
        "With two-part problems among the demonstrations, RL learns three to five parts.",
        f"{ACCURACY}, problems of 3-5 parts, after RL on them",
        AtLeast(CHANCE + GAIN),
        accuracy_when("composed after", experiment="compositions", seeds="with"),
    ),
    claim(
        "without_seeds_nothing_composes",
        f"{SELECT} Fig. 6",
        "Without, it stays at chance.",
        f"{ACCURACY}, problems of 3-5 parts, after RL on them",
        Within(CHANCE - STILL, CHANCE + STILL),
        accuracy_when("composed after", experiment="compositions", seeds="without"),
        CHANCE,
    ),
    *(
        claim(
            f"{experiment}_both_beat_{data}",
            f"{SELECT} {source}",
            f"{where}, too, RL gets further from both strategies than from {data} alone.",
            f"{ACCURACY} after RL: FB minus {data}",
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

RESTRAINT = 0.05  # the paper's KL coefficient
ABLATIONS = (
    *(
        claim(
            f"restrained_{data}_keeps_{kind}s",
            f"{SELECT} Table 1",
            f"With the paper's KL penalty RL on 2-5 operations costs {data} nothing beyond them.",
            f"{ACCURACY} on {kind}s of 6-9 operations, after RL(2-5) minus before",
            AtLeast(-STILL),
            difference(
                *(
                    accuracy_when(when, kind, experiment="restrained", data=data)
                    for when in ("after", "before")
                )
            ),
            reported,
        )
        for data, kind, reported in (
            ("B", INVERSION, -0.133),
            ("F", EVALUATION, -0.054),
            ("FB", EVALUATION, 0.272),
            ("FB", INVERSION, 0.051),
        )
    ),
    *(
        claim(
            f"{key}_{value:g}_changes_nothing",
            f"{SELECT} Table 3",
            f"{key} = {value:g} makes no difference.",
            f"{ACCURACY} after RL(6-9), minus that with {key} as in the main runs",
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
        claim(
            f"{name}_selects_and_improves",
            "hone",
            f"{name} gains as much as GRPO.",
            f"{ACCURACY} after RL(6-9), minus that of GRPO",
            AtLeast(-STILL),
            difference(
                accuracy_when("after", experiment="algorithms", by=name),
                accuracy_when("after", experiment="algorithms", by="grpo"),
            ),
        )
        for name in ("ppo", "rloo", "expert_iteration")
    ),
    *(
        claim(
            f"{name}_curriculum_helps",
            f"{SELECT} §10",
            f"A curriculum of difficulties ({name}) gets further than the hardest alone.",
            f"{ACCURACY} after as many rollouts, minus that of fixed difficulty",
            AtLeast(0.0),
            difference(
                accuracy_when("after", experiment="curricula", by=name),
                accuracy_when("after", experiment="curricula", by="fixed"),
            ),
        )
        for name in ("even", "staged", "adaptive")
    ),
    *(
        claim(
            id,
            "hone",
            statement,
            f"improvement by RL(6-9): all of the practice minus {less}",
            AtLeast(0.0),
            difference(
                *(
                    part_of_change("improvement", kind, experiment="pretraining", practice=practice)
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
                "lists half undone",
                "The more of it goes backward, the less RL improves inversions.",
            ),
        )
    ),
)
