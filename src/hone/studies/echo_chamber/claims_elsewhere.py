"""Claims beyond the core: scale, algorithms, repeats of a corpus, transfer to harder problems."""

from hone.measures import AtLeast, AtMost, accuracy
from hone.runs.results import Results
from hone.studies.echo_chamber.claims import STILL, claim
from hone.studies.echo_chamber.statistics import (
    accuracy_after,
    after,
    change,
    change_of,
    course,
    difference,
    entropy,
    mean_over_runs,
    pass_at_most,
    shares,
    trend_over,
)
from hone.studies.echo_chamber.winners import wins

BY_PPO, RESTARTED = {"by": "PPO"}, {"by": "EI, restarted"}
MISCODED = "one program in three is wrong"
SMALL, LARGE = {"scale": "0.1M"}, {"scale": "1M"}


def _text_after(run: Results) -> float:
    return after(lambda table: shares(table).get("text", 0.0))(run)


def _variety_after(run: Results) -> float:
    return after(lambda table: float(pass_at_most(table).value))(run)


def _gain(run: Results) -> float:
    return change(run, accuracy)


def _program_wins(run: Results) -> float:
    return float(wins(run) == "program")


SCALE = (
    claim(
        "small_ends_in_programs",
        "§3.4, Fig. 7",
        "A small model ends in programs,",
        "share of runs that programs win, 0.1 M parameters, programs with a systematic error, "
        "large numbers",
        AtLeast(0.5),
        mean_over_runs(_program_wins, experiment="scale", mixture=MISCODED, **SMALL),
    ),
    claim(
        "large_ends_in_text",
        "§3.4, Fig. 7",
        "a large one that has read as many tokens in natural language.",
        "share of text after RL with 1 M parameters minus with 0.1 M, same documents",
        AtLeast(0.2),
        difference(_text_after, LARGE, SMALL, experiment="scale", mixture=MISCODED),
    ),
    claim(
        "scale_alone",
        "§3.4",
        "Scale moves the winner where no format has a systematic error, too.",
        "share of text after RL with 1 M parameters minus with 0.1 M, balanced mixture",
        AtLeast(0.2),
        difference(_text_after, LARGE, SMALL, experiment="scale", mixture="balanced"),
    ),
)


def _drawdown(run: Results) -> float:
    return course(run).drawdown


ALGORITHMS = (
    *(
        claim(
            f"programs_win_by_{by}",
            "§3.5, App. F",
            f"By {by} the winner is that of PPO, programs.",
            f"share of runs that programs win, {by}, balanced mixture",
            AtLeast(0.5),
            mean_over_runs(_program_wins, experiment="algorithms", by=by),
        )
        for by in ("PPO", "GRPO", "GRPO, KL", "GRPO as released", "EI, restarted")
    ),
    *(
        claim(
            f"less_stable_{name}",
            "§3.5, Fig. 14",
            f"{by} is less stable than PPO.",
            f"largest fall of accuracy from an earlier look, {by} minus PPO",
            AtLeast(0.0),
            difference(_drawdown, {"by": by}, BY_PPO, experiment="algorithms"),
        )
        for name, by in (("grpo", "GRPO"), ("grpo_kl", "GRPO, KL"),
                         ("released", "GRPO as released"))
    ),
    claim(
        "expert_iteration_is_lower",
        "§3.5, Fig. 20",
        "Expert iteration, restarted from the pretrained model, ends lower,",
        "accuracy after it minus that after PPO, equal samples",
        AtMost(0.0),
        difference(accuracy_after, RESTARTED, BY_PPO, experiment="algorithms"),
    ),
    claim(
        "expert_iteration_is_milder",
        "§3.5, Fig. 20",
        "shifts formats less,",
        "entropy of the format after it minus that after PPO",
        AtLeast(0.0),
        difference(after(entropy), RESTARTED, BY_PPO, experiment="algorithms"),
        unit="nats",
    ),
    claim(
        "expert_iteration_keeps_variety",
        "§3.5",
        "and keeps pass@k.",
        "pass@32 after it minus that after PPO",
        AtLeast(0.0),
        difference(_variety_after, RESTARTED, BY_PPO, experiment="algorithms"),
    ),
    claim(
        "restart_is_what_keeps_it",
        "§3.5",
        "It is restarting that makes it milder.",
        "entropy of the format, expert iteration restarted minus continued",
        AtLeast(0.0),
        difference(after(entropy), RESTARTED, {"by": "EI, continued"},
                   experiment="algorithms"),
        unit="nats",
    ),
)  # fmt: skip

REPEATS = tuple(
    claim(
        f"{name}_{tokens}",
        "§3.3, Fig. 5",
        f"{statement} ({how}).",
        statistic,
        AtLeast(0.0),
        trend_over("times", value, experiment="repeats", tokens=tokens),
    )
    for tokens, how in (("fixed", "at as many tokens"), ("growing", "beside all else"))
    for name, statement, statistic, value in (
        ("repeats_raise_accuracy", "The more often programs are read, the better after RL",
         "slope of accuracy after RL on the rank of 1, 2, 4 and 8 times", accuracy_after),
        ("repeats_raise_the_gain", "and the more RL gains",
         "slope of accuracy after RL minus before on the rank of 1, 2, 4 and 8 times", _gain),
    )
)  # fmt: skip

TRANSFER = tuple(
    claim(
        f"harder_{by}_{hard}",
        "§4, Table 1",
        f"RL on easy problems helps with {what} that pretraining has {where}.",
        f"accuracy on {what} after RL minus before",
        AtLeast(STILL),
        change_of(accuracy, "hard", experiment="transfer", by=by, hard=hard),
    )
    for by, what in (("numbers", "larger numbers"), ("steps", "longer chains"))
    for hard, where in (("program", "as programs"), ("tagged", "as tagged code"),
                        ("text", "in sentences"), ("none", "nowhere"))
)  # fmt: skip

WORDING = claim(
    "unseen_wording",
    "§4",
    "RL helps with problems in words that it has not used.",
    "accuracy on problems in unseen wording after RL minus before, all mixtures",
    AtLeast(0.0),
    change_of(accuracy, "unseen wording", experiment="transfer"),
)

ELSEWHERE = (*SCALE, *ALGORITHMS, *REPEATS, *TRANSFER, WORDING)
