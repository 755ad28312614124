"""Grade-school problems as graphs of quantities, drawn many at a time.

A story is a chain: a first quantity, and one relation after the other until the quantity that is
asked for. Quantities beside the chain are distractors: each hangs on a quantity of the chain, and
none is needed. Nodes stand in the order 0 (the first), 1 … `high` (the chain), then distractors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt32

from hone.core.random import Stream
from hone.tasks.splits import Latent

Regime = Literal["small", "large"]
OPERATIONS = ("start", "more", "fewer", "times", "part", "fraction", "rate", "together")
"""How a quantity is told, by code: `start` is a number, the others relate it to an earlier one."""


@dataclass(frozen=True)
class Numbers:
    """How large the numbers of a story may be."""

    largest: int  # of all quantities
    start: int  # the first
    addend: int
    factor: int  # of a product; the denominator of a share


NUMBERS: dict[Regime, Numbers] = {
    "small": Numbers(largest=60, start=30, addend=20, factor=3),
    "large": Numbers(largest=999, start=300, addend=99, factor=9),
}


@dataclass(frozen=True)
class Shape:
    """Which stories are drawn."""

    low: int  # relations of the chain, at least
    high: int
    distractors: int  # at most
    operations: tuple[str, ...]
    numbers: Numbers
    names: int  # to choose from
    nouns: int
    wordings: int  # of every sentence

    @property
    def nodes(self) -> int:
        return 1 + self.high + self.distractors


def result(operation: str, left: int, right: int, amount: int, per: int) -> int:
    """The quantity that an operation makes of an earlier one, `left`, and of a second one."""
    return _RESULTS[operation](left, right, amount, per)


_RESULTS: dict[str, Callable[..., Any]] = {  # of numbers, or of arrays
    "start": lambda left, right, amount, per: amount,
    "more": lambda left, right, amount, per: left + amount,
    "fewer": lambda left, right, amount, per: left - amount,
    "times": lambda left, right, amount, per: left * amount,
    "part": lambda left, right, amount, per: left // per,
    "fraction": lambda left, right, amount, per: left * amount // per,
    "rate": lambda left, right, amount, per: left * amount,
    "together": lambda left, right, amount, per: left + right,
}


def draw_stories(shape: Shape, stream: Stream, n: int) -> Latent:
    """`n` stories as arrays of a row each; those that could not be completed have `whole` false."""
    draws = _Draws(stream, n)
    nodes = np.arange(shape.nodes)
    steps = draws.between(shape.low, np.full(n, shape.high), "steps")
    beside = draws.between(0, np.full(n, shape.distractors), "distractors")
    in_order = draws.uniform("shuffled")[:, None] >= 0.7
    drawn: Latent = {
        "steps": steps,
        "present": np.where(
            nodes <= shape.high, nodes <= steps[:, None], nodes <= shape.high + beside[:, None]
        ),
        "whole": np.ones(n, dtype=bool),
        "name": np.argsort(draws.cells(shape.names, "names"), axis=1)[:, : shape.nodes],
        "noun": np.repeat(draws.below(shape.nouns, "noun")[:, None], shape.nodes, axis=1),
        "wording": np.floor(draws.cells(shape.nodes, "wording") * shape.wordings).astype(np.int64),
        "asked": draws.below(shape.wordings, "asked"),
        "rank": np.where(in_order, nodes / shape.nodes, draws.cells(shape.nodes, "rank")),
    }
    for name in ("operation", "amount", "per", "source", "other", "value"):
        drawn[name] = np.zeros((n, shape.nodes), dtype=np.int64)
    first = draws.between(1, np.full(n, shape.numbers.start), "start")
    drawn["amount"][:, 0] = drawn["value"][:, 0] = first
    for node in range(1, shape.nodes):
        _relate(shape, drawn, node, _Draws(stream.child("node", node), n))
    return drawn


def canonical(
    drawn: Latent, high: int
) -> tuple[UInt32[np.ndarray, "n words"], Bool[np.ndarray, "n words"]]:
    """What makes a story the problem it is: the chain and its numbers, not who has what.

    Returns:
        words to hash, and which of them are there.
    """
    chain = slice(0, high + 1)
    words = [drawn[name][:, chain] for name in ("operation", "amount", "per", "other")]
    there = drawn["present"][:, chain]
    # a node's words side by side, so that longer chains to choose from change no hash
    return (
        np.stack(words, axis=2).reshape(len(there), -1).astype(np.uint32),
        np.repeat(there, len(words), axis=1),
    )


class _Draws(NamedTuple):
    """Random numbers for every story by purpose."""

    stream: Stream
    n: int

    def uniform(self, *purpose: str) -> np.ndarray:
        return self.stream.child(*purpose).uniform(np.arange(self.n))

    def cells(self, columns: int, *purpose: str) -> np.ndarray:
        rows = np.arange(self.n)[:, None]
        return self.stream.child(*purpose).uniform(rows, np.arange(columns))

    def below(self, choices: int | np.ndarray, *purpose: str) -> np.ndarray:
        return self.stream.child(*purpose).below(choices, np.arange(self.n))

    def between(self, low: int, high: np.ndarray, *purpose: str) -> np.ndarray:
        """From `low` to `high`; `low` where there is no room between them."""
        return low + self.below(np.maximum(high - low + 1, 1), *purpose)


class _Relation(NamedTuple):
    """A way to tell a quantity by earlier ones: where it is possible, and with which numbers."""

    possible: Bool[np.ndarray, " n"]
    amount: Int[np.ndarray, " n"] | int = 0
    per: Int[np.ndarray, " n"] | int = 0


def _relate(shape: Shape, drawn: Latent, node: int, draws: _Draws) -> None:
    """Tells a node by one of the relations that are possible there, each as likely."""
    rows = np.arange(draws.n)
    in_chain = node <= shape.high
    source = np.full(draws.n, node - 1) if in_chain else draws.below(drawn["steps"] + 1, "source")
    other = draws.below(np.maximum(source, 1), "other")
    alike = (other < source) & (drawn["noun"][rows, other] == drawn["noun"][rows, source])
    left = drawn["value"][rows, source]
    right = np.where(alike, drawn["value"][rows, other], shape.numbers.largest)
    found = {name: _RELATIONS[name](shape.numbers, left, right, draws) for name in shape.operations}
    possible = np.stack([each.possible for each in found.values()], axis=1)
    chosen = np.where(possible, draws.cells(len(found), "operation"), -1.0).argmax(axis=1)
    drawn["whole"] &= possible.any(axis=1) | ~drawn["present"][:, node]
    drawn["source"][:, node] = source
    for index, (name, relation) in enumerate(found.items()):
        here = np.flatnonzero(chosen == index)
        drawn["operation"][here, node] = OPERATIONS.index(name)
        drawn["amount"][here, node] = np.broadcast_to(relation.amount, draws.n)[here]
        drawn["per"][here, node] = np.broadcast_to(relation.per, draws.n)[here]
    _settle(shape, drawn, node, other, draws)


def _settle(shape: Shape, drawn: Latent, node: int, other: np.ndarray, draws: _Draws) -> None:
    """The value and the noun of a node whose relation is chosen."""
    rows, source = np.arange(draws.n), drawn["source"][:, node]
    left, amount, per = (
        drawn["value"][rows, source],
        drawn["amount"][:, node],
        drawn["per"][:, node],
    )
    noun = drawn["noun"][rows, source]
    drawn["noun"][:, node] = noun
    for name in shape.operations:
        here = drawn["operation"][:, node] == OPERATIONS.index(name)
        if name == "together":
            drawn["other"][here, node] = other[here]
        if name == "rate":
            moved = (noun + 1 + draws.below(shape.nouns - 1, "moved")) % shape.nouns
            drawn["noun"][here, node] = moved[here]
        right = drawn["value"][rows, drawn["other"][:, node]]
        value = _RESULTS[name](*(each[here] for each in (left, right, amount, np.maximum(per, 1))))
        drawn["value"][here, node] = value


def _more(numbers: Numbers, left: np.ndarray, right: np.ndarray, draws: _Draws) -> _Relation:
    most = np.minimum(numbers.addend, numbers.largest - left)
    return _Relation(most >= 1, draws.between(1, most, "more"))


def _fewer(numbers: Numbers, left: np.ndarray, right: np.ndarray, draws: _Draws) -> _Relation:
    most = np.minimum(numbers.addend, left - 1)
    return _Relation(most >= 1, draws.between(1, most, "fewer"))


def _times(numbers: Numbers, left: np.ndarray, right: np.ndarray, draws: _Draws) -> _Relation:
    most = np.minimum(numbers.factor, numbers.largest // left)
    return _Relation(most >= 2, draws.between(2, most, "times"))


def _part(numbers: Numbers, left: np.ndarray, right: np.ndarray, draws: _Draws) -> _Relation:
    possible, per = _divisor(np.arange(2, numbers.factor + 1), left, draws, "part")
    return _Relation(possible, per=per)


def _fraction(numbers: Numbers, left: np.ndarray, right: np.ndarray, draws: _Draws) -> _Relation:
    possible, per = _divisor(np.arange(3, numbers.factor + 1), left, draws, "fraction")
    return _Relation(possible, draws.between(2, per - 1, "numerator"), per)


def _together(numbers: Numbers, left: np.ndarray, right: np.ndarray, draws: _Draws) -> _Relation:
    return _Relation(left + right <= numbers.largest)


_RELATIONS = {
    "more": _more,
    "fewer": _fewer,
    "times": _times,
    "part": _part,
    "fraction": _fraction,
    "rate": _times,
    "together": _together,
}


def _divisor(
    candidates: np.ndarray, left: np.ndarray, draws: _Draws, purpose: str
) -> tuple[Bool[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """One of the candidates that divide `left`, each as likely; whether there is any."""
    divides = left[:, None] % candidates == 0
    keys = np.where(divides, draws.cells(len(candidates), purpose), -1.0)
    return divides.any(axis=1), candidates[keys.argmax(axis=1)]
