"""Problems and solutions in words, for language models (arXiv 2606.13125 §2; wording is ours).

The prompt gives the field's size, the symbol map line by line, the operations numbered, and one
question. A solution opens with the side it starts from, which settles its strategy, and has a line
for every operation: its symbol, the decoded value, the result mod p, the result's symbol.

    Start from the output e2 = 6.
    Undo Add e9 = 9: 6 - 9 = 8 mod 11 = e8
    Undo Multiply by e6 = 7: 8 / 7 = 9 mod 11 = e9
    Undo Add e5 = 4: 9 - 4 = 5 mod 11 = e1
    Answer: e1

Where that side is not given, the lines carry a form such as 7x + 4 and one more line solves it; or
they are repeated for one element after another. The paper does not say how its solutions go there.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hone.core.contracts import Problems
from hone.core.errors import unknown
from hone.tasks.field_arithmetic.chains import Chains, affine

_NAMES = ("Add", "Multiply by", "Undo Add", "Undo Multiply by")  # by operation
_SIGNS = "+*-/"
_ENDS = {"forward": ("input", "output", "x"), "backward": ("output", "input", "y")}
"""Of every strategy: the side it starts from, the other one, and the unknown it may carry."""
START = "Start from the "
OPENINGS = {strategy: START + near for strategy, (near, _, _) in _ENDS.items()}


@dataclass(frozen=True)
class Path:
    """One problem as a strategy walks it, from the near side to the far one.

    Attributes:
        strategy: `forward` or `backward`.
        operations: their codes, in the order of the walk.
        operands: elements of the field.
        forms: a and b of a·x + b after 0, 1, … operations on an element x.
        start: the element on the near side.
        known: whether the problem gives it.
        symbols: number of the symbol of every element.
    """

    strategy: str
    operations: list[int]
    operands: list[int]
    forms: list[tuple[int, int]]
    start: int
    known: bool
    symbols: list[int]

    def walk(self, start: int) -> list[int]:
        """Elements after 0, 1, … operations on a start."""
        return [(a * start + b) % len(self.symbols) for a, b in self.forms]

    def native(self) -> list[str]:
        """From the element that is known."""
        near, _, _ = _ENDS[self.strategy]
        return [f"Start from the {near} {self._called(self.start)}.", *self._walked(self.start)]

    def affine(self) -> list[str]:
        """From an unknown: what becomes of it, and what it must have been."""
        near, far, letter = _ENDS[self.strategy]
        forms = [f"{a}{letter} + {b}" for a, b in self.forms]
        steps = [
            self._step(place, f"({before})", f"{after} mod {len(self.symbols)}")
            for place, (before, after) in enumerate(pairwise(forms))
        ]
        (a, b), known = self.forms[-1], self.walk(self.start)[-1]
        left = (known - b) % len(self.symbols)
        solved = f"{letter} = ({known} - {b}) / {a} = {left} / {a} = {self._result(self.start)}"
        return [
            f"Start from the {near} {letter}.",
            *steps,
            f"The {far} is {self._called(known)}, so {forms[-1]} = {known}: {solved}",
        ]

    def trial(self) -> list[str]:
        """From every element in turn, until one leads to the known one."""
        near, far, _ = _ENDS[self.strategy]
        lines = [f"Start from the {near}, trying one symbol after another."]
        known = self._symbol(self.walk(self.start)[-1])
        for tried in range(self.start + 1):  # no two elements lead to the same one
            reached = self._symbol(self.walk(tried)[-1])
            verdict = f"which is the {far}" if reached == known else f"not the {far} {known}"
            lines += [f"Try {self._called(tried)}.", *self._walked(tried)]
            lines.append(f"This gives {reached}, {verdict}.")
        return lines

    def _walked(self, start: int) -> list[str]:
        return [
            self._step(place, f"{before}", self._result(after))
            for place, (before, after) in enumerate(pairwise(self.walk(start)))
        ]

    def _step(self, place: int, before: str, after: str) -> str:
        operation, operand = self.operations[place], self.operands[place]
        name, sign = _NAMES[operation], _SIGNS[operation]
        return f"{name} {self._called(operand)}: {before} {sign} {operand} = {after}"

    def _symbol(self, element: int) -> str:
        return f"e{self.symbols[element]}"

    def _called(self, element: int) -> str:
        return f"{self._symbol(element)} = {element}"

    def _result(self, element: int) -> str:
        return f"{element} mod {len(self.symbols)} = {self._symbol(element)}"


def paths(problems: Problems, strategy: str) -> list[Path]:
    """Every problem as the strategy walks it.

    Raises:
        UsageError: no such strategy.
    """
    if strategy not in _ENDS:
        raise unknown("strategy of field_arithmetic", strategy, _ENDS)
    latent, inverted = problems.latent, problems.latent["inverted"]
    chains = Chains(
        latent["symbols"].shape[1],
        *(latent[name] for name in ("operations", "operands", "steps", "start")),
    )
    walked = chains if strategy == "forward" else chains.undone()
    known = ~inverted if strategy == "forward" else inverted
    forms = np.stack(affine(walked), axis=2)
    return [
        Path(
            strategy,
            walked.operations[row, :steps].tolist(),
            walked.operands[row, :steps].tolist(),
            [(a, b) for a, b in forms[row, : steps + 1].tolist()],
            int(walked.start[row]),
            bool(known[row]),
            latent["symbols"][row].tolist(),
        )
        for row, steps in enumerate(walked.steps)
    ]


def prompts(problems: Problems) -> list[str]:
    """What is asked, in words; the same wording whatever is trained on them."""
    return [_prompt(path) for path in paths(problems, "forward")]


def demonstrations(problems: Problems, strategy: str, off_native: str = "affine") -> list[str]:
    """Correct solutions that start from the input (`forward`) or from the output (`backward`).

    Args:
        problems: as `FieldArithmetic` draws them.
        strategy: `forward` or `backward`.
        off_native: how one goes that starts from what is not given, `affine` or `trial`.

    Raises:
        UsageError: no such strategy.
    """
    carry = Path.affine if off_native == "affine" else Path.trial
    walked = paths(problems, strategy)
    return [
        "\n".join([*(Path.native(path) if path.known else carry(path)), f"Answer: {answer}"])
        for path, answer in zip(walked, problems.answers, strict=True)
    ]


def _prompt(path: Path) -> str:
    return "\n".join([symbol_map(path), *task(path), question(path, given(path))])


def symbol_map(path: Path) -> str:
    """The field and what its symbols stand for, line by line."""
    values = np.argsort(path.symbols)  # of e0, e1, …
    opening = (
        f"A field has {len(values)} elements, the integers modulo {len(values)}. "
        "Symbols stand for them:"
    )
    return "\n".join([opening, *(f"e{number} = {value}" for number, value in enumerate(values))])


def task(path: Path) -> list[str]:
    """The operations of a problem that is walked forward, numbered."""
    operations = zip(path.operations, path.operands, strict=True)
    return [
        "These operations, in this order, turn an input into an output:",
        *(
            f"{number}. {_NAMES[operation]} e{path.symbols[operand]}"
            for number, (operation, operand) in enumerate(operations, start=1)
        ),
    ]


def question(path: Path, given: str) -> str:
    """What is asked of a problem that is walked forward, if one of its sides is `given`."""
    near, far, _ = _ENDS[path.strategy]
    asked, known = (far, near) if path.known else (near, far)
    return f"Which symbol is the {asked} if the {known} is {given}?"


def given(path: Path) -> str:
    """The symbol on the side that is known."""
    return f"e{path.symbols[path.walk(path.start)[0 if path.known else -1]]}"
