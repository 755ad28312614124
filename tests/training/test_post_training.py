"""The post-training loop knows nothing of torch: a NumPy policy goes through it whole."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.core.contracts import (
    Batch,
    Constraint,
    Problems,
    Reading,
    Responses,
    SamplingProtocol,
)
from hone.core.errors import Diverged
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.objectives.algorithms import Algorithm, UntilMatched, grpo, reinforce, star
from hone.objectives.rewards import verified
from hone.tasks.parity import EOS, Parity
from hone.training.checks import check_start
from hone.training.configs import Evaluation, Optimizer, PostTrain
from hone.training.post_training import PostTraining
from tests.memory import Memory

TASK = Parity(5)


@dataclass
class Coin:
    """Knows both strategies and chooses by one logit: long with probability σ(logit)."""

    logit: float = -1.1
    rate: float = 0.0

    @property
    def policy(self) -> "Coin":
        return self

    @property
    def sampler(self) -> "Coin":
        return self

    @property
    def long_share(self) -> float:
        return float(1 / (1 + np.exp(-self.logit)))

    def respond(
        self,
        prompts: Sequences,
        protocol: SamplingProtocol,
        stream: Stream,
        constraint: Constraint | None = None,
    ) -> Responses:
        rows = np.repeat(np.arange(len(prompts)), protocol.samples)
        samples = np.tile(np.arange(protocol.samples), len(prompts))
        bits = prompts.tokens[rows, :-1] == 1
        chain = 1 - np.cumsum(~bits, axis=1) % 2
        is_long = stream.uniform(rows, samples) < self.long_share
        if protocol.temperature == 0:
            is_long[:] = self.long_share > 0.5
        guess = (stream.uniform(rows, samples, 1) < 0.5).astype(np.int64)
        tokens = np.where(is_long[:, None], chain, guess[:, None])
        tokens = np.concatenate([tokens, np.full((len(rows), 1), EOS)], axis=1)
        tokens[~is_long, 1] = EOS
        lengths = np.where(is_long, TASK.max_tokens, 2)
        responses = Sequences(tokens, lengths)
        logprobs = self._logprobs(responses)
        return Responses(responses, logprobs, np.ones(len(rows), dtype=bool), protocol.samples)

    def score(self, prompts: Sequences, responses: Responses, temperature: float) -> np.ndarray:
        return self._logprobs(responses.tokens)

    def tolerance(self, prompts: Sequences, responses: Responses, temperature: float) -> float:
        return 1e-6

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        is_long = batch.responses.lengths > 2
        gradient = batch.weights[:, 0] * (is_long - self.long_share)
        self.logit += self.rate * float(gradient.mean())
        return {"loss": 0.0, "logprob_gap": 0.0}

    def restart(self) -> None:
        self.logit = -1.1

    def end_round(self, round: int) -> None:
        """Nothing lags behind."""

    def save(self, folder: Path) -> None:
        (folder / "coin.json").write_text(json.dumps(self.logit))

    def load(self, folder: Path) -> None:
        self.logit = json.loads((folder / "coin.json").read_text())

    def _logprobs(self, responses: Sequences) -> np.ndarray:
        logprobs = np.zeros(responses.tokens.shape, dtype=np.float32)
        is_long = responses.lengths > 2
        logprobs[:, 1] = np.log(np.where(is_long, self.long_share, 1 - self.long_share))
        return logprobs


def config(
    algorithm: Algorithm, reward: str = "e2e", rounds: int = 12, group: int = 8
) -> PostTrain:
    return PostTrain(
        TASK,
        algorithm,
        verified(reward),
        rounds=rounds,
        prompts=64,
        group=group,
        optimizer=Optimizer(1e-3),
        evaluation=Evaluation(8, every=4),
    )


@pytest.mark.parametrize(
    ("algorithm", "rate"), [(reinforce(), 6.0), (grpo(), 3.0), (star(), 6.0)], ids=str
)
def test_every_algorithm_teaches_a_numpy_policy_to_write_chains(
    algorithm: Algorithm, rate: float, tmp_path: Path
) -> None:
    context, coin = Memory(tmp_path), Coin(rate=rate)
    PostTraining(config(algorithm), context, coin).run()
    assert coin.long_share > 0.8
    assert [row["step"] for row in context.logged] == list(range(13))
    assert {step for name, step in context.tables if name == "evaluation"} == {0, 4, 8, 12}
    trained = context.tables["train", 12]
    assert trained.height == 64 * 8
    assert trained["advantage"].is_not_null().all()


@pytest.mark.parametrize("algorithm", [reinforce(), star()], ids=str)
def test_a_resumed_run_is_the_uninterrupted_one(algorithm: Algorithm, tmp_path: Path) -> None:
    whole, halves = Memory(tmp_path / "a"), Memory(tmp_path / "b")
    for context in (whole, halves):
        context.folder.mkdir()
    once = Coin(rate=2.0)
    PostTraining(config(algorithm, rounds=6), whole, once).run()
    PostTraining(config(algorithm, rounds=3), halves, Coin(rate=2.0)).run()
    halves.resumed_at = 3
    resumed = Coin(logit=99.0, rate=2.0)
    PostTraining(config(algorithm, rounds=6), halves, resumed).run()
    assert resumed.logit == once.logit
    for step in (4, 5, 6):
        assert halves.tables["train", step].equals(whole.tables["train", step])


def test_the_tables_hold_what_was_rewarded(tmp_path: Path) -> None:
    context = Memory(tmp_path)
    PostTraining(config(star(), "cot", rounds=1), context, Coin()).run()
    table = context.tables["train", 1]
    assert ((table["grade"] == "correct").cast(pl.Float64) == table["reward"]).all()
    assert (table["advantage"] == table["reward"]).all()
    kept = context.logged[1]["kept"]
    assert kept == pytest.approx(table["reward"].mean())


@dataclass(frozen=True)
class Unscorable(Parity):
    """A scorer that fails on every third response."""

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> np.ndarray:
        rewards = super().reward(name, problems, responses, reading)
        rewards[::3] = np.nan
        return rewards


def test_what_cannot_be_scored_stays_out_of_the_update(tmp_path: Path) -> None:
    seen: list[int] = []

    class Counting(Coin):
        def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
            seen.append(len(batch))
            return super().update(batch, stream)

    settings = PostTrain(
        Unscorable(5), grpo(), verified("e2e"), 1, 30, 2, Optimizer(1e-3), Evaluation(4, every=1)
    )
    PostTraining(settings, Memory(tmp_path), Counting()).run()
    assert seen == [40]


def test_until_matched_repeats_epochs_until_the_share_fits(tmp_path: Path) -> None:
    until = UntilMatched("long", tolerance=0.25, samples=4000, max_epochs=200)
    context, coin = Memory(tmp_path), Coin(rate=1.0)
    PostTraining(config(star(until=until), "cot", rounds=1, group=40), context, coin).run()
    kept = context.tables["train", 1].filter(pl.col("reward") > 0)
    target = float(np.mean(kept["strategy"].to_numpy() == "long"))
    assert (
        abs(np.log(coin.long_share / (1 - coin.long_share)) - np.log(target / (1 - target))) < 0.4
    )
    assert 1 < context.logged[1]["epochs"] < 200


class TestStartUp:
    def rollouts(self) -> tuple[Problems, Responses]:
        problems = TASK.draw("train", 8, Stream.root(0))
        return problems, Coin().respond(problems.prompts, SamplingProtocol(6, 4), Stream.root(1))

    def test_a_sound_start_passes(self) -> None:
        problems, responses = self.rollouts()
        bound = check_start(Coin(), problems, responses, SamplingProtocol(6, 4))
        assert bound == Coin().tolerance(problems.prompts, responses, 1.0)

    def test_a_sampler_with_other_weights_is_found(self) -> None:
        problems, responses = self.rollouts()
        with pytest.raises(Diverged, match="do not run the same model"):
            check_start(Coin(logit=-1.0), problems, responses, SamplingProtocol(6, 4))

    def test_a_group_of_the_wrong_size_is_found(self) -> None:
        problems, responses = self.rollouts()
        with pytest.raises(Diverged, match="groups of"):
            check_start(Coin(), problems, responses, SamplingProtocol(6, 3))
