"""A task put to a language model in words: the same problems, strategies and grades."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from hone.core.contracts import Constraint, Problems, Reading, Split, Task
from hone.core.errors import require, unknown
from hone.core.language_model import ModelTokens, tokens_of
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.texts import HasText, Rendering
from hone.tasks.in_tokens import classes_of, opened_with, require_room


@dataclass(frozen=True)
class InWords:
    """Problems of a task as turns of a chat with the model that the tokens are of.

    Attributes:
        task: whose problems; one that can be put in words.
        tokens: of the model.
        prompt_tokens: most of a prompt, the chat template included.
        max_tokens: most of a response, the end included.
    """

    task: Task
    tokens: ModelTokens
    prompt_tokens: int
    max_tokens: int

    def __post_init__(self) -> None:
        words = isinstance(self.task, HasText)
        require(words, "task", self.task, "a task that can be put in words, e.g. field_arithmetic")
        for name in ("prompt_tokens", "max_tokens"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")

    @property
    def name(self) -> str:
        return f"{self.task.name} in words"

    @property
    def strategies(self) -> tuple[str, ...]:
        return self.task.strategies

    @property
    def rewards(self) -> tuple[str, ...]:
        return self.task.rewards

    @property
    def alphabet(self) -> ModelTokens:
        return self.tokens

    @property
    def text(self) -> Rendering:
        assert isinstance(self.task, HasText)
        return self.task.text

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """The task's own problems; their prompts in words.

        Raises:
            UsageError: a prompt is longer than `prompt_tokens`.
        """
        problems = self.task.draw(split, n, stream)
        prompts = [self.tokens.prompt(text) for text in self.text.prompts(problems)]
        require_room(self.name, "prompt", "prompt_tokens", self.prompt_tokens, prompts)
        return replace(problems, prompts=pack(prompts))

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """Solutions in words, and the end of the turn.

        Raises:
            UsageError: a solution is longer than `max_tokens`.
        """
        texts = self.text.demonstrations(problems, strategy)
        solutions = [[*self.tokens.response(text), self.tokens.end] for text in texts]
        require_room(self.name, "solution", "max_tokens", self.max_tokens, solutions)
        return pack(solutions)

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        """What the task reads in the words; classes by each token's last character."""
        rows = [np.array(row, dtype=np.int64) for row in responses.lists()]
        found = self.text.read(problems, [self.tokens.text(row) for row in rows], stopped)
        return Reading(
            answers=found.answers,
            grades=found.grades,
            reasons=found.reasons,
            strategies=found.strategies,
            steps_correct=found.steps_correct,
            steps=found.steps,
            classes=classes_of(self.tokens, responses, found.spans),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """The task's own, of what was read."""
        return self.task.reward(name, problems, responses, reading)

    def constrain(self, strategy: str) -> Constraint:
        """The tokens that solutions in the strategy, and no others, begin with."""
        openings = self.text.openings
        if strategy not in openings:
            raise unknown(f"strategy of {self.name} that can be forced", strategy, openings)
        return opened_with(self.tokens, openings[strategy])


def in_words(task: Task, model: Path, prompt_tokens: int, max_tokens: int) -> InWords:
    """The task as the model in a folder reads it.

    Raises:
        UsageError: no such folder, or a task without words.
        DamagedFile: the folder holds no model or no tokenizer.
    """
    return InWords(task, tokens_of(model), prompt_tokens, max_tokens)
