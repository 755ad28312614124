"""Chains of additions and multiplications in a prime field, solved from either end.

Everything is an array over problems. A chain is applied forward, x → op₁ → … → opₙ, or undone
backward. Where the end that a solution starts from is unknown, it carries the affine form a·x + b
of what is unknown and solves for it at last. (arXiv 2606.13125 does not say what such solutions
look like; this is the form that is symmetric and always gives an answer.)
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

ADD, MULTIPLY, SUBTRACT, DIVIDE = range(4)
_INVERSE = np.array([SUBTRACT, DIVIDE, ADD, MULTIPLY])


@dataclass(frozen=True)
class Chains:
    """Chains of unequal length, right-padded; what lies beyond a chain's length has no meaning.

    Attributes:
        p: the field's size, a prime.
        operations: ADD or MULTIPLY.
        operands: elements of the field.
        steps: operations of each chain.
        start: element that each chain starts from.
    """

    p: int
    operations: Int[np.ndarray, "n steps"]
    operands: Int[np.ndarray, "n steps"]
    steps: Int[np.ndarray, " n"]
    start: Int[np.ndarray, " n"]

    @cached_property
    def states(self) -> Int[np.ndarray, "n states"]:
        """Element after 0, 1, … operations; constant beyond a chain's length."""
        return walk(self, self.start)

    @property
    def end(self) -> Int[np.ndarray, " n"]:
        """Element after the last operation."""
        return self.states[:, -1]

    @property
    def present(self) -> Bool[np.ndarray, "n steps"]:
        """Which operations there are."""
        return np.arange(self.operations.shape[1]) < self.steps[:, None]

    def undone(self) -> "Chains":
        """The inverse operations in reverse order, from the end."""
        width = self.operations.shape[1]
        order = (self.steps[:, None] - 1 - np.arange(width)) % width  # any, where one is absent
        operations, operands = (
            np.take_along_axis(each, order, 1) for each in (self.operations, self.operands)
        )
        return replace(self, operations=_INVERSE[operations], operands=operands, start=self.end)


def inverses(p: int) -> Int[np.ndarray, " p"]:
    """1/v of every element v; 0 for 0, which has none."""
    return np.array([0, *(pow(v, -1, p) for v in range(1, p))])


def apply(
    p: int,
    values: Int[np.ndarray, " *n"],
    operations: Int[np.ndarray, " *n"],
    operands: Int[np.ndarray, " *n"],
) -> Int[np.ndarray, " *n"]:
    """One operation on each value."""
    quotients = values * inverses(p)[operands]
    results = np.stack([values + operands, values * operands, values - operands, quotients]) % p
    return np.take_along_axis(results, operations[None], 0)[0]


def walk(chains: Chains, start: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n states"]:
    """Elements after 0, 1, … operations from a start; constant beyond a chain's length."""
    states = [start]
    for step, present in enumerate(chains.present.T):
        after = apply(chains.p, states[-1], chains.operations[:, step], chains.operands[:, step])
        states.append(np.where(present, after, states[-1]))
    return np.stack(states, axis=1)


def affine(chains: Chains) -> tuple[Int[np.ndarray, "n states"], Int[np.ndarray, "n states"]]:
    """a and b of a·x + b after 0, 1, … operations on the unknown x.

    Two walks tell them: b is where 0 goes, and a + b is where 1 goes.
    """
    zeros = np.zeros_like(chains.start)
    b = walk(chains, zeros)
    return (walk(chains, zeros + 1) - b) % chains.p, b
