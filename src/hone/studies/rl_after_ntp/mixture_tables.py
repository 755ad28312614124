"""Response lengths by decoding, correctness, form and finish; and what ran at which scale."""

from collections.abc import Callable, Mapping

import polars as pl

from hone.measures import accuracy, accuracy_given, lengths
from hone.measures.accuracy import CORRECT
from hone.models.config import parameters
from hone.report.tables import Cell, Rows
from hone.runs.folder import part_of_config
from hone.runs.results import Results
from hone.studies.rl_after_ntp.mixture_figures import label_of
from hone.studies.rl_after_ntp.mixture_statistics import ANSWER, WORKED, greedy, sampled
from hone.studies.study import Table

FEW = 0.01  # share of responses below which a condition, or its opposite, has no row
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
                if condition == "all" or FEW <= found.height / drawn.height <= 1 - FEW:
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


def what_ran(*experiments: str) -> Callable[[Results], Rows | None]:
    """The decoders of experiments, their budget, and accuracy before RL and after, by arm."""

    def rows(results: Results) -> Rows | None:
        runs = results.where(lambda factors: factors.get("experiment") in experiments)
        return {arm: _scale(runs.select(arm=arm)) for arm in runs.arms} or None

    return rows


def _scale(runs: Results) -> dict[str, Cell]:
    before, after = runs.select(stage="pretrain"), runs.select(stage="rl")
    folder = before.stages[0].folder
    steps, batch = (part_of_config(folder, name) for name in ("steps", "batch"))
    drawn = sampled(before)
    row: dict[str, Cell] = {
        "parameters": f"{parameters(part_of_config(folder, 'model')):,}",
        "sequences before RL": f"{steps * batch:,}",
        "p_cot": float(before.factor("p_cot")[0]),
        "greedy before": accuracy(greedy(before)),
        "greedy after GRPO": accuracy(greedy(after)),
    }
    if drawn.filter(WORKED).height:
        row["right when worked, before"] = accuracy_given(drawn, "worked")
    return row


def tables(arms: str, *experiments: str) -> tuple[Table, ...]:
    """What every study of a mixture tabulates.

    Args:
        arms: what the names of the experiments' arms say.
        experiments: those whose arms differ in their scale; the last one names the table.
    """
    return (
        Table(
            "response_lengths",
            "Response lengths by decoding, correctness, form and finish",
            "Lengths in tokens, the end not counted, of the last evaluation; `share` is of the "
            "responses drawn in that way. A response that was cut off hides its length, so that "
            "the share of such stands beside. Conditions that hardly any response meets, or nearly "
            "all (99 in 100), are left out.",
            response_lengths,
        ),
        Table(
            experiments[-1],
            "What ran at which scale",
            f"{arms} or by p_cot, the sequences that the decoder was trained on before RL, and "
            "accuracy before RL and after. Sampled figures are at temperature 1.",
            what_ran("rarity", *experiments),
        ),
    )
