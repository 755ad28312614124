"""Several problems in one: what a part comes to is given to the next (arXiv 2606.13125 §2).

    prompt       s #1 op v … = ?  ; #1 op v … = ?  ? #1 op v … = ;      `;`: the answer so far
    response     > s #1 op v = r … ; r  < r #2 op v = x … ; x  …  <eos>

Each part is an evaluation or an inversion, and is solved as one, forward or backward.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from hone.core.alphabet import Alphabet
from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.errors import UsageError, require, unknown
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.texts import Rendering
from hone.core.vocabulary import OTHER, Grade, PositionClass
from hone.tasks.field_arithmetic import FieldArithmetic, Symbols
from hone.tasks.field_arithmetic.chains import Chains, walk
from hone.tasks.field_arithmetic.compositions_text import (
    BY_KIND,
    CompositionsInWords,
    strategy_of,
)
from hone.tasks.reading import reasons
from hone.tasks.splits import enough, in_validation

_LATENT = ("operations", "operands", "steps", "start", "inverted")


@dataclass(frozen=True)
class FieldCompositions:
    """Problems of `fewest` to `most` parts, each a chain of `low` to `high` operations in GF(p).

    A response is `forward` or `backward` where all of its parts are, `native` where each is as its
    part's kind asks, and `off_native` where none is; it is judged by its openings. As many
    demonstrations of each show every part in either strategy as often, whatever its kind.
    `symbols` as in `FieldArithmetic`, one map for all parts.
    """

    p: int = 11
    fewest: int = 2
    most: int = 2
    low: int = 2
    high: int = 3
    evaluation: float = 0.5
    symbols: Symbols = "fixed"

    name = "field_compositions"
    strategies = tuple(BY_KIND)
    rewards = ("outcome", "process")

    def __post_init__(self) -> None:
        require(self.fewest >= 1, "fewest", self.fewest, "1 or more")
        require(self.most >= self.fewest, "most", self.most, f"{self.fewest} (fewest) or more")
        _ = self.part

    @cached_property
    def part(self) -> FieldArithmetic:
        """A part by itself."""
        return FieldArithmetic(self.p, self.low, self.high, self.evaluation, self.symbols)

    @property
    def text(self) -> Rendering:
        """The problems in words, for language models."""
        return CompositionsInWords(self.at).rendering

    @property
    def alphabet(self) -> Alphabet:
        return self.part.alphabet

    @property
    def prompt_tokens(self) -> int:
        return self.most * self.part.prompt_tokens

    @property
    def max_tokens(self) -> int:
        return self.most * (self.part.max_tokens - 1) + 1

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """`n` independent problems of a split, their numbers of parts uniform."""
        latent = enough(
            n,
            lambda attempt: self._candidates(2 * n, stream.child("attempt", attempt)),
            lambda drawn: in_validation(*_canonical(drawn)) == (split == "validation"),
        )
        if latent is None:
            raise UsageError(f"{self} has no {split} problems; use longer chains")
        return self._problems({name: values[:n] for name, values in latent.items()})

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """Every part in the strategy, one after the other."""
        if strategy not in self.strategies:
            raise unknown("strategy of field_compositions", strategy, self.strategies)
        written: list[list[int]] = [[] for _ in range(len(problems))]
        for k in range(self.most):
            rows = np.flatnonzero(problems.difficulty > k)
            for row, solution in zip(rows, self._solutions(problems, rows, k, strategy),
                                     strict=True):  # fmt: skip
                written[row] += solution
        return pack([[*row, self.part.form.eos] for row in written])

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        """The strategy by the openings, every step by the solution of the opened kind."""
        plain = self.part.read(self.at(problems, np.arange(len(problems)), 0), responses, stopped)
        complete = plain.answers != ""
        right = complete & (plain.answers == problems.answers)
        return Reading(
            answers=plain.answers,
            grades=np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value),
            reasons=reasons(right, complete, stopped),
            strategies=self._strategies(problems, responses),
            steps_correct=self._steps_correct(problems, responses),
            steps=_total(problems),
            classes=self._classes(responses, plain.classes),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """`outcome`: the answer is right. `process`: and so is every step of every part."""
        if name not in self.rewards:
            raise unknown("reward of field_compositions", name, self.rewards)
        right = reading.grades == Grade.CORRECT
        if name == "process":
            right = right & (reading.steps_correct == reading.steps)
        return right.astype(np.float64)

    def constrain(self, strategy: str) -> Constraint:
        """The first token settles the first part's strategy, and no other's.

        Raises:
            UsageError: the strategy depends on the problem.
        """
        return self.part.constrain(strategy)

    def _candidates(self, n: int, stream: Stream) -> dict[str, np.ndarray]:
        """Parts whose start follows from the answer before; absent ones have no operations."""
        parts = self.fewest + stream.child("parts").below(self.most - self.fewest + 1, np.arange(n))
        drawn = [self.part.draw_any(n, stream.child("part", k)) for k in range(self.most)]
        given = drawn[0]["start"]
        for each in drawn:
            chains = Chains(self.p, each["operations"], each["operands"], each["steps"], given)
            inverted = each["inverted"]
            undone = walk(chains.undone(), given)[:, -1]
            each["start"] = np.where(inverted, undone, given)
            given = np.where(inverted, undone, chains.end)
        stacked = {name: np.stack([each[name] for each in drawn], axis=1) for name in _LATENT}
        return {**stacked, "parts": parts, "symbols": drawn[0]["symbols"]}

    def _problems(self, latent: dict[str, np.ndarray]) -> Problems:
        n, names = len(latent["parts"]), np.array(self.alphabet.symbols)
        words, present = _canonical(latent)
        whole = Problems(
            ids=np.array(["-".join(f"{word:x}" for word in row[there])
                          for row, there in zip(words, present, strict=True)]),
            prompts=Sequences(np.zeros((n, 0), dtype=np.int64), np.zeros(n, dtype=np.int64)),
            answers=np.full(n, ""),
            kinds=np.full(n, "composition"),
            difficulty=latent["parts"],
            latent=latent,
        )  # fmt: skip
        prompts: list[list[int]] = [[] for _ in range(n)]
        answers = np.full(n, "", dtype=names.dtype)
        for k in range(self.most):
            rows = np.flatnonzero(latent["parts"] > k)
            part = self.at(whole, rows, k)
            answers[rows] = part.answers
            for row, written, inverted in zip(rows, part.prompts.lists(),
                                              part.latent["inverted"], strict=True):  # fmt: skip
                if k:
                    written = written[self.p :] if self.symbols == "fresh" else written
                    written[-1 if inverted else 0] = self.part.form.so
                prompts[row] += written
        return Problems(whole.ids, pack(prompts), answers, whole.kinds, whole.difficulty, latent)

    def at(self, problems: Problems, rows: Int[np.ndarray, " some"], k: int) -> Problems:
        """The k-th part of the given rows, as a problem by itself."""
        operations, operands, steps, start, inverted = (
            problems.latent[name][rows, k] for name in _LATENT
        )
        chains = Chains(self.p, operations, operands, steps, start)
        return self.part.problems(chains, inverted, problems.latent["symbols"][rows])

    def _solutions(
        self, problems: Problems, rows: Int[np.ndarray, " some"], k: int, strategy: str
    ) -> list[list[int]]:
        """Of the k-th part, without the end."""
        part = self.at(problems, rows, k)
        by_kind = [self.part.demonstrate(part, name).lists() for name in BY_KIND[strategy]]
        inverted = part.latent["inverted"].astype(int)
        return [by_kind[kind][row][:-1] for row, kind in enumerate(inverted)]

    def _opens(self, responses: Sequences) -> Bool[np.ndarray, "n time"]:
        """Where parts begin; both marks stand nowhere else."""
        marks = (self.part.form.forward, self.part.form.backward)
        return np.isin(responses.tokens, marks) & responses.mask

    def _strategies(self, problems: Problems, responses: Sequences) -> np.ndarray:
        opens, found = self._opens(responses), []
        ways = np.where(responses.tokens == self.part.form.backward, "backward", "forward")
        for row, (parts, inverted) in enumerate(
            zip(problems.difficulty, problems.latent["inverted"].tolist(), strict=True)
        ):
            is_whole = opens[row].sum() == parts and opens[row, 0]
            solved = ways[row, opens[row]].tolist()
            found.append(strategy_of(solved, inverted) if is_whole else OTHER)
        return np.array(found, dtype=object).astype(str)

    def _steps_correct(self, problems: Problems, responses: Sequences) -> Int[np.ndarray, " n"]:
        """Leading operations that are right, part after part, in the strategy each part opens."""
        opens, found = self._opens(responses), np.zeros(len(responses), dtype=np.int64)
        going = np.ones(len(responses), dtype=bool)
        for k in range(self.most):
            rows = np.flatnonzero(going & (problems.difficulty > k) & (opens.sum(axis=1) > k))
            going[:] = False
            if not len(rows):
                break
            segments = pack([_segment(responses, row, opens[row], k) for row in rows.tolist()])
            part = self.at(problems, rows, k)
            reading = self.part.read(part, segments, np.zeros(len(rows), dtype=bool))
            found[rows] += reading.steps_correct
            going[rows] = reading.steps_correct == part.difficulty
        return found

    def _classes(
        self, responses: Sequences, classes: Int8[np.ndarray, "n time"]
    ) -> Int8[np.ndarray, "n time"]:
        return np.where(self._opens(responses), np.int8(PositionClass.DECIDE), classes)


def _segment(responses: Sequences, row: int, opens: Bool[np.ndarray, " time"], k: int) -> list[int]:
    """A response's tokens from its k-th opening to the next one."""
    edges = [*np.flatnonzero(opens), responses.lengths[row]]
    return responses.tokens[row, edges[k] : edges[k + 1]].tolist()


def _total(problems: Problems) -> Int[np.ndarray, " n"]:
    """Operations of all parts."""
    steps = problems.latent["steps"]
    return np.where(np.arange(steps.shape[1]) < problems.difficulty[:, None], steps, 0).sum(axis=1)


def _canonical(latent: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A problem in positive numbers, and which of them there are: each part's kind and operations.

    The starts of later parts follow from what comes before.
    """
    operations, parts = latent["operations"], latent["parts"]
    n, most, width = operations.shape
    head = 1 + 2 * np.where(np.arange(most) == 0, latent["start"], 0) + latent["inverted"]
    steps = 1 + 4 * latent["operands"] + operations
    there = np.arange(width) < latent["steps"][:, :, None]
    words = np.concatenate([head[:, :, None], np.where(there, steps, 0)], axis=2)
    present = (words > 0) & (np.arange(most) < parts[:, None])[:, :, None]
    return words.reshape(n, -1).astype(np.uint32), present.reshape(n, -1)
