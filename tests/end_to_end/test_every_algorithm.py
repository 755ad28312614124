"""Every algorithm solves tasks that isolate what implementations get wrong; broken ones do not."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from hone.core.contracts import Batch
from hone.core.errors import Diverged
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.models.config import mistral_style
from hone.models.decoder import Decoder
from hone.objectives.algorithms import (
    Algorithm,
    dapo,
    dr_grpo,
    expert_iteration,
    grpo,
    gspo,
    ppo,
    reinforce,
    reinforce_pp,
    rloo,
    star,
)
from hone.objectives.credit import Rewards, State
from hone.objectives.divergence import KL
from hone.objectives.losses import Tokens
from hone.objectives.rewards import verified
from hone.sampling.policy import DecoderPolicy
from hone.training.configs import Evaluation, Numerics, Optimizer, PostTrain
from hone.training.learner import DecoderLearner
from hone.training.post_training import PostTraining
from tests.end_to_end.echo import ALPHABET, Echo
from tests.memory import Memory

PROMPTS, GROUP, ROUNDS = 32, 8, 40

ALGORITHMS: dict[str, Algorithm] = {
    "PPO": ppo(epochs=3),
    "GRPO": grpo(),
    "GRPO, two epochs, KL in the loss": grpo(epochs=2, kl=KL(0.01)),
    "GRPO, one round stale": replace(grpo(), schedule=replace(grpo().schedule, staleness=1)),
    # On a solved task nothing but the bonus has a gradient, which Adam makes as large as any other.
    "GRPO, entropy bonus": replace(grpo(), entropy=0.001),
    "Dr. GRPO": dr_grpo(),
    # These tasks pay answers that were cut off, which overlong filtering would never learn from.
    "DAPO": replace(dapo(), schedule=replace(dapo(draws=2).schedule, skip_truncated=False)),
    "GSPO": gspo(),
    "RLOO, KL in the reward": rloo(kl=KL(0.01, "k1", "reward")),
    "REINFORCE": reinforce(),
    "REINFORCE, learned baseline": reinforce("learned"),
    "REINFORCE++": reinforce_pp(),
    "REINFORCE++, group mean, KL in the advantage": reinforce_pp(
        "group_mean", kl=KL(0.01, "k1", "advantage")
    ),
    "expert iteration": expert_iteration(start="current"),
    "STaR": star(minibatch=32),
}
USUAL = Optimizer(7e-3)
OPTIMIZERS = {
    # With no baseline a solved task still has gradients, of which a long memory keeps the scale;
    # forgetting it, Adam walks off on their noise.
    "REINFORCE": Optimizer(7e-3, betas=(0.9, 0.999)),
}


def decoder() -> Decoder:
    model = Decoder(mistral_style(len(ALPHABET), 32, 1, 8, head_dim=16))
    model.initialise(torch.Generator().manual_seed(0))
    return model


def logged(
    algorithm: Algorithm,
    task: Echo,
    folder: Path,
    learner: type[DecoderLearner] = DecoderLearner,
    temperature: float = 1.0,
    rounds: int = ROUNDS,
    optimizer: Optimizer = USUAL,
) -> list[dict[str, float]]:
    """What is logged of training from random weights, before it and round by round."""
    config = PostTrain(
        task,
        algorithm,
        verified("outcome"),
        rounds,
        PROMPTS,
        GROUP,
        optimizer,
        Evaluation(2, every=rounds, samples=128),
        temperature,
    )
    context = Memory(folder)
    made = learner(
        decoder(), task.alphabet, algorithm, config.optimizer, Numerics(), total_steps=rounds
    )
    PostTraining(config, context, made).run()
    return context.logged


def trained(
    algorithm: Algorithm,
    task: Echo,
    folder: Path,
    learner: type[DecoderLearner] = DecoderLearner,
    temperature: float = 1.0,
) -> dict[str, float]:
    """What is logged of the last round: greedy and sampled accuracy."""
    return logged(algorithm, task, folder, learner, temperature)[-1]


@pytest.mark.parametrize("rule", ["second", "stop", "twice"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_solves_every_task(name: str, rule: str, tmp_path: Path) -> None:
    task = Echo(rule)  # pyright: ignore[reportArgumentType]
    optimizer = OPTIMIZERS.get(name, USUAL)
    last = logged(ALGORITHMS[name], task, tmp_path, optimizer=optimizer)[-1]
    assert last["greedy_accuracy"] == 1


@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_at_other_temperatures_too(temperature: float, tmp_path: Path) -> None:
    last = trained(grpo(), Echo("second"), tmp_path, temperature=temperature)
    assert last["greedy_accuracy"] == 1


class CreditsTheNextToken(DecoderLearner):
    """Scores what stands one place later than what was sampled."""

    def _tokens(self, batch: Batch) -> Tokens:
        moved = np.roll(batch.responses.tokens, 1, axis=1)
        return super()._tokens(replace(batch, responses=Sequences(moved, batch.responses.lengths)))


class IgnoresTheEnd(DecoderLearner):
    """The end is taken for padding, as where both are one token id and the mask asks for it."""

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        shorter = np.maximum(batch.responses.lengths - 1, 1)
        return super().update(
            replace(batch, responses=Sequences(batch.responses.tokens, shorter)), stream
        )


class NeverRefreshed(DecoderLearner):
    """The sampler keeps the first weights, as where an inference engine is not told of updates."""

    _first: Decoder | None = None

    @property
    def sampler(self) -> DecoderPolicy:
        self._first = self._first or decoder()
        return DecoderPolicy(self._first, self.policy.eos)


class LeakyBaseline(DecoderLearner):
    """The baseline has seen the first token, as where a critic is read one place late."""

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        prompts = batch.prompts.tokens[batch.prompt_rows]
        seen = np.column_stack([prompts, batch.responses.tokens[:, 0]])
        _, alike = np.unique(seen, axis=0, return_inverse=True)
        sums, counts = np.bincount(alike, batch.weights[:, 0]), np.bincount(alike)
        weights = batch.weights - (sums / counts)[alike][:, None]
        return super().update(replace(batch, weights=weights), stream)


class ForgetsTheTemperature(DecoderLearner):
    """Learns at temperature 1 from what was sampled at another."""

    def _tokens(self, batch: Batch) -> Tokens:
        return super()._tokens(replace(batch, temperature=1.0))


class ScoresWithoutTheTemperature(DecoderLearner):
    """Learns as it should, from a sampler that scores as it should not."""

    @property
    def sampler(self) -> DecoderPolicy:
        return _Untempered(self.policy.decoder, self.policy.eos)


class _Untempered(DecoderPolicy):
    def score(self, prompts, responses, temperature):
        return super().score(prompts, responses, 1.0)


@dataclass(frozen=True)
class OthersGroups:
    """Rewards read by sample where they lie by prompt."""

    needs_group: ClassVar[bool] = True

    def weights(self, rewards: Rewards, state: State) -> tuple[Rewards, State]:
        mixed = rewards.T.reshape(rewards.shape)
        return mixed - mixed.mean(axis=1, keepdims=True), state


@pytest.mark.parametrize(
    ("learner", "rule", "algorithm"),
    [
        (IgnoresTheEnd, "stop", star(minibatch=32)),  # nothing pushes the other tokens down
        (NeverRefreshed, "twice", grpo()),
        (LeakyBaseline, "turn", rloo()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_learner_fails(
    learner: type[DecoderLearner], rule: str, algorithm: Algorithm, tmp_path: Path
) -> None:
    sound, broken = (
        trained(algorithm, Echo(rule), tmp_path, kind)["sampled_accuracy"]  # pyright: ignore[reportArgumentType]
        for kind in (DecoderLearner, learner)
    )
    assert sound > 0.85
    assert broken < 0.65


def test_a_leaky_baseline_leaves_something_to_learn(tmp_path: Path) -> None:
    """It fails for what it takes from the first token, not for want of gradients."""
    sound, leaky = (
        [
            each["gradient_norm"]
            for each in logged(rloo(), Echo("turn"), tmp_path, kind, rounds=5)[1:]
        ]
        for kind in (DecoderLearner, LeakyBaseline)
    )
    assert min(leaky) > 0.1 * min(sound)
    assert min(sound) > 0


def test_broken_credit_fails(tmp_path: Path) -> None:
    last = trained(replace(grpo(), credit=OthersGroups()), Echo("twice"), tmp_path)
    assert last["sampled_accuracy"] < 0.65


@pytest.mark.parametrize(
    "learner", [CreditsTheNextToken, ForgetsTheTemperature, ScoresWithoutTheTemperature]
)
def test_what_does_not_score_as_it_sampled_is_refused_at_the_first_update(
    learner: type[DecoderLearner], tmp_path: Path
) -> None:
    with pytest.raises(Diverged, match="sampler and trainer do not run the same model"):
        trained(grpo(), Echo("second"), tmp_path, learner, temperature=1.5)
