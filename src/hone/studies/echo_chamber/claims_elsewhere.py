"""Claims beyond the core: scale, algorithms, repeats of a corpus, transfer to harder problems."""

from collections.abc import Callable
from functools import partial

from hone.measures import AtLeast, AtMost, Estimate, Within
from hone.runs.plan import Factor
from hone.runs.results import Results
from hone.studies.echo_chamber.arms import GENTLY, GREEDY
from hone.studies.echo_chamber.claims import ALIKE, STILL, claim
from hone.studies.echo_chamber.mixtures import MISREAD
from hone.studies.echo_chamber.runs import (
    change_beyond,
    change_of,
    counted,
    difference,
    mean_of,
    mean_over_runs,
    minus,
    models_of,
    mostly,
    share_of_models,
    slope_of,
    trend_over,
)
from hone.studies.echo_chamber.statistics import (
    after,
    agreed,
    between_looks,
    choosing_more,
    collapse_time,
    cut_short,
    drawdown,
    entropy,
    lost_with_copies,
    most_accurate_wins,
    of_format,
    passed,
    right,
    wins,
)

AMBIGUOUS: dict[str, Factor] = {"experiment": "scale", "mixture": MISREAD, "rate": 1}
ALL_ALIKE: dict[str, Factor] = {"experiment": "scale", "mixture": "balanced", "rate": 1}
SMALL, LARGE = {"scale": 0.1}, {"scale": 1.0}
TEXT = of_format("text")
GREEDILY = f"{GREEDY} after"


def _ends_in(format: str) -> Callable[[Results], bool]:
    return lambda run: wins(run) == format


def _winner_changes(results: Results) -> Estimate | None:
    """The share of seeds with which small models end in programs and large ones in text."""
    small, large = (results.select(**AMBIGUOUS, **size) for size in (SMALL, LARGE))
    if not (len(small) and len(large)):
        return None
    models = models_of(small)
    return share_of_models(
        [
            mostly(_ends_in("program"), small.select(base=each))
            and mostly(_ends_in("text"), large.select(base=each))
            for each in models
        ],
        models,
    )


