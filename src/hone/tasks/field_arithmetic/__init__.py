"""Evaluation and inversion of chains of finite-field arithmetic (arXiv 2606.13125 §2).

An `evaluation` gives the start of a chain and asks for its end, an `inversion` the reverse. Both
can be solved `forward`, from the input side, or `backward`, from the output side: natively where
that side is given, and else by carrying what is unknown.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, UInt32

from hone.core.alphabet import Alphabet
from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.errors import UsageError, require, require_one_of, unknown
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.core.texts import Rendering
from hone.core.vocabulary import OTHER, Grade, PositionClass
from hone.tasks.field_arithmetic import free_text, text
from hone.tasks.field_arithmetic.chains import ADD, MULTIPLY, Chains
from hone.tasks.field_arithmetic.compact import MOST, Form
from hone.tasks.reading import reasons
from hone.tasks.splits import enough, in_validation

EVALUATION, INVERSION = "evaluation", "inversion"
Symbols = Literal["fixed", "permuted", "fresh"]
OffNative = Literal["affine", "trial"]
_PRIMES = tuple(p for p in range(5, 100) if all(p % q for q in range(2, p)))  # e0 to e99


@dataclass(frozen=True)
class FieldArithmetic:
    """Chains of `low` to `high` operations in GF(p).

    Attributes:
        p: the field's size.
        low: fewest operations.
        high: most operations.
        evaluation: share of evaluation problems.
        symbols: `fixed` (element i is written e_i), `permuted` (once, by `permutation`), or `fresh`
            (for every problem, with the map at the start of the prompt).
        permutation: names the permutation where symbols are `permuted`.
        off_native: how a solution goes that starts from what is not given: it carries an `affine`
            form, or tries every element (`trial`).
    """

    p: int = 11
    low: int = 2
    high: int = 5
    evaluation: float = 0.5
    symbols: Symbols = "fixed"
    permutation: int = 0
    off_native: OffNative = "affine"

    name = "field_arithmetic"
    strategies = ("forward", "backward")
    rewards = ("outcome", "process")

    def __post_init__(self) -> None:
        require(self.p in _PRIMES, "p", self.p, "a prime from 5 to 97")
        require(self.low >= 2, "low", self.low, "2 or more: the first and last operation differ")
        require(self.high >= self.low, "high", self.high, f"{self.low} (low) or more")
        require(self.high <= MOST, "high", self.high, f"at most {MOST}")
        require(0 <= self.evaluation <= 1, "evaluation", self.evaluation, "a number in [0, 1]")
        require_one_of("symbols", self.symbols, Symbols)
        require_one_of("off_native", self.off_native, OffNative)

    @cached_property
    def form(self) -> Form:
        return Form(self.p)

    @property
    def alphabet(self) -> Alphabet:
        return self.form.alphabet

    @property
    def text(self) -> Rendering:
        """The problems in words, for language models."""
        demonstrations = partial(text.demonstrations, off_native=self.off_native)
        return Rendering(text.prompts, demonstrations, free_text.read, text.OPENINGS)

    @property
    def prompt_tokens(self) -> int:
        mapped = self.p if self.symbols == "fresh" else 0
        return mapped + 3 * self.high + 3

    @property
    def max_tokens(self) -> int:
        native, ending = 2 + 5 * self.high, 3
        carried = 3 + 6 * self.high + 10
        tried = 1 + self.p * (2 + 5 * self.high)
        return max(native, carried if self.off_native == "affine" else tried) + ending

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """`n` independent problems of a split: uniform chains whose first and last step differ.

        Kinds are drawn for training, and take turns in validation, so that any number of the first
        problems holds its share of each.
        """
        latent = enough(
            n,
            lambda attempt: self._candidates(2 * n, stream.child("attempt", attempt)),
            lambda drawn: (
                (self._in_validation(drawn) == (split == "validation")) & _ends_differ(drawn)
            ),
        )
        if latent is None:
            raise UsageError(f"{self} has no {split} problems; use longer chains")
        order = np.arange(len(latent["start"]))
        if split == "validation":
            order = self._in_turn(latent["inverted"])
        return self._problems({name: values[order[:n]] for name, values in latent.items()})

    def draw_any(self, n: int, stream: Stream) -> dict[str, np.ndarray]:
        """Latent arrays of `n` problems of either split, their first and last step different."""
        drawn = self._candidates(4 * n, stream)
        rows = np.flatnonzero(_ends_differ(drawn))[:n]
        return {name: values[rows] for name, values in drawn.items()}

    def problems(
        self, chains: Chains, inverted: Bool[np.ndarray, " n"], symbols: Int[np.ndarray, "n p"]
    ) -> Problems:
        """Problems that are given rather than drawn.

        Args:
            chains: what is computed.
            inverted: which problems ask for the start.
            symbols: number of the symbol of every element.
        """
        return self._problems(
            {
                "operations": chains.operations,
                "operands": chains.operands,
                "steps": chains.steps,
                "start": chains.start,
                "inverted": inverted,
                "symbols": symbols,
            }
        )

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """The solution from the input side (`forward`) or the output side (`backward`)."""
        if strategy not in self.strategies:
            raise unknown("strategy of field_arithmetic", strategy, self.strategies)
        chains, inverted = self._chains(problems), problems.latent["inverted"]
        path = chains if strategy == "forward" else chains.undone()
        opening = self.form.forward if strategy == "forward" else self.form.backward
        given = inverted if strategy == "backward" else ~inverted  # the side it starts from
        known = chains.start if strategy == "backward" else chains.end
        carry = self.form.affine if self.off_native == "affine" else self.form.trial
        native = self.form.native(path, opening)
        carried = carry(path, opening, known)
        rows = [
            a if is_native else b for a, b, is_native in zip(native, carried, given, strict=True)
        ]
        return self.form.in_symbols(rows, problems.latent["symbols"], eos=True)

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        """The strategy by the order of operations; every step by the solution."""
        answers, complete = self._answers(responses, stopped)
        right = complete & (answers == problems.answers)
        strategies = self._strategies(problems, responses)
        return Reading(
            answers=answers,
            grades=np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value),
            reasons=reasons(right, complete, stopped),
            strategies=strategies,
            steps_correct=self._steps_correct(problems, responses, strategies),
            steps=problems.difficulty,
            classes=self._classes(responses, complete),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """`outcome`: the answer is right. `process`: and so is every step."""
        if name not in self.rewards:
            raise unknown("reward of field_arithmetic", name, self.rewards)
        right = reading.grades == Grade.CORRECT
        if name == "process":
            right = right & (reading.steps_correct == reading.steps)
        return right.astype(np.float64)

    def constrain(self, strategy: str) -> Constraint:
        """The first token settles the strategy."""
        if strategy not in self.strategies:
            raise unknown("strategy of field_arithmetic", strategy, self.strategies)
        allowed = np.zeros((1, len(self.alphabet)), dtype=bool)
        allowed[0, self.form.forward if strategy == "forward" else self.form.backward] = True
        return Constraint(allowed)

    def _candidates(self, n: int, stream: Stream) -> dict[str, np.ndarray]:
        rows, columns = np.arange(n), np.arange(self.high)

        def drawn(name: str, choices: int, *position: np.ndarray) -> np.ndarray:
            return stream.child(name).below(choices, *position)

        cells = rows[:, None], columns
        steps = self.low + drawn("steps", self.high - self.low + 1, rows)
        operations = np.where(drawn("operation", 2, *cells) == 0, ADD, MULTIPLY)
        added = 1 + drawn("added", self.p - 1, *cells)
        factors = 2 + drawn("factor", self.p - 2, *cells)
        operands = np.where(operations == ADD, added, factors)
        absent = columns >= steps[:, None]
        return {
            "operations": np.where(absent, ADD, operations),
            "operands": np.where(absent, 0, operands),
            "steps": steps,
            "start": drawn("start", self.p, rows),
            "inverted": stream.child("kind").uniform(rows) >= self.evaluation,
            "symbols": self._symbols(n, stream),
        }

    def _in_turn(self, inverted: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """An order in which kinds come as often as they should, as evenly as can be."""
        share = np.where(inverted, 1 - self.evaluation, self.evaluation)
        rank = np.where(inverted, np.cumsum(inverted), np.cumsum(~inverted))
        return np.argsort((rank - 0.5) / np.maximum(share, np.finfo(float).tiny), kind="stable")

    def _symbols(self, n: int, stream: Stream) -> Int[np.ndarray, "n p"]:
        if self.symbols == "fixed":
            return np.tile(np.arange(self.p), (n, 1))
        if self.symbols == "permuted":
            keys = Stream.root(self.permutation).child("symbols").uniform(np.arange(self.p))
            return np.tile(np.argsort(keys), (n, 1))
        keys = stream.child("symbols").uniform(np.arange(n)[:, None], np.arange(self.p))
        return np.argsort(keys, axis=1)

    def _problems(self, latent: dict[str, np.ndarray]) -> Problems:
        chains, inverted, symbols = self._of(latent), latent["inverted"], latent["symbols"]
        asked = np.where(inverted, chains.start, chains.end)
        prompts = self.form.prompts(chains, inverted)
        if self.symbols == "fresh":  # the element that each symbol stands for is its place
            prompts = [np.concatenate([np.arange(self.p), prompt]) for prompt in prompts]
        names = np.array(self.alphabet.symbols)
        return Problems(
            ids=_ids(latent),
            prompts=self.form.in_symbols(prompts, symbols, eos=False),
            answers=names[np.take_along_axis(symbols, asked[:, None], 1)[:, 0]],
            kinds=np.where(inverted, INVERSION, EVALUATION),
            difficulty=chains.steps,
            latent=latent,
        )

    def _chains(self, problems: Problems) -> Chains:
        return self._of(problems.latent)

    def _of(self, latent: dict[str, np.ndarray]) -> Chains:
        return Chains(
            self.p, latent["operations"], latent["operands"], latent["steps"], latent["start"]
        )

    def _in_validation(self, latent: dict[str, np.ndarray]) -> Bool[np.ndarray, " n"]:
        """By a hash of the chain and what is asked, whatever the symbols."""
        words = _canonical(latent)
        return in_validation(words.astype(np.uint32), words > 0)

    def _answers(
        self, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> tuple[np.ndarray, Bool[np.ndarray, " n"]]:
        """The symbol before the end, where `;` announces it; and where there is one."""
        rows, last = np.arange(len(responses)), responses.lengths - 2
        token = responses.tokens[rows, np.maximum(last, 0)]
        before = responses.tokens[rows, np.maximum(last - 1, 0)]
        complete = stopped & (last >= 1) & (token < self.p) & (before == self.form.so)
        names = np.array(self.alphabet.symbols)
        return np.where(complete, names[token], ""), complete

    def _strategies(self, problems: Problems, responses: Sequences) -> np.ndarray:
        """Forward mentions the first operation first and goes on in order, backward in reverse.

        The number in front of an operation says which one is meant: another operand behind it is a
        wrong step, and no other order.
        """
        found = np.full(len(responses), OTHER, dtype=object)
        chains, symbols = self._chains(problems), problems.latent["symbols"]
        tokens = np.where(responses.mask, responses.tokens, self.form.eos)
        tokens = np.pad(tokens, ((0, 0), (0, 3)), constant_values=self.form.eos)
        begun = self.form.first_mention(tokens)
        for name, path, opening in (
            ("forward", chains, self.form.forward),
            ("backward", chains.undone(), self.form.backward),
        ):
            first = self.form.listed(path, opening)[:, 0]
            first[:, 2:] = np.take_along_axis(symbols, first[:, 2:], 1)
            fits = (tokens[:, 0] == opening) & (begun == first).all(axis=1)
            found[fits & self.form.in_order(tokens, chains.steps, opening)] = name
        return found.astype(str)

    def _steps_correct(
        self, problems: Problems, responses: Sequences, strategies: np.ndarray
    ) -> Int[np.ndarray, " n"]:
        """Leading steps that are the strategy's own, token for token."""
        found = np.zeros(len(responses), dtype=np.int64)
        for name in self.strategies:
            rows = np.flatnonzero(strategies == name)
            if len(rows):
                found[rows] = self._leading(problems.select(rows), responses.select(rows), name)
        return found

    def _leading(self, problems: Problems, responses: Sequences, name: str) -> np.ndarray:
        """The last step is right where all is up to the answer: what a form is solved for, too."""
        solution = self.demonstrate(problems, name)
        width = min(solution.tokens.shape[1], responses.tokens.shape[1])
        same = (solution.tokens[:, :width] == responses.tokens[:, :width]) & responses.mask[
            :, :width
        ]
        matched = np.cumprod(same, axis=1).sum(axis=1)
        inverted = problems.latent["inverted"]
        native = inverted if name == "backward" else ~inverted
        head, step = np.where(native, 2, 3), np.where(native, 5, 6)
        if self.off_native == "trial":  # the last trial is the one that counts
            length = solution.lengths - 3 - 5 * problems.difficulty
            head, step = np.where(native, 2, length), np.full(len(native), 5)
        steps = np.clip((matched - head) // step, 0, problems.difficulty)
        is_whole = matched >= solution.lengths - 3
        return np.where(is_whole, steps, np.minimum(steps, problems.difficulty - 1))

    def _classes(
        self, responses: Sequences, complete: Bool[np.ndarray, " n"]
    ) -> Int8[np.ndarray, "n time"]:
        position = np.arange(responses.tokens.shape[1])
        classes = np.full(responses.tokens.shape, PositionClass.EXECUTE, dtype=np.int8)
        last = (responses.lengths - 1)[:, None]
        classes[complete[:, None] & (position == last - 1)] = PositionClass.ANSWER
        classes[(responses.tokens == self.form.eos) & (position == last)] = PositionClass.END
        classes[:, :1] = PositionClass.DECIDE
        classes[~responses.mask] = PositionClass.PAD
        return classes


def _canonical(latent: dict[str, np.ndarray]) -> UInt32[np.ndarray, "n columns"]:
    """A problem in positive numbers: kind and start, then every operation; 0 where none is."""
    head = 1 + 2 * latent["start"] + latent["inverted"]
    steps = 1 + 4 * latent["operands"] + latent["operations"]
    present = np.arange(steps.shape[1]) < latent["steps"][:, None]
    return np.column_stack([head, np.where(present, steps, 0)]).astype(np.uint32)


def _ends_differ(latent: dict[str, np.ndarray]) -> Bool[np.ndarray, " n"]:
    """The first and the last operation tell forward from backward, so they must differ."""
    last = (latent["steps"] - 1)[:, None]
    pairs = [(values[:, :1], np.take_along_axis(values, last, 1))
             for values in (latent["operations"], latent["operands"])]  # fmt: skip
    return ~np.logical_and(*(first == end for first, end in pairs))[:, 0]


def _ids(latent: dict[str, np.ndarray]) -> np.ndarray:
    return np.array(["-".join(f"{code:x}" for code in row if code) for row in _canonical(latent)])
