"""Problems and solutions as one token a symbol, for models that are trained from scratch.

    evaluation   s #1 op v #2 op v … = ?          inversion   ? #1 op v #2 op v … = e
    forward      > s  #1 op v = r  #2 op v = r …  ; r <eos>
    backward     < e  #n op v = r  … #1 op v = r  ; r <eos>      with the inverse operations
    affine       > a b  #1 op v = a b …  ; e - b = c / a = x ; x <eos>
    trial        > ? c #1 op v = r …  ? c #1 op v = r …  ; c <eos>

The last token of a prompt tells what is asked, and the first of a response settles the strategy.
Operations are numbered (one symbol each, up to `MOST`): a chain holds many alike, and its place
cannot be found by looking at them. Operands and results are field elements, written with the
symbols that a permutation gives them.
"""

import numpy as np
from jaxtyping import Bool, Int

from hone.core.alphabet import Alphabet
from hone.core.sequences import Sequences, pack
from hone.tasks.field_arithmetic.chains import DIVIDE, SUBTRACT, Chains, affine, inverses, walk

MARKS = ("+", "*", "-", "/", "=", ">", "<", "?", ";", "<eos>", "<pad>")
MOST = 32
"""Operations of the longest chain."""


class Form:
    """Token ids of a field's symbols and marks."""

    def __init__(self, p: int) -> None:
        self.p = p
        elements, numbers = (f"e{i}" for i in range(p)), (f"#{i}" for i in range(1, MOST + 1))
        self.alphabet = Alphabet((*elements, *MARKS, *numbers), "<eos>", "<pad>")
        marks = [self.alphabet.id(mark) for mark in MARKS]
        self.operations = np.array(marks[:4])
        self.equals, self.forward, self.backward, self.unknown, self.so = marks[4:9]
        self.eos = marks[9]
        self.first_number = self.alphabet.id("#1")

    def native(self, chains: Chains, opening: int) -> list[np.ndarray]:
        """Solutions that know the element they start from."""
        steps = self.steps(chains, walk(chains, chains.start)[:, 1:, None], opening)
        head = np.stack([np.full(len(chains.steps), opening), chains.start], axis=1)
        tail = self._ending(chains.end)
        return _joined(head, steps, chains.steps, tail)

    def affine(
        self, chains: Chains, opening: int, known: Int[np.ndarray, " n"]
    ) -> list[np.ndarray]:
        """Solutions that carry a·x + b to the known element and solve for x."""
        a, b = affine(chains)
        steps = self.steps(chains, np.stack([a, b], axis=2)[:, 1:], opening)
        head = np.stack([np.full(len(known), opening), a[:, 0], b[:, 0]], axis=1)
        a, b = a[:, -1], b[:, -1]
        left = (known - b) % self.p
        x = left * inverses(self.p)[a] % self.p
        marks = (
            np.full(len(known), token)
            for token in (
                self.so,
                self.operations[SUBTRACT],
                self.equals,
                self.operations[DIVIDE],
                self.equals,
            )
        )
        so, minus, equals, over, again = marks
        solved = np.stack([so, known, minus, b, equals, left, over, a, again, x], axis=1)
        tail = np.concatenate([solved, self._ending(x)], axis=1)
        return _joined(head, steps, chains.steps, tail)

    def trial(self, chains: Chains, opening: int, known: Int[np.ndarray, " n"]) -> list[np.ndarray]:
        """Solutions that try every element in turn until one leads to the known one."""
        tried = [
            (candidate, walk(chains, np.full_like(known, candidate))) for candidate in range(self.p)
        ]
        rendered = [self.steps(chains, states[:, 1:, None], opening) for _, states in tried]
        rows = []
        for row, n in enumerate(chains.steps):
            parts = [np.array([opening])]
            for (candidate, states), steps in zip(tried, rendered, strict=True):
                parts += [np.array([self.unknown, candidate]), steps[row, :n].ravel()]
                if states[row, -1] == known[row]:
                    parts.append(self._ending(np.array([candidate]))[0])
                    break
            rows.append(np.concatenate(parts))
        return rows

    def prompts(self, chains: Chains, inverted: np.ndarray) -> list[np.ndarray]:
        """What is asked: the end, given the start, or the start, given the end."""
        asked = np.full(len(chains.steps), self.unknown)
        first = np.where(inverted, asked, chains.start)
        last = np.where(inverted, chains.end, asked)
        listed = self.listed(chains)
        tail = np.stack([np.full_like(last, self.equals), last], axis=1)
        return _joined(first[:, None], listed, chains.steps, tail)

    def in_symbols(
        self, rows: list[np.ndarray], symbols: Int[np.ndarray, "n p"], eos: bool
    ) -> Sequences:
        """Rows of element and mark ids as tokens: every element in its problem's symbol."""
        written = [
            np.where(row < self.p, names[np.minimum(row, self.p - 1)], row)
            for row, names in zip(rows, symbols, strict=True)
        ]
        ends = [self.eos] if eos else []
        return pack([[*row.tolist(), *ends] for row in written])

    def steps(
        self, chains: Chains, results: Int[np.ndarray, "n steps values"], opening: int
    ) -> Int[np.ndarray, "n steps tokens"]:
        """`#i op v =` and the results, for every operation; numbers fall where chains are undone.

        Args:
            chains: operations in the order in which they are written.
            results: what follows each of them.
            opening: the token of the order, `forward` or `backward`.
        """
        listed = self.listed(chains, opening)
        equals = np.full_like(listed[:, :, :1], self.equals)
        return np.concatenate([listed, equals, results], axis=2)

    def listed(
        self, chains: Chains, opening: int | None = None
    ) -> Int[np.ndarray, "n steps three"]:
        """`#i op v` for every operation."""
        place = np.broadcast_to(np.arange(chains.operands.shape[1]), chains.operands.shape)
        if opening == self.backward:
            place = np.maximum(chains.steps[:, None] - 1 - place, 0)
        operations = self.operations[chains.operations]
        return np.stack([self.first_number + place, operations, chains.operands], axis=2)

    def first_mention(self, tokens: Int[np.ndarray, "n time"]) -> Int[np.ndarray, "n three"]:
        """The first `#i op v` of every response, or any three tokens where there is none.

        Args:
            tokens: of responses, at least two columns wider than the longest.
        """
        place = (tokens >= self.first_number).argmax(axis=1)[:, None]
        return np.take_along_axis(tokens, place + np.arange(3), 1)

    def in_order(
        self, tokens: Int[np.ndarray, "n time"], steps: Int[np.ndarray, " n"], opening: int
    ) -> Bool[np.ndarray, " n"]:
        """Whether the numbers of operations begin at the opening's end and never turn back.

        Every element that is tried (`? c`) begins anew; one operation may be named twice in a row.

        Args:
            tokens: of responses; no number stands beyond their ends.
            steps: operations of each problem.
            opening: the token of the order, `forward` or `backward`.
        """
        numbered = tokens >= self.first_number
        number = tokens - self.first_number
        place = number if opening == self.forward else steps[:, None] - 1 - number
        place = np.where(numbered, place, -1)  # nothing comes before a beginning
        column = np.arange(tokens.shape[1])
        settles = numbered | (tokens == self.unknown)
        last = np.maximum.accumulate(np.where(settles, column, 0), axis=1)[:, :-1]
        before, after = np.take_along_axis(place, last, 1), place[:, 1:]
        follows = np.where(before < 0, after == 0, after >= before) & (after < steps[:, None])
        return np.all(follows | ~numbered[:, 1:], axis=1)

    def _ending(self, answers: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n two"]:
        return np.stack([np.full_like(answers, self.so), answers], axis=1)


def _joined(
    head: Int[np.ndarray, "n first"],
    steps: Int[np.ndarray, "n steps tokens"],
    counts: Int[np.ndarray, " n"],
    tail: Int[np.ndarray, "n last"],
) -> list[np.ndarray]:
    """Each row's head, as many steps as it has, and its tail."""
    return [
        np.concatenate([h, s[:n].ravel(), t])
        for h, s, n, t in zip(head, steps, counts, tail, strict=True)
    ]
