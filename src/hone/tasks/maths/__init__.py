"""Mathematical problems of other people's data sets, put to a language model.

A value has one of two sets of strategies (`forms`). `formats`: program, tagged code and text, told
apart as in arXiv 2504.07912; of these only texts can be demonstrated, as the data sets have no
others. `worked`: a solution that ends in a boxed answer, or the boxed answer alone; both can be
demonstrated, so that mixtures of the two can be trained on.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.errors import UsageError, require, require_one_of, unknown
from hone.core.language_model import ModelTokens
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.texts import Span
from hone.core.vocabulary import Grade, PositionClass
from hone.tasks.in_tokens import classes_of, opened_with, require_room
from hone.tasks.maths.answers import MARK, boxed_span, plain, same
from hone.tasks.maths.formats import (
    ANSWER,
    OPENINGS,
    PROGRAM,
    TAGGED,
    TEXT,
    WORKED,
    Attempt,
    answer_start,
    computed,
    depth_of,
    format_of,
    stated,
)
from hone.tasks.maths.rows import Columns, Row, Rows, loaded, question_hash, rows_of
from hone.tasks.maths.speaking import bare, has_chat
from hone.tasks.reading import graded
from hone.tasks.splits import in_validation

__all__ = ["Columns", "Forms", "MathProblems", "Rows", "rows_of"]

Forms = Literal["formats", "worked"]
_STRATEGIES: dict[Forms, tuple[str, ...]] = {
    "formats": (PROGRAM, TAGGED, TEXT),
    "worked": (WORKED, ANSWER),
}
_CALCULATOR = re.compile(r"<<[^<>]*>>")  # GSM8K's marks
_FIRST_WORD = re.compile(r"\s*\S*")


@dataclass(frozen=True)
class MathProblems:
    """Problems for the model that the tokens are of; it gets a bare question and a blank line.

    A model with a chat template gets a turn instead.

    Attributes:
        rows: to train on, without those whose question is held out.
        tokens: of the model.
        prompt_tokens: most of a prompt.
        max_tokens: most of a response, the end included.
        validation: held out. None: a quarter of `rows`, by a hash of the question.
        forms: that responses are told apart by, see above.
    """

    rows: Rows
    tokens: ModelTokens
    prompt_tokens: int
    max_tokens: int
    validation: Rows | None = None
    forms: Forms = "formats"

    name = "maths"
    rewards = ("outcome",)

    def __post_init__(self) -> None:
        for name in ("prompt_tokens", "max_tokens"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require_one_of("forms", self.forms, Forms)

    @property
    def strategies(self) -> tuple[str, ...]:
        return _STRATEGIES[self.forms]

    @property
    def alphabet(self) -> ModelTokens:
        return self.tokens

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """`n` problems; none comes twice before all have come once.

        Raises:
            UsageError: the split has none, or a prompt is longer than `prompt_tokens`.
            DamagedFile: the rows are not what they were.
        """
        pool = _pool(self.rows, self.validation)
        places = _laps(self._members(split), n, stream)
        rows = [pool.rows[place] for place in places]
        prompts = [self._prompt(row.question) for row in rows]
        require_room(self.name, "prompt", "prompt_tokens", self.prompt_tokens, prompts)
        return Problems(
            ids=pool.ids[places],
            prompts=pack(prompts),
            answers=np.array([row.answer for row in rows], dtype=str),
            kinds=np.array([row.kind for row in rows], dtype=str),
            difficulty=np.array([row.level for row in rows], dtype=np.int64),
            latent={"row": places},
        )

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """Worked solutions (`worked`, `text`) or bare answers (`answer`), in a box at the end.

        Raises:
            UsageError: a strategy that the data have no solutions in, a row without a worked
                solution, or a solution longer than `max_tokens`.
        """
        shown = {WORKED: _worked, TEXT: _worked, ANSWER: _boxed}
        possible = [name for name in self.strategies if name in shown]
        if strategy not in possible:
            raise unknown(f"strategy of {self.name} that can be demonstrated", strategy, possible)
        pool = _pool(self.rows, self.validation)
        texts = [shown[strategy](pool.rows[place]) for place in problems.latent["row"]]
        solutions = [[*self.tokens.response(text), self.tokens.end] for text in texts]
        require_room(self.name, "solution", "max_tokens", self.max_tokens, solutions)
        return pack(solutions)

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        """The answers of those that were not cut off; a right one as the reference writes it."""
        rows = [np.array(row, dtype=np.int64) for row in responses.lists()]
        texts = [self.tokens.text(row) for row in rows]
        attempts = [
            self._attempt(text) if whole else Attempt("")
            for text, whole in zip(texts, stopped, strict=True)
        ]
        verdicts = list(map(_verdict, problems.answers.tolist(), attempts))
        right = np.array([verdict is True for verdict in verdicts], dtype=bool)
        failed = np.array([verdict is None for verdict in verdicts], dtype=bool)
        answers = np.array([plain(attempt.answer) for attempt in attempts], dtype=str)
        grades, why = graded(right, answers != "", stopped, failed)
        label = format_of if self.forms == "formats" else depth_of
        return Reading(
            answers=np.where(right, problems.answers, answers),
            grades=grades,
            reasons=why,
            strategies=np.array([label(text) for text in texts], dtype=str),
            steps_correct=right.astype(np.int64),
            steps=np.ones(len(rows), dtype=np.int64),
            classes=classes_of(self.tokens, responses, map(_spans, texts)),
        )

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """`outcome`: the answer is right."""
        if name not in self.rewards:
            raise unknown(f"reward of {self.name}", name, self.rewards)
        right = (reading.grades == Grade.CORRECT).astype(np.float64)
        return np.where(reading.grades == Grade.UNSCORABLE, np.nan, right)

    def constrain(self, strategy: str) -> Constraint:
        """The tokens that programs, or tagged code, begin with.

        Raises:
            UsageError: responses in the strategy may begin with anything.
        """
        possible = [name for name in self.strategies if name in OPENINGS]
        if strategy not in possible:
            raise UsageError(
                f"strategy {strategy!r} of {self.name} cannot be forced; those that can: "
                f"{' or '.join(possible) or 'none'}, as others begin with anything"
            )
        return opened_with(self.tokens, OPENINGS[strategy])

    def _prompt(self, question: str) -> list[int]:
        if has_chat(self.tokens):
            return self.tokens.prompt(question)
        return bare(self.tokens, f"{question}\n\n")

    def _members(self, split: Split) -> Int[np.ndarray, " n"]:
        members = _pool(self.rows, self.validation).members[split]
        if not len(members):
            raise UsageError(
                f"{self.name} has no {split} problems among the rows of {self.rows.path}; "
                "use more rows, or name others to hold out"
            )
        return members

    def _attempt(self, text: str) -> Attempt:
        return computed(text) if self.forms == "formats" else stated(text)


class _Pool(NamedTuple):
    """All rows of a task, what they are called, and which of them are in which split."""

    rows: tuple[Row, ...]
    ids: Shaped[np.ndarray, " rows"]
    members: dict[Split, np.ndarray]


@lru_cache(maxsize=16)
def _pool(train: Rows, validation: Rows | None) -> _Pool:
    rows = loaded(train) + (loaded(validation) if validation else ())
    ids = np.array([question_hash(row.question) for row in rows])
    words = np.array([[int(name[:8], 16), int(name[8:], 16)] for name in ids], dtype=np.uint32)
    held_out = (
        in_validation(words, np.ones_like(words, dtype=bool))
        if validation is None
        else np.arange(len(rows)) >= len(loaded(train))
    )
    trained = ~np.isin(ids, ids[held_out])
    return _Pool(rows, ids, {"train": _first(ids, trained), "validation": _first(ids, held_out)})


def _first(ids: np.ndarray, chosen: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " kept"]:
    """Places of the chosen rows, each question once."""
    places = np.flatnonzero(chosen)
    return places[np.sort(np.unique(ids[places], return_index=True)[1])]


def _laps(members: Int[np.ndarray, " n"], n: int, stream: Stream) -> Int[np.ndarray, " drawn"]:
    """`n` members: all of them in some order, then again in another."""
    laps = range(max(1, -(-n // len(members))))
    orders = [stream.child("lap", lap).generator().permutation(members) for lap in laps]
    return np.concatenate(orders)[:n]


def _worked(row: Row) -> str:
    """A solution that ends in a boxed answer."""
    if not row.solution:
        raise UsageError(
            f"no worked solution of {row.question[:40]!r}…; use rows that have one, or {ANSWER!r}"
        )
    text = _CALCULATOR.sub("", row.solution).partition(MARK)[0].rstrip()
    box = boxed_span(text)
    ends_in_it = box is not None and text[box.start : box.end].strip() == row.answer
    return text if ends_in_it else f"{text}\n{_boxed(row)}"


def _boxed(row: Row) -> str:
    return f"\\boxed{{{row.answer}}}"


def _verdict(reference: str, attempt: Attempt) -> bool | None:
    if attempt.failed:
        return None
    return bool(attempt.answer) and same(reference, attempt.answer)


def _spans(text: str) -> list[Span]:
    """The first word decides; what follows the last mark of an answer answers."""
    answer = answer_start(text)
    word = _FIRST_WORD.match(text)
    decided = min(word.end() if word else 0, answer)
    return [
        Span(0, decided, PositionClass.DECIDE),
        Span(decided, answer, PositionClass.EXECUTE),
        Span(answer, len(text), PositionClass.ANSWER),
    ]
