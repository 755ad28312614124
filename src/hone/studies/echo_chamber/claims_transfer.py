"""Claims on repeats of a corpus, and on harder problems than those of RL."""

from functools import partial

from hone.measures import AtLeast, AtMost, Within
from hone.runs.plan import Factor
from hone.studies.echo_chamber.arms import GENTLY, GREEDY
from hone.studies.echo_chamber.claims import ALIKE, GREEDILY, STILL, claim
from hone.studies.echo_chamber.runs import change_beyond, change_of, difference, trend_over
from hone.studies.echo_chamber.statistics import agreed, cut_short, of_format, passed, right

_TIMES = "on the rank of 1, 2, 4 and 8 times"
REPEATS = (
    *(
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
    ),
    claim(
        "repeats_are_worth_others",
        "hone's own",
        "Programs read eight times are worth as much to RL as eight times as many.",
        "greedy accuracy after RL, programs read eight times minus eight times as many programs",
        Within(-ALIKE, ALIKE),
        difference(right, {"tokens": "fixed"}, {"tokens": "fresh"}, GREEDILY, experiment="repeats",
                   times=8),
    ),
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
        change_of(of_format("text"), "hard", **TRANSFERRED, by="steps", hard="text"),
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
