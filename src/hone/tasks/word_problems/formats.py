"""Three ways to write a solution down, as the corpora of arXiv 2504.07912 have them (§2).

Each is told by its form alone, as there: what has the tag is tagged code, what else has a function
is a program, and what is neither is text. The first word decides.

And two that differ in whether there is a solution at all (arXiv 2510.11495 §5): sentences that come
to an answer, or the answer alone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from hone.tasks.programs import Outcome, ProgramFault, Reason, call_last, run_block
from hone.tasks.word_problems.story import Attempt, Step, Story
from hone.tasks.word_problems.wording import NAMES, spelled

TAG, UNTAG, OUTPUT, END_OUTPUT = (
    "<llm-code>", "</llm-code>", "<llm-code-output>", "</llm-code-output>"
)  # fmt: skip
FUNCTION = "def simple_math_problem() -> int:"
INDENT = "\n    "
ANNOUNCEMENT = "The answer is "
_ALONE = re.compile(r"The answer is \\boxed\{-?\d+\}\.")
_BOXED = re.compile(r"\\boxed\{(-?\d+)\}")
_SENTENCE = re.compile(r"([A-Z]\w*) has (?:[^=.]*= )?(-?\d+) \w+\. ")
_ARITHMETIC = (" = ", " + ", " - ", " * ", " // ")


@dataclass(frozen=True)
class Program:
    """A function that returns the answer (TinyGSM).

    Attributes:
        name: of the strategy; programs of two styles are told apart by it.
        documented: whether the function begins with a docstring that repeats the question.
    """

    name: str = "program"
    documented: bool = False

    answer_mark = "return "

    @property
    def words(self) -> tuple[str, ...]:
        return (FUNCTION, INDENT, self.answer_mark, *_ARITHMETIC, *(['"""'] * self.documented))

    @property
    def openings(self) -> tuple[tuple[str, ...], ...]:
        first = ('"""',) if self.documented else NAMES
        return ((FUNCTION,), (INDENT,), first)

    def write(self, story: Story) -> list[str]:
        written = [FUNCTION]
        if self.documented:
            written += [INDENT, '"""', *story.question, '"""']
        for step in story.steps:
            made_of = calculation(step, (step.source,), (step.other,))
            written += [INDENT, step.name, " = ", *made_of]
        return [*written, INDENT, self.answer_mark, story.steps[-1].name]

    def read(self, text: str) -> Attempt | None:
        if "def" not in text or TAG in text or ('"""' in text) != self.documented:
            return None
        return _called(text)


@dataclass(frozen=True)
class TaggedCode:
    """Code between tags, what it prints, and a sentence with the answer (OpenMathInstruct-1).

    Its variables say what they count. The printed output is never checked where the code runs, as
    in the paper's released scorer.
    """

    name: str = "tagged"

    answer_mark = "\\boxed{"
    words = (
        *(TAG, UNTAG, OUTPUT, END_OUTPUT, "\n", "_", ANNOUNCEMENT, answer_mark, "}."),
        *_ARITHMETIC,
    )
    openings = ((TAG,),)

    def write(self, story: Story) -> list[str]:
        named = {step.name: (step.name, "_", step.noun) for step in story.steps}
        named[""] = ("", "", "")
        written = [TAG, "\n"]
        for step in story.steps:
            made_of = calculation(step, named[step.source], named[step.other])
            written += [*named[step.name], " = ", *made_of, "\n"]
        answer = spelled(story.answer)
        return [
            *written, *named[story.steps[-1].name], "\n", UNTAG, "\n", OUTPUT, "\n", *answer, "\n",
            END_OUTPUT, "\n", ANNOUNCEMENT, self.answer_mark, *answer, "}.",
        ]  # fmt: skip

    def read(self, text: str) -> Attempt | None:
        if TAG not in text:
            return None
        code = text.partition(TAG)[2].partition(UNTAG)[0]
        attempt = _run(code.strip("\n"))
        whose = tuple((name.partition("_")[0], value) for name, value in attempt.values)
        attempt = replace(attempt, values=whose)
        return attempt if attempt.answer is not None or attempt.failed else _boxed(text, attempt)


