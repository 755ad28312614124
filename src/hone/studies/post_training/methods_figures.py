"""What the methods study shows: accuracy against budget, and against what the reward promised."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from hone.report.plots import Curve, bars, curves
from hone.runs.results import Results
from hone.studies.courses import course, courses, rounds
from hone.studies.post_training.methods_claims import NAMES, solved_after
from hone.studies.study import Figure

_LIMITS = (0.4, 1.0)
_ORDER = tuple(NAMES.values())  # an algorithm's colour is the same in every figure
_ENOUGH = 10  # responses, from which their share says something


def accuracy_over_budget(results: Results) -> Drawing | None:
    """Greedy accuracy over all responses drawn, kept or not, for every algorithm."""
    runs = results.select(experiment="algorithms", stage="rl")
    if not len(runs):
        return None
    series = {}
    for arm in runs.arms:
        part = runs.select(arm=arm)
        _, accuracies = rounds(part, "greedy_accuracy")
        drawn = rounds(part, "drawn")[1].mean(axis=0)  # dynamic sampling draws as many as it needs
        series[NAMES[arm]] = Curve(np.concatenate([[0.0], drawn.cumsum()]), accuracies)
    return curves(series, "responses drawn", "greedy accuracy", y_limits=_LIMITS, order=_ORDER)


def algorithms(results: Results) -> Drawing | None:
    """Greedy accuracy after the last round, for every algorithm."""
    found = {
        label: estimate
        for name, label in NAMES.items()
        if (estimate := solved_after("algorithms", algorithm=name)(results)) is not None
    }
    if not found:
        return None
    levels = {"chance": 0.5}
    groups = {"verifier": found}
    return bars(groups, "greedy accuracy", levels=levels, x_limits=_LIMITS, order=_ORDER)


def rewards(results: Results) -> Drawing | None:
    """Greedy accuracy over rounds for every reward."""
    runs = results.select(experiment="rewards", stage="rl")
    if not len(runs):
        return None
    series = courses(runs, "greedy_accuracy")
    return curves(series, "RL round", "greedy accuracy", levels={"chance": 0.5}, y_limits=_LIMITS)


def promise(results: Results) -> Drawing | None:
    """Learned reward and accuracy of the same rollouts, over rounds."""
    return _promise(results.select(experiment="learned", stage="rl"), "learned reward")


def vote(results: Results) -> Drawing | None:
    """The majority's vote and the accuracy of the same rollouts, over rounds."""
    runs = results.select(experiment="rewards", stage="rl", reward="majority")
    return _promise(runs, "majority's vote")


def calibration(results: Results) -> Drawing | None:
    """How often responses of problems held out are right, by what the reward model says."""
    runs = results.select(experiment="learned", stage="reward_model")
    if not len(runs):
        return None
    tables = [one.rollouts("calibration", steps=(-1,)) for one in runs]
    tables = [table.filter(table["count"] >= _ENOUGH) for table in tables]
    bins = np.unique(np.concatenate([table["bin"].to_numpy() for table in tables]))
    observed = np.full((len(tables), len(bins)), np.nan)
    for row, table in enumerate(tables):
        observed[row, np.searchsorted(bins, table["bin"].to_numpy())] = table["observed"].to_numpy()
    middle = (bins + 0.5) / 10
    series = {"observed": Curve(middle, observed), "calibrated": Curve(middle, middle[None])}
    return curves(series, "predicted probability of being right", "share that is right")


def _promise(runs: Results, label: str) -> Drawing | None:
    if not len(runs):
        return None
    series = {label: course(runs, "reward"), "accuracy": course(runs, "train_accuracy")}
    return curves(series, "RL round", "mean over the round's rollouts", y_limits=_LIMITS)


FIGURES: tuple[Figure, ...] = (
    Figure(
        "accuracy_over_budget",
        "Accuracy against budget",
        "Greedy accuracy over all responses drawn so far, kept or not, from the same pretrained "
        "models at the same learning rate. Mean and range over seeds.",
        "Curves of greedy accuracy over responses drawn, one for each algorithm.",
        accuracy_over_budget,
    ),
    Figure(
        "algorithms",
        "Where every algorithm ends",
        "Greedy accuracy after the last round, with 95 % intervals over seeds and problems.",
        "Points with intervals of greedy accuracy, one for each algorithm.",
        algorithms,
    ),
    Figure(
        "rewards",
        "What the reward knows",
        "Greedy accuracy over rounds of GRPO with a verifier, the majority's vote, a reward for "
        "form alone and a coin. Mean and range over seeds.",
        "Curves of greedy accuracy over rounds, one for each reward.",
        rewards,
    ),
    Figure(
        "promise",
        "Over-optimisation of a learned reward",
        "Mean reward by a model that was fit to graded rollouts of the first rounds, and the "
        "accuracy of the same rollouts. Mean and range over seeds.",
        "The learned reward rises over the rounds while the accuracy of the same rollouts does "
        "not.",
        promise,
    ),
    Figure(
        "vote",
        "Over-optimisation of the majority's vote",
        "Share of rollouts that agree with the majority of their group, and the accuracy of the "
        "same rollouts. Mean and range over seeds.",
        "The majority's vote over the rounds beside the accuracy of the same rollouts.",
        vote,
    ),
    Figure(
        "calibration",
        "The reward model before it is optimised",
        "Share of right responses by predicted probability, on problems it was not fit to. Mean "
        "and range over seeds.",
        "Observed share over predicted probability, beside the diagonal.",
        calibration,
    ),
)
