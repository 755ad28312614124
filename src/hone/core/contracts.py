"""What a task, a policy and a learner are to each other. Arrays are batch first, all in NumPy."""

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, Shaped

from hone.core.alphabet import Vocabulary
from hone.core.errors import require
from hone.core.random import Stream
from hone.core.sequences import Sequences, concatenate

Split = Literal["train", "validation"]
Estimator = Literal["k1", "k2", "k3", "exact"]  # of a KL; see hone.objectives.divergence


@dataclass(frozen=True)
class Problems:
    """A batch of problems as a struct of arrays; `latent` holds the task's own arrays."""

    ids: Shaped[np.ndarray, " n"]  # str: hash of the canonical problem
    prompts: Sequences
    answers: Shaped[np.ndarray, " n"]  # str
    kinds: Shaped[np.ndarray, " n"]  # str
    difficulty: Int[np.ndarray, " n"]
    latent: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: np.ndarray) -> "Problems":
        """The given rows (indices or a boolean mask), in that order."""
        return Problems(
            self.ids[rows],
            self.prompts.select(rows),
            self.answers[rows],
            self.kinds[rows],
            self.difficulty[rows],
            {name: values[rows] for name, values in self.latent.items()},
        )


@dataclass(frozen=True)
class Reading:
    """What a task reads in responses, all in one pass."""

    answers: Shaped[np.ndarray, " n"]  # str; "" where there is none
    grades: Shaped[np.ndarray, " n"]  # str, values of Grade
    reasons: Shaped[np.ndarray, " n"]  # str, values of Reason
    strategies: Shaped[np.ndarray, " n"]  # str; OTHER where no form fits
    steps_correct: Int[np.ndarray, " n"]  # leading correct steps, the answer included
    steps: Int[np.ndarray, " n"]  # there are in a whole solution
    classes: Int8[np.ndarray, "n time"]  # values of PositionClass


@dataclass(frozen=True)
class Constraint:
    """Tokens a response may use, by position; positions beyond the last row are free."""

    allowed: Bool[np.ndarray, "positions vocab"]


@dataclass(frozen=True)
class SamplingProtocol:
    """How responses are drawn. Temperature 0 is greedy; `top_p` below 1 is for evaluation only."""

    max_tokens: int
    samples: int = 1  # responses a prompt
    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        require(self.max_tokens >= 1, "max_tokens", self.max_tokens, "1 or more")
        require(self.samples >= 1, "samples", self.samples, "1 or more")
        require(self.temperature >= 0, "temperature", self.temperature, "0 (greedy) or more")
        require(0 < self.top_p <= 1, "top_p", self.top_p, "above 0 and at most 1")


@dataclass(frozen=True)
class Responses:
    """Sampled responses; rows `i * samples … (i + 1) * samples - 1` answer prompt `i`."""

    tokens: Sequences  # the end-of-sequence token included where there is one
    logprobs: Float[np.ndarray, "rows time"]  # under the sampling distribution; 0 beyond the length
    stopped: Bool[np.ndarray, " rows"]  # False: cut off at max_tokens
    samples: int

    @property
    def prompt_rows(self) -> Int[np.ndarray, " rows"]:
        """The prompt each row answers."""
        return np.arange(len(self.tokens)) // self.samples


def joined_responses(parts: SequenceOf[Responses]) -> Responses:
    """The responses of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    tokens = concatenate([part.tokens for part in parts])
    width = tokens.tokens.shape[1]
    logprobs = [
        np.pad(part.logprobs, ((0, 0), (0, width - part.logprobs.shape[1]))) for part in parts
    ]
    stopped = np.concatenate([part.stopped for part in parts])
    return Responses(tokens, np.concatenate(logprobs), stopped, parts[0].samples)


@runtime_checkable
class Task(Protocol):
    """A distribution over problems with a verifier and named strategies; owns its alphabet."""

    @property
    def name(self) -> str: ...
    @property
    def strategies(self) -> tuple[str, ...]: ...
    @property
    def rewards(self) -> tuple[str, ...]:
        """Names that `reward` takes."""
        ...

    @property
    def alphabet(self) -> Vocabulary:
        """The tokens of its prompts and responses."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of the longest demonstration, the end included."""
        ...

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the longest prompt."""
        ...

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """`n` problems of a split; splits are disjoint by a hash of the problem."""
        ...

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """A correct response to each problem in the given strategy, end included."""
        ...

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading: ...

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """The named reward of each response; NaN where it is unscorable."""
        ...

    def constrain(self, strategy: str) -> Constraint:
        """What forces a response into a strategy."""
        ...


@dataclass(frozen=True)
class Documents:
    """Texts to be predicted token by token; the first token of each is given."""

    tokens: Sequences
    sources: Shaped[np.ndarray, " n"]  # str


@runtime_checkable
class Corpus(Protocol):
    """What a model is pretrained on: documents of several sources."""

    @property
    def alphabet(self) -> Vocabulary: ...
    @property
    def names(self) -> tuple[str, ...]:
        """Of its sources."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of the longest document."""
        ...

    def documents(
        self, split: Split, numbers: Int[np.ndarray, " documents"], stream: Stream
    ) -> Documents:
        """Those with these numbers, from 0 and rising, of all that the stream holds."""
        ...


