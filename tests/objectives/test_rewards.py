"""Each term says what its name says; sums are sums; what cannot be scored stays unscorable."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hone.core.contracts import Problems, Reading, Responses
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.objectives.rewards import (
    Coin,
    CorrectSteps,
    Judged,
    Learned,
    Length,
    Majority,
    Overlong,
    Verified,
    WellFormed,
    total,
    verified,
)
from hone.tasks.field_arithmetic import FieldArithmetic
from hone.tasks.field_arithmetic.compositions import FieldCompositions
from hone.tasks.parity import EOS, Parity

TASK = Parity(4)
GROUP = 4


def judged(rows: list[list[int]], task: Any = TASK, **scorers: Any) -> Judged:
    """Responses to one problem, as many as there are rows; those with an end have stopped."""
    problems = TASK.draw("train", 1, Stream.root(3)).select(np.zeros(len(rows), dtype=int))
    tokens = pack(rows)
    stopped = np.array([row[-1] == EOS for row in rows])
    logprobs = np.zeros(tokens.tokens.shape, dtype=np.float32)
    responses = Responses(tokens, logprobs, stopped, len(rows))
    reading = TASK.read(problems, tokens, stopped)
    return Judged(task, problems, responses, reading, Stream.root(0), scorers)


def chain() -> list[int]:
    problems = TASK.draw("train", 1, Stream.root(3))
    return TASK.demonstrate(problems, "long").lists()[0]


def flipped(tokens: list[int], place: int) -> list[int]:
    return [1 - token if i == place else token for i, token in enumerate(tokens)]


def test_verified_is_the_tasks_own() -> None:
    right, wrong = chain(), flipped(chain(), 3)
    found = judged([right, wrong])
    assert Verified("e2e").score(found).tolist() == [1, 0]
    with pytest.raises(UsageError, match="reward = 'nonsense'"):
        Verified("nonsense").check(TASK, group=4)


def test_correct_steps_is_the_share_of_leading_right_steps() -> None:
    found = judged([chain(), flipped(chain(), 2), flipped(chain(), 0)])
    assert CorrectSteps().score(found).tolist() == [1, 0.5, 0]


def test_well_formed_does_not_ask_whether_it_is_right() -> None:
    found = judged([chain(), flipped(chain(), 3), chain()[:-1], [3, EOS]])
    assert WellFormed().score(found).tolist() == [1, 1, 0, 0]


def test_lengths() -> None:
    found = judged([[0, EOS], [0, 1, 0, EOS], [0, 0, 0, 0, EOS]])
    assert Length(2.0).score(found).tolist() == [1, 2, 2.5]
    assert Overlong(limit=5, buffer=2).score(found).tolist() == [0, -0.5, -1]


def test_a_majority_needs_no_truth_and_ties_go_to_the_first_letter() -> None:
    minus, plus, none = [0, EOS], [1, EOS], [3, EOS]
    assert Majority().score(judged([minus, minus, plus, none])).tolist() == [1, 1, 0, 0]
    assert Majority().score(judged([minus, none, none, none])).tolist() == [1, 0, 0, 0]
    tie = Majority().score(judged([plus, minus, plus, minus]))
    assert tie.tolist() == [1, 0, 1, 0]  # "+" comes before "-"
    assert not Majority().score(judged([none, none])).any()


def test_a_coin_knows_nothing_of_the_response() -> None:
    rows = [chain(), flipped(chain(), 3)] * 500
    drawn = Coin(0.3).score(judged(rows))
    assert drawn.mean() == pytest.approx(0.3, abs=0.05)
    assert drawn[::2].mean() == pytest.approx(drawn[1::2].mean(), abs=0.08)
    assert (drawn == Coin(0.3).score(judged(rows))).all()


def test_a_learned_reward_is_the_scorers() -> None:
    def scorer(problems: Problems, responses: Responses) -> np.ndarray:
        return responses.tokens.lengths / 10

    found = judged([[0, EOS], [0, 1, EOS]], reward_model=scorer)
    assert Learned().score(found).tolist() == [0.2, 0.3]


def test_a_reward_is_the_weighted_sum() -> None:
    found = judged([chain(), flipped(chain(), 3)])
    mixed = ((1.0, Verified("e2e")), (-0.1, Length()))
    assert total(mixed, found).tolist() == pytest.approx([0.5, -0.5])


@dataclass(frozen=True)
class HalfBlind(Parity):
    """A verifier that fails on every second response."""

    def reward(
        self, name: str, problems: Problems, responses: Sequences, reading: Reading
    ) -> np.ndarray:
        return np.where(np.arange(len(problems)) % 2, np.nan, 1.0)


def test_what_one_term_cannot_score_has_no_reward() -> None:
    found = judged([chain(), chain()], HalfBlind(4))
    rewards = total((*verified("e2e"), (1.0, Length())), found)
    assert rewards[0] == 6
    assert np.isnan(rewards[1])


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Coin(1.0), "coin.share"),
        (lambda: Overlong(4, 5), "overlong.buffer"),
        (lambda: Length(0.0), "length.scale"),
    ],
)
def test_impossible_terms_are_refused(make: Any, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        make()


def test_steps_are_a_share_wherever_a_solution_has_more_of_them_than_difficulty_says() -> None:
    """Parts of a composition, and a parity's chain that takes several bits a step."""
    for task in (FieldCompositions(11, 2, 3, 2, 3), Parity(8, leap=3), FieldArithmetic(11, 2, 4)):
        problems = task.draw("train", 6, Stream.root(0))
        solutions = task.demonstrate(problems, task.strategies[0])
        stopped = np.ones(6, dtype=bool)
        reading = task.read(problems, solutions, stopped)
        assert (reading.steps_correct == reading.steps).all()


def test_a_majority_needs_a_group() -> None:
    with pytest.raises(UsageError, match="group = 1"):
        Majority().check(TASK, group=1)
