"""Field arithmetic in words: the worked example, and laws that tie it to the compact form."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hone.core.contracts import Problems, Reading
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import Sequences
from hone.core.texts import TextReading
from hone.core.vocabulary import PositionClass
from hone.tasks import FieldArithmetic
from tests.tasks.test_field_arithmetic import TASKS, example

SEEDS = st.integers(0, 2**16)
STRATEGIES = st.sampled_from(FieldArithmetic.strategies)

PROMPT = """\
A field has 11 elements, the integers modulo 11. Symbols stand for them:
e0 = 1
e1 = 5
e2 = 6
e3 = 0
e4 = 10
e5 = 4
e6 = 7
e7 = 2
e8 = 8
e9 = 9
e10 = 3
These operations, in this order, turn an input into an output:
1. Add e5
2. Multiply by e6
3. Add e9
"""
SOLUTIONS = {
    (False, "forward"): """\
Start from the input e1 = 5.
Add e5 = 4: 5 + 4 = 9 mod 11 = e9
Multiply by e6 = 7: 9 * 7 = 8 mod 11 = e8
Add e9 = 9: 8 + 9 = 6 mod 11 = e2
Answer: e2""",
    (True, "backward"): """\
Start from the output e2 = 6.
Undo Add e9 = 9: 6 - 9 = 8 mod 11 = e8
Undo Multiply by e6 = 7: 8 / 7 = 9 mod 11 = e9
Undo Add e5 = 4: 9 - 4 = 5 mod 11 = e1
Answer: e1""",
    (True, "forward"): """\
Start from the input x.
Add e5 = 4: (1x + 0) + 4 = 1x + 4 mod 11
Multiply by e6 = 7: (1x + 4) * 7 = 7x + 6 mod 11
Add e9 = 9: (7x + 6) + 9 = 7x + 4 mod 11
The output is e2 = 6, so 7x + 4 = 6: x = (6 - 4) / 7 = 2 / 7 = 5 mod 11 = e1
Answer: e1""",
    (False, "backward"): """\
