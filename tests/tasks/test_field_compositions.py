"""Compositions: each part is a problem by itself, given what the one before came to."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.core.contracts import Problems
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.vocabulary import PositionClass
from hone.tasks import FieldArithmetic, parse_task
from hone.tasks.field_arithmetic.compositions import FieldCompositions

TASKS = st.builds(
    FieldCompositions,
    p=st.sampled_from([5, 11]),
    fewest=st.integers(1, 2),
    most=st.integers(2, 4),
    high=st.integers(2, 4),
)
OPERATIONS = {"+": lambda a, b: a + b, "*": lambda a, b: a * b}


def words(task: FieldCompositions, sequences: Sequences) -> list[list[str]]:
    return [task.alphabet.text(np.array(row)).split() for row in sequences.lists()]


def answer(prompt: list[str], p: int) -> str:
    """Solves a prompt as it is written, inversions by trying every element."""
    rest, carried = list(prompt), ""
    while rest:
        end = rest.index("=") + 2
        part, rest = rest[:end], rest[end:]
        first, last = (carried if token == ";" else token for token in (part[0], part[-1]))
        steps = [(part[i + 1], int(part[i + 2][1:])) for i in range(1, len(part) - 2, 3)]

        def run(value: int, steps: list[tuple[str, int]] = steps) -> str:
            for operation, operand in steps:
                value = OPERATIONS[operation](value, operand) % p
            return f"e{value}"

        if last == "?":
            carried = run(int(first[1:]))
        else:
            carried = next(f"e{x}" for x in range(p) if run(x) == last)
    return carried


def read(task: FieldCompositions, problems: Problems, responses: Sequences):
    return task.read(problems, responses, np.ones(len(responses), dtype=bool))


@settings(max_examples=25, deadline=None)
@given(TASKS, st.integers(0, 1000))
def test_answers_are_those_of_a_calculator_that_reads_the_prompt(
    task: FieldCompositions, seed: int
) -> None:
    problems = task.draw("train", 10, Stream.root(seed))
    for prompt, wanted in zip(words(task, problems.prompts), problems.answers, strict=True):
        assert answer(prompt, task.p) == wanted
    assert problems.prompts.lengths.max() <= task.prompt_tokens


@settings(max_examples=25, deadline=None)
@given(TASKS, st.integers(0, 1000))
def test_every_demonstration_is_read_as_what_it_is(task: FieldCompositions, seed: int) -> None:
    problems = task.draw("train", 10, Stream.root(seed))
    for strategy in task.strategies:
        solution = task.demonstrate(problems, strategy)
        reading = read(task, problems, solution)
        assert (reading.grades == "correct").all()
        assert (task.reward("process", problems, solution, reading) == 1).all()
        assert solution.lengths.max() <= task.max_tokens
        decided = (reading.classes == PositionClass.DECIDE).sum(axis=1)
        assert (decided == problems.difficulty).all()
        if strategy in ("forward", "backward"):
            assert (reading.strategies == strategy).all()
    kinds = [row[:n] for row, n in zip(problems.latent["inverted"], problems.difficulty,
                                       strict=True)]  # fmt: skip
    mixed = np.array([0 < kind.sum() < len(kind) for kind in kinds])
    for by_kind in ("native", "off_native"):
        found = read(task, problems, task.demonstrate(problems, by_kind)).strategies
        assert (found[mixed] == by_kind).all()
        assert set(found[~mixed]) <= {"forward", "backward"}


def test_the_strategies_together_show_every_part_both_ways_as_often() -> None:
    """So demonstrations of all of them say nothing of which way suits which kind."""
    task = FieldCompositions(most=3)
    problems = task.draw("train", 40, Stream.root(0))
    opened = np.zeros((40, 3), dtype=int)
    for strategy in task.strategies:
        for row, solution in enumerate(words(task, task.demonstrate(problems, strategy))):
            marks = [mark == ">" for mark in solution if mark in "<>"]
            opened[row, : len(marks)] += marks
    present = np.arange(3) < problems.difficulty[:, None]
    assert (opened[present] == 2).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.data())
def test_a_wrong_result_ends_what_counts_as_right(seed: int, data: st.DataObject) -> None:
    task = FieldCompositions(11, 3, 3, 2, 2)  # two operations a part
    problems = task.draw("train", 5, Stream.root(seed))
    solution = task.demonstrate(problems, "native")
    step = data.draw(st.integers(0, 5))
    place = 14 * (step // 2) + 2 + 5 * (step % 2) + 4
    wrong = solution.tokens.copy()
    wrong[:, place] = (wrong[:, place] + 1) % 11
    reading = read(task, problems, Sequences(wrong, solution.lengths))
    assert (reading.steps_correct == step).all()


def test_one_part_is_a_problem_of_field_arithmetic() -> None:
    task, single = FieldCompositions(11, 1, 1, 2, 5), FieldArithmetic(11, 2, 5)
    problems = task.draw("train", 50, Stream.root(0))
    alone = single.draw("train", 50, Stream.root(0))
    assert {len(row) for row in words(task, problems.prompts)} == {
        len(row) for row in words(task, alone.prompts)
    }
    assert task.alphabet == single.alphabet


def test_splits_do_not_overlap_whatever_the_number_of_parts() -> None:
    tasks = [FieldCompositions(5, 1, most, 2, 2) for most in (1, 2)]
    train, validation = (
        {name for task in tasks for name in task.draw(split, 500, Stream.root(1)).ids}
        for split in ("train", "validation")
    )
    assert not train & validation


@given(st.lists(st.lists(st.integers(0, 53), min_size=1, max_size=60), min_size=5, max_size=5))
def test_any_tokens_can_be_read(rows: list[list[int]]) -> None:
    task = FieldCompositions(11, 1, 3)
    problems = task.draw("train", 5, Stream.root(0))
    reading = read(task, problems, pack(rows))
    assert (reading.steps_correct <= problems.latent["steps"].sum(axis=1)).all()


def test_impossible_compositions_are_refused_by_name() -> None:
    for text, named in (("fewest=0", "fewest"), ("most=1", "most"), ("low=1", "low"),
                        ("p=12", "p")):  # fmt: skip
        with pytest.raises(UsageError, match=named):
            parse_task(f"field_compositions:{text}")


WORDED = FieldCompositions(11, 1, 3, 2, 3, symbols="fresh")


def solved_in_words(prompt: str) -> str:
    """Reads a prompt in words and solves it, inversions by trying every symbol."""
    head, *parts = re.split(r"These operations.*\n", prompt)
    values = {name: int(value) for name, value in re.findall(r"(e\d+) = (\d+)", head)}
    names = {value: name for name, value in values.items()}
    p, carried = len(values), ""
    for part in parts:
        steps = re.findall(r"(Add|Multiply by) (e\d+)", part)
        given = re.search(r"is the (input|output) if the \w+ is (e\d+|the answer)", part)
        assert given is not None
        carried = carried if given[2] == "the answer" else given[2]

        def run(value: int, steps: list[tuple[str, str]] = steps) -> int:
            for name, operand in steps:
                value = OPERATIONS["+" if name == "Add" else "*"](value, values[operand]) % p
            return value

        if given[1] == "output":
            carried = names[run(values[carried])]
        else:
            carried = next(names[x] for x in range(p) if run(x) == values[carried])
    return carried


def test_words_ask_what_symbols_ask() -> None:
    problems = WORDED.draw("train", 60, Stream.root(0))
    for prompt, wanted in zip(WORDED.text.prompts(problems), problems.answers, strict=True):
        assert solved_in_words(prompt) == wanted


@pytest.mark.parametrize("strategy", WORDED.strategies)
def test_solutions_in_words_are_read_as_what_they_are(strategy: str) -> None:
    problems = WORDED.draw("train", 60, Stream.root(1))
    texts = WORDED.text.demonstrations(problems, strategy)
    found = WORDED.text.read(problems, texts, np.ones(60, dtype=bool))
    compact = read(WORDED, problems, WORDED.demonstrate(problems, strategy))
    assert (found.grades == "correct").all()
    assert (found.steps_correct == found.steps).all()
    assert (found.strategies == compact.strategies).all()
    assert (found.steps == compact.steps).all()
    for text, spans in zip(texts, found.spans, strict=True):
        assert "".join(text[span.start : span.end] for span in spans) == text
        openings = [text[s.start : s.end] for s in spans if s.position == PositionClass.DECIDE]
        assert all(opening.startswith("Start from the ") for opening in openings)


def test_a_wrong_step_in_words_ends_the_count_and_a_missing_part_the_strategy() -> None:
    problems = WORDED.draw("train", 60, Stream.root(2))
    problems = problems.select(problems.difficulty == 3)
    texts = WORDED.text.demonstrations(problems, "native")
    cut = [text[: text.index("Part 3")] for text in texts]
    step = re.compile(r"(Part 2\n.*\n.* = )(\d+)(?= mod)")
    wrong = [step.sub(lambda said: f"{said[1]}{int(said[2]) + 1}", text) for text in texts]
    stopped = np.ones(len(texts), dtype=bool)
    first = problems.latent["steps"][:, 0]
    for changed, steps in ((cut, first + problems.latent["steps"][:, 1]), (wrong, first)):
        found = WORDED.text.read(problems, changed, stopped)
        assert (found.steps_correct == steps).all()
    assert (WORDED.text.read(problems, cut, stopped).strategies == "other").all()
