"""The sampler: its draws are keyed by position, its log-probabilities are those of the scorer."""

import numpy as np
import pytest
import torch

from hone.core.contracts import Constraint, SamplingProtocol
from hone.core.random import Stream
from hone.core.sequences import Sequences, pack
from hone.sampling.distribution import choose, log_distribution, restrict
from hone.tasks.parity import EOS, MINUS, PLUS, SEP
from tests import tiny


def padded(rows: Sequences, by: int) -> Sequences:
    return Sequences(np.pad(rows.tokens, ((0, 0), (0, by)), constant_values=EOS), rows.lengths)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_logprobs_are_those_of_the_scorer(temperature: float) -> None:
    drawn, responses = tiny.rollouts(20, 3, temperature)
    scores = tiny.policy().score(drawn.prompts, responses, temperature)
    assert np.abs(scores - responses.logprobs).max() < 1e-5
    assert (responses.logprobs[~responses.tokens.mask] == 0).all()


def test_draws_do_not_depend_on_who_else_is_in_the_batch() -> None:
    drawn, together = tiny.rollouts(8, 4)
    protocol = SamplingProtocol(tiny.TASK.max_tokens, 2)
    fewer = tiny.policy().respond(drawn.prompts.select(np.arange(3)), protocol, Stream.root(2))
    lists = together.tokens.lists()
    same = [lists[4 * prompt + sample] for prompt in range(3) for sample in range(2)]
    assert fewer.tokens.lists() == same


def test_padding_of_prompts_changes_nothing() -> None:
    drawn = tiny.problems(6)
    protocol = SamplingProtocol(5, 2)
    plain = tiny.policy().respond(drawn.prompts, protocol, Stream.root(0))
    wide = tiny.policy().respond(padded(drawn.prompts, 3), protocol, Stream.root(0))
    assert plain.tokens.lists() == wide.tokens.lists()


def test_prompts_of_different_lengths_answer_as_they_do_alone() -> None:
    prompts = pack([[0, 1, SEP], [1, 1, 0, 0, SEP], [0, SEP]])
    protocol = SamplingProtocol(6, temperature=0.0)
    mixed = tiny.policy().respond(prompts, protocol, Stream.root(0))
    for row in range(3):
        alone = pack([prompts.lists()[row]])
        answer = tiny.policy().respond(alone, protocol, Stream.root(0))
        assert answer.tokens.lists() == [mixed.tokens.lists()[row]]


def test_greedy_takes_the_most_likely_token_everywhere() -> None:
    drawn = tiny.problems(10)
    greedy = tiny.policy().respond(
        drawn.prompts, SamplingProtocol(5, temperature=0.0), Stream.root(0)
    )
    cold = tiny.policy().respond(
        drawn.prompts, SamplingProtocol(5, temperature=1e-4), Stream.root(0)
    )
    assert greedy.tokens.lists() == cold.tokens.lists()


def test_frequencies_are_the_distribution() -> None:
    """One prompt, first token: 20,000 draws against the softmax."""
    prompt = tiny.problems(1).prompts
    sampled = tiny.policy().respond(prompt, SamplingProtocol(1, 20_000, 1.3), Stream.root(5))
    model = tiny.decoder()
    logits = model.logits(model(torch.from_numpy(prompt.tokens))[:, -1])
    expected = log_distribution(logits, 1.3).exp()[0].detach().numpy() * 20_000
    counts = np.bincount(sampled.tokens.tokens[:, 0], minlength=5)
    assert ((counts - expected) ** 2 / np.maximum(expected, 1e-9)).sum() < 25


def test_finish_is_from_the_end_symbol_alone() -> None:
    _, responses = tiny.rollouts(30, 4)
    for tokens, stopped in zip(responses.tokens.lists(), responses.stopped, strict=True):
        assert stopped == (tokens[-1] == EOS)
        assert EOS not in tokens[:-1]
        assert stopped or len(tokens) == tiny.TASK.max_tokens
    assert 0 < responses.stopped.mean() < 1


@pytest.mark.parametrize("strategy", ["long", "short"])
def test_a_constraint_forces_its_strategy(strategy: str) -> None:
    drawn = tiny.problems(20)
    responses = tiny.policy().respond(
        drawn.prompts,
        SamplingProtocol(tiny.TASK.max_tokens, 3),
        Stream.root(0),
        tiny.TASK.constrain(strategy),
    )
    each = drawn.select(responses.prompt_rows)
    reading = tiny.TASK.read(each, responses.tokens, responses.stopped)
    assert set(reading.strategies) == {strategy}


def test_a_forced_prefix_is_written_and_costs_nothing() -> None:
    allowed = np.zeros((2, 5), dtype=bool)
    allowed[0, PLUS], allowed[1, MINUS] = True, True
    responses = tiny.policy().respond(
        tiny.problems(5).prompts, SamplingProtocol(4), Stream.root(0), Constraint(allowed)
    )
    assert (responses.tokens.tokens[:, :2] == [PLUS, MINUS]).all()
    assert (responses.logprobs[:, :2] == 0).all()


def test_the_nucleus_is_the_smallest_set_of_its_mass() -> None:
    log_probs = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.05, 0.15, 0.3, 0.5]]).log()
    kept = restrict(log_probs, None, 0.75).exp()
    assert torch.allclose(kept, torch.tensor([[0.625, 0.375, 0, 0], [0, 0, 0.375, 0.625]]))
    assert torch.equal(restrict(log_probs, None, 1.0), log_probs)


def test_a_token_of_probability_zero_is_never_chosen() -> None:
    log_probs = torch.tensor([[-torch.inf, 0.0, -torch.inf]]).repeat(3, 1)
    edges = np.array([0.0, 0.5, np.nextafter(1.0, 0.0)])
    assert choose(log_probs, edges).tolist() == [1, 1, 1]


def test_many_rows_are_drawn_in_parts_as_they_are_together(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, whole = tiny.rollouts(7, 4)
    monkeypatch.setattr("hone.sampling.policy._SAMPLED_AT_ONCE", 8)
    _, parts = tiny.rollouts(7, 4)
    assert parts.tokens.lists() == whole.tokens.lists()
    assert parts.stopped.tolist() == whole.stopped.tolist()
    assert np.abs(parts.logprobs - whole.logprobs).max() < 1e-5
    assert len(parts.tokens) == 4 * len(drawn)
