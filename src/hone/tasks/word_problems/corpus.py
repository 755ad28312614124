"""What a model reads before RL: problems with solutions in several formats, and other texts.

A corpus is a mixture of sources. Each writes one format, in its own quality: some of its documents
hold a wrong step, or some relations are always written as others (arXiv 2504.07912 §2.1 has corpora
of such kinds, by several authors).
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Int

from hone.core.alphabet import Alphabet
from hone.core.contracts import Documents, Split
from hone.core.errors import require, unknown
from hone.core.random import Stream
from hone.tasks.word_problems import END, START, Part, WordProblems
from hone.tasks.word_problems.formats import equation
from hone.tasks.word_problems.stories import result
from hone.tasks.word_problems.story import Step, Story
from hone.tasks.word_problems.wording import NAMES, SEPARATOR, spelled

BACKGROUND, ARITHMETIC = "background", "arithmetic"
_MISTAKEN = {
    "more": "fewer", "fewer": "more", "times": "more", "rate": "more", "together": "double",
    "part": "multiply", "fraction": "multiply",
}  # fmt: skip
"""What is done instead of a relation's operation where it is got wrong."""
_CALCULATIONS = 5  # of a document of arithmetic
_LINES = 8  # of a background document: on average as long as one that solves by a program


@dataclass(frozen=True)
class Source:
    """Documents of one format.

    Attributes:
        format: by name, or `background`, or `arithmetic`: what problems calculate, without them.
        weight: its share of the documents.
        wrong: share of its documents in which one step does something else.
        miscoded: relations that it always writes as others.
        distinct: how many documents it has; when all are read they come again. None: always new.
        hard: whether its documents are about the corpus's hard problems.
    """

    format: str
    weight: float
    wrong: float = 0.0
    miscoded: tuple[str, ...] = ()
    distinct: int | None = None
    hard: bool = False

    def __post_init__(self) -> None:
        require(self.weight > 0, "weight", self.weight, "a number above 0")
        require(0 <= self.wrong <= 1, "wrong", self.wrong, "a share from 0 to 1")
        for operation in self.miscoded:
            if operation not in _MISTAKEN:
                raise unknown("operation of word_problems", operation, _MISTAKEN)
        if self.distinct is not None:
            require(self.distinct >= 1, "distinct", self.distinct, "1 or more documents")

    @property
    def name(self) -> str:
        return f"hard {self.format}" if self.hard else self.format


@dataclass(frozen=True)
class WordCorpus:
    """Documents of a task's problems, none of which is ever asked in RL or evaluation.

    Attributes:
        task: whose problems, formats and words.
        sources: of the documents; weights sum to 1.
        hard: the problems of sources that say so; in the same formats and words.
    """

    task: WordProblems
    sources: tuple[Source, ...]
    hard: WordProblems | None = None

    def __post_init__(self) -> None:
        total = sum(source.weight for source in self.sources)
        require(abs(total - 1) < 1e-9, "sources", self.sources, "weights that sum to 1")
        require(len(set(self.names)) == len(self.names), "sources", self.names, "each once")
        known = (*self.task.strategies, BACKGROUND, ARITHMETIC)
        for source in self.sources:
            if source.format not in known:
                raise unknown("format", source.format, known)
            require(
                self.hard is not None or not source.hard, "hard", None, "a task for hard sources"
            )

    @property
    def alphabet(self) -> Alphabet:
        return self.task.alphabet

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.sources)

    @property
    def max_tokens(self) -> int:
        tasks = (self.task, self.hard or self.task)
        return max(task.prompt_tokens + task.max_tokens for task in tasks)

    def documents(
        self, split: Split, numbers: Int[np.ndarray, " documents"], stream: Stream
    ) -> Documents:
        """Documents, each of a source drawn by weight; `validation` ones are always new."""
        weights = tuple(source.weight for source in self.sources)
        drawn = stream.child("source").choice(weights, numbers)
        sources = [self.sources[source] for source in drawn]
        part = "pretraining" if split == "train" else "validation"
        rows = _written(self, sources, part, stream.child("batch", int(numbers[0])))
        if split == "train" and any(source.distinct for source in sources):
            for row, rank in enumerate(_ranks(weights, stream, _enough(numbers))[numbers]):
                distinct = sources[row].distinct
                if distinct is not None:
                    rows[row] = _pool(self, sources[row])[rank % distinct]
        return Documents(self.task.tokens(rows), np.array(self.names)[drawn])


def _enough(numbers: Int[np.ndarray, " documents"]) -> int:
    """A power of two beyond the numbers: few different ones, for a cache."""
    return 1 << int(numbers[-1]).bit_length()


@lru_cache(maxsize=4)
def _ranks(weights: tuple[float, ...], stream: Stream, n: int) -> Int[np.ndarray, " n"]:
    """Of each of the first `n` documents: how many of the same source come before it."""
    drawn = stream.child("source").choice(weights, np.arange(n))
    ranks = np.empty(n, dtype=np.int64)
    for source in range(len(weights)):
        own = np.flatnonzero(drawn == source)
        ranks[own] = np.arange(len(own))
    return ranks


