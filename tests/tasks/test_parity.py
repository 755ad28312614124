"""Parity: the distribution, both strategies, both rewards, read back from every response."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.core.contracts import Problems, Reading
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.core.vocabulary import PositionClass
from hone.tasks import parse_task
from hone.tasks.parity import EOS, MINUS, PLUS, SEP, Parity, parity_mixture
from hone.training.supervised_data import demonstrations


def signs(problems: Problems) -> np.ndarray:
    """Inputs as -1 and +1, from the prompt tokens themselves."""
    return np.where(problems.prompts.tokens[:, :-1] == PLUS, 1, -1)


def read_all(task: Parity, problem: Problems, response: list[int], stopped: bool) -> Reading:
    return task.read(problem, pack([response]), np.array([stopped]))


@pytest.mark.parametrize(("d", "leap"), [(2, 1), (5, 1), (5, 2), (6, 2), (7, 3), (12, 11)])
def test_demonstrations_are_prefix_products(d: int, leap: int) -> None:
    task = Parity(d, leap)
    problems = task.draw("train", 20, Stream.root(1))
    products = np.cumprod(signs(problems), axis=1)
    shown = [i for i in range(d) if (i + 1) % leap == 0 or i == d - 1]
    chain = np.where(products[:, shown] == 1, PLUS, MINUS).tolist()
    assert task.demonstrate(problems, "long").lists() == [[*row, EOS] for row in chain]
    assert task.demonstrate(problems, "short").lists() == [[row[-1], EOS] for row in chain]
    assert (problems.prompts.tokens[:, -1] == SEP).all()


@pytest.mark.parametrize("d", [5, 11, 33, 70])
def test_splits_are_disjoint_and_cover(d: int) -> None:
    task = Parity(d)
    train = task.draw("train", 300, Stream.root(0))
    validation = task.draw("validation", 300, Stream.root(0))
    assert not set(train.ids) & set(validation.ids)
    if d <= 11:
        sizes = [len(task.inputs(split)) for split in ("train", "validation")]
        assert sum(sizes) == 2**d


def test_a_split_without_inputs_is_refused() -> None:
    with pytest.raises(UsageError, match="d = 3 has no validation inputs"):
        Parity(3).draw("validation", 1, Stream.root(0))


def test_inputs_are_uniform_within_their_split() -> None:
    task = Parity(6)
    whole = task.inputs("train")
    drawn = task.draw("train", 200 * len(whole), Stream.root(3))
    _, counts = np.unique(drawn.ids, return_counts=True)
    assert len(counts) == len(whole)
    assert ((counts - 200.0) ** 2 / 200).sum() < 2.5 * len(whole)


def test_read_and_rewards_equal_brute_force() -> None:
    """Every response of up to four tokens over the whole alphabet, against the definitions."""
    task = Parity(3)
    problem = task.inputs("train").select(np.array([0]))
    products = np.cumprod(signs(problem)[0])
    chain = [PLUS if value == 1 else MINUS for value in products]
    for length in range(1, 5):
        for tokens in map(list, product(range(5), repeat=length)):
            stopped = tokens[-1] == EOS
            if EOS in tokens[:-1] or (not stopped and length < 4):
                continue  # cannot be sampled
            reading = read_all(task, problem, tokens, stopped)
            values = tokens[:-1] if stopped else tokens
            clean = stopped and len(values) > 0 and set(values) <= {MINUS, PLUS}
            right = clean and values[-1] == chain[-1]
            exact = clean and values in (chain, chain[-1:])
            form = {1: "short", 3: "long"}.get(len(values), "other") if clean else "other"
            assert (reading.grades[0] == "correct") == right
            assert reading.strategies[0] == form
            rewards = [
                task.reward(name, problem, pack([tokens]), reading)[0] for name in ("e2e", "cot")
            ]
            assert rewards == [float(right), float(exact)]


def test_reasons_and_position_classes() -> None:
    task = Parity(3)
    problem = task.inputs("train").select(np.array([0]))
    reasons = {
        (EOS,): "malformed",
        (SEP, EOS): "malformed",
        (PLUS, PLUS, PLUS, PLUS): "truncated",
    }
    for tokens, reason in reasons.items():
        assert read_all(task, problem, list(tokens), tokens[-1] == EOS).reasons[0] == reason
    decide, execute = PositionClass.DECIDE, PositionClass.EXECUTE
    answer, end = PositionClass.ANSWER, PositionClass.END
    long = read_all(task, problem, [PLUS, PLUS, MINUS, EOS], True)
    assert long.classes[0].tolist() == [execute, decide, answer, end]
    short = read_all(task, problem, [PLUS, EOS], True)
    assert short.classes[0].tolist() == [answer, decide]


@pytest.mark.parametrize("strategy", ["long", "short"])
def test_constraints_admit_exactly_the_form(strategy: str) -> None:
    task = Parity(3)
    allowed = task.constrain(strategy).allowed
    steps = {"long": 3, "short": 1}[strategy]
    assert allowed.sum(axis=1).tolist() == [2] * steps + [1]
    assert allowed[:steps, [MINUS, PLUS]].all()
    assert allowed[steps, EOS]


@settings(max_examples=20)
@given(st.sampled_from([0.0, 0.01, 0.25, 0.5, 1.0]), st.integers(0, 1000))
def test_the_mixture_is_drawn_with_its_weights(p_cot: float, seed: int) -> None:
    task, n = Parity(8), 2000
    batch = demonstrations(task, parity_mixture(p_cot), n, Stream.root(seed))
    long = (batch.responses.lengths == task.max_tokens).mean()
    assert abs(long - p_cot) <= 4 * np.sqrt(p_cot * (1 - p_cot) / n)
    assert sorted(batch.prompt_rows.tolist()) == list(range(n))
    _answers_fit_prompts(batch.prompts.select(batch.prompt_rows), batch.responses)


def _answers_fit_prompts(prompts: Sequences, responses: Sequences) -> None:
    parity = np.where(prompts.tokens[:, :-1] == PLUS, 1, -1).prod(axis=1)
    last = responses.tokens[np.arange(len(responses)), responses.lengths - 2]
    assert (last == np.where(parity == 1, PLUS, MINUS)).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("parity:d=1", "d = 1"),
        ("parity:d=11,leap=11", "leap = 11"),
        ("parity:d=eleven", "whole number"),
        ("parity:leaps=3", "did you mean .leap."),
        ("parties:d=3", "did you mean 'parity'"),
    ],
)
def test_impossible_tasks_are_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_task(text)


def test_p_cot_outside_its_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"p_cot = 1.5"):
        parity_mixture(1.5)
