"""Multiplication: layouts, both rewards, and that a wrong step anywhere is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.core.contracts import Problems, Reading, Task
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.vocabulary import PositionClass
from hone.tasks import parse_task
from hone.tasks.multiplication import ANSWER, EOS, PAD, PLUS, SEP, SUM, Multiplication

SIZES = [(1, 2), (2, 2), (1, 3)]
TASKS = st.builds(Multiplication, st.integers(1, 9), st.integers(2, 9))


def whole(task: Multiplication) -> list[Problems]:
    return [task.inputs(split) for split in ("train", "validation")]


def pairs(problems: Problems) -> list[tuple[int, int]]:
    """The factors as the prompts say them, least-significant digit first."""
    rows = []
    for prompt in problems.prompts.lists():
        a, b = "".join(f"{token:x}" for token in prompt[:-1]).split("a")  # 10 is the mark
        rows.append((int(a[::-1]), int(b[::-1])))
    return rows


def numbers(task: Multiplication, tokens: list[int]) -> list[int]:
    """The numbers of a response, whatever marks stand between them."""
    text = task.alphabet.text(np.array(tokens)).replace("<eos>", "").replace(" ", "")
    for mark in "+=#":
        text = text.replace(mark, " ")
    return [int(digits[::-1]) for digits in text.split()]


def read(task: Task, problems: Problems, responses: Sequences) -> Reading:
    last = np.take_along_axis(responses.tokens, responses.lengths[:, None] - 1, axis=1)[:, 0]
    return task.read(problems, responses, last == EOS)


def both_rewards(task: Task, problems: Problems, responses: Sequences) -> np.ndarray:
    reading = read(task, problems, responses)
    found = [task.reward(name, problems, responses, reading) for name in ("outcome", "process")]
    return np.stack(found)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_every_pair_is_worked_out_as_on_paper(n: int, m: int) -> None:
    """All pairs of both splits, from the tokens alone: partial products, and the sums of them."""
    task = Multiplication(n, m)
    seen = 0
    for problems in whole(task):
        worked = task.demonstrate(problems, "worked").lists()
        short = task.demonstrate(problems, "answer").lists()
        for (a, b), solution, answer in zip(pairs(problems), worked, short, strict=True):
            terms = [a * int(digit) * 10**place for place, digit in enumerate(str(b)[::-1])]
            sums = np.cumsum(terms).tolist()
            shown = [terms[0], *(x for pair in zip(terms[1:], sums[1:], strict=True) for x in pair)]
            assert numbers(task, solution) == shown
            assert numbers(task, answer) == [a * b]
            assert solution.count(PLUS) == m - 1
            assert solution.count(SUM) == m - 2
        seen += len(problems)
        assert (problems.prompts.tokens[:, -1] == SEP).all()
    assert seen == 9**2 * 10 ** (n + m - 2)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_every_demonstration_is_verified(n: int, m: int) -> None:
    task = Multiplication(n, m)
    for problems in whole(task):
        for strategy, steps in (("worked", 2 * m - 1), ("answer", 1)):
            responses = task.demonstrate(problems, strategy)
            reading = read(task, problems, responses)
            assert set(reading.strategies) == {strategy}
            assert (reading.answers == problems.answers).all()
            assert (reading.steps_correct == steps).all()
            assert (both_rewards(task, problems, responses) == 1).all()


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 2), (1, 3)])
def test_a_wrong_digit_anywhere_is_found_in_its_step(n: int, m: int) -> None:
    """Every digit of every worked response, and all of the answer's, one at a time."""
    task = Multiplication(n, m)
    problems = task.inputs("validation")
    layout = task.layout("worked")
    step = np.cumsum(layout != -1)  # of each position, counted from 0
    right = task.demonstrate(problems, "worked")
    for place in np.flatnonzero(layout == -1):
        tokens = right.tokens.copy()
        tokens[:, place] = (tokens[:, place] + 1 + np.arange(len(problems)) % 9) % 10
        wrong = Sequences(tokens, right.lengths)
        assert (read(task, problems, wrong).steps_correct == step[place]).all()
        outcome, process = both_rewards(task, problems, wrong)
        assert (outcome == (step[place] < task.steps - 1)).all()  # a lucky answer is paid
        assert not process.any()


@settings(max_examples=25, deadline=None)
@given(TASKS, st.integers(0, 1000), st.data())
def test_a_mark_out_of_place_is_no_form(
    task: Multiplication, seed: int, data: st.DataObject
) -> None:
    problems = task.draw("train", 3, Stream.root(seed))
    for strategy in task.strategies:
        right = task.demonstrate(problems, strategy)
        place = data.draw(st.integers(0, len(task.layout(strategy)) - 2))
        other = data.draw(st.sampled_from([PLUS, SUM, SEP, PAD]))
        tokens = right.tokens.copy()
        tokens[:, place] = np.where(tokens[:, place] == other, ANSWER, other)
        changed = Sequences(tokens, right.lengths)
        assert set(read(task, problems, changed).strategies) == {"other"}
        assert not both_rewards(task, problems, changed)[1].any()


