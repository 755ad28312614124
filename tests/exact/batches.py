"""Every batch that a small policy can draw, each through the real loop: expected updates are sums.

Two prompts with four responses each: no `a`, one, two, or three, which leaves no room for the end.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement, permutations, product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hone.core.alphabet import Alphabet
from hone.core.contracts import (
    Batch,
    Constraint,
    Problems,
    Reading,
    Responses,
    SamplingProtocol,
    Split,
)
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.vocabulary import OTHER, Grade, PositionClass, Reason
from hone.models.config import gpt2_style
from hone.models.decoder import Decoder
from hone.objectives.algorithms import Algorithm
from hone.objectives.rewards import verified
from hone.sampling.policy import DecoderPolicy
from hone.sampling.scoring import response_logprobs
from hone.training.configs import Evaluation, Numerics, Optimizer, PostTrain
from hone.training.learner import DecoderLearner
from hone.training.post_training import PostTraining
from tests import tiny
from tests.memory import Memory

ALPHABET = Alphabet(("a", "<eos>"), "<eos>", "<eos>")
RESPONSES = ((1,), (0, 1), (0, 0, 1), (0, 0, 0))
LENGTHS = np.array([len(response) for response in RESPONSES])
MAX_TOKENS = 3
REWARDS = np.array([[0.0, 1.0, -0.5, 0.4], [0.3, 0.0, 1.0, 0.0]])  # by prompt and response
VALUES = np.array([[0.4, -0.3, 0.6], [-0.5, 0.2, 0.9]])  # of a critic, by prompt and position
BASELINE = 0.6  # of earlier rounds
TEMPERATURE = 0.7
POLICY, REFERENCE = 1, 2  # seeds


@dataclass(frozen=True)
class Counting:
    """A response earns what `REWARDS` says of the number of its `a`s."""

    name = "counting"
    strategies = ()
    rewards = ("table",)

    @property
    def alphabet(self) -> Alphabet:
        return ALPHABET

    @property
    def max_tokens(self) -> int:
        return MAX_TOKENS

    @property
    def prompt_tokens(self) -> int:
        return 2

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        which = np.arange(n) % 2
        names = which.astype(str)
        prompts = Sequences(np.stack([which, np.zeros(n, dtype=int)], axis=1), np.full(n, 2))
        return Problems(names, prompts, names, names, np.ones(n, dtype=int), {"which": which})

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        raise NotImplementedError

    def read(self, problems: Problems, responses: Sequences, stopped: np.ndarray) -> Reading:
        n = len(problems)
        return Reading(
            answers=(responses.lengths - stopped).astype(str),
            grades=np.full(n, Grade.CORRECT.value),
            reasons=np.full(n, Reason.RIGHT.value),
            strategies=np.full(n, OTHER),
            steps_correct=responses.lengths - stopped,  # how many `a`s
            steps=np.full(n, responses.tokens.shape[1]),
            classes=np.full(responses.tokens.shape, PositionClass.EXECUTE, dtype=np.int8),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> np.ndarray:
        return REWARDS[problems.latent["which"], reading.steps_correct]

    def constrain(self, strategy: str) -> Constraint:
        raise NotImplementedError


def decoder(seed: int) -> Decoder:
    """Its learned positions tell equal tokens apart, so that every position's odds are its own."""
    model = Decoder(gpt2_style(len(ALPHABET), 16, 1, 2, 8))
    model.initialise(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(8.0 if weight.dim() > 1 else 1.0)
    return model


def logprobs(model: Decoder, temperature: float = TEMPERATURE) -> Tensor:
    """Of every token of every response to both prompts, (prompts, responses, time); 0 beyond."""
    prompts = Counting().draw("train", 2, Stream.root(0)).prompts
    responses = pack(RESPONSES * 2)
    found = response_logprobs(
        model.double(), prompts, np.repeat([0, 1], len(RESPONSES)), responses, temperature
    )
    return (found * torch.from_numpy(responses.mask)).reshape(2, len(RESPONSES), MAX_TOKENS)


@dataclass(frozen=True)
class Drawn:
    """A batch: which response stands where, (prompts, group), and how likely that is."""

    chosen: np.ndarray
    chance: float

    @cached_property
    def prompts(self) -> np.ndarray:
        """Of every row."""
        return np.repeat(np.arange(len(self.chosen)), self.chosen.shape[1])

    @property
    def rewards(self) -> np.ndarray:
        return REWARDS[np.arange(len(self.chosen))[:, None], self.chosen]

    @property
    def lengths(self) -> np.ndarray:
        """Of every row."""
        return LENGTHS[self.chosen.ravel()]

    @property
    def mask(self) -> np.ndarray:
        return np.arange(MAX_TOKENS) < self.lengths[:, None]

    @property
    def values(self) -> np.ndarray:
        """What the critic says before every token."""
        return VALUES[self.prompts] * self.mask

    @property
    def log_ratios(self) -> np.ndarray:
        """log π - log reference of every token."""
        with torch.no_grad():
            return LOG_RATIOS[self.prompts, self.chosen.ravel()]


with torch.no_grad():
    LOG_RATIOS = (logprobs(decoder(POLICY)) - logprobs(decoder(REFERENCE))).numpy()
    CHANCES = logprobs(decoder(POLICY)).sum(dim=2).exp().numpy()  # by prompt and response


def every_batch(prompts: int, group: int) -> Iterator[Drawn]:
    """All batches of that shape, each with all orders that its groups could have been drawn in."""
    groups = list(combinations_with_replacement(range(len(RESPONSES)), group))
    orders = {each: len(set(permutations(each))) for each in groups}
    for drawn in product(groups, repeat=prompts):
        chosen = np.array(drawn)
        chances = CHANCES[np.arange(prompts)[:, None], chosen]
        yield Drawn(chosen, float(chances.prod() * np.prod([orders[each] for each in drawn])))


@dataclass(frozen=True)
class Scripted(DecoderPolicy):
    """Answers with what is next."""

    draws: list[np.ndarray]

    def respond(
        self,
        prompts: Sequences,
        protocol: SamplingProtocol,
        stream: Stream,
        constraint: Constraint | None = None,
    ) -> Responses:
        chosen = self.draws.pop(0)
        flat = chosen.ravel()
        tokens = pack([RESPONSES[each] for each in flat])
        drawn = Responses(tokens, np.zeros(tokens.tokens.shape), flat < 3, protocol.samples)
        return replace(drawn, logprobs=self.score(prompts, drawn, protocol.temperature))


class Summing(DecoderLearner):
    """Adds up the gradients of all rounds by their chances; its policy stays as it is."""

    def __init__(self, algorithm: Algorithm, rounds: list[tuple[list[np.ndarray], float]]) -> None:
        super().__init__(
            decoder(POLICY), ALPHABET, algorithm, Optimizer(1.0), Numerics(), len(rounds)
        )
        self._rounds = rounds
        self.sum = torch.zeros(())
        for weight in self.policy.decoder.double().parameters():
            weight.grad = torch.zeros_like(weight)
        if self._reference:
            self._reference.decoder.double()

    @property
    def sampler(self) -> Scripted:
        return Scripted(self.policy.decoder, self.policy.eos, self._rounds[0][0])

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        model = self.policy.decoder
        model.zero_grad(set_to_none=False)
        metrics = self.accumulate(batch)
        self.sum = self.sum - self._rounds[0][1] * tiny.gradient(model)  # a loss is minimised
        return metrics

    def end_round(self, round: int) -> None:
        """After the first, which does not count, there is another reference."""
        self._rounds.pop(0)
        if self._reference:
            self._reference.decoder.load_state_dict(decoder(REFERENCE).state_dict())

    def values(self, prompts: Sequences, responses: Responses) -> np.ndarray:
        return VALUES[responses.prompt_rows, : responses.tokens.tokens.shape[1]]

    def restart(self) -> None:
        """It never went on."""


class SameBefore(PostTraining):
    """What came before a round is the same for all of them."""

    def _round(self, step: int, stream: Stream) -> dict[str, float]:
        self.credit_state = {"baseline": BASELINE}
        return super()._round(step, stream)


class Silent(Memory):
    """Keeps no checkpoints."""

    def checkpoint(self, step: int, save: Callable[[Path], None]) -> None: ...
    def complete(self, save: Callable[[Path], None]) -> None: ...


def expected_update(algorithm: Algorithm, prompts: int, group: int) -> Tensor:
    """The direction in which the loop moves the weights, over all that a round can draw."""
    every = list(every_batch(prompts, group))
    sequences = list(product(every, repeat=algorithm.schedule.draws))
    rounds = [
        ([batch.chosen for batch in drawn], float(np.prod([batch.chance for batch in drawn])))
        for drawn in sequences
    ]
    rounds.insert(0, (list(rounds[0][0]), 0.0))
    config = PostTrain(
        Counting(),
        algorithm,
        verified("table"),
        len(rounds),
        prompts,
        group,
        Optimizer(1.0),
        Evaluation(1, every=len(rounds)),
        TEMPERATURE,
    )
    learner = Summing(algorithm, rounds)
    SameBefore(config, Silent(Path()), learner).run()
    return learner.sum


def surrogate_gradient(
    weights: Callable[[Drawn], np.ndarray],
    prompts: int,
    group: int,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """Of E[Σ w log π(token)] over all batches; w is of rows or of tokens, and held fixed."""
    total = np.zeros(LOG_RATIOS.shape)
    for batch in every_batch(prompts, group):
        each = np.broadcast_to(weights(batch) * batch.mask, batch.mask.shape)
        np.add.at(total, (batch.prompts, batch.chosen.ravel()), batch.chance * each)
    model = decoder(POLICY)
    (torch.from_numpy(total) * logprobs(model, temperature)).sum().backward()
    return tiny.gradient(model)


def reward_gradient(prompts: int) -> Tensor:
    """Of the expected reward of a response, over so many prompts."""
    model = decoder(POLICY)
    chances = logprobs(model).sum(dim=2).exp()
    (chances * torch.from_numpy(REWARDS))[:prompts].sum(dim=1).mean().backward()
    return tiny.gradient(model)
