"""Field arithmetic: the worked example of arXiv 2606.13125's task, and laws for all problems."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.core.contracts import Problems, Reading
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.vocabulary import PositionClass
from hone.tasks import FieldArithmetic, parse_task
from hone.tasks.field_arithmetic.chains import ADD, MULTIPLY, Chains, affine

VALUES = np.array([1, 5, 6, 0, 10, 4, 7, 2, 8, 9, 3])  # of e0, e1, …, e10
SYMBOLS = np.argsort(VALUES)[None]  # of 0, 1, …, 10
TASK = FieldArithmetic()
CHAIN = Chains(
    11,
    np.array([[ADD, MULTIPLY, ADD]]),
    VALUES[[[5, 6, 9]]],  # Add e5, Multiply e6, Add e9
    np.array([3]),
    VALUES[[1]],  # from e1
)


def example(inverted: bool, task: FieldArithmetic = TASK) -> Problems:
    return task.problems(CHAIN, np.array([inverted]), SYMBOLS)


def text(task: FieldArithmetic, sequences: Sequences) -> str:
    return task.alphabet.text(np.array(sequences.lists()[0]))


class TestTheWorkedExample:
    @pytest.mark.parametrize(
        ("inverted", "prompt", "answer"),
        [
            (False, "e1 #1 + e5 #2 * e6 #3 + e9 = ?", "e2"),
            (True, "? #1 + e5 #2 * e6 #3 + e9 = e2", "e1"),
        ],
    )
    def test_what_is_asked(self, inverted: bool, prompt: str, answer: str) -> None:
        assert text(TASK, example(inverted).prompts) == prompt
        assert example(inverted).answers.tolist() == [answer]

    @pytest.mark.parametrize(
        ("inverted", "strategy", "solution"),
        [
            (False, "forward", "> e1 #1 + e5 = e9 #2 * e6 = e8 #3 + e9 = e2 ; e2 <eos>"),
            (True, "backward", "< e2 #3 - e9 = e8 #2 / e6 = e9 #1 - e5 = e1 ; e1 <eos>"),
            # (1,0) → (1,4) → (7,6) → (7,4); 6 - 4 = 2, 2 / 7 = 5
            (True, "forward", "> e0 e3 #1 + e5 = e0 e5 #2 * e6 = e6 e2 #3 + e9 = e6 e5 "
                              "; e2 - e5 = e7 / e6 = e1 ; e1 <eos>"),
            # (1,0) → (1,2) → (8,5) → (8,1); 5 - 1 = 4, 4 / 8 = 6
            (False, "backward", "< e0 e3 #3 - e9 = e0 e7 #2 / e6 = e8 e1 #1 - e5 = e8 e0 "
                                "; e1 - e0 = e5 / e8 = e2 ; e2 <eos>"),
        ],
    )  # fmt: skip
    def test_solutions(self, inverted: bool, strategy: str, solution: str) -> None:
        assert text(TASK, TASK.demonstrate(example(inverted), strategy)) == solution

    def test_trial_ends_with_the_first_element_that_fits(self) -> None:
        task = FieldArithmetic(off_native="trial")
        solution = text(task, task.demonstrate(example(True, task), "forward"))
        assert solution.count("?") == VALUES[1] + 1  # 0, 1, …, 5
        assert solution.endswith("? e1 #1 + e5 = e9 #2 * e6 = e8 #3 + e9 = e2 ; e1 <eos>")

    def test_affine_forms(self) -> None:
        a, b = affine(CHAIN)
        assert (a.tolist(), b.tolist()) == ([[1, 1, 7, 7]], [[0, 4, 6, 4]])
        a, b = affine(CHAIN.undone())
        assert (a.tolist(), b.tolist()) == ([[1, 1, 8, 8]], [[0, 2, 5, 1]])


TASKS = st.builds(
    FieldArithmetic,
    p=st.sampled_from([5, 11, 13, 97]),
    low=st.integers(2, 3),
    high=st.integers(3, 6),
    symbols=st.sampled_from(["fixed", "permuted", "fresh"]),
    permutation=st.integers(0, 3),
    off_native=st.sampled_from(["affine", "trial"]),
)


def read(task: FieldArithmetic, problems: Problems, responses: Sequences) -> Reading:
    return task.read(problems, responses, np.ones(len(responses), dtype=bool))


@settings(max_examples=25, deadline=None)
@given(TASKS, st.integers(0, 2**16))
def test_every_demonstration_is_read_as_what_it_is(task: FieldArithmetic, seed: int) -> None:
    problems = task.draw("train", 30, Stream.root(seed))
    for strategy in task.strategies:
        solution = task.demonstrate(problems, strategy)
        reading = read(task, problems, solution)
        assert (reading.grades == "correct").all()
        assert (reading.strategies == strategy).all()
        assert (reading.steps_correct == problems.difficulty).all()
        assert solution.lengths.max() <= task.max_tokens
        assert (task.reward("process", problems, solution, reading) == 1).all()
    assert problems.prompts.lengths.max() <= task.prompt_tokens


@settings(max_examples=25, deadline=None)
@given(TASKS, st.integers(0, 2**16))
def test_a_wrong_result_is_found_where_it_stands(task: FieldArithmetic, seed: int) -> None:
    problems = task.draw("train", 20, Stream.root(seed))
    native = np.where(problems.kinds == "evaluation", "forward", "backward")
    for strategy in task.strategies:
        rows = problems.select(native == strategy)
        if not len(rows):
            continue
        solution = task.demonstrate(rows, strategy)
        wrong = solution.tokens.copy()
        wrong[:, 11] = (wrong[:, 11] + 1) % task.p  # the result of the second step
        reading = read(task, rows, Sequences(wrong, solution.lengths))
        assert (reading.steps_correct == 1).all()
        assert (reading.strategies == strategy).all()


@pytest.mark.parametrize("place", range(3, 13))
def test_a_form_that_is_wrongly_solved_is_a_step_less(place: int) -> None:
    """Whatever the answer behind it; counted from the end of the response."""
    task = FieldArithmetic(evaluation=0.0)
    problems = task.draw("train", 20, Stream.root(0))
    solution = task.demonstrate(problems, "forward")
    wrong, rows = solution.tokens.copy(), np.arange(20)
    at = solution.lengths - 1 - place
    wrong[rows, at] = np.where(wrong[rows, at] < task.p, (wrong[rows, at] + 1) % task.p, 0)
    reading = read(task, problems, Sequences(wrong, solution.lengths))
    assert (reading.grades == "correct").all()
    assert (reading.steps_correct == problems.difficulty - 1).all()
    assert (task.reward("process", problems, solution, reading) == 0).all()


def steps_of(task: FieldArithmetic, solution: list[int], steps: int) -> list[slice]:
    """Where the operations of a solution's last walk stand, results included."""
    numbers = np.flatnonzero(np.array(solution) >= task.form.first_number)[-steps:]
    return [slice(start, start + numbers[1] - numbers[0]) for start in numbers]