SCALE = (
    claim(
        "small_ends_in_programs",
        "§3.4, Fig. 7",
        "A small model ends in programs.",
        "share of models of which most runs end so, 0.1 M parameters, programs that misread a "
        "relation, large numbers",
        AtLeast(0.5),
        counted(_ends_in("program"), **AMBIGUOUS, **SMALL),
    ),
    claim(
        "large_ends_in_text",
        "§3.4, Fig. 7",
        "A large model that has read as many tokens ends in natural language.",
        "share of models of which most runs end so, 1 M parameters, same documents",
        AtLeast(0.5),
        counted(_ends_in("text"), **AMBIGUOUS, **LARGE),
    ),
    claim(
        "scale_moves_to_text",
        "§3.4, Fig. 7",
        "Scale moves RL towards natural language.",
        "share of text after RL with 1 M parameters minus with 0.1 M, same documents",
        AtLeast(0.2),
        difference(TEXT, LARGE, SMALL, **AMBIGUOUS),
    ),
    claim(
        "scale_at_equal_rates",
        "hone's own",
        "Scale moves RL towards natural language at one learning rate of RL, too.",
        "the same, 1 M parameters at the learning rate that 0.1 M has",
        AtLeast(0.2),
        difference(TEXT, {**LARGE, "rate": 3}, SMALL, **AMBIGUOUS),
    ),
    claim(
        "scale_alone",
        "§3.4",
        "Scale moves RL towards natural language where programs misread nothing, too.",
        "share of text after RL with 1 M parameters minus with 0.1 M, balanced mixture",
        AtLeast(0.2),
        difference(TEXT, LARGE, SMALL, **ALL_ALIKE),
    ),
    claim(
        "text_grows_with_size",
        "§3.4, Fig. 7",
        "The larger the model, the more natural language RL ends in.",
        "slope of the share of text after RL on the rank of size, same documents",
        AtLeast(0.0),
        trend_over("scale", TEXT, **AMBIGUOUS),
    ),
    claim(
        "size_changes_the_winner",
        "§3.4, Fig. 7",
        "Size alone changes the winner from programs to natural language.",
        "share of pretraining seeds with which 0.1 M ends in programs and 1 M in text",
        AtLeast(0.5),
        _winner_changes,
    ),
    *(
        claim(
            f"most_accurate_wins_{id}",
            "§3.4",
            f"With {size['scale']:g} M parameters the winner is the format that is most accurate "
            "before RL.",
            "share of models of which most runs end so, programs that misread a relation, large "
            "numbers",
            AtLeast(0.5),
            counted(most_accurate_wins, **AMBIGUOUS, **size),
        )
        for id, size in (("small", SMALL), ("large", LARGE))
    ),
    claim(
        "larger_choose_less",
        "hone's own",
        "The larger the model, the less its gain is choosing formats, and the more working better.",
        "slope on the rank of size of what choosing gains beyond working better within formats, "
        "programs that misread a relation",
        AtMost(0.0),
        slope_of("scale", choosing_more, **AMBIGUOUS),
    ),
    claim(
        "size_at_equal_tokens",
        "§3.4",
        "With small numbers, too, size moves RL to natural language at as many tokens.",
        "share of text after RL with 1 M parameters minus with 0.1 M, same documents",
        AtLeast(0.2),
        difference(TEXT, LARGE, SMALL, experiment="tokens", documents=1, rate=1),
    ),
    claim(
        "size_at_equal_tokens_and_rates",
        "hone's own",
        "So it does at one learning rate of RL.",
        "the same, 1 M parameters at the learning rate that 0.1 M has",
        AtLeast(0.2),
        difference(
            TEXT, {**LARGE, "rate": 3}, {**SMALL, "rate": 1}, experiment="tokens", documents=1
        ),
    ),
    claim(
        "tokens_at_equal_size",
        "hone's own",
        "So does reading three times as much, at the same size.",
        "share of text after RL of 0.1 M parameters, three times the documents minus once",
        AtLeast(0.2),
        difference(TEXT, {"documents": 3}, {"documents": 1}, experiment="tokens", **SMALL),
    ),
)


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
            f"share of programs after RL, {by}, balanced mixture",
            AtLeast(0.5),
            mean_of(of_format("program"), experiment="algorithms", by=by),
        )
        for by in COMPARED
    ),
    *(
        claim(
            f"less_stable_{id}",
            "§3.5, Fig. 14",
            f"{one} is less stable than {other}.",
            f"largest fall of the reward in training, mean of 5 rounds, {one} minus {other}",
            AtLeast(STILL),
            _between(drawdown, _by(one), _by(other)),
        )
        for id, one, other in (
            ("alike", "GRPO, KL", "PPO"),
            ("free", "GRPO", "PPO, no KL"),
            ("released", "GRPO as released", "PPO"),
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
        "pass@16 after RL, GRPO, KL minus PPO",
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
        "pass@16 after it minus that after GRPO",
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
        "What drops duplicates favours formats that say the same in many ways.",
        "share of programs among right responses of the first round, with copies minus without",
        AtLeast(STILL),
        mean_over_runs(_programs_lost, experiment="algorithms", by=RESTARTED),
    ),
)  # fmt: skip

_TIMES = "on the rank of 1, 2, 4 and 8 times"
REPEATS = tuple(
    claim(f"{name}_{tokens}", "§3.3, Fig. 5", f"{statement} ({how}).", statistic, region,
          measure(experiment="repeats", tokens=tokens))
    for tokens, how in (("fixed", "at as many tokens"), ("growing", "beside all else"))
    for name, statement, statistic, region, measure in (
        ("repeats_raise_accuracy", "The more often programs are read, the better after RL",
         f"slope of greedy accuracy after RL {_TIMES}", AtLeast(0.0),
         partial(trend_over, "times", right, (GREEDILY,))),
        ("repeats_raise_the_gain", "and the more RL gains",
         f"slope of greedy accuracy after RL minus before {_TIMES}", AtLeast(0.0),
         partial(trend_over, "times", right, (GREEDILY, f"{GREEDY} before"))),
        ("repeats_raise_majority", "and the more often the majority is right after it",
         f"slope of majority@16 after RL {_TIMES}", AtLeast(0.0),
         partial(trend_over, "times", agreed)),
        ("repeats_raise_variety", "and the more often one of many samples",
         f"slope of pass@16 after RL {_TIMES}", AtLeast(0.0),
         partial(trend_over, "times", passed)),
        ("repeats_cost_variety", "and pass@k is no higher after RL than before",
         "pass@16 after RL minus before, all repeats", AtMost(0.0),
         partial(change_of, passed)),
    )
)  # fmt: skip

REPEATING = claim(
    "repeats_are_worth_others",
    "hone's own",
    "Programs read eight times are worth as much to RL as eight times as many.",
    "greedy accuracy after RL, programs read eight times minus eight times as many programs",
    Within(-ALIKE, ALIKE),
    difference(right, {"tokens": "fixed"}, {"tokens": "fresh"}, GREEDILY, experiment="repeats",
               times=8),
)  # fmt: skip

