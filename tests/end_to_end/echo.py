"""Tasks that a decoder without any training solves in seconds, each for one reason."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hone.core.alphabet import Alphabet
from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.core.vocabulary import OTHER, Grade, PositionClass, Reason

EOS, SEP = 2, 3
ALPHABET = Alphabet(("a", "b", "<eos>", "<sep>", "<pad>"), "<eos>", "<pad>")


@dataclass(frozen=True)
class Echo:
    """The prompt is one of two symbols.

    `second`: the second token repeats it, whatever the first one is: credit must go to the token
    that earned it. `stop`: the response ends after one token, whichever: the end is a token like
    any other. `twice`: both the first and the second repeat it, which by chance is rare. `turn`:
    the first is the other symbol and the second repeats it, so that to learn one teaches nothing of
    the other.
    """

    rule: Literal["second", "stop", "twice", "turn"]

    name = "echo"
    strategies = ()
    rewards = ("outcome",)

    @property
    def alphabet(self) -> Alphabet:
        return ALPHABET

    @property
    def max_tokens(self) -> int:
        return 3

    @property
    def prompt_tokens(self) -> int:
        return 2

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """Both splits hold both prompts: nothing is generalised here."""
        symbols = (stream.uniform(np.arange(n)) * 2).astype(np.int64)
        prompts = np.stack([symbols, np.full(n, SEP)], axis=1)
        names = np.array(self.alphabet.symbols)[symbols]
        return Problems(
            names,
            Sequences(prompts, np.full(n, 2)),
            names,
            np.full(n, self.rule),
            np.ones(n, dtype=np.int64),
            {"symbol": symbols},
        )

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        raise NotImplementedError

    def read(self, problems: Problems, responses: Sequences, stopped: np.ndarray) -> Reading:
        wide = np.pad(responses.tokens, ((0, 0), (0, 3)), constant_values=-1)
        wide = np.where(np.arange(wide.shape[1]) < responses.lengths[:, None], wide, -1)
        symbol = problems.latent["symbol"]
        first, second = wide[:, 0] == symbol, wide[:, 1] == symbol
        right = {
            "second": second,
            "stop": wide[:, 1] == EOS,
            "twice": first & second,
            "turn": (wide[:, 0] == 1 - symbol) & second,
        }[self.rule]
        n = len(symbol)
        return Reading(
            answers=np.array(self.alphabet.symbols)[responses.tokens[:, 0]],
            grades=np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value),
            reasons=np.where(right, Reason.RIGHT.value, Reason.WRONG.value),
            strategies=np.full(n, OTHER),
            steps_correct=right.astype(np.int64),
            steps=np.ones(n, dtype=np.int64),
            classes=np.full(responses.tokens.shape, PositionClass.EXECUTE, dtype=np.int8),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> np.ndarray:
        return (reading.grades == Grade.CORRECT).astype(np.float64)

    def constrain(self, strategy: str) -> Constraint:
        raise NotImplementedError