@dataclass(frozen=True)
class Sentences:
    """Steps in words, whose arithmetic the model does itself (OpenMathInstruct-2)."""

    name: str = "text"

    answer_mark = "\\boxed{"
    words = (" has ", " ", ". ", ANNOUNCEMENT, answer_mark, "}.", *_ARITHMETIC)
    openings = (NAMES,)

    def write(self, story: Story) -> list[str]:
        written: list[str] = []
        for step in story.steps:
            written += [step.name, " has "]
            written += equation(step) if step.source else spelled(step.value)
            written += [" ", step.noun, ". "]
        return [*written, ANNOUNCEMENT, self.answer_mark, *spelled(story.answer), "}."]

    def read(self, text: str) -> Attempt | None:
        if TAG in text or "def" in text or not text[:1].isupper():
            return None
        values = tuple((name, int(value)) for name, value in _SENTENCE.findall(text))
        return _boxed(text, Attempt(None, values))


@dataclass(frozen=True)
class WorkedSentences(Sentences):
    """Sentences that come to an answer; the answer alone is none of them."""

    name: str = "worked"

    def read(self, text: str) -> Attempt | None:
        return None if text.startswith(ANNOUNCEMENT) else super().read(text)


@dataclass(frozen=True)
class AnswerAlone:
    """The answer in its box and nothing before it."""

    name: str = "answer"

    answer_mark = Sentences.answer_mark
    words = (ANNOUNCEMENT, answer_mark, "}.")
    openings = ((ANNOUNCEMENT,),)

    def write(self, story: Story) -> list[str]:
        return [ANNOUNCEMENT, self.answer_mark, *spelled(story.answer), "}."]

    def read(self, text: str) -> Attempt | None:
        return _boxed(text, Attempt(None)) if _ALONE.fullmatch(text) else None


PROGRAM, TAGGED, TEXT = Program(), TaggedCode(), Sentences()
FORMATS = (PROGRAM, TAGGED, TEXT)
WORKED_OR_NOT = (WorkedSentences(), AnswerAlone())


def equation(step: Step) -> list[str]:
    """A step in numbers alone: what is calculated, and what it comes to."""
    made_of = calculation(step, spelled(step.left), spelled(step.right))
    return [*made_of, " = ", *spelled(step.value)]


def calculation(step: Step, left: tuple[str, ...], right: tuple[str, ...]) -> list[str]:
    """What stands right of the equals sign, in the words for its two quantities."""
    amount, per = spelled(step.amount), spelled(step.per)
    match step.operation:
        case "start":
            return [*amount]
        case "more":
            return [*left, " + ", *amount]
        case "fewer":
            return [*left, " - ", *amount]
        case "part":
            return [*left, " // ", *per]
        case "fraction":
            return [*left, " * ", *amount, " // ", *per]
        case "together":
            return [*left, " + ", *right]
        case _:  # times and rate
            return [*amount, " * ", *left]


def _boxed(text: str, attempt: Attempt) -> Attempt:
    """The attempt with the last number in a box as its answer."""
    found = _BOXED.findall(text)
    return Attempt(int(found[-1]) if found else None, attempt.values)


@lru_cache(maxsize=65_536)  # after RL most responses to a problem are the same
def _called(text: str) -> Attempt:
    return _attempt(partial(call_last, text))


@lru_cache(maxsize=65_536)
def _run(code: str) -> Attempt:
    return _attempt(partial(run_block, code))


def _attempt(run: Callable[[], Outcome]) -> Attempt:
    try:
        outcome = run()
    except ProgramFault as fault:
        return Attempt(None, failed=fault.reason is Reason.TIME)
    return Attempt(outcome.value, outcome.assigned)
