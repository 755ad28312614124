"""Exercises of several lists, which a model without pretraining lacks where problems have parts.

    s #1 op v … = e  s #1 op v … = e  …  →  > s #1 op v = x … ; x  < e #2 op v = y … ; y  … <eos>

Every list is one of `skills`, copied or undone by itself: nothing is passed on from one to the
next, which is left to demonstrations. They teach to keep one's place among any number of parts.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float

from hone.core.alphabet import Alphabet
from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.errors import require
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.vocabulary import OTHER, Grade
from hone.tasks.field_arithmetic.skills import EXERCISE, FieldSkills
from hone.tasks.reading import reasons

Value = TypeVar("Value", int, float)


@dataclass(frozen=True)
class FieldOutlines:
    """One to `most` lists of `low` to `high` operations in GF(p).

    Attributes:
        p: the field's size.
        most: lists in one exercise.
        low: fewest operations of a list.
        high: most operations of a list.
        undone: share of the lists that are undone; the others are copied.
        carried: share of the lists that carry two values.
    """

    p: int = 11
    most: int = 5
    low: int = 2
    high: int = 3
    undone: float = 0.5
    carried: float = 0.5

    name = "field_outlines"
    strategies = (EXERCISE,)
    rewards = ("outcome",)

    def __post_init__(self) -> None:
        require(self.most >= 1, "most", self.most, "1 or more")
        _ = self.part

    @cached_property
    def part(self) -> FieldSkills:
        """A list by itself."""
        copy, undo = 1 - self.undone, self.undone
        return FieldSkills(self.p, self.low, self.high, 0.0, 0.0, 0.0, copy, undo, self.carried)

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
        """`n` exercises, their numbers of lists uniform."""
        drawn = [self.part.draw(split, n, stream.child("part", k)) for k in range(self.most)]
        parts = 1 + stream.child("parts").below(self.most, np.arange(n))
        prompts: list[list[int]] = [[] for _ in range(n)]
        for k, part in enumerate(drawn):
            for row, written in enumerate(part.prompts.lists()):
                prompts[row] += written if parts[row] > k else []
        latent = {
            f"{name} {k}": values
            for k, part in enumerate(drawn)
            for name, values in part.latent.items()
        }
        ids = zip(*(part.ids.tolist() for part in drawn), strict=True)
        return Problems(
            ids=np.array(["+".join(each[:n]) for each, n in zip(ids, parts, strict=True)]),
            prompts=pack(prompts),
            answers=np.full(n, ""),
            kinds=np.full(n, "outline"),
            difficulty=parts,
            latent=latent,
        )

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """Every list, one after the other."""
        each = (self.part.demonstrate(self.at(problems, k), strategy) for k in self._places())
        written = _in_a_row(problems, [solutions.lists() for solutions in each])
        return pack([[*row, self.part.form.eos] for row in written])

    def weights(self, problems: Problems, responses: Sequences) -> Float[np.ndarray, "n time"]:
        """Of every list as of a list by itself, and of the end."""
        found = np.ones(responses.tokens.shape)
        each = [self._weights(self.at(problems, k)) for k in self._places()]
        for row, weights in enumerate(_in_a_row(problems, each)):
            found[row, : len(weights)] = weights
        return found

    def _weights(self, lists: Problems) -> list[list[float]]:
        solutions = self.part.demonstrate(lists, EXERCISE)
        weights = self.part.weights(lists, solutions).tolist()
        return [row[:n] for row, n in zip(weights, solutions.lengths.tolist(), strict=True)]

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        """Right to the last token of every list, each in the order in which it opens."""
        segments = [self._lists(row) for row in responses.lists()]
        done = np.zeros(len(problems), dtype=np.int64)
        for k in self._places():
            rows = np.flatnonzero((done == k) & [len(each) > k for each in segments])
            if not len(rows):
                break
            lists = pack([segments[row][k] for row in rows.tolist()])
            part = self.at(problems, k).select(rows)
            found = self.part.read(part, lists, np.ones(len(rows), dtype=bool))
            done[rows] += found.grades == Grade.CORRECT.value
        counts = np.array([len(each) for each in segments])
        right = stopped & (done == problems.difficulty) & (counts == problems.difficulty)
        complete = stopped & (responses.lengths > 1)
        return Reading(
            answers=np.full(len(problems), ""),
            grades=np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value),
            reasons=reasons(right, complete, stopped),
            strategies=np.where(complete, EXERCISE, OTHER),
            steps_correct=np.minimum(done, problems.difficulty),
            steps=problems.difficulty,
            classes=self.part.classes(responses, stopped),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """`outcome`: all is right."""
        return self.part.reward(name, problems, responses, reading)

    def constrain(self, strategy: str) -> Constraint:
        """There is one way to do an exercise."""
        return self.part.constrain(strategy)

    def at(self, problems: Problems, k: int) -> Problems:
        """The k-th lists, as exercises by themselves."""
        mark = f" {k}"
        return self.part.given({name.removesuffix(mark): values
                                for name, values in problems.latent.items()
                                if name.endswith(mark)})  # fmt: skip

    def _places(self) -> range:
        return range(self.most)

    def _lists(self, response: list[int]) -> list[list[int]]:
        """A response's lists, from opening to opening, each with an end of its own."""
        form = self.part.form
        tokens = [token for token in response if token != form.eos]
        opens = [i for i, token in enumerate(tokens) if token in (form.forward, form.backward)]
        if not opens or opens[0] != 0:
            return []
        return [[*tokens[a:b], form.eos] for a, b in pairwise([*opens, len(tokens)])]


def _in_a_row(problems: Problems, each: list[list[list[Value]]]) -> list[list[Value]]:
    """What stands for every list of a row, without their ends, one after the other."""
    rows: list[list[Value]] = [[] for _ in range(len(problems))]
    for k, lists in enumerate(each):
        for row, written in enumerate(lists):
            rows[row] += written[:-1] if problems.difficulty[row] > k else []
    return rows
