"""Where in a response RL moves the policy: the divergence from where it began, by kind of token."""

from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Float

from hone.core.contracts import Policy, Responses
from hone.core.errors import UsageError
from hone.core.sequences import pack
from hone.core.stage import Context
from hone.core.vocabulary import Finish, PositionClass
from hone.training.configs import Score
from hone.training.policies import load_policy


def score(config: Score, context: Context) -> None:
    """The `score` stage: one table a look, one row a response and kind of token.

    Raises:
        UsageError: the input `rollouts` holds no training rollouts.
    """
    reference = load_policy(context.inputs["policy"] / "checkpoint", config.task, config.numerics)
    tables = looks(context.inputs["rollouts"], config.every)
    for done, (step, file) in enumerate(tables.items(), 1):
        found = drift(pl.read_parquet(file), reference)
        context.write_table("scores", step, found)
        context.log(done, len(tables), {"k3": float(np.sum(found["k3"].to_numpy()))})


def looks(folder: Path, every: int) -> dict[int, Path]:
    """Training tables of a stage by round: every so many, and the first and last."""
    files = {int(file.stem.rpartition("-")[2]): file
             for file in sorted((folder / "rollouts").glob("train-*"))}  # fmt: skip
    if not files:
        raise UsageError(f"{folder} holds no training rollouts; name an RL stage as `rollouts`")
    ends = (min(files), max(files))
    return {step: file for step, file in files.items() if step % every == 0 or step in ends}


def drift(table: pl.DataFrame, reference: Policy) -> pl.DataFrame:
    """Estimates of the KL to the reference, summed over the tokens of each kind.

    For each token, with r = log π - log reference on a sample of π: k1 = r, unbiased, and
    k3 = exp(-r) - 1 + r, unbiased and never negative.
    """
    lengths = table["response_ids"].list.len().to_numpy()
    ratio = _padded(table["logprobs"], lengths) - _reference_logprobs(table, reference)
    classes = _padded(table["classes"], lengths)
    mask = np.arange(ratio.shape[1]) < lengths[:, None]
    k3 = np.expm1(-ratio) + ratio
    index = table.select("step", "seed", "problem_id", "sample", "kind", "difficulty", "strategy")
    parts = []
    for kind in (PositionClass.DECIDE, PositionClass.EXECUTE, PositionClass.ANSWER,
                 PositionClass.END):  # fmt: skip
        here = mask & (classes == kind)
        sums = {"tokens": here, "k1": np.where(here, ratio, 0), "k3": np.where(here, k3, 0)}
        columns = {name: pl.Series(values.sum(axis=1)) for name, values in sums.items()}
        parts.append(index.with_columns(pl.lit(kind.name.lower()).alias("token"), **columns))
    return pl.concat(parts)


def _reference_logprobs(table: pl.DataFrame, reference: Policy) -> Float[np.ndarray, "rows time"]:
    """Under the temperature that the responses were sampled at."""
    (temperature,) = table["temperature"].unique()
    tokens = pack(table["response_ids"].to_list())
    responses = Responses(
        tokens,
        np.zeros(tokens.tokens.shape, dtype=np.float32),
        (table["finish"] == Finish.STOP).to_numpy(),
        samples=1,
    )
    return reference.score(pack(table["prompt_ids"].to_list()), responses, temperature)


def _padded(column: pl.Series, lengths: np.ndarray) -> Float[np.ndarray, "rows time"]:
    rows = np.zeros((len(lengths), int(lengths.max(initial=0))))
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = column.explode().to_numpy()
    return rows
