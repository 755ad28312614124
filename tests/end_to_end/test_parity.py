"""The main job in seconds: pretrain on rare chains, see it calibrated and short, let RL finish."""

from pathlib import Path

import polars as pl
import pytest

from hone.models.config import mistral_style
from hone.objectives.algorithms import Algorithm, grpo, star
from hone.objectives.rewards import verified
from hone.tasks.parity import Parity, parity_mixture
from hone.training.configs import Evaluation, Optimizer, PostTrain, Supervise
from hone.training.post_training import post_train
from hone.training.supervised import supervise
from tests.memory import Memory

TASK = Parity(8)
P_COT = 0.25


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    folder = tmp_path_factory.mktemp("pretrained") / "checkpoint"
    context = Memory(folder)
    model = mistral_style(vocab=5, width=64, layers=2, context=18, head_dim=16)
    supervise(
        Supervise(
            TASK,
            parity_mixture(P_COT),
            steps=600,
            batch=128,
            optimizer=Optimizer(2e-3, warmup=30, decay="linear"),
            evaluation=Evaluation(60, every=600, samples=16),
            model=model,
        ),
        context,
    )
    return context


def last_table(context: Memory, temperature: float) -> pl.DataFrame:
    step = max(step for name, step in context.tables if name == "evaluation")
    return context.tables["evaluation", step].filter(pl.col("temperature") == temperature)


def test_pretraining_learns_the_chain_and_how_rare_it_is(pretrained: Memory) -> None:
    table = last_table(pretrained, 1.0)
    long = table.filter(pl.col("strategy") == "long")
    assert abs(long.height / table.height - P_COT) < 0.08
    assert (long["grade"] == "correct").mean() > 0.9  # pyright: ignore[reportOperatorIssue]
    greedy = last_table(pretrained, 0.0)["strategy"] == "short"
    assert greedy.mean() > 0.9  # pyright: ignore[reportOperatorIssue]  # 0.25 is near 1/3


@pytest.mark.parametrize("algorithm", [star(), grpo()], ids=lambda algorithm: algorithm.name)
def test_rl_makes_the_chain_the_greedy_answer(
    pretrained: Memory, algorithm: Algorithm, tmp_path: Path
) -> None:
    group = 1 if algorithm.name == "star" else 8
    context = Memory(tmp_path, inputs={"policy": pretrained.folder.parent})
    post_train(
        PostTrain(
            TASK,
            algorithm,
            verified("e2e"),
            rounds=12,
            prompts=1024 // group,
            group=group,
            optimizer=Optimizer(6e-4),
            evaluation=Evaluation(60, every=12),
        ),
        context,
    )
    greedy = last_table(context, 0.0)
    assert set(greedy["strategy"]) == {"long"}
    assert (greedy["grade"] == "correct").mean() > 0.9  # pyright: ignore[reportOperatorIssue]
