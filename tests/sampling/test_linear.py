"""The linear model as a policy, against every response that it can write."""

import numpy as np
import pytest

from hone.core.contracts import Problems, Responses, SamplingProtocol
from hone.core.errors import UsageError
from hone.core.random import Stream
from hone.core.sequences import Sequences, concatenate, pack
from hone.sampling.linear import LinearPolicy
from hone.tasks.parity import EOS, Parity
from tests.models.test_linear import D, model

TASK = Parity(D)
POLICY = LinearPolicy(model(), EOS)


def problems(n: int = 6) -> Problems:
    return TASK.draw("train", n, Stream.root(1))


def every_response() -> Sequences:
    """The two short ones and the 2^d chains."""
    chains = (np.arange(2**D)[:, None] >> np.arange(D)) & 1
    return pack([[0, EOS], [1, EOS], *[[*chain, EOS] for chain in chains.tolist()]])


def scored(problems: Problems, temperature: float) -> np.ndarray:
    """Log-probability of every response to every problem, (problems, responses)."""
    each = every_response()
    found = []
    for row in range(len(problems)):
        prompts = problems.prompts.select(np.full(len(each), row))
        blank = np.zeros(each.tokens.shape)
        responses = Responses(each, blank, np.ones(len(each), dtype=bool), 1)
        found.append(POLICY.score(prompts, responses, temperature).sum(axis=1))
    return np.array(found)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_probabilities_of_all_responses_sum_to_one(temperature: float) -> None:
    np.testing.assert_allclose(np.exp(scored(problems(), temperature)).sum(axis=1), 1.0)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_responses_come_as_often_as_their_probability_says(temperature: float) -> None:
    asked, samples, each = problems(2), 20_000, every_response()
    protocol = SamplingProtocol(TASK.max_tokens, samples, temperature)
    responses = POLICY.respond(asked.prompts, protocol, Stream.root(3))
    numbers = {tuple(row): i for i, row in enumerate(each.lists())}
    drawn = np.array([numbers[tuple(row)] for row in responses.tokens.lists()])
    counts = np.bincount(drawn + len(each) * responses.prompt_rows, minlength=2 * len(each))
    expected = samples * np.exp(scored(asked, temperature)).ravel()
    spread = np.sqrt(expected + 1)
    assert (np.abs(counts - expected) < 5 * spread).all()


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("forced", [None, "long", "short"])
def test_what_was_drawn_is_scored_as_it_was_drawn(temperature: float, forced: str | None) -> None:
    protocol = SamplingProtocol(TASK.max_tokens, 4, temperature)
    constraint = None if forced is None else TASK.constrain(forced)
    responses = POLICY.respond(problems().prompts, protocol, Stream.root(4), constraint)
    assert responses.stopped.all()
    lengths = {"long": {D + 1}, "short": {2}}.get(forced or "", {2, D + 1})
    assert set(responses.tokens.lengths.tolist()) <= lengths
    if forced is None:
        again = POLICY.score(problems().prompts, responses, temperature)
        np.testing.assert_allclose(again, responses.logprobs)


def test_the_greedy_answer_takes_every_sign() -> None:
    """The end is taken at more than one half, though each value may be less likely than it."""
    asked = problems(24)
    greedy = POLICY.respond(asked.prompts, SamplingProtocol(TASK.max_tokens, 1, 0.0), Stream(0))
    x = 2.0 * asked.prompts.tokens[:, :D] - 1
    made = POLICY.model
    for row, tokens in zip(x, greedy.tokens.lists(), strict=True):
        y = np.sign(made.first_scores(row[None]))
        ends = made.stop_scores(row[None], y)[0] > 0
        assert (tokens[1] == EOS) == ends
        known = np.zeros((1, D))
        known[0, 0] = y[0]
        for place in range(1, 1 if ends else D):
            scores = made.value_scores(row[None], known[:, :-1])
            known[0, place] = np.sign(scores[0, place - 1])
        said = 2.0 * np.array(tokens[:-1]) - 1
        assert np.array_equal(said, known[0, : len(said)])


def test_draws_do_not_depend_on_the_other_prompts() -> None:
    asked, protocol = problems(), SamplingProtocol(TASK.max_tokens, 3)
    together = POLICY.respond(asked.prompts, protocol, Stream.root(5)).tokens.lists()
    first = POLICY.respond(asked.prompts.select(np.arange(2)), protocol, Stream.root(5))
    assert first.tokens.lists() == together[:6]


def test_what_the_model_never_writes_has_no_probability() -> None:
    asked = problems(1)
    never = pack([[EOS], [0, 1, EOS], [0, 1, 1, 1, 1, 1]])
    three = concatenate([asked.prompts] * 3)
    responses = Responses(never, np.zeros((3, 6)), np.array([True, True, False]), 1)
    assert (POLICY.score(three, responses, 1.0).sum(axis=1) == -np.inf).all()


def test_prompts_of_another_length_and_a_nucleus_are_refused() -> None:
    longer = Parity(6).draw("train", 2, Stream(0)).prompts
    with pytest.raises(UsageError, match="d = 5"):
        POLICY.respond(longer, SamplingProtocol(9), Stream(0))
    with pytest.raises(UsageError, match="top_p"):
        POLICY.respond(problems().prompts, SamplingProtocol(6, top_p=0.9), Stream(0))
