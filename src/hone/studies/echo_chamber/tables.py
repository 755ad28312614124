"""What the study counts: formats before and after RL by arm, and the optimum under a penalty."""

from collections.abc import Callable

import numpy as np

from hone.measures import accuracy, share
from hone.report.tables import Cell, Rows
from hone.runs.results import Results
from hone.studies.echo_chamber.statistics import (
    NAMES,
    distance_from_optimum,
    each_run,
    majority,
    optimal_shares,
    pass_at_most,
    responses,
    samples,
    still_moving,
)
from hone.studies.study import Table


def arms(results: Results) -> Rows | None:
    """Accuracy, pass@k, majority@k and formats before and after RL, by arm."""
    rows: dict[str, dict[str, Cell]] = {}
    for arm in results.select(stage="after").arms:
        for when in ("before", "after"):
            table = responses(results.select(arm=arm), when)
            row = rows[f"{arm}, {when}"] = {"accuracy": accuracy(table)}
            row[f"pass@{samples(table)}"] = pass_at_most(table)
            row[f"majority@{samples(table)}"] = majority(table)
            row |= {name: share(table, name) for name in NAMES}
    return rows or None


def optimum(results: Results) -> Rows | None:
    """Shares after long runs under a penalty, and those of the optimum."""
    rows: dict[str, dict[str, Cell]] = {}
    runs = results.select(experiment="optimum")
    for arm in runs.select(stage="after").arms:
        own = each_run(runs.select(arm=arm))
        (kl,) = runs.select(arm=arm).factor("kl")
        row = rows[arm] = {}
        for name in NAMES:
            row[name] = share(responses(runs.select(arm=arm), "after"), name)
            best = (optimal_shares(responses(run, "before"), float(kl)) for run in own)
            row[f"{name}, optimum"] = float(np.mean([shares.get(name, 0.0) for shares in best]))
        row["total variation"] = _mean(distance_from_optimum, own)
        row["moved at the end"] = _mean(still_moving, own)
    return rows or None


def _mean(value: Callable[[Results], float], runs: list[Results]) -> float:
    return float(np.mean([value(run) for run in runs]))


TABLES: tuple[Table, ...] = (
    Table(
        "arms",
        "Before and after RL",
        "Accuracy, pass@k and majority@k of samples at temperature 1 to the same problems, and the "
        "share of each format, by arm.",
        arms,
    ),
    Table(
        "optimum",
        "The KL-regularised optimum",
        "Shares of formats after RL under a KL penalty in the reward, beside those of the policy "
        "that maximises reward minus β KL, told from responses before RL; the total variation "
        "between the two; and how far shares still went in the last eighth of the rounds.",
        optimum,
    ),
)