TRANSFERRED: dict[str, Factor] = {"experiment": "transfer", "rate": GENTLY}
KINDS = (("numbers", "larger numbers"), ("steps", "longer chains"))
WRITTEN = (
    ("program", "as programs"),
    ("tagged", "as tagged code"),
    ("text", "in sentences"),
    ("none", "nowhere"),
)


TRANSFER = (
    *(
        claim(
            f"harder_{by}_{hard}",
            "§4, Table 1",
            f"RL on easy problems helps with {what} that pretraining has {where}.",
            f"greedy accuracy on {what} after RL minus before",
            AtLeast(STILL),
            change_of(right, f"hard {GREEDY}", **TRANSFERRED, by=by, hard=hard),
        )
        for by, what in KINDS
        for hard, where in WRITTEN
    ),
    *(
        claim(
            f"harder_{by}_most_from_sentences_not_{name}",
            "§4, Table 1",
            f"With {what} RL helps most where pretraining has them in sentences, more than where "
            f"it has them {where}.",
            f"change of greedy accuracy on {what} by RL, a tenth of documents about them in text "
            f"minus {where}",
            AtLeast(0.0),
            change_beyond(right, f"hard {GREEDY}", {"hard": "text"}, {"hard": name},
                          **TRANSFERRED, by=by),
        )
        for by, what in KINDS
        for name, where in WRITTEN
        if name != "text"
    ),
    *(
        claim(
            f"harder_{by}_more_where_in_{name}",
            "§4, Table 1",
            f"RL helps with {what} more where pretraining has them {where} than where it has none.",
            f"change of greedy accuracy on {what} by RL, a tenth of documents about them {where} "
            "minus nowhere",
            AtLeast(0.0),
            change_beyond(right, f"hard {GREEDY}", {"hard": name}, {"hard": "none"},
                          **TRANSFERRED, by=by),
        )
        for by, what in KINDS
        for name, where in WRITTEN
        if name in ("program", "tagged")
    ),
    claim(
        "harder_in_variety",
        "§4, Table 1",
        "RL on easy problems does not cost pass@k on larger numbers.",
        "pass@16 on larger numbers after RL minus before, all mixtures",
        AtLeast(-STILL),
        change_of(passed, "hard", **TRANSFERRED, by="numbers"),
    ),
    *(
        claim(
            f"harder_{by}_hurried_in_{name}",
            "hone's own",
            f"Three times as fast, RL leaves less of {what} that pretraining has {where}.",
            f"greedy accuracy on {what} after RL at its own learning rate minus at a third of it",
            AtMost(-STILL),
            difference(right, {"rate": 1}, {"rate": GENTLY}, f"hard {GREEDILY}",
                       experiment="transfer", by=by, hard=name),
        )
        for by, what in KINDS
        for name, where in WRITTEN
        if name in ("program", "tagged")
    ),
    claim(
        "longer_chains_suffer",
        "§14 of the specification",
        "Where harder means longer, RL on short chains harms.",
        "greedy accuracy on longer chains after RL minus before, all mixtures that have them",
        AtMost(-STILL),
        change_of(right, f"hard {GREEDY}", **TRANSFERRED, by="steps", taught=True),
    ),
    *(
        claim(
            f"longer_chains_are_cut_short_in_{name}",
            "§13.7 of the specification",
            f"RL on short chains cuts longer ones short that pretraining has {where}.",
            "share of finished responses with fewer quantities than the longer problem that they "
            f"answer, after RL minus before, pretraining has these {where}",
            AtLeast(ALIKE),
            change_of(cut_short, "hard", **TRANSFERRED, by="steps", hard=name),
        )
        for name, where in WRITTEN
        if name != "none"
    ),
    claim(
        "longer_chains_are_left",
        "hone's own",
        "RL on short chains gives up the format that has long ones, where it is sentences.",
        "share of sentences in answers to longer problems, after RL minus before, pretraining has "
        "these in sentences",
        AtMost(-0.1),
        change_of(TEXT, "hard", **TRANSFERRED, by="steps", hard="text"),
    ),
    claim(
        "unseen_wording",
        "§4",
        "RL helps with problems in words that it has not used.",
        "greedy accuracy on problems in unseen wording after RL minus before",
        AtLeast(STILL),
        change_of(right, f"unseen wording {GREEDY}", **TRANSFERRED, by="numbers",
                  hard="none"),
    ),
)  # fmt: skip

ELSEWHERE = (*SCALE, *ALGORITHMS, *REPEATS, REPEATING, *TRANSFER)
