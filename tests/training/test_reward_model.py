"""A reward model tells right from wrong, says how well, and serves as a reward."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.contracts import Problems, Responses, SamplingProtocol
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import pack
from hone.models import checkpoint
from hone.tasks.parity import EOS, Parity
from hone.training.configs import FitReward, Optimizer
from hone.training.evaluation import graded_table
from hone.training.reward_model import RewardModel, calibration, fit_reward, quality
from tests import tiny
from tests.memory import Memory


def pairs(n: int, seed: int) -> tuple[Problems, Responses]:
    """To each problem its chain, and what an untrained policy answers."""
    problems = tiny.TASK.draw("train", n, Stream.root(seed))
    sampled = tiny.policy().respond(problems.prompts, SamplingProtocol(5), Stream.root(seed))
    chains = tiny.TASK.demonstrate(problems, "long").lists()
    rows = [row for both in zip(chains, sampled.tokens.lists(), strict=True) for row in both]
    stopped = np.array([row[-1] == EOS for row in rows])
    tokens = pack(rows)
    logprobs = np.zeros(tokens.tokens.shape, dtype=np.float32)
    return problems, Responses(tokens, logprobs, stopped, samples=2)


def stages(folder: Path) -> dict[str, Path]:
    """A policy's checkpoint and graded rollouts of it, as stage folders."""
    (folder / "rl" / "rollouts").mkdir(parents=True)
    checkpoint.save(tiny.decoder(), folder / "pretrain" / "checkpoint", tiny.TASK.alphabet)
    problems, responses = pairs(256, seed=5)
    table = graded_table(tiny.TASK, problems, responses)
    table.write_parquet(folder / "rl" / "rollouts" / "train-000001.parquet")
    return {"policy": folder / "pretrain", "rollouts": folder / "rl"}


def config(steps: int = 150) -> FitReward:
    return FitReward(Parity(4), steps, 64, Optimizer(3e-3, warmup=10), every=50)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    folder = tmp_path_factory.mktemp("fit")
    context = Memory(folder / "checkpoint", inputs=stages(folder))
    fit_reward(config(), context)
    return context


def test_it_tells_right_from_wrong_on_problems_it_was_not_fit_to(fitted: Memory) -> None:
    last = fitted.logged[-1]
    assert last["accuracy"] > 0.9
    assert last["brier"] < 0.1  # 0.25 says nothing
    assert last["calibration_error"] < 0.15
    assert ("calibration", 150) in fitted.tables


def test_it_serves_as_a_reward(fitted: Memory) -> None:
    model = RewardModel(fitted.folder)
    problems, responses = pairs(32, seed=9)
    each = problems.select(responses.prompt_rows)
    said = model(each, responses)
    right = graded_table(tiny.TASK, problems, responses)["grade"].to_numpy() == "correct"
    assert said[right].mean() > said[~right].mean() + 0.5


def test_it_goes_on_bitwise_from_a_checkpoint(tmp_path: Path) -> None:
    inputs = stages(tmp_path)
    whole, halves = (Memory(tmp_path / name, inputs=inputs) for name in ("a", "b"))
    fit_reward(config(6), whole)
    fit_reward(config(3), halves)
    halves.resumed_at = 3
    fit_reward(config(6), halves)
    files = [context.folder / "value_head.safetensors" for context in (whole, halves)]
    # the learning rate does not decay, so the first three steps are the same
    assert files[0].read_bytes() == files[1].read_bytes()


def test_responses_of_one_kind_teach_nothing(tmp_path: Path) -> None:
    inputs = stages(tmp_path)
    file = inputs["rollouts"] / "rollouts" / "train-000001.parquet"
    pl.read_parquet(file).filter(pl.col("grade") == "correct").write_parquet(file)
    with pytest.raises(UsageError, match="these are all right"):
        fit_reward(config(), Memory(tmp_path / "fit", inputs=inputs))


def test_a_stage_without_rollouts_is_named(tmp_path: Path) -> None:
    inputs = stages(tmp_path)
    with pytest.raises(UsageError, match="holds no training rollouts"):
        fit_reward(config(), Memory(tmp_path / "fit", inputs={**inputs, "rollouts": tmp_path}))


def test_calibration_of_a_perfect_forecaster() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.uniform(size=20_000)
    labels = (rng.uniform(size=20_000) < predicted).astype(float)
    assert quality(predicted, labels)["calibration_error"] < 0.02
    overconfident = quality(np.round(predicted), labels)
    assert overconfident["calibration_error"] > 0.2
    assert calibration(predicted, labels)["count"].sum() == 20_000
