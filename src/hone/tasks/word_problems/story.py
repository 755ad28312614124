"""One story as whoever writes or reads a solution sees it."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable


class Step(NamedTuple):
    """A quantity of the chain and how it comes about; the first has no source."""

    name: str
    noun: str
    operation: str  # one of OPERATIONS
    amount: int
    per: int
    source: str  # whose quantity it is made of
    other: str  # and whose second one; "" where there is none
    left: int  # the source's quantity
    right: int  # the second one
    value: int


class Story(NamedTuple):
    """What is to be solved: the question in words, and the chain to its answer."""

    question: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def answer(self) -> int:
        return self.steps[-1].value


@dataclass(frozen=True)
class Attempt:
    """What a response says in a format.

    Attributes:
        answer: the number it ends in; None where it ends in none.
        values: the quantities that it finds on the way, in order, by name.
        failed: the scorer could not tell, e.g. ran out of time.
    """

    answer: int | float | None
    values: tuple[tuple[str, int | float], ...] = ()
    failed: bool = False


@runtime_checkable
class Format(Protocol):
    """A way to write solutions down, and to read what may be one."""

    @property
    def name(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """That solutions are made of, beside names, nouns and digits."""
        ...

    @property
    def openings(self) -> tuple[tuple[str, ...], ...]:
        """The words that solutions begin with, and those of no other format: by position."""
        ...

    @property
    def answer_mark(self) -> str:
        """The word after which the answer stands."""
        ...

    def write(self, story: Story) -> list[str]:
        """A solution in words; right where the story's steps are."""
        ...

    def read(self, text: str) -> Attempt | None:
        """What a response says; None where it is not in this format."""
        ...
