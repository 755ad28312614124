"""What the study counts: formats before and after RL by arm, and the optimum under a penalty."""

from collections.abc import Callable

import numpy as np
import polars as pl

from hone.measures import accuracy, share
from hone.report.tables import Cell, Rows
from hone.runs.folder import part_of_config
from hone.runs.results import Results
from hone.studies.echo_chamber.optimum import distance_from_optimum, optimal_shares, still_moving
from hone.studies.echo_chamber.statistics import (
    FREE,
    NAMES,
    each_run,
    majority,
    pass_at_most,
    responses,
    samples,
)
from hone.studies.echo_chamber.winners import PREDICTORS, threshold
from hone.studies.study import Table

ASIDE = 4  # problems shown


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


def asides(results: Results) -> Rows | None:
    """What the same problems were answered before RL and after it, without a penalty."""
    runs = results.select(**FREE)
    if not len(runs.select(stage="after")):
        return None
    run = each_run(runs)[0]
    alphabet = part_of_config(run.select(stage="after").stages[0].folder, "task").alphabet
    before, after = (responses(run, when).filter(pl.col("sample") == 0)
                     for when in ("before", "after"))  # fmt: skip
    beside = before.join(after, on="problem_id", suffix="_after", maintain_order="left")
    return {
        alphabet.text(np.array(row["prompt_ids"])): {
            "before": f"{row['response_text']}\n[{row['grade']}]",
            "after": f"{row['response_text_after']}\n[{row['grade_after']}]",
        }
        for row in beside.head(ASIDE).iter_rows(named=True)
    }


def transfer(results: Results) -> Rows | None:
    """Accuracy on easy and on harder problems before and after RL on easy ones."""
    rows: dict[str, dict[str, Cell]] = {}
    runs = results.select(experiment="transfer")
    for arm in runs.select(stage="after").arms:
        row = rows[arm] = {}
        for problems in ("", "hard", "unseen wording"):
            for when in ("before", "after"):
                table = responses(runs.select(arm=arm), f"{problems} {when}".strip())
                row[f"{problems or 'easy'}, {when}"] = accuracy(table)
                if problems == "hard":
                    row[f"hard, pass@{samples(table)}, {when}"] = pass_at_most(table)
    return rows or None


def thresholds(results: Results) -> Rows | None:
    """From which odds before RL a format wins, by what the odds are of."""
    found = {by: threshold(by)(results) for by in PREDICTORS}
    rows: dict[str, dict[str, Cell]] = {
        by: {"log-odds of programs against tagged code": odds}
        for by, odds in found.items()
        if odds is not None
    }
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
        "asides",
        "The same problems before and after RL",
        "The first sample, at temperature 1, to each of the first problems; balanced mixture, "
        "no KL penalty.",
        asides,
    ),
    Table(
        "arms",
        "Before and after RL",
        "Accuracy, pass@k and majority@k of samples at temperature 1 to the same problems, and the "
        "share of each format, by arm.",
        arms,
    ),
    Table(
        "thresholds",
        "What tells the winner",
        "The log-odds before RL from which programs win as often as not, by a logistic fit over "
        "mixtures and runs, jackknife over pretrained models. The KL-regularised optimum for a "
        "small penalty says 0 by share × accuracy.",
        thresholds,
    ),
    Table(
        "transfer",
        "Transfer",
        "Accuracy at temperature 1 before and after RL on easy problems: on such problems, on "
        "harder ones, and on easy ones in wording that neither RL nor pretraining has; by what "
        "format a tenth of pretraining documents had about harder problems.",
        transfer,
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
