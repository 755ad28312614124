"""Each cell of the table in `hone.objectives.divergence`, by enumeration."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from hone.core.contracts import Estimator
from hone.objectives.credit import ReturnToGo, RewardAsWeight, assign
from hone.objectives.divergence import KL, entropy, estimate
from hone.objectives.losses import WeightedLikelihood
from tests.exact.enumeration import Enumeration

ESTIMATORS: tuple[Estimator, ...] = ("k1", "k2", "k3", "exact")


@pytest.fixture(params=[0.7, 1.0], ids=lambda value: f"τ={value}")
def everything(request: pytest.FixtureRequest) -> Enumeration:
    return Enumeration(request.param)


def ones(everything: Enumeration) -> np.ndarray:
    return np.ones((len(everything.responses), 1))


def exact_kl(everything: Enumeration) -> float:
    own, other = (
        everything.probabilities(model).detach()
        for model in (everything.model, everything.reference)
    )
    return float((own * (own / other).log()).sum())


def test_k1_k3_and_exact_are_unbiased_and_k2_is_not(everything: Enumeration) -> None:
    tokens, kl = everything.tokens(ones(everything)), exact_kl(everything)
    means = {name: everything.expected(estimate(name, tokens)).item() for name in ESTIMATORS}
    assert kl > 0.1
    for name in ("k1", "k3", "exact"):
        assert means[name] == pytest.approx(kl, abs=1e-9)
    assert abs(means["k2"] - kl) > 0.05 * kl


def test_k3_is_never_negative_and_k1_is(everything: Enumeration) -> None:
    tokens = everything.tokens(ones(everything))
    assert estimate("k3", tokens).min() >= 0
    assert estimate("k1", tokens).min() < 0


def token_gradient(everything: Enumeration, summand: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Of a sum over the vocabulary of π and reference, given as logs, at each token.

    The tokens before are held fixed.
    """
    tokens = everything.tokens(ones(everything))
    own, other = tokens.distribution, tokens.reference_distribution
    assert own is not None
    assert other is not None
    return everything.gradient(everything.expected(summand(own, other).sum(dim=-1)))


def token_kl(reverse: bool) -> Callable[[Enumeration], Tensor]:
    """Gradient of each token's KL to, or from, the reference."""
    return lambda everything: token_gradient(
        everything,
        lambda own, other: other.exp() * (other - own) if reverse else own.exp() * (own - other),
    )


def token_mean_of_k2(everything: Enumeration) -> Tensor:
    """Gradient of each token's mean of k2, which is not its KL."""
    return token_gradient(everything, lambda own, other: own.exp() * (own - other).square() / 2)


def nothing(everything: Enumeration) -> Tensor:
    return torch.zeros_like(everything.exact_reward_gradient())


@pytest.mark.parametrize(
    ("name", "truth"),
    [("k2", token_kl(False)), ("k3", token_kl(True)), ("exact", token_kl(False))],
)
def test_gradients_in_the_loss(
    everything: Enumeration, name: Estimator, truth: Callable[[Enumeration], Tensor]
) -> None:
    terms = estimate(name, everything.tokens(ones(everything)))
    found = everything.gradient(everything.expected(terms))
    wanted = truth(everything)
    assert wanted.abs().max() > 1e-3
    assert torch.allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize("name", ["k1", "k3"])
def test_reweighted_estimators_have_the_gradient_of_each_tokens_kl(
    everything: Enumeration, name: Estimator
) -> None:
    kl = KL(1.0, name, reweighted=True)
    found = everything.gradient(everything.expected(kl.terms(everything.tokens(ones(everything)))))
    assert torch.allclose(found, token_kl(False)(everything), atol=1e-9)


def test_k1_in_the_loss_is_no_penalty_at_all(everything: Enumeration) -> None:
    terms = estimate("k1", everything.tokens(ones(everything)))
    assert everything.gradient(everything.expected(terms)).abs().max() < 1e-9