Start from the output y.
Undo Add e9 = 9: (1y + 0) - 9 = 1y + 2 mod 11
Undo Multiply by e6 = 7: (1y + 2) / 7 = 8y + 5 mod 11
Undo Add e5 = 4: (8y + 5) - 4 = 8y + 1 mod 11
The input is e1 = 5, so 8y + 1 = 5: y = (5 - 1) / 8 = 4 / 8 = 6 mod 11 = e2
Answer: e2""",
}


class TestTheWorkedExample:
    @pytest.mark.parametrize(
        ("inverted", "question"),
        [
            (False, "Which symbol is the output if the input is e1?"),
            (True, "Which symbol is the input if the output is e2?"),
        ],
    )
    def test_what_is_asked(self, inverted: bool, question: str) -> None:
        assert FieldArithmetic().text.prompts(example(inverted)) == [PROMPT + question]

    @pytest.mark.parametrize(("inverted", "strategy"), SOLUTIONS)
    def test_solutions(self, inverted: bool, strategy: str) -> None:
        written = FieldArithmetic().text.demonstrations(example(inverted), strategy)
        assert written == [SOLUTIONS[inverted, strategy]]

    def test_trial_ends_with_the_first_element_that_fits(self) -> None:
        task = FieldArithmetic(off_native="trial")
        (written,) = task.text.demonstrations(example(True), "forward")
        first, *_, last = written.split("Try ")
        assert first == "Start from the input, trying one symbol after another.\n"
        assert written.count("not the output e2.") == 5  # 0, 1, 2, 3, 4
        solved = SOLUTIONS[False, "forward"].splitlines()[1:-1]
        assert last.splitlines() == [
            "e1 = 5.", *solved, "This gives e2, which is the output.", "Answer: e1"
        ]  # fmt: skip


def read(problems: Problems, texts: list[str], stopped: bool = True) -> TextReading:
    return FieldArithmetic().text.read(problems, texts, np.full(len(texts), stopped))


def same(one: TextReading, other: TextReading | Reading) -> bool:
    names = ("answers", "grades", "reasons", "strategies", "steps_correct")
    return all((getattr(one, name) == getattr(other, name)).all() for name in names)


@settings(max_examples=25)
@given(TASKS, SEEDS)
def test_every_demonstration_is_read_as_what_it_is(task: FieldArithmetic, seed: int) -> None:
    problems = task.draw("train", 10, Stream.root(seed))
    for strategy in task.strategies:
        reading = read(problems, task.text.demonstrations(problems, strategy))
        compact = task.demonstrate(problems, strategy)
        assert same(reading, task.read(problems, compact, np.ones(10, dtype=bool)))
        assert (reading.grades == "correct").all()
        assert (reading.strategies == strategy).all()
        assert (reading.steps_correct == problems.difficulty).all()


@settings(max_examples=25)
@given(SEEDS, STRATEGIES, st.data())
def test_what_is_cut_off_is_read_as_in_the_compact_form(
    seed: int, strategy: str, data: st.DataObject
) -> None:
    task = FieldArithmetic(symbols="fresh")
    problems = task.draw("train", 1, Stream.root(seed))
    steps = data.draw(st.integers(1, int(problems.difficulty[0])))
    native = (problems.kinds[0] == "evaluation") == (strategy == "forward")
    head, step = (2, 5) if native else (3, 6)
    compact = task.demonstrate(problems, strategy)
    cut = Sequences(compact.tokens[:, : head + step * steps], np.array([head + step * steps]))
    (written,) = task.text.demonstrations(problems, strategy)
    lines = "\n".join(written.splitlines()[: 1 + steps])
    reading = read(problems, [lines], stopped=False)
    assert same(reading, task.read(problems, cut, np.array([False])))
    assert reading.reasons.tolist() == ["truncated"]
    unsolved = not native and steps == problems.difficulty[0]
    assert reading.steps_correct.tolist() == [steps - unsolved]


@pytest.mark.parametrize(("said", "instead"), [("(6 - 4)", "(6 - 3)"), ("= 2 / 7", "= 3 / 7"),
                                               ("+ 4 = 6:", "+ 4 = 5:"),
                                               (": x = ", ": ")])  # fmt: skip
def test_an_unknown_that_is_not_solved_for_is_a_step_less(said: str, instead: str) -> None:
    solution = SOLUTIONS[True, "forward"]
    assert said in solution
    reading = read(example(True), [solution.replace(said, instead)])
    assert reading.grades.tolist() == ["correct"]
    assert reading.steps_correct.tolist() == [2]


def changed(line: str, data: st.DataObject, p: int) -> str:
    """The line with one number that follows its first `=` replaced by another one mod p."""
    place = line.find("=")
    number = data.draw(st.sampled_from(list(re.finditer(r"\d+", line[place:]))))
    other = int(number[0]) + data.draw(st.integers(1, p - 1))
    return line[: place + number.start()] + str(other) + line[place + number.end() :]


@settings(max_examples=100)
@given(TASKS, SEEDS, STRATEGIES, st.data())
def test_a_changed_number_is_found_where_it_stands(
    task: FieldArithmetic, seed: int, strategy: str, data: st.DataObject
) -> None:
    problems = task.draw("train", 1, Stream.root(seed))
    (written,) = task.text.demonstrations(problems, strategy)
    lines, steps = written.splitlines(), int(problems.difficulty[0])
    last = max(place for place, line in enumerate(lines) if re.match("(Undo )?(Add|Mul)", line))
    step = data.draw(st.integers(0, steps - 1))
    place = last - steps + 1 + step
    assume(not re.search(r": 0 [*/]", lines[place]))  # whatever 0 is multiplied by, it is 0
    lines[place] = changed(lines[place], data, task.p)
    reading = read(problems, ["\n".join(lines)])
    assert reading.steps_correct.tolist() == [step]
    assert reading.strategies.tolist() == [strategy]
    assert reading.grades.tolist() == ["correct"]  # the answer is still the answer


@settings(max_examples=25)
@given(SEEDS, STRATEGIES, st.data())
def test_false_words_before_the_first_step_leave_none_right(
    seed: int, strategy: str, data: st.DataObject
) -> None:
    task = FieldArithmetic(off_native="trial")
    problems = task.draw("train", 1, Stream.root(seed))
    (written,) = task.text.demonstrations(problems, strategy)
    lines = written.splitlines()
    opening = next(place for place, line in enumerate(lines) if "=" in line)
    lines[opening] = changed(lines[opening], data, task.p)
    assert read(problems, ["\n".join(lines)]).steps_correct.tolist() == [0]


@settings(max_examples=25)
@given(TASKS, SEEDS, STRATEGIES)
def test_case_and_spaces_change_nothing(task: FieldArithmetic, seed: int, strategy: str) -> None:
    problems = task.draw("train", 5, Stream.root(seed))
    written = task.text.demonstrations(problems, strategy)
    spaced = [text.replace(" ", "  ").replace("\n", "\n\n  ") for text in written]
    expected = read(problems, written)
    assert same(expected, read(problems, spaced))
    assert same(expected, read(problems, [text.upper() for text in written]))


@pytest.mark.parametrize(
    ("text", "strategy", "steps", "grade", "reason"),
    [
        # another writer's words for the same
        ("Adding e5: 5+4=9. Multiplying by e6: 9×7=63=8. Adding e9: 17 = 6\nThe answer is e2",
         "forward", 3, "correct", "right"),
        ("**Add e5**: e1 + e5 = e9\n**Multiply by e6**: e9 * e6 = e8 (mod 11)\n**Answer:** e2.",
         "forward", 2, "correct", "right"),
        ("Subtract e9: (y - 9) = y + 2\nDivide by e6: (y + 2) / 7 = 8y - 6\nAnswer: e3",
         "backward", 2, "incorrect", "wrong"),
        # right answers without right steps
        ("Answer: e2", "other", 0, "correct", "right"),
        ("Add e5: 5 + 4 = 9\nAnswer: e2", "forward", 1, "correct", "right"),
        ("Add e5: 9\nMultiply by e6: 9 * 7 = 8\nAnswer: e2", "forward", 0, "correct", "right"),
        ("Add e5: 5 + 4 = 9\nAdd e9: 9 + 9 = 7\nAnswer: e2", "forward", 1, "correct", "right"),
        # no order that is one of the two
        ("Multiply by e6: 5 * 7 = 2\nAnswer: e2", "other", 0, "correct", "right"),
        ("Add e5, multiply by e6, add e9.\nUndo Add e9.\nUndo Multiply by e6.\nAnswer: e2",
         "other", 0, "correct", "right"),
        ("Add e4: 5 + 10 = 4\nAnswer: e4", "other", 0, "incorrect", "wrong"),
        # answers
        ("Answer: e5\nNo, that is wrong.\nAnswer: e2", "other", 0, "correct", "right"),
        ("Answer: e11", "other", 0, "incorrect", "malformed"),
        ("The answer is 6", "other", 0, "incorrect", "malformed"),
        ("e2", "other", 0, "incorrect", "malformed"),
        ("", "other", 0, "incorrect", "malformed"),
    ],
)  # fmt: skip
def test_readings(text: str, strategy: str, steps: int, grade: str, reason: str) -> None:
    reading = read(example(False), [text])
    found = (reading.strategies[0], reading.steps_correct[0], reading.grades[0], reading.reasons[0])
    assert found == (strategy, steps, grade, reason)


FRAGMENTS = [
    "Add e5",
    "Undo Add e9",
    "try",
    "answer",
    " e2",
    "= ",
    "9",
    "(",
    "x",
    "/ 0",
    "\n",
    ": ",
]


@settings(max_examples=200)
@given(st.text() | st.lists(st.sampled_from(FRAGMENTS)).map("".join), st.booleans(), st.booleans())
def test_any_text_can_be_read(text: str, inverted: bool, stopped: bool) -> None:
    reading = read(example(inverted), [text], stopped)
    assert reading.steps_correct[0] <= 3
    assert (reading.reasons[0] == "truncated") == (not stopped)
    ends = [0, *(span.end for span in reading.spans[0])]
    assert [span.start for span in reading.spans[0]] == ends[:-1]
    assert ends[-1] == len(text)


@pytest.mark.parametrize(
    ("opening", "decides"),
    [("Start from the input e1 = 5.\n", "input"), ("I start at e1.\n", "I start at e1.\n")],
)
def test_what_openings_differ_in_decides_and_the_last_symbol_answers(
    opening: str, decides: str
) -> None:
    first, *rest = SOLUTIONS[False, "forward"].splitlines(keepends=True)
    assert first == "Start from the input e1 = 5.\n"
    solution = opening + "".join(rest)
    (spans,) = read(example(False), [solution]).spans
    named = [
        (solution[span.start : span.end], span.position)
        for span in spans
        if span.position != PositionClass.EXECUTE
    ]
    assert named == [(decides, PositionClass.DECIDE), ("e2", PositionClass.ANSWER)]


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'forward'"):
        FieldArithmetic().text.demonstrations(example(False), "foward")
