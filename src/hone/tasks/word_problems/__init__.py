"""Grade-school word problems, solved in any of several formats (arXiv 2504.07912).

A problem is a story of quantities that hang on each other; a format is a way to write its solution
down: a program, tagged code, sentences. Formats are the task's strategies.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int8

from hone.core.alphabet import Alphabet
from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.errors import UsageError, require, require_one_of, unknown
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.texts import Rendering
from hone.core.vocabulary import Grade, PositionClass
from hone.tasks.splits import Latent, enough, place
from hone.tasks.word_problems.formats import FORMATS
from hone.tasks.word_problems.reading import Plain, read_texts
from hone.tasks.word_problems.stories import (
    NUMBERS,
    OPERATIONS,
    Regime,
    Shape,
    canonical,
    draw_stories,
)  # fmt: skip
from hone.tasks.word_problems.story import Format, Story
from hone.tasks.word_problems.telling import longest_story, problem_ids, told
from hone.tasks.word_problems.wording import (
    NAMES,
    NOUNS,
    SEPARATOR,
    Sentence,
    Wording,
    sentences,
    words,
)  # fmt: skip

START, END, PAD = "<bos>", "<eos>", "<pad>"
Part = Literal["pretraining", "train", "validation"]
_PARTS: dict[Part, tuple[float, float]] = {
    "validation": (0.0, 0.25),
    "train": (0.25, 0.5),
    "pretraining": (0.5, 1.0),
}
"""Where in [0, 1) the hash of a story's chain lies, by what the story is used for."""