@settings(max_examples=25, deadline=None)
@given(TASKS, st.integers(0, 1000))
def test_large_products_are_exact_and_fit(task: Multiplication, seed: int) -> None:
    problems = task.draw("validation", 8, Stream.root(seed))
    worked = task.demonstrate(problems, "worked")
    for (a, b), answer, tokens in zip(
        pairs(problems), problems.answers, worked.lists(), strict=True
    ):
        assert int(answer) == a * b == numbers(task, tokens)[-1]
    assert worked.tokens.shape[1] == task.max_tokens
    assert problems.prompts.tokens.shape[1] == task.prompt_tokens
    assert (read(task, problems, worked).steps_correct == task.steps).all()


@settings(max_examples=25, deadline=None)
@given(TASKS, st.sampled_from(["worked", "answer"]), st.integers(0, 1000))
def test_constraints_admit_exactly_the_form(task: Multiplication, strategy: str, seed: int) -> None:
    allowed = task.constrain(strategy).allowed
    generator = np.random.default_rng(seed)
    tokens = [int(generator.choice(np.flatnonzero(row))) for row in allowed]
    problem = task.draw("train", 1, Stream.root(seed))
    assert read(task, problem, pack([tokens])).strategies[0] == strategy
    shown = task.demonstrate(problem, strategy).tokens[0]
    assert allowed[np.arange(len(shown)), shown].all()


def test_an_answer_counts_however_one_came_to_it() -> None:
    """Anything before the mark, the mark, exactly the product's digits, the end."""
    task = Multiplication(1, 2)
    problems = task.inputs("train").select(np.array([5]))
    digits = task.demonstrate(problems, "answer").lists()[0][1:]
    right = [[ANSWER, *digits], [PLUS, 3, ANSWER, *digits], [ANSWER, ANSWER, *digits]]
    wrong = [[*digits], [ANSWER, 0, *digits], [ANSWER, *digits[1:]], [ANSWER, *digits, EOS],
             [PLUS, *digits], [ANSWER, digits[0], PAD, digits[2], EOS]]  # fmt: skip
    for tokens in right:
        assert read(task, problems, pack([tokens])).grades[0] == "correct"
    for tokens in wrong:
        assert read(task, problems, pack([tokens])).reasons[0] == "malformed"
    cut = task.read(problems, pack([right[0][:-1]]), np.array([False]))
    assert (cut.grades[0], cut.reasons[0], cut.strategies[0]) == ("incorrect", "truncated", "other")


def test_of_all_first_tokens_before_right_digits_only_the_mark_is_paid() -> None:
    task = Multiplication(1, 2)
    problems = task.inputs("train").select(np.array([0]))
    answer = task.demonstrate(problems, "answer").lists()[0]
    first = np.arange(len(task.alphabet))
    responses = pack([[token, *answer[1:]] for token in first.tolist()])
    each = problems.select(np.zeros(len(first), dtype=int))
    assert (both_rewards(task, each, responses) == (first == ANSWER)).all()


def test_position_classes() -> None:
    task = Multiplication(1, 2)
    problems = task.inputs("train").select(np.array([0]))
    decide, execute = PositionClass.DECIDE, PositionClass.EXECUTE
    answer, end = PositionClass.ANSWER, PositionClass.END
    for strategy, classes in (
        ("worked", [decide, *[execute] * 6, *[answer] * 3, end]),
        ("answer", [decide, *[answer] * 3, end]),
    ):
        responses = task.demonstrate(problems, strategy)
        assert read(task, problems, responses).classes[0].tolist() == classes


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 2), (7, 7), (9, 9)])
def test_splits_are_disjoint_and_factors_uniform(n: int, m: int) -> None:
    task = Multiplication(n, m)
    train = task.draw("train", 2000, Stream.root(0))
    validation = task.draw("validation", 500, Stream.root(1))
    assert not set(train.ids) & set(validation.ids)
    assert len(set(task.draw("train", 100, Stream.root(2)).ids)) > 90
    for column, digits in ((0, n), (1, m)):
        leading = train.latent["factors"][:, column] // 10 ** (digits - 1)
        counts = np.bincount(leading, minlength=10)
        assert counts[0] == 0
        assert ((counts[1:] - 2000 / 9) ** 2 / (2000 / 9)).sum() < 30  # χ² of 8 degrees


@pytest.mark.parametrize(
    ("text", "words"),
    [("multiplication:n=0,m=2", "n = 0"), ("multiplication:n=2,m=1", "m = 1"),
     ("multiplication:n=2", "lacks m")],
)  # fmt: skip
def test_impossible_tasks_are_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_task(text)
