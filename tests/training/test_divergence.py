"""A run that diverges stops, says which step, and leaves the batch that did it."""

import re
from pathlib import Path

import polars as pl
import pytest
import torch

from hone.core.contracts import SamplingProtocol
from hone.core.errors import Diverged
from hone.core.random import Stream
from hone.objectives.algorithms import Algorithm, grpo, ppo
from hone.objectives.rewards import verified
from hone.runs.folder import FolderContext
from hone.training.configs import Evaluation, FitReward, Optimizer, PostTrain, Supervise
from hone.training.post_training import post_train
from hone.training.reward_model import fit_reward
from hone.training.supervised import supervise
from tests import tiny

ABSURD = 1e30  # a learning rate after which the next loss is not finite


def supervised(lr: float) -> Supervise:
    model, look = tiny.decoder().config, Evaluation(4, every=100)
    return Supervise(tiny.TASK, (("long", 1.0),), 8, 8, Optimizer(lr), look, model)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    supervise(supervised(1e-3), FolderContext(folder, 0, {}))
    return folder


def file_of(caught: pytest.ExceptionInfo[Diverged]) -> pl.DataFrame:
    """The table that the message names."""
    found = re.search(r"the batch is in (\S+\.parquet)", str(caught.value))
    assert found is not None, caught.value
    return pl.read_parquet(found[1])


def test_next_token_prediction(tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="step ") as caught:
        supervise(supervised(ABSURD), FolderContext(tmp_path, 0, {}))
    batch = file_of(caught)
    assert batch.height == 8
    assert all(len(ids) == tiny.TASK.d + 1 for ids in batch["prompt_ids"])


@pytest.mark.parametrize("algorithm", [grpo(), ppo()], ids=lambda one: one.name)
def test_post_training(algorithm: Algorithm, base: Path, tmp_path: Path) -> None:
    config = PostTrain(tiny.TASK, algorithm, verified("e2e"), 20, 8, 4, Optimizer(ABSURD),
                       Evaluation(4, every=100))  # fmt: skip
    with pytest.raises(Diverged, match="round ") as caught:
        post_train(config, FolderContext(tmp_path, 0, {"policy": base}))
    assert file_of(caught).height == 32


def test_weights_that_diverged_unseen_are_found_when_they_are_sampled_from() -> None:
    """One step may leave weights whose next probabilities overflow, with no loss to show it."""
    policy = tiny.policy()
    with torch.no_grad():
        policy.decoder.embedding.fill_(torch.inf)
    with pytest.raises(Diverged, match="no numbers at response token 0"):
        policy.respond(tiny.problems().prompts, SamplingProtocol(4), Stream.root(0))


def test_a_reward_model(base: Path, tmp_path: Path) -> None:
    rl, model = tmp_path / "rl", tmp_path / "model"
    config = PostTrain(tiny.TASK, grpo(), verified("e2e"), 2, 16, 4, Optimizer(1e-4),
                       Evaluation(4, every=100))  # fmt: skip
    post_train(config, FolderContext(rl, 0, {"policy": base}))
    fit = FitReward(tiny.TASK, 8, 16, Optimizer(ABSURD), every=100)
    inputs = {"policy": base, "rollouts": rl}
    with pytest.raises(Diverged, match="step ") as caught:
        fit_reward(fit, FolderContext(model, 0, inputs))
    assert file_of(caught).height == 16
