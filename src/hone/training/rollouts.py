"""Rollouts of training: groups of responses, graded and rewarded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from hone.core.contracts import Responses, joined_responses
from hone.core.errors import UsageError
from hone.core.sequences import Sequences, concatenate
from hone.core.vocabulary import Grade


@dataclass(frozen=True)
class Rollouts:
    """Groups of responses to prompts; a table row for each response, in the same order."""

    prompts: Sequences
    responses: Responses
    rewards: Float[np.ndarray, "prompts group"]  # NaN: unscorable
    table: pl.DataFrame

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def has_signal(self) -> Bool[np.ndarray, " prompts"]:
        """Groups whose scored members differ in reward."""
        low = np.where(np.isnan(self.rewards), np.inf, self.rewards).min(axis=1)
        high = np.where(np.isnan(self.rewards), -np.inf, self.rewards).max(axis=1)
        return high > low

    def rows(self, groups: Int[np.ndarray, " picked"]) -> Int[np.ndarray, " rows"]:
        """The response rows of the given groups."""
        size = self.responses.samples
        return (groups[:, None] * size + np.arange(size)).ravel()

    def select(self, groups: Int[np.ndarray, " picked"]) -> "Rollouts":
        """The given groups, in that order."""
        rows, responses = self.rows(groups), self.responses
        picked = Responses(
            responses.tokens.select(rows),
            responses.logprobs[rows],
            responses.stopped[rows],
            responses.samples,
        )
        return Rollouts(self.prompts.select(groups), picked, self.rewards[groups], self.table[rows])


def join(parts: Sequence[Rollouts]) -> Rollouts:
    """The groups of all parts, one part after the other, numbered through."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part) for part in parts)])
    tables = [
        part.table.with_columns(pl.col("group") + int(start))
        for part, start in zip(parts, starts, strict=False)
    ]
    return Rollouts(
        concatenate([part.prompts for part in parts]),
        joined_responses([part.responses for part in parts]),
        np.concatenate([part.rewards for part in parts]),
        pl.concat(tables),
    )


def read_graded(folder: Path) -> pl.DataFrame:
    """All graded training rollouts of a stage."""
    tables = [pl.read_parquet(file) for file in _rounds(folder)]
    return pl.concat(tables).filter(pl.col("grade") != Grade.UNSCORABLE)


def tokens_drawn(folder: Path) -> list[int]:
    """Response tokens of a stage's training rollouts, round by round."""
    lengths = pl.col("response_ids").list.len().sum()
    return [pl.scan_parquet(file).select(lengths).collect().item() for file in _rounds(folder)]


def _rounds(folder: Path) -> list[Path]:
    """The files of a stage's training rollouts."""
    files = sorted((folder / "rollouts").glob("train-*"))
    if not files:
        raise UsageError(f"{folder} holds no training rollouts; name an RL stage")
    return files
