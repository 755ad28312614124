"""Response lengths by decoding, correctness, form and finish, with what was cut off beside."""

from collections.abc import Mapping

import polars as pl

from hone.measures import accuracy, lengths
from hone.measures.accuracy import CORRECT
from hone.report.tables import Cell, Rows
from hone.runs.results import Results
from hone.studies.rl_after_ntp.mixture_figures import label_of
from hone.studies.rl_after_ntp.mixture_statistics import ANSWER, WORKED
from hone.studies.study import Table

_CONDITIONS: Mapping[str, pl.Expr] = {
    "all": pl.lit(True),
    "right": CORRECT,
    "not right": ~CORRECT,
    "worked": WORKED,
    "answer": ANSWER,
    "other": pl.col("strategy") == "other",
    "stopped": pl.col("finish") == "stop",
    "cut off": pl.col("finish") == "length",
}


def response_lengths(results: Results) -> Rows | None:
    """Accuracy and lengths before RL, after more prediction and after RL, by condition."""
    rows: dict[str, dict[str, Cell]] = {}
    for name, runs in _policies(results).items():
        table = runs.rollouts(steps=(-1,))
        for decoding, drawn in (
            ("greedy", table.filter(pl.col("temperature") == 0)),
            ("sampled", table.filter(pl.col("temperature") == 1)),
        ):
            for condition, which in _CONDITIONS.items():
                found = drawn.filter(which)
                if condition == "all" or 0 < found.height < drawn.height:
                    rows[f"{name}, {decoding}, {condition}"] = _row(found, drawn.height)
    return rows or None


def _policies(results: Results) -> dict[str, Results]:
    """The pretrained model, and what came of it."""
    runs = results.select(experiment="algorithms")
    more = results.select(experiment="matched", stage="more_ntp")
    after = runs.select(stage="rl")
    found = {"before": runs.select(stage="pretrain", arm=runs.arms[0])} if len(runs) else {}
    found |= {arm: more.select(arm=arm) for arm in more.arms}
    return found | {label_of(arm): after.select(arm=arm) for arm in after.arms}


def _row(found: pl.DataFrame, of: int) -> dict[str, Cell]:
    length = lengths(found)
    return {
        "share": found.height / of,
        "accuracy": accuracy(found),
        "mean length": length.mean,
        "median length": length.median,
        "cut off": length.truncated,
    }


TABLES: tuple[Table, ...] = (
    Table(
        "response_lengths",
        "Response lengths by decoding, correctness, form and finish",
        "Lengths in tokens, the end not counted, of the last evaluation; `share` is of the "
        "responses drawn in that way. A response that was cut off hides its length, so that the "
        "share of such stands beside. Conditions that no response meets, or all, are left out.",
        response_lengths,
    ),
)
