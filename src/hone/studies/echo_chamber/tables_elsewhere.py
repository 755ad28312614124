"""What the study counts beyond the core: sizes, harder problems, algorithms."""

from hone.report.tables import Cell, Rows
from hone.runs.results import Results
from hone.studies.echo_chamber.arms import GREEDY, SCALES
from hone.studies.echo_chamber.measured.comparisons import mean, mean_credit
from hone.studies.echo_chamber.measured.course import (
    drawdown,
    drawn,
    fall_of_accuracy,
    learned_from,
)
from hone.studies.echo_chamber.measured.endings import (
    after,
    length_ratio,
    right_in,
    share_where,
    wins,
)
from hone.studies.echo_chamber.measured.formats import NAMES, entropy, of_format, passed, right
from hone.studies.echo_chamber.measured.optimum import still_moving
from hone.studies.echo_chamber.tables import ends
from hone.studies.study import Table

TIMES = " times "  # what programs of one mixture misread, as problems have it


def winners(results: Results) -> Rows | None:
    """Formats after RL by size, and how many models end in which."""
    rows: dict[str, dict[str, Cell]] = {}
    runs = results.where(lambda factors: factors.get("experiment") in ("scale", "tokens"))
    for arm in runs.select(stage="after").arms:
        own = runs.select(arm=arm)
        condition, size, lr = _condition(own)
        rows[arm] = {
            "condition": condition,
            "parameters": size,
            "learning rate": lr,
            **{name: mean_credit(own, "after", of_format(name)) for name in NAMES},
            "runs that end in": ends(own),
            "text where times is asked": mean(share_where("text", TIMES, asked=True), own),
            "text elsewhere": mean(share_where("text", TIMES, asked=False), own),
            **{f"{name}, before": mean_credit(own, "before", of_format(name)) for name in NAMES},
            **{f"{name}, right before": mean(right_in((name,)), own) for name in NAMES},
            "moved at the end": mean(still_moving, own),
        }
    return rows or None


def _condition(runs: Results) -> tuple[str, str, str]:
    """What an arm reads and how fast RL goes for its size, its size, and the learning rate."""
    factors = runs.select(stage="after").stages[0].factors
    if factors["experiment"] == "tokens":
        read = f"small numbers, {factors['documents']} × documents"
    else:
        read = f"large numbers, {factors['mixture']}"
    size = f"{factors['scale']:g} M"
    lr = float(factors["rate"]) * SCALES[size.replace(" ", "")].lr
    return f"{read}, {factors['rate']} × learning rate", size, f"{lr:g}"


def transfer(results: Results) -> Rows | None:
    """Accuracy on easy and on harder problems before and after RL on easy ones."""
    rows: dict[str, dict[str, Cell]] = {}
    for arm in results.select(stage=f"hard {GREEDY} after").arms:
        own, row = results.select(arm=arm), rows.setdefault(arm, {})
        for problems in ("", "hard", "hardest", "unseen wording"):
            for when in ("before", "after"):
                stage = f"{problems} {GREEDY} {when}".strip()
                if len(own.select(stage=stage)):
                    row[f"{problems or 'easy'}, {when}"] = mean_credit(own, stage, right)
        row |= _on_hard(own)
    return rows or None


def _on_hard(runs: Results) -> dict[str, Cell]:
    """What samples on harder problems come to."""
    found: dict[str, Cell] = {
        f"hard, pass@k, {when}": mean_credit(runs, f"hard {when}", passed)
        for when in ("before", "after")
    }
    return found | {"tokens, after over before": mean(_length_of_the_winner, runs)}


def _length_of_the_winner(run: Results) -> float:
    """Of answers to harder problems, after RL over before, in the format that the run ends in."""
    return length_ratio(run, "hard", wins(run))


def harder(results: Results) -> Rows | None:
    """In which formats harder problems are answered, and how often rightly."""
    rows: dict[str, dict[str, Cell]] = {}
    runs = results.where(lambda factors: bool(factors.get("taught")))
    for arm in runs.select(stage="hard after").arms:
        own, row = runs.select(arm=arm), rows.setdefault(arm, {})
        (read,) = map(str, own.select(stage="hard after").factor("hard"))
        others = [name for name in NAMES if name != read]
        for when in ("before", "after"):
            stage = f"hard {when}"
            row[f"as read, {when}"] = mean_credit(own, stage, of_format(read))
            row[f"right as read, {when}"] = mean(right_in((read,), stage), own)
            row[f"right otherwise, {when}"] = mean(right_in(others, stage), own)
    return rows or None


def algorithms(results: Results) -> Rows | None:
    """What every algorithm drew, what of it it learned from, and how it went."""
    runs = results.select(experiment="algorithms")
    values = {
        "responses drawn": drawn,
        "learned from": learned_from,
        "largest fall of the reward": drawdown,
        "of greedy accuracy": fall_of_accuracy,
        "entropy of the format": after(entropy),
    }
    return {
        str(by): {name: mean(value, runs.select(by=by)) for name, value in values.items()}
        for by in runs.select(stage="after").factor("by")
    } or None


ELSEWHERE: tuple[Table, ...] = (
    Table(
        "winners",
        "Winners by size",
        "Shares of formats after RL by size, by what was read and at which learning rate (relative "
        "to what suits the size, and as it is); how many runs end in which; the "
        "share of text among problems that say so many times, and among the others; shares and "
        "accuracies of formats before RL, in responses that were free to choose; and how far "
        "shares still went from the third quarter of the rounds to the last.",
        winners,
    ),
    Table(
        "transfer",
        "Transfer",
        "Greedy accuracy before and after RL on easy problems, under a KL penalty: on other easy "
        "problems, on harder ones, which RL never asks, and, where there is a column, on easy ones "
        "in wording that neither pretraining nor RL has. An arm says in which format harder "
        "problems were a tenth of pretraining documents. Of samples on harder ones: pass@k; and "
        "their tokens after RL over before, in the format that RL ends in.",
        transfer,
    ),
    Table(
        "harder",
        "How harder problems are answered",
        "Of samples on harder problems, before RL and after it: the share in the format that "
        "pretraining had them in, how often these are right, and how often those in the other two "
        "formats are, in which pretraining had none.",
        harder,
    ),
    Table(
        "algorithms",
        "What the algorithms learn from",
        "Responses drawn over all rounds; how many of them updates were made on, counted as often "
        "as they were (expert iteration keeps what is right, once each unless it has duplicates); "
        "the largest fall of the mean reward in training, over 5 rounds (more than expert "
        "iteration has), and of greedy accuracy from one look at it to a later one; and the "
        "entropy of the format after RL, in nats. Means over runs, then models.",
        algorithms,
    ),
)
