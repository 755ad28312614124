"""What both contestants of a race are given: task, reward, objective, learning rate, level."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hone.bench.cases import GROUP, TASK
from hone.core.alphabet import Alphabet
from hone.core.contracts import Problems, Responses
from hone.core.random import Stream
from hone.core.sequences import pack
from hone.models.tokenizer import read_alphabet
from hone.objectives.rewards import Coin, Judged, Reward, total, verified
from hone.tasks.parity import Parity

LEARNING_RATE = 1e-4
EVERY = 2  # steps between evaluations of a whole run
LEVEL = 0.95
TRL_OBJECTIVE: dict[str, Any] = {"loss_type": "dapo", "beta": 0.0}
"""What TRL calls the objective of `grpo()`: a mean over all tokens of the batch, without a KL."""
REWARDS: dict[str, Reward] = {"e2e": verified("e2e"), "coin": ((1.0, Coin()),)}
"""By name. A coin gives every group a signal, so that neither library has rows to leave out."""


class Enough(Exception):
    """Raised by a stage's context to end the stage: what would come next is not wanted."""


@dataclass(frozen=True)
class Babble(Parity):
    """Parity in an alphabet as large as a language model's, for decoders taught nothing."""

    vocab: int = len(TASK.alphabet)

    @property
    def alphabet(self) -> Alphabet:
        return _widened(self.vocab)


@cache
def _widened(vocab: int) -> Alphabet:
    known = TASK.alphabet
    others = (f"<{token}>" for token in range(len(known), vocab))
    return Alphabet((*known.symbols, *others), known.eos, known.pad)


def task_of(checkpoint: Path) -> Parity:
    """The task of the decoder in a race: parity, in as many symbols as its tokenizer has."""
    vocab = len(read_alphabet(checkpoint))
    return TASK if vocab == len(TASK.alphabet) else Babble(TASK.d, vocab=vocab)


def earned(
    task: Parity,
    reward: Reward,
    problems: Problems,
    completions: Sequence[Sequence[int]],
    stream: Stream,
) -> Float[np.ndarray, " rows"]:
    """What TRL's completions earn: read by the task and rewarded as our own loop does it.

    Args:
        task: that drew the problems.
        reward: ours.
        problems: one row a completion.
        completions: token ids, the end included where there is one.
        stream: for rewards that are drawn.
    """
    tokens = pack(completions)
    stopped = np.array([row[-1] == task.alphabet.end for row in completions])
    unknown = np.zeros(tokens.tokens.shape, dtype=np.float32)  # no reward of a race reads these
    responses = Responses(tokens, unknown, stopped, GROUP)
    reading = task.read(problems, tokens, stopped)
    return total(reward, Judged(task, problems, responses, reading, stream, {}))
