"""How problems and solutions are written: as a task's symbols, or in words where it has any."""

import re
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
from jaxtyping import Bool

from hone.core.alphabet import Alphabet
from hone.core.contracts import Problems, Task
from hone.core.errors import UsageError, unknown
from hone.core.sequences import Sequences, pack
from hone.core.texts import HasText, Rendering, Span, TextReading
from hone.core.vocabulary import PositionClass
from hone.tasks.registry import TASKS

RENDERINGS = ("compact", "text")


def renderings(task: type) -> tuple[str, ...]:
    """The renderings that a registered task has."""
    return RENDERINGS if hasattr(task, "text") else RENDERINGS[:1]


def rendering(task: Task, name: str) -> Rendering:
    """A task's problems as its own symbols (`compact`) or in words (`text`).

    Raises:
        UsageError: there is no such rendering, or not of this task.
    """
    if name not in RENDERINGS:
        raise unknown("rendering", name, RENDERINGS)
    if name == "compact":
        return Rendering(
            partial(_prompts, task), partial(_demonstrations, task), partial(_read, task)
        )
    if not isinstance(task, HasText):
        able = ", ".join(each for each, kind in TASKS.items() if "text" in renderings(kind))
        raise UsageError(
            f"rendering = {name!r} is not possible for {task.name}; allowed: compact, "
            f"or text for {able}"
        )
    return task.text


def _prompts(task: Task, problems: Problems) -> list[str]:
    return _texts(task, problems.prompts)


def _demonstrations(task: Task, problems: Problems, strategy: str) -> list[str]:
    """Without the end: whatever trains on them adds the end of its own tokenizer."""
    solutions = task.demonstrate(problems, strategy)
    return _texts(task, Sequences(solutions.tokens, solutions.lengths - 1))


def _texts(task: Task, sequences: Sequences) -> list[str]:
    return [task.alphabet.text(np.array(row, dtype=np.int64)) for row in sequences.lists()]


def _read(
    task: Task, problems: Problems, texts: Sequence[str], stopped: Bool[np.ndarray, " n"]
) -> TextReading:
    """The task's own reading of its symbols; a word that is none reads as padding."""
    alphabet = task.alphabet
    assert isinstance(alphabet, Alphabet)
    ids = {symbol: token for token, symbol in enumerate(alphabet.symbols)}
    eos, pad = ids[alphabet.eos], ids[alphabet.pad]
    word = _word(alphabet)
    words = [[ids.get(found, pad) for found in word.findall(text)] for text in texts]
    ends = [[eos] if ended else [] for ended in stopped]
    tokens = pack([row + end or [pad] for row, end in zip(words, ends, strict=True)])
    reading = task.read(problems, tokens, stopped)
    return TextReading(
        reading.answers,
        reading.grades,
        reading.reasons,
        reading.strategies,
        reading.steps_correct,
        reading.steps,
        [_spans(word, *each) for each in zip(texts, reading.classes, strict=True)],
    )


@lru_cache(maxsize=16)
def _word(alphabet: Alphabet) -> re.Pattern[str]:
    """A word of a text: what spaces part, or the longest symbol where symbols have their own."""
    if alphabet.joiner:
        return re.compile(r"\S+")
    longest_first = sorted(alphabet.symbols, key=len, reverse=True)
    return re.compile("|".join((*map(re.escape, longest_first), ".")), re.DOTALL)


def _spans(word: re.Pattern[str], text: str, classes: np.ndarray) -> list[Span]:
    words = word.finditer(text)  # the end has no word, so there may be a class too many
    return [
        Span(*found.span(), PositionClass(position))
        for found, position in zip(words, classes, strict=False)
    ]