@lru_cache(maxsize=16)
def _pool(corpus: WordCorpus, source: Source) -> list[list[str]]:
    """All documents that a source has."""
    assert source.distinct is not None
    pool = Stream.root(0).child("pool")
    return _written(corpus, [source] * source.distinct, "pretraining", pool)


def _written(
    corpus: WordCorpus, sources: Sequence[Source], part: Part, stream: Stream
) -> list[list[str]]:
    """A document of each of these sources, about a problem of its own."""
    stories = _stories(corpus, sources, part, stream)
    taken = taken_as(sources, stories, stream)
    write = {each.name: each.write for each in corpus.task.formats}
    others = {BACKGROUND: background(len(sources), stream)}
    if any(source.format == ARITHMETIC for source in sources):
        others[ARITHMETIC] = arithmetic(corpus.task, len(sources), part, stream)
    return [
        [START, *others[source.format][row], END]
        if source.format in others
        else [START, *stories[row].question, SEPARATOR, *write[source.format](taken[row]), END]
        for row, source in enumerate(sources)
    ]


def _stories(
    corpus: WordCorpus, sources: Sequence[Source], part: Part, stream: Stream
) -> list[Story]:
    """What each document is about."""
    task, hard = corpus.task, corpus.hard
    stories = task.stories(task.draw_part(part, len(sources), stream.child("problems")))
    rows = [row for row, source in enumerate(sources) if source.hard]
    if hard is not None and rows:
        drawn = hard.draw_part(part, len(rows), stream.child("hard problems"))
        for row, story in zip(rows, hard.stories(drawn), strict=True):
            stories[row] = story
    return stories


def taken_as(sources: Sequence[Source], stories: list[Story], stream: Stream) -> list[Story]:
    """The stories as each one's source takes them to be."""
    rows = np.arange(len(stories))
    is_wrong = stream.child("wrong").uniform(rows) < [source.wrong for source in sources]
    steps = np.array([len(story.steps) - 1 for story in stories])
    where = np.where(is_wrong, 1 + stream.child("where").below(steps, rows), 0)
    return [
        _mistaken(story, int(place), source.miscoded)
        for source, story, place in zip(sources, stories, where, strict=True)
    ]


def _mistaken(story: Story, wrong: int, miscoded: Container[str]) -> Story:
    """A story with step `wrong` (0: none) and all `miscoded` relations done wrong."""
    values: dict[str, int] = {"": 0}
    steps: list[Step] = []
    for place, step in enumerate(story.steps):
        mistaken = place > 0 and (place == wrong) != (step.operation in miscoded)
        told = _instead(step) if mistaken else step
        left, right = values[step.source], values[step.other]
        value = result(told.operation, left, right, told.amount, told.per)
        values[step.name] = value
        steps.append(told._replace(left=left, right=right, value=value))
    return Story(story.question, tuple(steps))


def _instead(step: Step) -> Step:
    """The same quantity by another operation."""
    match _MISTAKEN[step.operation]:
        case "double":
            return step._replace(operation="times", amount=2)
        case "multiply":
            return step._replace(operation="times", amount=step.per)
        case other:
            return step._replace(operation=other)


def arithmetic(task: WordProblems, n: int, part: Part, stream: Stream) -> list[list[str]]:
    """What long chains of the task's relations calculate, step by step, and no story."""
    chains = replace(task, low=_CALCULATIONS, high=_CALCULATIONS, distractors=0)
    drawn = chains.draw_part(part, n, stream.child("arithmetic"))
    return [
        [word for step in story.steps[1:] for word in (*equation(step), ". ")]
        for story in chains.stories(drawn)
    ]


def background(n: int, stream: Stream) -> list[list[str]]:
    """Texts that solve nothing: arithmetic facts, and assignments that nobody asked for."""
    rows = np.arange(n)
    draws = stream.child("background").below(20, rows[:, None], np.arange(2 * _LINES)).tolist()
    facts = stream.child("facts").uniform(rows) < 0.5
    return [
        _facts(row) if is_facts else _assignments(row)
        for row, is_facts in zip(draws, facts, strict=True)
    ]


def _facts(draws: list[int]) -> list[str]:
    pairs = zip(draws[::2], draws[1::2], strict=True)
    facts = ((*spelled(one), " + ", *spelled(other), " = ", *spelled(one + other), ". ")
             for one, other in pairs)  # fmt: skip
    return [word for fact in facts for word in fact]


def _assignments(draws: list[int]) -> list[str]:
    pairs = zip(draws[::2], draws[1::2], strict=True)
    return [word for one, other in pairs
            for word in (NAMES[one % len(NAMES)], " = ", *spelled(other), "\n")]  # fmt: skip
