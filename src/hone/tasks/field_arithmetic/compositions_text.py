"""Compositions in words: parts that are asked and answered one after the other.

    Part 1
    These operations, in this order, turn an input into an output:
    …
    Which symbol is the output if the input is e3?
    Part 2
    …
    Which symbol is the input if the output is the answer of part 1?

A solution has the same heads, and under each a solution of that part. A problem of one part is
written as any other problem, without heads.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

from hone.core.contracts import Problems
from hone.core.errors import unknown
from hone.core.texts import Rendering, Span, TextReading
from hone.core.vocabulary import OTHER, PositionClass
from hone.tasks.field_arithmetic import free_text, text

_HEAD = re.compile(r"^[^\S\n]*part[^\S\n]+\d+\b.*\n", re.ASCII | re.IGNORECASE | re.MULTILINE)
BY_KIND = {"forward": ("forward", "forward"), "backward": ("backward", "backward"),
           "native": ("forward", "backward"), "off_native": ("backward", "forward")}  # fmt: skip
"""Of every strategy: how it solves evaluations, and inversions."""


def strategy_of(parts: Sequence[str], inverted: Sequence[bool]) -> str:
    """The strategy that solves every part as it was solved; one way for all of them comes first.

    Args:
        parts: how each of them was solved.
        inverted: whether each of them is an inversion; of further places nothing is read.
    """
    solved = tuple(zip(parts, inverted, strict=False))
    for strategy, by_kind in BY_KIND.items():
        if all(part == by_kind[kind] for part, kind in solved):
            return strategy
    return OTHER


@dataclass(frozen=True)
class CompositionsInWords:
    """How compositions are written and read.

    Attributes:
        at: the k-th part of some rows, as problems by themselves.
    """

    at: Callable[[Problems, Int[np.ndarray, " some"], int], Problems]

    @property
    def rendering(self) -> Rendering:
        """These three together."""
        return Rendering(self.prompts, self.demonstrations, self.read)

    def prompts(self, problems: Problems) -> list[str]:
        """The map of symbols once, then what each part asks."""
        written: list[list[str]] = [[] for _ in range(len(problems))]
        for k, rows, part in self._parts(problems):
            for row, path in zip(rows, text.paths(part, "forward"), strict=True):
                if k == 0:
                    written[row].append(text.symbol_map(path))
                written[row] += _headed(k, int(problems.difficulty[row]), text.task(path))
                given = text.given(path) if k == 0 else f"the answer of part {k}"
                written[row].append(text.question(path, given))
        return ["\n".join(lines) for lines in written]

    def demonstrations(self, problems: Problems, strategy: str) -> list[str]:
        """Every part solved in the strategy, under its head.

        Raises:
            UsageError: no such strategy.
        """
        if strategy not in BY_KIND:
            raise unknown("strategy of field_compositions", strategy, BY_KIND)
        written: list[list[str]] = [[] for _ in range(len(problems))]
        for k, rows, part in self._parts(problems):
            by_kind = [text.demonstrations(part, name) for name in BY_KIND[strategy]]
            inverted = part.latent["inverted"].astype(int)
            for place, row in enumerate(rows):
                solution = by_kind[inverted[place]][place]
                written[row] += _headed(k, int(problems.difficulty[row]), [solution])
        return ["\n".join(lines) for lines in written]

    def read(
        self, problems: Problems, texts: Sequence[str], stopped: Bool[np.ndarray, " n"]
    ) -> TextReading:
        """The last announced answer; steps part after part, up to the first that is not right."""
        segments = [_segments(said) for said in texts]
        found = free_text.announced(problems, texts, stopped)
        strategies, steps_correct, steps = self._walked(problems, texts, segments)
        return TextReading(
            answers=found.answers,
            grades=found.grades,
            reasons=found.reasons,
            strategies=strategies,
            steps_correct=steps_correct,
            steps=steps,
            spans=[
                _spans(text, parts, place)
                for text, parts, place in zip(texts, segments, found.places, strict=True)
            ],
        )

    def _parts(
        self, problems: Problems
    ) -> Iterator[tuple[int, Int[np.ndarray, " some"], Problems]]:
        """Every part's number, the rows that have it, and it as problems."""
        for k in range(int(problems.difficulty.max(initial=0))):
            rows = np.flatnonzero(problems.difficulty > k)
            yield k, rows, self.at(problems, rows, k)

    def _walked(
        self, problems: Problems, texts: Sequence[str], segments: list[list[tuple[int, int]]]
    ) -> tuple[np.ndarray, Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """Strategies of the responses, their leading right steps, and how many there are in all."""
        found: list[list[str]] = [[] for _ in texts]
        going = np.ones(len(texts), dtype=bool)
        correct, steps = (np.zeros(len(texts), dtype=np.int64) for _ in range(2))
        for k, rows, part in self._parts(problems):
            said = [_segment(texts[int(row)], segments[int(row)], k) for row in rows]
            reading = free_text.read(part, said, np.ones(len(rows), dtype=bool))
            correct[rows] += np.where(going[rows], reading.steps_correct, 0)
            going[rows] &= reading.steps_correct == part.difficulty
            steps[rows] += part.difficulty
            for row, strategy in zip(rows, reading.strategies.tolist(), strict=True):
                found[row].append(strategy)
        whole = [len(parts) == n for parts, n in zip(segments, problems.difficulty, strict=True)]
        names = [
            strategy_of(each, inverted) if is_whole else OTHER
            for each, inverted, is_whole in zip(
                found, problems.latent["inverted"].tolist(), whole, strict=True
            )
        ]
        return np.array(names, dtype=str), correct, steps


def _headed(k: int, parts: int, lines: list[str]) -> list[str]:
    return lines if parts == 1 else [f"Part {k + 1}", *lines]


def _segments(said: str) -> list[tuple[int, int]]:
    """Where the text under each head begins and ends; all of it where there is no head."""
    heads = list(_HEAD.finditer(said))
    if not heads:
        return [(0, len(said))]
    ends = [*(head.start() for head in heads[1:]), len(said)]
    return [(head.end(), end) for head, end in zip(heads, ends, strict=True)]


def _segment(said: str, segments: list[tuple[int, int]], k: int) -> str:
    """The text of the k-th part; empty where there is none."""
    return said[slice(*segments[k])] if k < len(segments) else ""


def _spans(
    said: str, segments: list[tuple[int, int]], answer: tuple[int, int] | None
) -> list[Span]:
    """Each part's opening line decides, the last answer's symbol answers, the rest carries out."""
    classes = np.full(len(said), PositionClass.EXECUTE, dtype=np.int8)
    for start, end in segments:
        line = said.find("\n", start, end)
        classes[start : end if line < 0 else line + 1] = PositionClass.DECIDE
    if answer is not None:
        classes[slice(*answer)] = PositionClass.ANSWER
    edges = [0, *(np.flatnonzero(np.diff(classes)) + 1).tolist(), len(said)]
    return [
        Span(start, end, PositionClass(classes[start]))
        for start, end in pairwise(edges)
        if end > start
    ]
