"""The methods study: its statistics on runs made up, and that every arm has what it stands on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.errors import UsageError
from hone.objectives.algorithms import ALGORITHMS
from hone.studies.post_training import methods_claims
from hone.studies.post_training.methods import REWARDS, Settings, plan, study
from hone.studies.post_training.methods_claims import promised_more, solved_after
from hone.training.configs import PostTrain
from tests.studies.made_up import PROBLEMS, Runs, rows


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def last_round(right: float, reward: float) -> pl.DataFrame:
    """Training rollouts a share of which is right, all of them with the same reward."""
    return rows("long", right).with_columns(reward=pl.lit(reward))


def test_a_reward_that_promises_more_than_is_right_shows(runs: Runs) -> None:
    for seed in range(3):
        tables = {"train-000009": last_round(0.9, 0.9), "train-000010": last_round(0.5, 0.95)}
        runs.add("rl", seed, tables, experiment="learned")
    found = promised_more("learned")(runs.results)
    assert found is not None
    assert found.value == pytest.approx(0.45)
    assert found.interval is not None
    low, high = found.interval
    assert low < 0.45 - 1 / np.sqrt(PROBLEMS) / 2 < 0.45 + 1 / np.sqrt(PROBLEMS) / 2 < high


def test_only_the_asked_arm_counts(runs: Runs) -> None:
    for reward, right in (("coin", 0.5), ("verifier", 1.0)):
        table = rows("long", right, temperature=0.0)
        runs.add("rl", 0, {"evaluation-000001": table}, experiment="rewards", reward=reward)
    found = solved_after("rewards", reward="coin")(runs.results)
    assert found is not None
    assert found.value == pytest.approx(0.5)


def test_a_run_without_the_arms_says_and_shows_nothing(runs: Runs) -> None:
    runs.pretrained(0, experiment="something else")
    assert all(claim.measure(runs.results) is None for claim in study.claims)
    assert all(figure.draw(runs.results) is None for figure in study.figures)


def test_every_algorithm_and_reward_has_an_arm_and_a_claim_or_a_figure() -> None:
    nodes = plan(replace(study.settings("full", ""), seeds=(0,)))
    arms = {node.arm for node in nodes if node.stage == "rl"}
    assert arms == {*ALGORITHMS, *REWARDS, "learned"}
    assert set(methods_claims.NAMES) == set(ALGORITHMS)


def test_every_method_draws_the_same_number_of_responses_a_round() -> None:
    nodes = plan(Settings(("algorithms", "rewards"), seeds=(0,)))
    drawn = {
        node.config.prompts * node.config.group
        for node in nodes
        if isinstance(node.config, PostTrain)
    }
    assert drawn == {128 * 8}


@pytest.mark.parametrize(
    ("key", "value"),
    [("experiments", ("algorithm",)), ("p_cot", 0.0), ("group", 1), ("rounds", 0), ("d", 2),
     ("seeds", (1, 1))],
)  # fmt: skip
def test_impossible_settings_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(UsageError, match=key.rstrip("s")):
        study.plan(replace(study.settings("full", ""), **{key: value}))