@settings(max_examples=25, deadline=None)
@given(TASKS, st.integers(0, 2**16), st.data())
def test_two_steps_exchanged_are_another_order(
    task: FieldArithmetic, seed: int, data: st.DataObject
) -> None:
    problems = task.draw("train", 20, Stream.root(seed))
    for strategy in task.strategies:
        exchanged = []
        for row, steps in zip(task.demonstrate(problems, strategy).lists(), problems.difficulty,
                              strict=True):  # fmt: skip
            places = data.draw(st.permutations(range(steps)))[:2]
            one, other = (steps_of(task, row, steps)[place] for place in places)
            row[one], row[other] = row[other], row[one]
            exchanged.append(row)
        assert (read(task, problems, pack(exchanged)).strategies == "other").all()


@settings(max_examples=25, deadline=None)
@given(TASKS, st.integers(0, 2**16), st.data())
def test_wrong_elements_and_a_cut_change_no_order(
    task: FieldArithmetic, seed: int, data: st.DataObject
) -> None:
    problems = task.draw("train", 20, Stream.root(seed))
    for strategy in task.strategies:
        solution = task.demonstrate(problems, strategy)
        begun = (solution.tokens >= task.form.first_number).argmax(axis=1) + 3
        elements = (solution.tokens < task.p) & (
            np.arange(solution.tokens.shape[1]) >= begun[:, None]
        )
        added = np.random.default_rng(seed).integers(task.p, size=solution.tokens.shape)
        wrong = np.where(elements, (solution.tokens + added) % task.p, solution.tokens)
        kept = data.draw(st.floats(0, 1))
        lengths = begun + (kept * (solution.lengths - begun)).astype(np.int64)
        reading = read(task, problems, Sequences(wrong, lengths))
        assert (reading.strategies == strategy).all()


def test_splits_do_not_overlap_whatever_the_range_of_steps() -> None:
    ranges = [FieldArithmetic(low=2, high=high) for high in (2, 3, 9)]
    train = {name for task in ranges for name in task.draw("train", 2000, Stream.root(0)).ids}
    validation = {
        name for task in ranges for name in task.draw("validation", 800, Stream.root(1)).ids
    }
    assert len(validation) > 500
    assert not train & validation


def test_the_answer_is_uniform_and_so_are_steps_and_kinds() -> None:
    problems = TASK.draw("train", 22_000, Stream.root(3))
    for values, share in ((problems.answers, 1 / 11), (problems.difficulty, 1 / 4),
                          (problems.kinds, 1 / 2)):  # fmt: skip
        _, counts = np.unique(values, return_counts=True)
        assert np.abs(counts / len(problems) - share).max() < 0.02