@runtime_checkable
class Weighs(Protocol):
    """A task whose demonstrations hold tokens that are not to be learned."""

    def weights(self, problems: Problems, responses: Sequences) -> Float[np.ndarray, "n time"]:
        """Of every token of a demonstration in its likelihood."""
        ...


@runtime_checkable
class Policy(Protocol):
    """Anything that answers prompts and can say how likely its answers are."""

    def respond(
        self,
        prompts: Sequences,
        protocol: SamplingProtocol,
        stream: Stream,
        constraint: Constraint | None = None,
    ) -> Responses: ...

    def score(
        self, prompts: Sequences, responses: Responses, temperature: float
    ) -> Float[np.ndarray, "rows time"]:
        """Log-probabilities of given responses under the sampling distribution."""
        ...

    def tolerance(self, prompts: Sequences, responses: Responses, temperature: float) -> float:
        """The largest gap between sampled and scored log-probabilities that is rounding."""
        ...


@dataclass(frozen=True)
class Batch:
    """What a learner learns from: responses and the weights (advantages) of their tokens."""

    prompts: Sequences  # one row a prompt
    prompt_rows: Int[np.ndarray, " rows"]  # the prompt each response answers
    responses: Sequences
    old_logprobs: Float[np.ndarray, "rows time"]  # under the distribution that sampled them
    weights: Float[np.ndarray, "rows #time"]  # one column: the same for all tokens of a response
    temperature: float
    max_tokens: int  # a response may have had
    reference_logprobs: Float[np.ndarray, "rows time"] | None = None  # of the KL's reference
    values: Float[np.ndarray, "rows time"] | None = None  # what the critic said of each token
    returns: Float[np.ndarray, "rows time"] | None = None  # what it should have said

    def __len__(self) -> int:
        return len(self.responses)

    def select(self, rows: np.ndarray) -> "Batch":
        """Only the given response rows (indices or a boolean mask), in that order."""

        def picked(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return replace(
            self,
            prompt_rows=self.prompt_rows[rows],
            responses=self.responses.select(rows),
            old_logprobs=self.old_logprobs[rows],
            weights=self.weights[rows],
            reference_logprobs=picked(self.reference_logprobs),
            values=picked(self.values),
            returns=picked(self.returns),
        )


@runtime_checkable
class Learner(Protocol):
    """A policy that can be updated. The post-training loop knows nothing else of it."""

    @property
    def policy(self) -> Policy: ...

    @property
    def sampler(self) -> Policy:
        """What rollouts are drawn from: the policy, or an earlier one where staleness is asked."""
        ...

    def update(self, batch: Batch, stream: Stream) -> dict[str, float]:
        """One pass of optimizer steps over a batch; returns metrics."""
        ...

    def restart(self) -> None:
        """Back to the weights that post-training began with, optimizer state cleared."""
        ...

    def end_round(self, round: int) -> None:
        """Told after every round: what lags behind the policy moves on."""
        ...

    def save(self, folder: Path) -> None: ...
    def load(self, folder: Path) -> None: ...


@runtime_checkable
class HasReference(Protocol):
    """A learner that can measure how far its policy is from a reference."""

    def divergence(
        self, estimator: Estimator, prompts: Sequences, responses: Responses, temperature: float
    ) -> Float[np.ndarray, "rows time"]:
        """The estimator's value at every response token; 0 beyond a response's length."""
        ...

    def reference_logprobs(
        self, prompts: Sequences, responses: Responses, temperature: float
    ) -> Float[np.ndarray, "rows time"]: ...


@runtime_checkable
class HasCritic(Protocol):
    """A learner with a critic."""

    def values(self, prompts: Sequences, responses: Responses) -> Float[np.ndarray, "rows time"]:
        """Expected return before every response token; 0 beyond a response's length."""
        ...
