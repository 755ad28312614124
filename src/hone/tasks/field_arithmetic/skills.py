"""Exercises that a model without pretraining lacks: field facts, walks, and lists of operations.

    fact      s #i op v =          →  r <eos>              any step of a solution but the first
    scalar    s                    →  #1 op v = r  #2 op v = r … <eos>    operations as they come
    affine    a b                  →  #1 op v = a b  #2 op v = a b … <eos>
    copy      s #1 op v … = e  →  > s  #1 op v = x  #2 op v = y … ; y <eos>   any x and y
    undo      s #1 op v … = e  →  < e  the inverse operations, the last one first … ; y <eos>
    carried   the same list    →  > 1 0  #1 op v = w x  #2 op v = y z … ; e <eos>

None asks for anything: walks teach to execute, lists to keep one's place in a list of any
length, in the order that the first token says (arXiv 2606.13125 starts from a model that can both).
Lists look, open and end as solutions do, because what was learned of lists that do not served no
longer problem: prompts of more operations than the demonstrations had were taken for lists, and
answered by whatever lists end in. So a list of single values ends in the last of them, and one
that carries two, as for an unknown, in the element of the prompt's other side.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from hone.core.alphabet import Alphabet
from hone.core.contracts import Constraint, Problems, Reading, Split
from hone.core.errors import require, unknown
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.vocabulary import OTHER, Grade, PositionClass
from hone.tasks.field_arithmetic.chains import DIVIDE, MULTIPLY, Chains, affine
from hone.tasks.field_arithmetic.compact import MOST, Form
from hone.tasks.reading import reasons

FACT, SCALAR, AFFINE, COPY, UNDO = KINDS = ("fact", "scalar", "affine", "copy", "undo")
EXERCISE = "exercise"
_OPEN = 0.1  # weight of tokens that are left open: enough to learn what kind of token comes there


@dataclass(frozen=True)
class FieldSkills:
    """Exercises in GF(p), each kind with its share; walks and lists of `low` to `high` operations.

    Attributes:
        p: the field's size.
        low: fewest operations.
        high: most operations.
        fact, scalar, affine, copy, undo: shares of the kinds; they sum to 1.
        carried: share of the lists that carry two values.
    """

    p: int = 11
    low: int = 2
    high: int = 15
    fact: float = 0.0
    scalar: float = 0.25
    affine: float = 0.25
    copy: float = 0.25
    undo: float = 0.25
    carried: float = 0.0

    name = "field_skills"
    strategies = (EXERCISE,)
    rewards = ("outcome",)

    def __post_init__(self) -> None:
        require(self.low >= 1, "low", self.low, "1 or more")
        require(self.low <= self.high <= MOST, "high", self.high, f"{self.low} … {MOST}")
        shares = self.shares
        sound = min(shares) >= 0 and abs(sum(shares) - 1) < 1e-9
        require(sound, "shares", shares, "numbers from 0 that sum to 1")
        require(0 <= self.carried <= 1, "carried", self.carried, "a share from 0 to 1")

    @property
    def shares(self) -> tuple[float, ...]:
        """Of `KINDS`, in their order."""
        return (self.fact, self.scalar, self.affine, self.copy, self.undo)

    @cached_property
    def form(self) -> Form:
        return Form(self.p)

    @property
    def alphabet(self) -> Alphabet:
        return self.form.alphabet

    @property
    def prompt_tokens(self) -> int:
        return 3 * self.high + 3

    @property
    def max_tokens(self) -> int:
        return 6 * self.high + 6

    def draw(self, split: Split, n: int, stream: Stream) -> Problems:
        """`n` exercises. Facts and walks are too few or too free to be split; streams differ."""
        stream, rows, columns = stream.child(split), np.arange(n), np.arange(self.high)
        kinds = stream.child("kind").choice(self.shares, rows)

        def drawn(name: str, choices: int, *position: np.ndarray) -> np.ndarray:
            return stream.child(name).below(choices, *position)

        cells = rows[:, None], columns
        operations = drawn("operation", 4, *cells)
        scales = np.isin(operations, (MULTIPLY, DIVIDE))
        operands = np.where(scales, 1 + drawn("factor", self.p - 1, *cells),
                            drawn("added", self.p, *cells))  # fmt: skip
        steps = self.low + drawn("steps", self.high - self.low + 1, rows)
        return self._problems(
            {
                "exercise": kinds,
                "operations": operations,
                "operands": operands,
                "steps": np.where(kinds == KINDS.index(FACT), 1, steps),
                "start": drawn("start", self.p, rows),
                "slope": 1 + drawn("slope", self.p - 1, rows),
                "carries": np.isin(kinds, [KINDS.index(kind) for kind in (COPY, UNDO)])
                & (stream.child("carries").uniform(rows) < self.carried),
                "blanks": drawn(
                    "blank", self.p, rows[:, None, None], columns[:, None], np.arange(2)
                ),
                "end": drawn("end", self.p, rows),
                "place": 1 + drawn("place", max(1, self.high - 1), rows),  # walks begin with #1
            }
        )

    def demonstrate(self, problems: Problems, strategy: str) -> Sequences:
        """The solution; walks take the problem's own operations."""
        if strategy != EXERCISE:
            raise unknown("strategy of field_skills", strategy, self.strategies)
        return pack(self._solutions(problems))

    def read(
        self, problems: Problems, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Reading:
        """Right to the last token; a walk is judged by the operations that it took."""
        taken = self._as_taken(problems, responses)
        solutions = pack(self._solutions(taken))
        width = min(solutions.tokens.shape[1], responses.tokens.shape[1])
        same = solutions.tokens[:, :width] == responses.tokens[:, :width]
        matched = np.cumprod(same & responses.mask[:, :width], axis=1).sum(axis=1)
        right = stopped & (matched == responses.lengths) & (matched == solutions.lengths)
        complete = stopped & (responses.lengths > 1)
        return Reading(
            answers=np.full(len(problems), ""),
            grades=np.where(right, Grade.CORRECT.value, Grade.INCORRECT.value),
            reasons=reasons(right, complete, stopped),
            strategies=np.where(complete, EXERCISE, OTHER),
            steps_correct=self._steps(replace(problems, latent=taken.latent), matched),
            steps=problems.difficulty,
            classes=self._classes(responses, stopped),
        )

    def weights(self, problems: Problems, responses: Sequences) -> Float[np.ndarray, "n time"]:
        """What may be any is noise to learn from: a walk's operations and end, a list's order.

        A list's results are not learned at all: long lists would teach that long chains have any.
        """
        position = np.arange(responses.tokens.shape[1])
        place = (position - self._heads(problems)[:, None]) % self._strides(problems)[:, None]
        walks, lists = (
            np.isin(problems.kinds, kinds)[:, None] for kinds in ((SCALAR, AFFINE), (COPY, UNDO))
        )
        ends = position == responses.lengths[:, None] - 1
        in_walk = np.isin(place, (1, 2)) | ends
        weights = np.where(walks & in_walk | lists & (position == 0), _OPEN, 1.0)
        inside = position >= self._heads(problems)[:, None]
        result = (place >= 4) & inside & (position < responses.lengths[:, None] - 2)
        return np.where(lists & result, 0.0, weights)

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> Float[np.ndarray, " n"]:
        """`outcome`: all is right."""
        if name not in self.rewards:
            raise unknown("reward of field_skills", name, self.rewards)
        return (reading.grades == Grade.CORRECT).astype(np.float64)

    def constrain(self, strategy: str) -> Constraint:
        """There is one way to do an exercise."""
        if strategy != EXERCISE:
            raise unknown("strategy of field_skills", strategy, self.strategies)
        return Constraint(np.ones((0, len(self.alphabet)), dtype=bool))

    def _problems(self, latent: dict[str, np.ndarray]) -> Problems:
        n = len(latent["steps"])
        return Problems(
            ids=np.array(["-".join(f"{value:x}" for value in row) for row in _flat(latent)]),
            prompts=pack(self._prompts(latent)),
            answers=np.full(n, ""),
            kinds=np.array(KINDS)[latent["exercise"]],
            difficulty=latent["steps"],
            latent=latent,
        )

    def _chains(self, latent: dict[str, np.ndarray]) -> Chains:
        return Chains(
            self.p,
            latent["operations"],
            latent["operands"],
            latent["steps"],
            latent["start"],
        )

    def _prompts(self, latent: dict[str, np.ndarray]) -> list[list[int]]:
        form, rows = self.form, []
        chains = self._chains(latent)
        kinds = np.array(KINDS)[latent["exercise"]]
        ends = (latent[name].tolist() for name in ("start", "slope", "end", "place"))
        for kind, every, n, start, slope, end, place in zip(
            kinds, form.listed(chains), chains.steps, *ends, strict=True
        ):
            listed = every[:n].ravel().tolist()
            prompts = {
                FACT: [start, form.first_number + place, *listed[1:], form.equals],
                SCALAR: [start],
                AFFINE: [slope, start],
                COPY: [start, *listed, form.equals, end],
                UNDO: [start, *listed, form.equals, end],
            }
            rows.append(prompts[str(kind)])
        return rows

    def _solutions(self, problems: Problems) -> list[list[int]]:
        form, latent = self.form, problems.latent
        chains = self._chains(latent)
        a, b = affine(chains)
        moved = np.stack([latent["slope"][:, None] * a, latent["start"][:, None] * a + b], axis=2)
        walked = {
            SCALAR: form.steps(chains, chains.states[:, 1:, None], form.forward),
            AFFINE: form.steps(chains, moved[:, 1:] % self.p, form.forward),
        }
        lists = self._lists(problems, chains, COPY) | self._lists(problems, chains, UNDO)
        rows = []
        for row, (kind, n) in enumerate(zip(map(str, problems.kinds), chains.steps, strict=True)):
            if row in lists:
                written = lists[row]
            else:
                written = chains.states[row, 1:2] if kind == FACT else walked[kind][row, :n].ravel()
            rows.append([*map(int, written), form.eos])
        return rows

    def _lists(
        self, problems: Problems, chains: Chains, kind: str
    ) -> dict[int, list[np.integer | int]]:
        """The lists of a kind by their rows, without the end."""
        form, latent, blanks = self.form, problems.latent, problems.latent["blanks"]
        opening, near, far = (
            (form.forward, "start", "end") if kind == COPY else (form.backward, "end", "start")
        )
        path = chains if kind == COPY else chains.undone()
        single, double = (form.steps(path, blanks[:, :, :n], opening) for n in (1, 2))
        written: dict[int, list[np.integer | int]] = {}
        for row in np.flatnonzero(problems.kinds == kind).tolist():
            n = chains.steps[row]
            if latent["carries"][row]:
                head, steps, end = (1, 0), double[row, :n], latent[far][row]
            else:
                head, steps, end = (latent[near][row],), single[row, :n], blanks[row, n - 1, 0]
            written[row] = [opening, *head, *steps.ravel(), form.so, end]
        return written

    def _as_taken(self, problems: Problems, responses: Sequences) -> Problems:
        """The problems, with what their responses chose where an exercise leaves it open."""
        tokens = np.pad(responses.tokens, ((0, 0), (0, 6)))  # room for the longest step
        is_walk, is_list = (
            np.isin(problems.kinds, kinds) for kinds in ((SCALAR, AFFINE), (COPY, UNDO))
        )
        latent = dict(problems.latent) | {"carries": is_list & (tokens[:, 2] < self.p)}
        problems = replace(problems, latent=latent)
        stride = self._strides(problems)
        steps = np.clip((responses.lengths - 1) // stride, 1, self.high)
        place = self._heads(problems)[:, None] + stride[:, None] * np.arange(self.high)
        place = np.minimum(place, tokens.shape[1] - 6)
        marks, operands, *blanks = (
            np.take_along_axis(tokens, place + by, 1) for by in (1, 2, 4, 5)
        )
        taken = {
            "operations": np.clip(marks - self.form.operations[0], 0, 3),
            "operands": np.where(operands < self.p, operands, 0),
        }
        for name, values in taken.items():
            latent[name] = np.where(is_walk[:, None], values, latent[name])
        written = np.stack(blanks, axis=2)
        latent["blanks"] = np.where(written < self.p, written, 0)
        latent["steps"] = np.where(is_walk, steps, latent["steps"])
        for kind, mark in ((COPY, self.form.forward), (UNDO, self.form.backward)):
            chosen = is_list & (tokens[:, 0] == mark)
            latent["exercise"] = np.where(chosen, KINDS.index(kind), latent["exercise"])
        return self._problems(latent)

    def _steps(self, problems: Problems, matched: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Whole steps in so many tokens."""
        after = np.maximum(matched - self._heads(problems), 0)
        return np.minimum(after // self._strides(problems), problems.difficulty)

    def _heads(self, problems: Problems) -> Int[np.ndarray, " n"]:
        """Tokens before the first step."""
        return 2 * np.isin(problems.kinds, (COPY, UNDO)) + problems.latent["carries"]

    def _strides(self, problems: Problems) -> Int[np.ndarray, " n"]:
        """Tokens of a step."""
        two = (problems.kinds == AFFINE) | problems.latent["carries"]
        return np.where(problems.kinds == FACT, 1, np.where(two, 6, 5))

    def _classes(
        self, responses: Sequences, stopped: Bool[np.ndarray, " n"]
    ) -> Int8[np.ndarray, "n time"]:
        position = np.arange(responses.tokens.shape[1])
        classes = np.full(responses.tokens.shape, PositionClass.EXECUTE, dtype=np.int8)
        classes[stopped[:, None] & (position == responses.lengths[:, None] - 1)] = PositionClass.END
        classes[~responses.mask] = PositionClass.PAD
        return classes


def _flat(latent: dict[str, np.ndarray]) -> Int[np.ndarray, "n columns"]:
    """An exercise in numbers, 0 where there is no operation."""
    present = np.arange(latent["operations"].shape[1]) < latent["steps"][:, None]
    steps = np.where(present, 1 + 4 * latent["operands"] + latent["operations"], 0)
    return np.column_stack(
        [
            *(latent[name] for name in ("exercise", "carries", "slope", "start", "end", "place")),
            steps,
        ]
    )