def test_no_step_does_nothing_and_the_ends_differ() -> None:
    problems = FieldArithmetic(p=5, low=2, high=4).draw("train", 3000, Stream.root(0))
    operations, operands = problems.latent["operations"], problems.latent["operands"]
    there = np.arange(4) < problems.difficulty[:, None]
    assert (operands[there & (operations == ADD)] >= 1).all()
    assert (operands[there & (operations == MULTIPLY)] >= 2).all()
    last = problems.difficulty - 1
    rows = np.arange(len(problems))
    same = (operations[:, 0] == operations[rows, last]) & (operands[:, 0] == operands[rows, last])
    assert not same.any()


def test_a_fresh_map_is_in_the_prompt_and_decides_the_symbols() -> None:
    task = FieldArithmetic(symbols="fresh")
    problems = task.draw("train", 50, Stream.root(0))
    shown = problems.prompts.tokens[:, :11]
    assert (np.sort(shown, axis=1) == np.arange(11)).all()
    assert (shown == problems.latent["symbols"]).all()
    assert len({tuple(row) for row in shown.tolist()}) > 40


@pytest.mark.parametrize(
    ("response", "strategy", "grade", "reason"),
    [
        ("> e1 #1 + e5 = e9 #2 * e6 = e8 #3 + e9 = e2 ; e2 <eos>", "forward", "correct", "right"),
        ("> e1 #1 + e5 = e9 ; e2 <eos>", "forward", "correct", "right"),  # a lucky short cut
        ("> e1 #2 * e6 = e9 ; e2 <eos>", "other", "correct", "right"),
        ("> e1 #1 + e5 = e9 #3 + e9 = e8 #2 * e6 = e2 ; e2 <eos>", "other", "correct", "right"),
        ("> e1 #1 + e5 = e9 #4 + e9 = e2 ; e2 <eos>", "other", "correct", "right"),  # of three
        ("> e1 #1 + e5 = e9 #1 + e5 = e9 ; e2 <eos>", "forward", "correct", "right"),
        ("> e1 #1 + e5 = e9 #2 * e7 = e9 ; e2 <eos>", "forward", "correct", "right"),  # miscopied
        ("> ? e3 #1 + e5 = e5 ? e0 #1 + e5 = e1 ; e2 <eos>", "forward", "correct", "right"),
        ("> ? e3 #1 + e5 = e5 ? e0 #2 * e6 = e1 ; e2 <eos>", "other", "correct", "right"),
        ("> e1 #1", "other", "incorrect", "malformed"),
        ("< e1 #1 + e5 = e9 ; e3 <eos>", "other", "incorrect", "wrong"),
        ("< e0 e3 #3 - e9 = e0 e7 ; e4 <eos>", "backward", "incorrect", "wrong"),
        ("> e1 #1 + e5 = e9 <eos>", "forward", "incorrect", "malformed"),
        ("e2 <eos>", "other", "incorrect", "malformed"),
        ("<eos>", "other", "incorrect", "malformed"),
    ],
)
def test_readings(response: str, strategy: str, grade: str, reason: str) -> None:
    tokens = pack([[TASK.alphabet.id(symbol) for symbol in response.split()]])
    reading = read(TASK, example(False), tokens)
    assert reading.strategies.tolist() == [strategy]
    assert reading.grades.tolist() == [grade]
    assert reading.reasons.tolist() == [reason]


def test_what_was_cut_off_is_truncated() -> None:
    solution = TASK.demonstrate(example(False), "forward")
    cut = Sequences(solution.tokens[:, :7], np.array([7]))
    reading = TASK.read(example(False), cut, np.array([False]))
    assert reading.reasons.tolist() == ["truncated"]
    assert reading.steps_correct.tolist() == [1]


def test_the_first_token_decides_and_the_last_symbol_answers() -> None:
    solution = TASK.demonstrate(example(False), "forward")
    classes = read(TASK, example(False), solution).classes[0]
    assert classes[0] == PositionClass.DECIDE
    assert classes[-2:].tolist() == [PositionClass.ANSWER, PositionClass.END]
    assert set(classes[1:-2].tolist()) == {PositionClass.EXECUTE}


def test_a_forced_strategy_is_one_token() -> None:
    for strategy, symbol in (("forward", ">"), ("backward", "<")):
        allowed = TASK.constrain(strategy).allowed
        assert np.flatnonzero(allowed[0]).tolist() == [TASK.alphabet.id(symbol)]
        assert len(allowed) == 1


@pytest.mark.parametrize(
    ("written", "named"),
    [("p=12", "p"), ("low=1", "low"), ("high=1", "high"), ("high=33", "high"),
     ("evaluation=2", "evaluation"),
     ("symbols=odd", "symbols"), ("off_native=no", "off_native"), ("p=x", "p"), ("q=1", "q")],
)  # fmt: skip
def test_impossible_tasks_are_refused_by_name(written: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        parse_task(f"field_arithmetic:{written}")


def test_a_written_task_is_the_task() -> None:
    text = "field_arithmetic:p=13,low=6,high=9,evaluation=0.75,symbols=fresh,off_native=trial"
    assert parse_task(text) == FieldArithmetic(13, 6, 9, 0.75, "fresh", off_native="trial")