@dataclass(frozen=True)
class WordProblems:
    """Stories of `low` to `high` steps.

    Attributes:
        low: relations from the first quantity to the one that is asked for, at least.
        high: at most.
        distractors: quantities that are not needed, at most.
        numbers: `small` (to 60) or `large` (to 999).
        operations: relations that stories have, of `OPERATIONS` without `start`.
        wording: `seen`, as in training, or `unseen`.
        formats: solutions may have.
    """

    low: int = 1
    high: int = 3
    distractors: int = 2
    numbers: Regime = "small"
    operations: tuple[str, ...] = ("more", "fewer", "times")
    wording: Wording = "seen"
    formats: tuple[Format, ...] = FORMATS

    name = "word_problems"
    rewards = ("outcome", "process")

    def __post_init__(self) -> None:
        require(1 <= self.low <= self.high <= 8, "low, high", (self.low, self.high),
                "1 to 8 steps, low at most high")  # fmt: skip
        require(0 <= self.distractors <= 3, "distractors", self.distractors, "0 to 3")
        require_one_of("numbers", self.numbers, Regime)
        require_one_of("wording", self.wording, Wording)
        known = OPERATIONS[1:]
        for name in self.operations:
            if name not in known:
                raise unknown("operation of word_problems", name, known)
        require(len(self.operations) > 0, "operations", self.operations, "one or more")
        names = [each.name for each in self.formats]
        require(len(set(names)) == len(names) > 0, "formats", names, "one or more, all different")

    @property
    def strategies(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.formats)

    @property
    def alphabet(self) -> Alphabet:
        """Words that, put together, are the text; the same for all numbers and wordings."""
        return self._alphabet

    @cached_property
    def _alphabet(self) -> Alphabet:
        used = [*words(OPERATIONS[1:]), *(word for each in self.formats for word in each.words)]
        return Alphabet((PAD, START, END, *dict.fromkeys(used)), END, PAD, joiner="")

    @property
    def max_tokens(self) -> int:
        """Of the longest demonstration."""
        return 1 + max(len(each.write(self._longest)) for each in self.formats)

    @property
    def prompt_tokens(self) -> int:
        return len(self._longest.question) + 2

    @cached_property
    def shape(self) -> Shape:
        ways = len(self._sentences["start"])
        return Shape(self.low, self.high, self.distractors, self.operations,
                     NUMBERS[self.numbers], len(NAMES), len(NOUNS), ways)  # fmt: skip

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """`n` problems; those of pretraining documents are in neither split."""
        return self.draw_part(split, n, stream)

    def draw_part(self, part: Part, n: int, stream: Stream) -> Problems:
        """`n` problems for one use; parts are disjoint by a hash of the chain and its numbers."""
        low, high = _PARTS[part]
        candidates = int(1.2 * n / (high - low)) + 16

        def fits(drawn: Latent) -> Bool[np.ndarray, " n"]:
            where = place(*canonical(drawn, self.high))
            return drawn["whole"] & (low <= where) & (where < high)

        latent = enough(
            n,
            lambda attempt: draw_stories(self.shape, stream.child("attempt", attempt), candidates),
            fits,
        )
        if latent is None:
            raise UsageError(f"{self} has no {part} problems; allow more operations")
        return self._problems({name: values[:n] for name, values in latent.items()})

    def stories(self, problems: Problems) -> list[Story]:
        """What a solver sees, one a problem."""
        return self._stories(problems.latent)

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """A right solution in the format."""
        chosen = self.format(strategy)
        return self.tokens([[*chosen.write(story), END] for story in self.stories(problems)])

    def tokens(self, rows: list[list[str]]) -> Sequences:
        """Rows of words as token ids."""
        return pack([[self._ids[word] for word in row] for row in rows])

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        texts = [self.alphabet.text(row[:n]) for row, n in
                 zip(responses.tokens, responses.lengths - stopped, strict=True)]  # fmt: skip
        found = read_texts(self.formats, problems, texts, stopped)
        return Reading(
            answers=found.answers,
            grades=found.grades,
            reasons=found.reasons,
            strategies=found.strategies,
            steps_correct=found.steps_correct,
            steps=found.steps,
            classes=self._classes(responses, found.strategies, stopped),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """`outcome`: the answer is right. `process`: and so is every quantity on the way."""
        if name not in self.rewards:
            raise unknown("reward of word_problems", name, self.rewards)
        right = reading.grades == Grade.CORRECT
        if name == "process":
            right = right & (reading.steps_correct == reading.steps)
        return np.where(reading.grades == Grade.UNSCORABLE, np.nan, right.astype(np.float64))

    def constrain(self, strategy: str) -> Constraint:
        """The words a format begins with."""
        openings = self.format(strategy).openings
        allowed = np.zeros((len(openings), len(self.alphabet)), dtype=bool)
        for position, choices in enumerate(openings):
            allowed[position, [self._ids[word] for word in choices]] = True
        return Constraint(allowed)

    def format(self, strategy: str) -> Format:
        """The format of a name."""
        for each in self.formats:
            if each.name == strategy:
                return each
        raise unknown("format of word_problems", strategy, self.strategies)

    @property
    def text(self) -> Rendering:
        """The same stories without the marks of this task's own tokens."""
        return self._plain.rendering

    @cached_property
    def _plain(self) -> Plain:
        return Plain(self)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: token for token, word in enumerate(self.alphabet.symbols)}

    @cached_property
    def _sentences(self) -> dict[str, tuple[Sentence, ...]]:
        return sentences(self.wording)

    @cached_property
    def _longest(self) -> Story:
        return longest_story(self.shape, self._sentences)

    def _classes(
        self, responses: Sequences, strategies: np.ndarray, stopped: Bool[np.ndarray, " n"]
    ) -> Int8[np.ndarray, "n time"]:
        """The opening decides, what follows the last answer mark answers."""
        position = np.arange(responses.tokens.shape[1])
        classes = np.full(responses.tokens.shape, PositionClass.EXECUTE, dtype=np.int8)
        for each in self.formats:
            rows = strategies == each.name
            marked = responses.tokens == self._ids[each.answer_mark]
            last = np.where(marked, position, -1).max(axis=1, initial=-1)
            classes[rows[:, None] & (position > last[:, None]) & (last >= 0)[:, None]] = (
                PositionClass.ANSWER
            )
        classes[:, :1] = PositionClass.DECIDE
        classes[(position == responses.lengths[:, None] - 1) & stopped[:, None]] = PositionClass.END
        classes[~responses.mask] = PositionClass.PAD
        return classes

    def _problems(self, latent: Latent) -> Problems:
        n, steps = len(latent["steps"]), latent["steps"]
        questions = [[START, *story.question, SEPARATOR] for story in self._stories(latent)]
        return Problems(
            ids=problem_ids(latent),
            prompts=self.tokens(questions),
            answers=latent["value"][np.arange(n), steps].astype(str),
            kinds=np.full(n, self.wording),
            difficulty=steps,
            latent=latent,
        )

    def _stories(self, latent: Latent) -> list[Story]:
        return told(latent, self._sentences)
