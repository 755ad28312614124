"""The divergence from before RL, by kind of token: its parts sum to the whole, and start at 0."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.models import checkpoint
from hone.training.configs import Score
from hone.training.evaluation import graded_table
from hone.training.score import drift, looks, score
from tests import tiny
from tests.memory import Memory


def rollouts(temperature: float = 1.0, problems: int = 64) -> pl.DataFrame:
    """Graded responses of a tiny policy."""
    drawn, responses = tiny.rollouts(problems, 4, temperature)
    return graded_table(tiny.TASK, drawn, responses, step=1, seed=0, temperature=temperature)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_a_policy_has_not_moved_from_itself(temperature: float) -> None:
    found = drift(rollouts(temperature), tiny.policy())
    assert np.abs(found["k1"].to_numpy()).max() < 1e-4
    assert found["k3"].to_numpy().max() < 1e-8


def test_every_token_of_a_response_is_counted_once() -> None:
    table = rollouts()
    found = drift(table, tiny.policy())
    lengths = table["response_ids"].list.len()
    assert found["tokens"].sum() == lengths.sum()
    per_row = found["tokens"].to_numpy().reshape(-1, table.height).sum(axis=0)
    assert (per_row == lengths.to_numpy()).all()


def test_the_sum_over_tokens_is_the_log_ratio_of_the_response() -> None:
    """k1 summed over all kinds is log π(y) - log reference(y), here of another tiny model."""
    table, reference = rollouts(), tiny.policy(seed=7)
    k1 = drift(table, reference)["k1"].to_numpy().reshape(-1, table.height).sum(axis=0)
    assert k1.mean() > 0.01  # they differ, and KL is positive
    problems, responses = tiny.rollouts(64, 4)
    under = reference.score(problems.prompts, responses, 1.0).sum(axis=1)
    ours = responses.logprobs.sum(axis=1)
    assert np.allclose(k1, ours - under, atol=1e-3)


def test_looks_hold_the_first_and_the_last_round(tmp_path: Path) -> None:
    (tmp_path / "rollouts").mkdir()
    for step in range(1, 12):
        (tmp_path / "rollouts" / f"train-{step:06}.parquet").touch()
    assert list(looks(tmp_path, 4)) == [1, 4, 8, 11]


def test_a_stage_without_rollouts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no training rollouts"):
        looks(tmp_path, 4)


def test_the_stage_writes_a_table_a_look(tmp_path: Path) -> None:
    (tmp_path / "rl" / "rollouts").mkdir(parents=True)
    for step in (1, 2):
        rollouts().write_parquet(tmp_path / "rl" / "rollouts" / f"train-{step:06}.parquet")
    checkpoint.save(tiny.decoder(), tmp_path / "base" / "checkpoint", tiny.TASK.alphabet)
    inputs = {"policy": tmp_path / "base", "rollouts": tmp_path / "rl"}
    context = Memory(tmp_path / "checkpoint", inputs=inputs)
    score(Score(tiny.TASK, every=1), context)
    assert sorted(context.tables) == [("scores", 1), ("scores", 2)]
