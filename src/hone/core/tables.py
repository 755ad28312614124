"""The rollout table: one row a sampled response, with everything known about it."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from hone.core.contracts import Problems, Reading, Responses
from hone.core.errors import UsageError
from hone.core.sequences import Sequences
from hone.core.vocabulary import Finish

ROLLOUT_SCHEMA: dict[str, pl.DataType] = {
    "study": pl.String(),
    "arm": pl.String(),
    "stage": pl.String(),
    "seed": pl.Int64(),
    "step": pl.Int64(),
    "split": pl.String(),
    "problem_id": pl.String(),
    "group": pl.Int64(),
    "sample": pl.Int64(),
    "kind": pl.String(),
    "difficulty": pl.Int64(),
    "prompt_ids": pl.List(pl.Int32()),
    "response_ids": pl.List(pl.Int32()),
    "response_text": pl.String(),
    "logprobs": pl.List(pl.Float32()),
    "classes": pl.List(pl.Int8()),
    "finish": pl.String(),
    "temperature": pl.Float64(),
    "forced": pl.String(),
    "answer": pl.String(),
    "grade": pl.String(),
    "grade_reason": pl.String(),
    "strategy": pl.String(),
    "steps_correct": pl.Int64(),
    "reward": pl.Float64(),
    "advantage": pl.Float64(),
    "policy_version": pl.Int64(),
}
"""Columns and types; `study`, `arm` and `stage` are filled in on reading, as arms share stages."""

REQUIRED = ("problem_id", "sample", "response_text")


def rollout_table(
    problems: Problems,
    responses: Responses,
    reading: Reading,
    text: Iterable[str],
    **constants: str | int | float | None,
) -> pl.DataFrame:
    """The table of responses to problems, a row a response.

    Args:
        problems: one row a prompt.
        responses: `samples` rows a prompt.
        reading: one row a response.
        text: one string a response.
        constants: columns with one value for all rows, e.g. seed, step, temperature.
    """
    rows = responses.prompt_rows
    each = problems.select(rows)
    columns = {
        "problem_id": each.ids,
        "group": rows,
        "sample": np.arange(len(rows)) % responses.samples,
        "kind": each.kinds,
        "difficulty": each.difficulty,
        "prompt_ids": _lists(each.prompts),
        "response_ids": _lists(responses.tokens),
        "response_text": list(text),
        "logprobs": _values("logprobs", responses.logprobs, responses.tokens.lengths),
        "classes": _values("classes", reading.classes, responses.tokens.lengths),
        "finish": np.where(responses.stopped, Finish.STOP.value, Finish.LENGTH.value),
        "answer": reading.answers,
        "grade": reading.grades,
        "grade_reason": reading.reasons,
        "strategy": reading.strategies,
        "steps_correct": reading.steps_correct,
    }
    table = pl.DataFrame(columns).with_columns(
        **{name: pl.lit(value) for name, value in constants.items()}
    )
    return conform(table)


def conform(table: pl.DataFrame) -> pl.DataFrame:
    """The table with exactly the schema's columns, in order; missing ones are null.

    Raises:
        UsageError: a required column is missing, or neither grade nor reward is there.
    """
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing or not {"grade", "reward"} & set(table.columns):
        raise UsageError(
            f"not a rollout table: columns {table.columns} lack {missing or 'grade or reward'}"
        )
    absent = [pl.lit(None).alias(name) for name in ROLLOUT_SCHEMA if name not in table.columns]
    return table.with_columns(absent).select(
        pl.col(name).cast(dtype) for name, dtype in ROLLOUT_SCHEMA.items()
    )


def _lists(sequences: Sequences) -> pl.Series:
    return pl.Series(sequences.lists(), dtype=pl.List(pl.Int32()))


def _values(name: str, array: np.ndarray, lengths: np.ndarray) -> pl.Series:
    rows = [row[:n] for row, n in zip(array, lengths, strict=True)]
    return pl.Series(rows, dtype=ROLLOUT_SCHEMA[name])
