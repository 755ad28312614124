"""Parity of d signs, answered at once or by a chain of running products (arXiv 2510.11495 §2).

The prompt is x_1 … x_d followed by a separator, x_i uniform on {-1, +1}. A `long` response writes
the prefix products x_1, x_1x_2, …, x_1…x_d; a `short` one writes only the last. Nothing in the
prompt says which is wanted, and both may begin with the same token.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from hone.core.alphabet import Alphabet
from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.errors import UsageError, require, unknown
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.core.vocabulary import OTHER, Grade, PositionClass
from hone.tasks.reading import reasons
from hone.tasks.splits import enough, in_validation

MINUS, PLUS, EOS, SEP, PAD = range(5)
_ALPHABET = Alphabet(("-", "+", "<eos>", "<sep>", "<pad>"), "<eos>", "<pad>")


@dataclass(frozen=True)
class Parity:
    """d-bit parity; `leap` = k shows only every k-th prefix product (and always the last)."""

    d: int
    leap: int = 1

    name = "parity"
    strategies = ("long", "short")
    rewards = ("e2e", "cot")

    def __post_init__(self) -> None:
        require(self.d >= 2, "d", self.d, "a whole number of at least 2")
        require(1 <= self.leap < self.d, "leap", self.leap, f"1 … d - 1 = {self.d - 1}")

    @property
    def alphabet(self) -> Alphabet:
        return _ALPHABET

    @property
    def chain_positions(self) -> Int[np.ndarray, " steps"]:
        """Which prefix products a long response shows (0-based, the last always)."""
        return np.unique(np.append(np.arange(self.leap - 1, self.d, self.leap), self.d - 1))

    @property
    def max_tokens(self) -> int:
        return len(self.chain_positions) + 1

    @property
    def prompt_tokens(self) -> int:
        return self.d + 1

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """`n` independent problems, uniform over the inputs that belong to the split."""
        rows, columns = np.arange(2 * n)[:, None], np.arange(self.d)
        latent = enough(
            n,
            lambda attempt: {"bits": stream.uniform(attempt, rows, columns) < 0.5},
            lambda drawn: self._in_validation(drawn["bits"]) == (split == "validation"),
        )
        if latent is None:
            raise UsageError(f"parity with d = {self.d} has no {split} inputs; use a larger d")
        return self._problems(latent["bits"][:n])

    def inputs(self, split: Split) -> Problems:
        """Every problem of a split, in order: for exact checks at small d."""
        bits = (np.arange(2**self.d)[:, None] >> np.arange(self.d)) & 1 == 1
        return self._problems(bits[self._in_validation(bits) == (split == "validation")])

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """The long chain or the short answer, then the end."""
        chain = self._chain(problems)
        if strategy == "short":
            chain = chain[:, -1:]
        elif strategy != "long":
            raise unknown("strategy of parity", strategy, self.strategies)
        end = np.full((len(problems), 1), EOS)
        tokens = np.concatenate([chain, end], axis=1)
        return Sequences(tokens, np.full(len(problems), tokens.shape[1]))

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        """Strategy by form alone: how many value tokens stand before the end."""
        values = self._values(responses, stopped)
        chain = self._chain(problems)
        last = np.take_along_axis(responses.tokens, np.maximum(values - 1, 0)[:, None], 1)[:, 0]
        complete = stopped & (values > 0)
        right = complete & (last == chain[:, -1])
        return Reading(
            answers=np.where(complete, np.array(self.alphabet.symbols)[last], ""),
            grades=np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value),
            reasons=reasons(right, complete, stopped),
            strategies=self._strategies(values, stopped),
            steps_correct=self._steps_correct(chain, responses, values, stopped),
            steps=np.full(len(problems), chain.shape[1]),
            classes=self._classes(responses, values),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """`e2e`: the last value is the parity. `cot`: exactly the chain or the short answer."""
        if name not in self.rewards:
            raise unknown("reward of parity", name, self.rewards)
        right = reading.grades == Grade.CORRECT
        if name == "e2e":
            return right.astype(np.float64)
        steps = np.where(reading.strategies == "long", len(self.chain_positions), 1)
        exact = (reading.strategies != OTHER) & (reading.steps_correct == steps)
        return (right & exact).astype(np.float64)

    def constrain(self, strategy: str) -> Constraint:
        """Long and short differ only in whether the end may come at the second position."""
        if strategy not in self.strategies:
            raise unknown("strategy of parity", strategy, self.strategies)
        steps = 1 if strategy == "short" else len(self.chain_positions)
        allowed = np.zeros((steps + 1, len(self.alphabet)), dtype=bool)
        allowed[:steps, [MINUS, PLUS]] = True
        allowed[steps, EOS] = True
        return Constraint(allowed)

    def _problems(self, bits: Bool[np.ndarray, "n d"]) -> Problems:
        n = len(bits)
        prompts = np.concatenate([bits.astype(np.int64), np.full((n, 1), SEP)], axis=1)
        answers = _parity(bits)[:, -1]
        return Problems(
            ids=_ids(bits),
            prompts=Sequences(prompts, np.full(n, self.d + 1)),
            answers=np.array(self.alphabet.symbols)[answers],
            kinds=np.full(n, "parity"),
            difficulty=np.full(n, self.d),
            latent={"bits": bits},
        )

    def _in_validation(self, bits: Bool[np.ndarray, "n d"]) -> Bool[np.ndarray, " n"]:
        """By a hash of the input, 32 signs a word."""
        parts = np.array_split(bits, -(-self.d // 32), axis=1)
        powers = np.uint32(1) << np.arange(32, dtype=np.uint32)
        words = [(part * powers[: part.shape[1]]).sum(axis=1, dtype=np.uint32) for part in parts]
        return in_validation(np.stack(words, axis=1), np.ones((len(bits), len(words)), dtype=bool))

    def _chain(self, problems: Problems) -> Int[np.ndarray, "n steps"]:
        return _parity(problems.latent["bits"])[:, self.chain_positions]

    def _values(
        self, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Int[np.ndarray, " n"]:
        """Value tokens before the end; 0 where anything but -1 and +1 stands there."""
        values = responses.lengths - stopped
        before_end = np.arange(responses.tokens.shape[1]) < values[:, None]
        clean = ((responses.tokens <= PLUS) | ~before_end).all(axis=1)
        return np.where(clean, values, 0)

    def _strategies(
        self, values: Int[np.ndarray, " n"], stopped: Bool[np.ndarray, " n"]
    ) -> np.ndarray:
        names = np.where(values == 1, "short", OTHER)
        names = np.where(values == len(self.chain_positions), "long", names)
        return np.where(stopped, names, OTHER)

    def _steps_correct(
        self,
        chain: Int[np.ndarray, "n steps"],
        responses: Sequences,
        values: Int[np.ndarray, " n"],
        stopped: Bool[np.ndarray, " n"],
    ) -> Int[np.ndarray, " n"]:
        """Leading right steps of the chain, or of the one-step chain that a short answer is."""
        steps = min(chain.shape[1], responses.tokens.shape[1])
        right = responses.tokens[:, :steps] == chain[:, :steps]
        right &= np.arange(steps) < values[:, None]
        leading = np.cumprod(right, axis=1).sum(axis=1)
        short_right = (responses.tokens[:, 0] == chain[:, -1]).astype(np.int64)
        return np.where(stopped & (values == 1), short_right, leading)

    def _classes(
        self, responses: Sequences, values: Int[np.ndarray, " n"]
    ) -> Int8[np.ndarray, "n time"]:
        """The second token decides: the end makes it short, a value makes it long."""
        position = np.arange(responses.tokens.shape[1])
        classes = np.full(responses.tokens.shape, PositionClass.EXECUTE, dtype=np.int8)
        classes[position == values[:, None] - 1] = PositionClass.ANSWER
        classes[position == values[:, None]] = PositionClass.END
        classes[:, 1:2] = PositionClass.DECIDE
        classes[~responses.mask] = PositionClass.PAD
        return classes


def parity_mixture(p_cot: float) -> tuple[tuple[str, float], ...]:
    """The mixture D(p_cot): long with probability p_cot, else short (§2).

    Raises:
        UsageError: p_cot outside [0, 1].
    """
    require(0 <= p_cot <= 1, "p_cot", p_cot, "a number in [0, 1]")
    return (("long", p_cot), ("short", 1 - p_cot))


def _parity(bits: Bool[np.ndarray, "n d"]) -> Int[np.ndarray, "n d"]:
    """Running products of signs as tokens; +1 (PLUS) is an even number of minus signs."""
    return 1 - np.cumsum(~bits, axis=1) % 2


def _ids(bits: Bool[np.ndarray, "n d"]) -> np.ndarray:
    packed = np.packbits(bits, axis=1)
    return np.array([row.tobytes().hex() for row in packed])
