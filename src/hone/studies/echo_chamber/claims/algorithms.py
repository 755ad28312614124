"""Claims on PPO, GRPO and expert iteration at as many samples."""

from functools import partial

from hone.measures import AtLeast, AtMost, Within
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.claims.rules import ALIKE, GREEDILY, STILL, claim
from hone.studies.echo_chamber.measured.comparisons import (
    counted,
    difference,
    mean_over_runs,
    minus,
)
from hone.studies.echo_chamber.measured.course import (
    between_looks,
    collapse_time,
    drawdown,
    fall_of_accuracy,
    lost_with_copies,
)
from hone.studies.echo_chamber.measured.endings import after, ends_in
from hone.studies.echo_chamber.measured.formats import entropy, passed, right


def _by(name: str) -> dict[str, Factor]:
    return {"by": name}


def _programs_lost(run: Results) -> float:
    return lost_with_copies(run, "program")


_between = partial(minus, experiment="algorithms")
RESTARTED = "EI, restarted"
CONTINUED = "EI, continued"
COMPARED = ("PPO", "PPO, no KL", "GRPO", "GRPO, KL", "GRPO as released", RESTARTED, CONTINUED)
ALGORITHMS = (
    *(
        claim(
            f"programs_win_by_{by.replace(',', '').replace(' ', '_')}",
            "§3.5, App. F",
            f"By {by} the winner is programs.",
            f"share of models that end so, {by}, balanced mixture",
            AtLeast(0.5),
            counted(ends_in("program"), experiment="algorithms", by=by),
        )
        for by in COMPARED
    ),
    *(
        claim(
            f"less_stable_{id}{suffix}",
            "§3.5, Fig. 14",
            f"{one} is less stable than {other}{in_what}.",
            f"largest fall of {of_what}, {one} minus {other}",
            AtLeast(STILL),
            _between(fall, _by(one), _by(other)),
        )
        for id, one, other in (
            ("alike", "GRPO, KL", "PPO"),
            ("free", "GRPO", "PPO, no KL"),
            ("released", "GRPO as released", "PPO"),
        )
        for suffix, in_what, of_what, fall in (
            ("", " in training", "the reward in training, mean of 5 rounds", drawdown),
            ("_greedily", " in pass@1", "greedy accuracy from an earlier look at it",
             fall_of_accuracy),
        )
    ),
    claim(
        "grpo_is_as_fast",
        "§3.5",
        "GRPO collapses as soon as PPO under the same penalty.",
        "first look with a share of 0.9, GRPO, KL minus PPO",
        Within(-10, 10),
        _between(collapse_time, _by("GRPO, KL"), _by("PPO"), between_looks),
        unit="rounds",
    ),
    claim(
        "grpo_keeps_as_much",
        "§3.5",
        "GRPO keeps as much of pass@k as PPO under the same penalty.",
        "pass@k after RL, GRPO, KL minus PPO",
        Within(-ALIKE, ALIKE),
        difference(passed, _by("GRPO, KL"), _by("PPO"), experiment="algorithms"),
    ),
    claim(
        "expert_iteration_is_lower",
        "§3.5, Fig. 20",
        "Expert iteration, restarted from the pretrained model, ends lower than GRPO.",
        "greedy accuracy after it minus that after GRPO, as many samples",
        AtMost(0.0),
        difference(right, _by(RESTARTED), _by("GRPO"), GREEDILY, experiment="algorithms"),
    ),
    claim(
        "expert_iteration_is_milder",
        "§3.5, Fig. 20",
        "Expert iteration, restarted, shifts formats less than GRPO.",
        "entropy of the format after it minus that after GRPO",
        AtLeast(0.0),
        _between(after(entropy), _by(RESTARTED), _by("GRPO")),
        unit="nats",
    ),
    claim(
        "expert_iteration_keeps_variety",
        "§3.5",
        "Expert iteration, restarted, keeps more of pass@k than GRPO.",
        "pass@k after it minus that after GRPO",
        AtLeast(0.0),
        difference(passed, _by(RESTARTED), _by("GRPO"), experiment="algorithms"),
    ),
    claim(
        "restart_is_what_keeps_it",
        "§3.5",
        "It is restarting that makes it milder.",
        "entropy of the format, expert iteration restarted minus continued",
        AtLeast(0.0),
        _between(after(entropy), _by(RESTARTED), _by(CONTINUED)),
        unit="nats",
    ),
    claim(
        "duplicates_choose_the_winner",
        "§13.7 of the specification",
        "Where copies are dropped programs lose most, which say the same in the same words.",
        "share of programs among right responses of the first round, with copies minus without",
        AtLeast(STILL),
        mean_over_runs(_programs_lost, experiment="algorithms", by=RESTARTED),
    ),
)  # fmt: skip
