"""Exercises are right by an independent calculator, and none looks like a problem."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import pack
from hone.tasks.field_arithmetic import FieldArithmetic
from hone.tasks.field_arithmetic.skills import EXERCISE, KINDS, FieldSkills

ALL = FieldSkills(11, 2, 6, 0.2, 0.2, 0.2, 0.2, 0.2, carried=0.5)


def words(task: FieldSkills, n: int, seed: int = 0) -> list[tuple[str, list[str], list[str]]]:
    """Kind, prompt and solution of exercises, as symbols."""
    problems = task.draw("train", n, Stream.root(seed))
    solutions = task.demonstrate(problems, EXERCISE).lists()
    prompts = problems.prompts.lists()
    symbols = [
        [task.alphabet.text(np.array(row)).split() for row in rows] for rows in (prompts, solutions)
    ]
    return list(zip(map(str, problems.kinds), *symbols, strict=True))


def calculate(p: int, value: int, operation: str, operand: int) -> int:
    return {
        "+": value + operand,
        "-": value - operand,
        "*": value * operand,
        "/": value * cast(int, pow(operand, -1, p)) if operand else 0,
    }[operation] % p


def number(symbol: str) -> int:
    return int(symbol.removeprefix("e"))


@given(st.integers(0, 1000), st.sampled_from([7, 11, 13]))
def test_every_solution_is_right(seed: int, p: int) -> None:
    task = FieldSkills(p, 2, 6, 0.2, 0.2, 0.2, 0.2, 0.2, carried=0.5)
    for kind, prompt, solution in words(task, 20, seed):
        assert solution[-1] == "<eos>"
        body = solution[:-1]
        if kind == "fact":
            value = calculate(p, number(prompt[0]), prompt[2], number(prompt[3]))
            assert prompt[1].startswith("#")
            assert body == [f"e{value}"]
        elif kind in ("scalar", "affine"):
            values = [number(symbol) for symbol in prompt]
            width = 4 + len(values)
            for at in range(0, len(body), width):
                place, operation, operand, equals, *results = body[at : at + width]
                assert (place, equals) == (f"#{at // width + 1}", "=")
                v = number(operand)
                slope, shift = (values[0], values[1]) if kind == "affine" else (0, values[0])
                new = calculate(p, shift, operation, v)
                turned = calculate(p, slope, operation, v) if operation in "*/" else slope
                values = [turned, new] if kind == "affine" else [new]
                assert results == [f"e{value}" for value in values]
        else:
            listed = [tuple(prompt[i : i + 3]) for i in range(1, len(prompt) - 2, 3)]
            opening, near, far = (
                (">", prompt[0], prompt[-1]) if kind == "copy" else ("<", prompt[-1], prompt[0])
            )
            carries = not body[2].startswith("#")
            head, stride = ([opening, "e1", "e0"], 6) if carries else ([opening, near], 5)
            assert body[: len(head)] == head
            assert body[-2:] == [";", far if carries else body[-3]]
            written = [tuple(body[i : i + 3]) for i in range(len(head), len(body) - 2, stride)]
            assert [place for place, _, _ in listed] == [f"#{i + 1}" for i in range(len(listed))]
            inverse = dict(zip("+-*/", "-+/*", strict=True))
            undone = [(place, inverse[operation], v) for place, operation, v in listed[::-1]]
            assert written == (listed if kind == "copy" else undone)


def test_all_kinds_come_in_their_shares() -> None:
    kinds = [kind for kind, _, _ in words(ALL, 4000)]
    for name in KINDS:
        assert kinds.count(name) / 4000 == pytest.approx(0.2, abs=0.03)


def test_no_exercise_asks_for_anything() -> None:
    for _, prompt, solution in words(ALL, 2000):
        assert "?" not in {*prompt, *solution}


def test_a_list_may_be_written_in_either_order_and_carry_one_value_or_two() -> None:
    task = FieldSkills(11, 2, 6, 0.0, 0.0, 0.0, 0.5, 0.5, carried=0.5)
    problems = task.draw("train", 50, Stream.root(0))
    turned = {"copy": "undo", "undo": "copy"}
    other = replace(
        problems,
        kinds=np.array([turned[kind] for kind in problems.kinds]),
        latent=problems.latent
        | {
            "exercise": 7 - problems.latent["exercise"],
            "carries": ~problems.latent["carries"],
        },
    )
    assert 0 < problems.latent["carries"].sum() < 50
    found = task.read(problems, task.demonstrate(other, EXERCISE), np.ones(50, dtype=bool))
    assert (found.grades == "correct").all()


def test_it_shares_the_alphabet_of_the_problems() -> None:
    assert ALL.alphabet == FieldArithmetic(11).alphabet


def test_a_right_walk_of_other_operations_is_right_and_a_wrong_result_is_not() -> None:
    task = FieldSkills(11, 2, 4, 0.0, 0.5, 0.5, 0.0, 0.0)
    asked, taken = (task.draw("train", 50, Stream.root(seed)) for seed in (0, 1))
    same_start = type(asked)(**{**vars(taken), "prompts": taken.prompts})
    walked = task.demonstrate(same_start, EXERCISE)
    stopped = np.ones(50, dtype=bool)
    assert (task.read(taken, walked, stopped).grades == "correct").all()
    rows = walked.lists()
    for row in rows:
        row[4] = (row[4] + 1) % 11  # the first result of the first step
    wrong = task.read(taken, pack(rows), stopped)
    assert (wrong.grades == "incorrect").all()
    assert (wrong.steps_correct == 0).all()


def test_what_is_cut_off_is_not_right() -> None:
    problems = ALL.draw("train", 50, Stream.root(0))
    solutions = ALL.demonstrate(problems, EXERCISE)
    found = ALL.read(problems, solutions, np.zeros(50, dtype=bool))
    assert (found.grades == "incorrect").all()
    assert (found.reasons == "truncated").all()


@given(st.lists(st.lists(st.integers(0, 54), min_size=1, max_size=40), min_size=5, max_size=5))
def test_any_tokens_can_be_read(rows: list[list[int]]) -> None:
    problems = ALL.draw("train", 5, Stream.root(0))
    found = ALL.read(problems, pack(rows), np.ones(5, dtype=bool))
    assert (found.steps_correct <= problems.difficulty).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((11, 0, 3), "low"),
        ((11, 4, 3), "high"),
        ((11, 2, 33), "high"),
        ((11, 2, 3, 0.5), "sum to 1"),
    ],
)
def test_impossible_exercises_are_refused(arguments: tuple[int, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        FieldSkills(*arguments)
