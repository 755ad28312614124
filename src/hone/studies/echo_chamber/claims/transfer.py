"""Claims on harder problems than those of RL."""

from collections.abc import Iterator

from hone.measures import AtLeast, AtMost
from hone.runs.plan import Factor
from hone.studies.echo_chamber.arms import GENTLY, GREEDY
from hone.studies.echo_chamber.claims.rules import ALIKE, GREEDILY, STILL, claim
from hone.studies.echo_chamber.measured.comparisons import change_beyond, change_of, difference
from hone.studies.echo_chamber.measured.formats import cut_short, of_format, passed, right
from hone.studies.study import Claim

TRANSFERRED: dict[str, Factor] = {"experiment": "transfer", "rate": GENTLY}
HARD = f"hard {GREEDY}"
WRITTEN = {"program": "as programs", "tagged": "as tagged code", "text": "in sentences"}
"""How pretraining has harder problems, where it has them."""
WHERE = {**WRITTEN, "none": "nowhere"}


def _with(by: str, what: str) -> Iterator[Claim]:
    """What RL on easy problems does to those that are harder in one way."""
    asked: dict[str, Factor] = {**TRANSFERRED, "by": by}
    for hard, where in WHERE.items():
        yield claim(
            f"harder_{by}_{hard}",
            "§4, Table 1",
            f"RL on easy problems helps with {what} that pretraining has {where}.",
            f"greedy accuracy on {what} after RL minus before",
            AtLeast(STILL),
            change_of(right, HARD, **asked, hard=hard),
        )
    for other in ("program", "tagged", "none"):
        yield claim(
            f"harder_{by}_most_from_sentences_not_{other}",
            "§4, Table 1",
            f"With {what} RL helps more where pretraining has them in sentences than where it has "
            f"them {WHERE[other]}.",
            f"change of greedy accuracy on {what} by RL, a tenth of documents about them in text "
            f"minus {WHERE[other]}",
            AtLeast(0.0),
            change_beyond(right, HARD, {"hard": "text"}, {"hard": other}, **asked),
        )
    for hard in ("program", "tagged"):
        yield claim(
            f"harder_{by}_more_where_in_{hard}",
            "§4, Table 1",
            f"With {what} RL helps more where pretraining has them {WHERE[hard]} than where it has "
            "none.",
            f"change of greedy accuracy on {what} by RL, a tenth of documents about them "
            f"{WHERE[hard]} minus nowhere",
            AtLeast(0.0),
            change_beyond(right, HARD, {"hard": hard}, {"hard": "none"}, **asked),
        )
    yield claim(
        f"harder_{by}_in_variety",
        "§4, Table 1",
        f"RL on easy problems does not cost pass@k on {what}.",
        f"pass@k on {what} after RL minus before, all mixtures that have them",
        AtLeast(-STILL),
        change_of(passed, "hard", **asked, taught=True),
    )
    for hard, where in WRITTEN.items():
        yield claim(
            f"harder_{by}_hurried_in_{hard}",
            "hone's own",
            f"Three times as fast, RL leaves less of {what} that pretraining has {where}.",
            f"greedy accuracy on {what} after RL at its own learning rate minus at a third of it",
            AtMost(-STILL),
            difference(right, {"rate": 1}, {"rate": GENTLY}, f"hard {GREEDILY}",
                       experiment="transfer", by=by, hard=hard),
        )  # fmt: skip


def _longer_chains() -> Iterator[Claim]:
    """What becomes of problems of more steps than RL asks, and how."""
    asked: dict[str, Factor] = {**TRANSFERRED, "by": "steps"}
    yield claim(
        "longer_chains_suffer",
        "§14 of the specification",
        "Where harder means longer, RL on short chains harms.",
        "greedy accuracy on longer chains after RL minus before, all mixtures that have them",
        AtMost(-STILL),
        change_of(right, HARD, **asked, taught=True),
    )
    for hard, where in WRITTEN.items():
        yield claim(
            f"longer_chains_are_cut_short_in_{hard}",
            "§13.7 of the specification",
            f"RL on short chains cuts longer ones short that pretraining has {where}.",
            "share of finished responses with fewer quantities than the longer problem that they "
            f"answer, after RL minus before, pretraining has these {where}",
            AtLeast(ALIKE),
            change_of(cut_short, "hard", **asked, hard=hard),
        )
    yield claim(
        "longer_chains_are_left",
        "hone's own",
        "RL on short chains gives up the format that has long ones, where it is sentences.",
        "share of sentences in answers to longer problems, after RL minus before, pretraining has "
        "these in sentences",
        AtMost(-0.1),
        change_of(of_format("text"), "hard", **asked, hard="text"),
    )


TRANSFER = (
    *_with("numbers", "larger numbers"),
    *_with("steps", "longer chains"),
    *_longer_chains(),
    claim(
        "unseen_wording",
        "§4",
        "RL helps with problems in words that it has not used.",
        "greedy accuracy on problems in unseen wording after RL minus before",
        AtLeast(STILL),
        change_of(right, f"unseen wording {GREEDY}", **TRANSFERRED, by="numbers", hard="none"),
    ),
)
