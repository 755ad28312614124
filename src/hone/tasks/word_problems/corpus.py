"""What a model reads before RL: problems with solutions in several formats, and other texts.

A corpus is a mixture of sources. Each writes one format, in its own quality: some of its documents
hold a wrong step, or one relation is always written as another (arXiv 2504.07912 §2.1 has corpora
of such kinds, by several authors).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hone.core.alphabet import Alphabet
from hone.core.contracts import Documents, Problems, Split
from hone.core.errors import require, unknown
from hone.core.random import Stream
from hone.core.sequences import concatenate
from hone.tasks.word_problems import END, START, Part, WordProblems
from hone.tasks.word_problems.stories import result
from hone.tasks.word_problems.story import Step, Story
from hone.tasks.word_problems.wording import NAMES, SEPARATOR, spelled

BACKGROUND = "background"
_MISTAKEN = {
    "more": "fewer", "fewer": "more", "times": "more", "rate": "more", "together": "double",
    "part": "multiply", "fraction": "multiply",
}  # fmt: skip
"""What is done instead of a relation's operation where it is got wrong."""
_LINES = 5  # of a background document


@dataclass(frozen=True)
class Source:
    """Documents of one format.

    Attributes:
        name: of the format, or `background`.
        weight: its share of the documents.
        wrong: share of its documents in which one step does something else.
        miscoded: a relation that it always writes as another; "" for none.
        distinct: how many documents it has; they repeat. None: always new ones.
    """

    name: str
    weight: float
    wrong: float = 0.0
    miscoded: str = ""
    distinct: int | None = None

    def __post_init__(self) -> None:
        require(self.weight > 0, "weight", self.weight, "a number above 0")
        require(0 <= self.wrong <= 1, "wrong", self.wrong, "a share from 0 to 1")
        if self.miscoded and self.miscoded not in _MISTAKEN:
            raise unknown("operation of word_problems", self.miscoded, _MISTAKEN)
        if self.distinct is not None:
            require(self.distinct >= 1, "distinct", self.distinct, "1 or more documents")


@dataclass(frozen=True)
class WordCorpus:
    """Documents of a task's problems, none of which is ever asked in RL or evaluation.

    Attributes:
        task: whose problems, formats and words.
        sources: of the documents; weights sum to 1.
    """

    task: WordProblems
    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        total = sum(source.weight for source in self.sources)
        require(abs(total - 1) < 1e-9, "sources", self.sources, "weights that sum to 1")
        require(len(set(self.names)) == len(self.names), "sources", self.names, "each once")
        for name in self.names:
            if name not in (*self.task.strategies, BACKGROUND):
                raise unknown("source", name, (*self.task.strategies, BACKGROUND))

    @property
    def alphabet(self) -> Alphabet:
        return self.task.alphabet

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.sources)

    @property
    def max_tokens(self) -> int:
        return self.task.prompt_tokens + self.task.max_tokens

    def documents(self, split: Split, n: int, stream: Stream) -> Documents:
        """`n` documents, each of a source drawn by weight; `validation` ones are always new."""
        edges = np.cumsum([source.weight for source in self.sources])
        drawn = np.searchsorted(edges, stream.child("source").uniform(np.arange(n)), side="right")
        drawn = np.minimum(drawn, len(self.sources) - 1)  # rounding may leave the last edge below 1
        counts = np.bincount(drawn, minlength=len(self.sources))
        parts = [
            self._written(source, split, int(count), stream.child(source.name))
            for source, count in zip(self.sources, counts, strict=True)
            if count
        ]
        order = np.argsort(np.argsort(drawn, kind="stable"), kind="stable")
        names = np.repeat(np.array(self.names), counts)
        tokens = concatenate([self.task.tokens(rows) for rows in parts]).select(order)
        return Documents(tokens, names[order])

    def _written(self, source: Source, split: Split, n: int, stream: Stream) -> list[list[str]]:
        if source.distinct is None or split == "validation":
            part = "pretraining" if split == "train" else "validation"
            return _written(self.task, source, part, n, stream)
        pool = _pool(self.task, source)
        return [pool[row] for row in stream.child("again").below(len(pool), np.arange(n))]


@lru_cache(maxsize=16)
def _pool(task: WordProblems, source: Source) -> list[list[str]]:
    """All documents that a source has."""
    assert source.distinct is not None
    return _written(task, source, "pretraining", source.distinct, Stream.root(0).child("pool"))


def _written(
    task: WordProblems, source: Source, part: Part, n: int, stream: Stream
) -> list[list[str]]:
    if source.name == BACKGROUND:
        return [[START, *words, END] for words in background(n, stream)]
    problems = task.draw_part(part, n, stream.child("problems"))
    write = next(each.write for each in task.formats if each.name == source.name)
    return [
        [START, *story.question, SEPARATOR, *write(spoiled), END]
        for story, spoiled in zip(
            task.stories(problems), _spoiled(task, source, problems, stream), strict=True
        )
    ]


def _spoiled(task: WordProblems, source: Source, problems: Problems, stream: Stream) -> list[Story]:
    """The stories as the source takes them to be."""
    rows = np.arange(len(problems))
    is_wrong = stream.child("wrong").uniform(rows) < source.wrong
    where = 1 + stream.child("where").below(problems.latent["steps"], rows)
    return [
        _mistaken(story, int(place) if wrong else 0, source.miscoded)
        for story, wrong, place in zip(task.stories(problems), is_wrong, where, strict=True)
    ]


def _mistaken(story: Story, wrong: int, miscoded: str) -> Story:
    """A story with step `wrong` (0: none) and all `miscoded` relations done wrong."""
    values: dict[str, int] = {"": 0}
    steps: list[Step] = []
    for place, step in enumerate(story.steps):
        mistaken = place > 0 and (place == wrong) != (step.operation == miscoded)
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