def test_k3_in_the_loss_is_not_the_gradient_of_the_kl(everything: Enumeration) -> None:
    terms = estimate("k3", everything.tokens(ones(everything)))
    found = everything.gradient(everything.expected(terms))
    truth = token_kl(False)(everything)
    assert (found - truth).abs().max() > 0.05 * truth.abs().max()


@pytest.mark.parametrize("credit", [RewardAsWeight(), ReturnToGo(normalise=False)], ids=str)
@pytest.mark.parametrize("estimator", ["k1", "exact"])
def test_k1_in_the_reward_has_the_gradient_of_the_whole_responses_kl(
    everything: Enumeration, credit: RewardAsWeight | ReturnToGo, estimator: Estimator
) -> None:
    """Reward minus β KL: its policy gradient is that of E[reward] - β KL, by either credit.

    The exact KL of a token as its penalty lacks only the token's own score term, whose gradient
    is that of the token's KL: the two parts together are the whole.
    """
    beta = 0.3
    tokens = everything.tokens(ones(everything))
    penalties = -beta * estimate(estimator, tokens).detach().numpy()
    credited = assign(
        credit, everything.rewards[:, None], penalties, None, everything.responses.mask, {}
    )
    terms = WeightedLikelihood("sequence_sum").terms(everything.tokens(credited.weights))
    found = -everything.gradient(everything.expected(terms))
    if estimator == "exact":
        found = found - beta * token_kl(False)(everything)
    wanted = everything.exact_reward_gradient() - beta * everything.exact_kl_gradient()
    assert torch.allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "mean", "own"),
    [
        ("k1", token_kl(False), nothing),
        ("k2", token_mean_of_k2, token_kl(False)),
        ("k3", token_kl(False), token_kl(True)),
        ("exact", token_kl(False), token_kl(False)),
    ],
)
def test_in_the_advantage_an_estimate_lacks_what_it_would_give_in_the_loss(
    everything: Enumeration,
    name: Estimator,
    mean: Callable[[Enumeration], Tensor],
    own: Callable[[Enumeration], Tensor],
) -> None:
    """It is a number there: the gradient of its mean at each token, less that of its own value.

    Only k1 is left with the KL's. An exact one, the same for all tokens, is no penalty at all.
    """
    estimates = estimate(name, everything.tokens(ones(everything))).detach().numpy()
    terms = WeightedLikelihood("sequence_sum").terms(everything.tokens(-estimates))
    found = everything.gradient(everything.expected(terms))
    assert torch.allclose(found, mean(everything) - own(everything), atol=1e-9)
    truth = token_kl(False)(everything)
    assert torch.allclose(found, truth, atol=1e-9) == (name == "k1")
    assert ((found - truth).abs().max() > 0.05 * truth.abs().max()) == (name != "k1")


@pytest.mark.parametrize(("name", "own"), [("k2", token_kl(False)), ("k3", token_kl(True))])
def test_k2_and_k3_in_the_reward_are_biased(
    everything: Enumeration, name: Estimator, own: Callable[[Enumeration], Tensor]
) -> None:
    """The gradient of the estimate's mean, less what it would give in the loss: not the KL's."""
    estimates = estimate(name, everything.tokens(ones(everything)))
    credited = assign(
        RewardAsWeight(),
        np.zeros((len(everything.responses), 1)),
        -estimates.detach().numpy(),
        None,
        everything.responses.mask,
        {},
    )
    terms = WeightedLikelihood("sequence_sum").terms(everything.tokens(credited.weights))
    found = everything.gradient(everything.expected(terms))
    chances = everything.probabilities(everything.model)
    mean = everything.gradient((chances * everything.sums(estimates)).sum())
    assert torch.allclose(found, mean - own(everything), atol=1e-9)
    truth = everything.exact_kl_gradient()
    assert (found - truth).abs().max() > 0.05 * truth.abs().max()


def test_entropy_is_that_of_the_distribution() -> None:
    even = torch.full((1, 1, 4), 0.25, dtype=torch.float64).log()
    assert float(entropy(even)) == pytest.approx(np.log(4))
