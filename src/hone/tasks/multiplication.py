"""Products of whole numbers, worked out or answered at once (arXiv 2510.11495 §5).

All numbers are written least-significant digit first and padded with zeros to a fixed width. A
`worked` response to a × b writes a times each digit of b, shifted to its place, and after each the
sum so far, the last of which is the answer; an `answer` response writes that alone. For 12 × 34:

    prompt  2 1 * 4 3 <sep>
    worked  8 4 0 + 0 6 3 0 # 8 0 4 0 <eos>      48 + 360 = 408
    answer  # 8 0 4 0 <eos>

With three digits or more in b, sums on the way follow a `=`. Nothing in the prompt says which
response is wanted. The paper does not say how it lays products out; this is the layout of Deng et
al. (arXiv 2405.14838) without its parentheses.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, Shaped

from hone.core.alphabet import Alphabet
from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.errors import UsageError, require, unknown
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.core.vocabulary import OTHER, Grade, PositionClass
from hone.tasks.reading import reasons
from hone.tasks.splits import enough, in_validation

DIGITS = range(10)
TIMES, PLUS, SUM, ANSWER, EOS, SEP, PAD = range(10, 17)
_ALPHABET = Alphabet(
    (*map(str, DIGITS), "*", "+", "=", "#", "<eos>", "<sep>", "<pad>"), "<eos>", "<pad>"
)
_DIGIT = -1  # in a layout: any of them


@dataclass(frozen=True)
class Multiplication:
    """A number of n digits times one of m digits, neither with a leading zero."""

    n: int
    m: int

    name = "multiplication"
    strategies = ("worked", "answer")
    rewards = ("outcome", "process")

    def __post_init__(self) -> None:
        require(1 <= self.n <= 9, "n", self.n, "1 to 9 digits")
        require(2 <= self.m <= 9, "m", self.m, "2 to 9 digits: one needs no sums")

    @property
    def alphabet(self) -> Alphabet:
        return _ALPHABET

    @property
    def max_tokens(self) -> int:
        return len(self.layout("worked"))

    @property
    def prompt_tokens(self) -> int:
        return self.n + self.m + 2

    @property
    def steps(self) -> int:
        """Numbers that a worked response writes: m partial products and the sums after each."""
        return 2 * self.m - 1

    def layout(self, strategy: str) -> Int[np.ndarray, " time"]:
        """What stands where in a response: a mark's token, or -1 for any digit."""
        if strategy not in self.strategies:
            raise unknown("strategy of multiplication", strategy, self.strategies)
        if strategy == "answer":
            return np.array([ANSWER, *[_DIGIT] * (self.n + self.m), EOS])
        parts = [_DIGIT] * (self.n + 1)
        for place in range(1, self.m):
            digits = [_DIGIT] * (self.n + 1 + place)
            parts += [PLUS, *digits, ANSWER if place == self.m - 1 else SUM, *digits]
        return np.array([*parts, EOS])

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """`n` independent problems, uniform over the pairs that belong to the split."""
        rows, factors = np.arange(2 * n)[:, None], np.arange(2)

        def candidates(attempt: int) -> dict[str, np.ndarray]:
            uniform = stream.uniform(attempt, rows, factors)
            least, many = self._least, 9 * self._least
            return {"factors": least + (uniform * many).astype(np.int64)}

        def fits(drawn: dict[str, np.ndarray]) -> Bool[np.ndarray, " drawn"]:
            return _in_validation(drawn["factors"]) == (split == "validation")

        latent = enough(n, candidates, fits)
        if latent is None:
            raise UsageError(f"{self} has no {split} problems; use more digits")
        return self._problems(latent["factors"][:n])

    def inputs(self, split: Split) -> Problems:
        """Every problem of a split, in order: for exact checks of few digits."""
        a, b = (np.arange(least, 10 * least) for least in self._least)
        factors = np.stack(np.meshgrid(a, b, indexing="ij"), axis=-1).reshape(-1, 2)
        return self._problems(factors[_in_validation(factors) == (split == "validation")])

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """The worked solution or the answer, then the end."""
        layout = self.layout(strategy)
        tokens = np.tile(layout, (len(problems), 1))
        numbers = self._numbers(problems.latent["factors"])
        written = numbers if strategy == "worked" else numbers[-1:]
        tokens[:, layout == _DIGIT] = np.concatenate(written, axis=1)
        return Sequences(tokens, np.full(len(problems), len(layout)))

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        """Strategy by form alone: marks where they belong and digits elsewhere."""
        strategies = self._strategies(responses)
        worked = self.demonstrate(problems, "worked").tokens
        digits, complete = self._announced(responses, stopped)
        right = complete & (digits == self._numbers(problems.latent["factors"])[-1]).all(axis=1)
        short = (strategies == "answer") & right
        return Reading(
            answers=np.where(complete, _value(digits).astype(str), ""),
            grades=np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value),
            reasons=reasons(right, complete, stopped),
            strategies=strategies,
            steps_correct=np.where(short, 1, self._leading_steps(worked, responses)),
            steps=np.full(len(problems), self.steps),
            classes=self._classes(responses, stopped),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """`outcome`: the answer is right. `process`: and so is every number of a whole form."""
        if name not in self.rewards:
            raise unknown("reward of multiplication", name, self.rewards)
        right = reading.grades == Grade.CORRECT
        if name == "process":
            asked = np.where(reading.strategies == "worked", self.steps, 1)
            right &= (reading.strategies != OTHER) & (reading.steps_correct == asked)
        return right.astype(np.float64)

    def constrain(self, strategy: str) -> Constraint:
        """The form token by token; the first one decides which it is."""
        layout = self.layout(strategy)
        allowed = np.zeros((len(layout), len(self.alphabet)), dtype=bool)
        allowed[:, list(DIGITS)] = (layout == _DIGIT)[:, None]
        marks = np.flatnonzero(layout != _DIGIT)
        allowed[marks, layout[marks]] = True
        return Constraint(allowed)

    @cached_property
    def _least(self) -> Int[np.ndarray, "2"]:
        """The smallest numbers of n and of m digits."""
        return 10 ** np.array([self.n - 1, self.m - 1])

    def _problems(self, factors: Int[np.ndarray, "n 2"]) -> Problems:
        n, (a, b) = len(factors), factors.T
        marks = (np.full((n, 1), TIMES), np.full((n, 1), SEP))
        written = (_digits(a, self.n), marks[0], _digits(b, self.m), marks[1])
        return Problems(
            ids=np.array([f"{one}*{other}" for one, other in factors.tolist()], dtype=str),
            prompts=Sequences(np.concatenate(written, axis=1), np.full(n, self.prompt_tokens)),
            answers=(a * b).astype(str),
            kinds=np.full(n, f"{self.n}x{self.m}"),
            difficulty=np.full(n, self.steps),
            latent={"factors": factors},
        )

    def _numbers(self, factors: Int[np.ndarray, "n 2"]) -> list[Int[np.ndarray, "n digits"]]:
        """The digits of partial products and of the sums after each, as they are written."""
        a, b = factors.T
        written, total = list[np.ndarray](), np.zeros_like(a)
        for place in range(self.m):
            partial, width = a * (b // 10**place % 10) * 10**place, self.n + 1 + place
            total = total + partial
            written += [_digits(partial, width), _digits(total, width)][: 2 if place else 1]
        return written

    def _strategies(self, responses: Sequences) -> Shaped[np.ndarray, " n"]:
        names = np.full(len(responses), OTHER, dtype="<U6")
        for strategy in self.strategies:
            names[self._has_form(responses, strategy)] = strategy
        return names

    def _has_form(self, responses: Sequences, strategy: str) -> Bool[np.ndarray, " n"]:
        layout = self.layout(strategy)
        if responses.tokens.shape[1] < len(layout):
            return np.zeros(len(responses), dtype=bool)
        tokens = responses.tokens[:, : len(layout)]
        fits = np.where(layout == _DIGIT, tokens < TIMES, tokens == layout)
        return fits.all(axis=1) & (responses.lengths == len(layout))

    def _announced(
        self, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> tuple[Int[np.ndarray, "n digits"], Bool[np.ndarray, " n"]]:
        """What stands before the end, and whether that is the mark and a product's digits."""
        width = self.n + self.m
        first = responses.lengths - 1 - width
        places = np.maximum(first[:, None] + np.arange(-1, width), 0)
        last = np.take_along_axis(responses.tokens, places, axis=1)
        marked = (first >= 1) & (last[:, 0] == ANSWER)
        return last[:, 1:], stopped & marked & (last[:, 1:] < TIMES).all(axis=1)

    def _leading_steps(
        self, worked: Int[np.ndarray, "n time"], responses: Sequences
    ) -> Int[np.ndarray, " n"]:
        """Numbers of a worked response that are right before the first that is not."""
        time = min(worked.shape[1], responses.tokens.shape[1])
        same = responses.tokens[:, :time] == worked[:, :time]
        same &= responses.mask[:, :time]
        leading = np.cumprod(same, axis=1).sum(axis=1)
        ends = np.flatnonzero(self.layout("worked") != _DIGIT)  # what follows each number
        return (leading[:, None] >= ends).sum(axis=1)

    def _classes(
        self, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Int8[np.ndarray, "n time"]:
        """The first token decides: the mark makes it an answer, a digit makes it worked."""
        position = np.arange(responses.tokens.shape[1])
        marked = np.where(responses.tokens == ANSWER, position, -1)
        marked = np.where(responses.mask, marked, -1).max(axis=1, initial=-1)[:, None]
        classes = np.full(responses.tokens.shape, PositionClass.EXECUTE, dtype=np.int8)
        classes[(marked >= 0) & (position > marked)] = PositionClass.ANSWER
        classes[:, :1] = PositionClass.DECIDE
        classes[stopped[:, None] & (position == responses.lengths[:, None] - 1)] = PositionClass.END
        classes[~responses.mask] = PositionClass.PAD
        return classes


def _digits(values: Int[np.ndarray, " n"], width: int) -> Int[np.ndarray, "n width"]:
    """Least-significant first."""
    return values[:, None] // 10 ** np.arange(width) % 10


def _value(digits: Int[np.ndarray, "n width"]) -> Int[np.ndarray, " n"]:
    return digits @ 10 ** np.arange(digits.shape[1])


def _in_validation(factors: Int[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """By a hash of both factors in their order."""
    return in_validation(factors.astype(np.uint32), np.ones(factors.shape, dtype=bool))
