"""What responses in any of a task's formats say, and the same problems as plain texts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from hone.core.contracts import Problems
from hone.core.texts import Rendering, Span, TextReading
from hone.core.vocabulary import OTHER, PositionClass
from hone.tasks.reading import graded
from hone.tasks.word_problems.story import Attempt, Format, Step
from hone.tasks.word_problems.telling import chains

if TYPE_CHECKING:
    from hone.tasks.word_problems import WordProblems


def read_texts(
    formats: Sequence[Format],
    problems: Problems,
    texts: Sequence[str],
    stopped: Bool[np.ndarray, " n"],
) -> TextReading:
    """In the first format that recognises the form; every quantity against the story's.

    No spans: who needs them asks `spans`.
    """
    found = [_attempt(formats, text) for text in texts]
    answers = np.array([_written(attempt.answer) for _, attempt in found], dtype=str)
    failed = np.array([attempt.failed for _, attempt in found], dtype=bool)
    right = stopped & (answers == problems.answers)
    grades, why = graded(right, answers != "", stopped, failed)
    asked = chains(problems.latent)
    leading = [_leading(steps, attempt) for steps, (_, attempt) in zip(asked, found, strict=True)]
    correct, quantities = np.array(leading, dtype=np.int64), problems.latent["steps"] + 1
    return TextReading(
        answers=np.where(stopped, answers, ""),
        grades=grades,
        reasons=why,
        strategies=np.array([name for name, _ in found], dtype=str),
        steps_correct=correct + (right & (correct == quantities)),
        steps=quantities + 1,
        spans=[],
    )


@dataclass(frozen=True)
class Plain:
    """The problems of a task as a language model is given them."""

    task: "WordProblems"

    @cached_property
    def rendering(self) -> Rendering:
        # sentences begin with any name, so nothing forces them
        openings = {each.name: "".join(words[0] for words in each.openings if len(words) == 1)
                    for each in self.task.formats}  # fmt: skip
        return Rendering(
            self._prompts,
            self._demonstrations,
            self._read,
            {name: opening for name, opening in openings.items() if opening},
        )

    def _prompts(self, problems: Problems) -> list[str]:
        return ["".join(story.question) for story in self.task.stories(problems)]

    def _demonstrations(self, problems: Problems, strategy: str) -> list[str]:
        write = self.task.format(strategy).write
        return ["".join(write(story)) for story in self.task.stories(problems)]

    def _read(
        self, problems: Problems, texts: Sequence[str], stopped: Bool[np.ndarray, " n"]
    ) -> TextReading:
        reading = read_texts(self.task.formats, problems, texts, stopped)
        marks = {each.name: each.answer_mark for each in self.task.formats}
        each = zip(texts, reading.strategies, strict=True)
        return replace(reading, spans=[spans(text, marks.get(name, "")) for text, name in each])


def spans(text: str, mark: str) -> list[Span]:
    """The first word decides, what follows the last answer mark answers; no mark: none."""
    decided = len(text) - len(text.lstrip()) + len(text.split(maxsplit=1)[0]) if text.strip() else 0
    after = text.rfind(mark) if mark else -1
    answer = after + len(mark) if after >= decided else len(text)
    parts = (
        Span(0, decided, PositionClass.DECIDE),
        Span(decided, answer, PositionClass.EXECUTE),
        Span(answer, len(text), PositionClass.ANSWER),
    )
    return [part for part in parts if part.start < part.end]


def _attempt(formats: Sequence[Format], text: str) -> tuple[str, Attempt]:
    for each in formats:
        attempt = each.read(text)
        if attempt is not None:
            return each.name, attempt
    return OTHER, Attempt(None)


def _written(answer: int | float | None) -> str:
    """A number as reference answers are written."""
    if answer is None:
        return ""
    return str(int(answer)) if answer == int(answer) else str(answer)


def _leading(steps: tuple[Step, ...], attempt: Attempt) -> int:
    """How many quantities of the chain are found, and right, before the first that is not."""
    chain = {step.name for step in steps}
    found = [(name, value) for name, value in attempt.values if name in chain]
    asked = [(step.name, step.value) for step in steps]
    wrong = (place for place, pair in enumerate(asked) if found[place : place + 1] != [pair])
    return next(wrong, len(asked))
