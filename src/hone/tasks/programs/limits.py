"""What a program may use, and what it has used."""

from dataclasses import dataclass, fields
from time import monotonic
from typing import Any

from hone.core.errors import require
from hone.tasks.programs.faults import ProgramFault, Reason, forbidden, too_much

_STEPS_BETWEEN_LOOKS = 256  # at the clock


@dataclass(frozen=True)
class Limits:
    """The most that a program may use.

    Attributes:
        steps: nodes evaluated, and items or characters that built-in functions go through.
        integer_bits: of every integer; 1024 is where floats end, too.
        items: of every list, tuple and dict.
        characters: of every string.
        nesting: levels of syntax, added up over the functions that are running. The evaluation
            takes up to three of Python's own frames a level, of which there are 1000.
        source: characters of the program.
        output: characters that it prints.
        seconds: by the clock, for parsing and running. The other limits bound the work, so that
            this one is reached on a machine in trouble only.
    """

    steps: int = 100_000
    integer_bits: int = 1024
    items: int = 10_000
    characters: int = 10_000
    nesting: int = 250
    source: int = 10_000
    output: int = 10_000
    seconds: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            require(value > 0, field.name, value, "more than 0")


class Meter:
    """What one program has used of its limits."""

    __slots__ = ("_deadline", "_pieces", "_written", "depth", "limits", "next_look", "spent")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.spent = 0
        self.next_look = 0
        self.depth = 0
        self._deadline = monotonic() + limits.seconds
        self._pieces: list[str] = []
        self._written = 0

    @property
    def output(self) -> str:
        """What was printed; half a surrogate pair, which no file can hold, is a question mark."""
        return "".join(self._pieces).encode(errors="replace").decode()

    def spend(self, steps: int = 1) -> None:
        """Count steps before they are taken."""
        self.spent += steps
        if self.spent >= self.next_look:
            self.look()

    def look(self) -> None:
        """Compare the steps with their limit, and the clock with its own."""
        if self.spent > self.limits.steps:
            raise too_much("steps", self.limits.steps)
        if monotonic() > self._deadline:
            raise ProgramFault(Reason.TIME, f"more than {self.limits.seconds:g} seconds")
        self.next_look = min(self.spent + _STEPS_BETWEEN_LOOKS, self.limits.steps + 1)

    def descend(self, levels: int) -> None:
        """Go that many levels down; whoever comes back takes them off `depth`."""
        self.depth += levels
        if self.depth > self.limits.nesting:
            raise too_much("levels", self.limits.nesting)

    def integer_of(self, bits: int) -> None:
        """Refuse an integer of more bits than allowed."""
        if bits > self.limits.integer_bits:
            raise too_much("bits", self.limits.integer_bits)

    def number(self, value: Any) -> Any:
        """The value itself, unless it is too large an integer, or complex."""
        if type(value) is int:
            if value.bit_length() > self.limits.integer_bits:
                raise too_much("bits", self.limits.integer_bits)
        elif type(value) is complex:
            raise forbidden("a complex number")
        return value

    def allow_items(self, items: int) -> None:
        """Refuse more items than allowed."""
        if items > self.limits.items:
            raise too_much("items", self.limits.items)

    def sequence_of(self, items: int) -> None:
        """Refuse a sequence longer than allowed, and count the steps of making it."""
        self.allow_items(items)
        self.spend(items)

    def string_of(self, characters: int) -> None:
        """Refuse a string longer than allowed, and count the steps of making it."""
        if characters > self.limits.characters:
            raise too_much("characters", self.limits.characters)
        self.spend(characters)

    def write(self, text: str) -> None:
        """Add to the output."""
        self._written += len(text)
        if self._written > self.limits.output:
            raise too_much("characters of output", self.limits.output)
        self._pieces.append(text)
