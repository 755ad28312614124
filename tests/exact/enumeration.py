"""Every response of a small policy, in float64: expectations are sums."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import torch
from torch import Tensor

from hone.core.contracts import Problems
from hone.core.sequences import Sequences, pack
from hone.models.decoder import Decoder
from hone.objectives.losses import Tokens
from hone.sampling.scoring import response_distributions, taken
from hone.tasks.parity import EOS
from tests import tiny

MAX_TOKENS = 3


def every_response() -> tuple[Sequences, np.ndarray]:
    """All that can be sampled in MAX_TOKENS tokens, and which of them end."""
    rows = [
        tokens
        for length in range(1, MAX_TOKENS + 1)
        for tokens in product(range(5), repeat=length)
        if EOS not in tokens[:-1] and (tokens[-1] == EOS or length == MAX_TOKENS)
    ]
    return pack(rows), np.array([tokens[-1] == EOS for tokens in rows])


@dataclass(frozen=True)
class Enumeration:
    """A policy, a reference, one problem, and every response to it."""

    temperature: float = 1.0

    @cached_property
    def model(self) -> Decoder:
        return tiny.decoder(0).double()

    @cached_property
    def reference(self) -> Decoder:
        return tiny.decoder(1).double()

    @cached_property
    def problem(self) -> Problems:
        return tiny.problems(1)

    @cached_property
    def responses(self) -> Sequences:
        return every_response()[0]

    @cached_property
    def rows(self) -> np.ndarray:
        return np.zeros(len(self.responses), dtype=int)

    @cached_property
    def rewards(self) -> np.ndarray:
        _, stopped = every_response()
        each = self.problem.select(self.rows)
        reading = tiny.TASK.read(each, self.responses, stopped)
        return tiny.TASK.reward("e2e", each, self.responses, reading)

    def distribution(self, model: Decoder) -> tuple[Tensor, Tensor]:
        return response_distributions(
            model, self.problem.prompts, self.rows, self.responses, self.temperature
        )

    def tokens(self, weights: np.ndarray, old: Tensor | None = None) -> Tokens:
        """What an objective sees if the policy itself sampled every response once."""
        own, targets = self.distribution(self.model)
        with torch.no_grad():
            other, _ = self.distribution(self.reference)
        logprobs = taken(own, targets)
        return Tokens(
            logprobs,
            logprobs.detach() if old is None else old,
            torch.from_numpy(weights),
            torch.from_numpy(self.responses.mask).double(),
            taken(other, targets),
            own,
            other,
        )

    def sums(self, terms: Tensor) -> Tensor:
        """Sum over a response's tokens, by response."""
        return (terms * torch.from_numpy(self.responses.mask)).sum(dim=1)

    def probabilities(self, model: Decoder) -> Tensor:
        """Of every response, gradients included."""
        own, targets = self.distribution(model)
        return self.sums(taken(own, targets)).exp()

    def gradient(self, value: Tensor) -> Tensor:
        """Of a number with respect to the policy's weights."""
        self.model.zero_grad()
        value.backward()
        return tiny.gradient(self.model)

    def expected(self, terms: Tensor) -> Tensor:
        """The mean over sampled responses of the sum of their token terms.

        What samples a response is not differentiated: a loss only sees what was sampled.
        """
        return (self.probabilities(self.model).detach() * self.sums(terms)).sum()

    def exact_reward_gradient(self) -> Tensor:
        value = self.probabilities(self.model) * torch.from_numpy(self.rewards)
        return self.gradient(value.sum())

    def exact_kl_gradient(self) -> Tensor:
        """Of the whole response's KL, with all its ways through earlier tokens."""
        own, other = self.probabilities(self.model), self.probabilities(self.reference).detach()
        return self.gradient((own * (own / other).log()).sum())
