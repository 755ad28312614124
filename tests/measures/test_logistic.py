"""Jeffreys' prior makes the fit finite, less biased, and indifferent to units."""

import numpy as np
import pytest
from scipy.optimize import minimize

from hone.core.errors import UsageError
from hone.measures import logistic_fit


def drawn(n: int, intercept: float, slope: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    x = random.normal(1.0, 2.0, n)
    return x, random.random(n) < 1 / (1 + np.exp(-(intercept + slope * x)))


def test_many_outcomes_give_the_chances_they_were_drawn_with() -> None:
    assert logistic_fit(*drawn(20_000, 0.5, -1.5)) == pytest.approx((0.5, -1.5), abs=0.06)


def test_it_maximises_the_likelihood_times_jeffreys_prior() -> None:
    x, y = drawn(25, -0.3, 0.8)

    def minus_log_posterior(coefficients: np.ndarray) -> float:
        score = coefficients[0] + coefficients[1] * x
        p = 1 / (1 + np.exp(-score))
        design = np.stack([np.ones(len(x)), x], axis=1)
        information = (design * (p * (1 - p))[:, None]).T @ design
        likelihood = np.where(y, np.log(p), np.log1p(-p)).sum()
        return float(-likelihood - 0.5 * np.linalg.slogdet(information)[1])

    best = minimize(minus_log_posterior, np.zeros(2), method="Nelder-Mead",
                    options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 10_000}).x  # fmt: skip
    assert logistic_fit(x, y) == pytest.approx(tuple(best), abs=1e-5)


def test_separated_outcomes_have_a_finite_fit_with_its_middle_between_them() -> None:
    intercept, slope = logistic_fit(np.array([-3.0, -1.0, 1.0, 3.0]), np.array([0, 0, 1, 1]) > 0)
    assert 0 < slope < 10
    assert intercept == pytest.approx(0, abs=1e-8)


def test_units_do_not_matter() -> None:
    x, y = drawn(60, 0.2, 0.7)
    intercept, slope = logistic_fit(x, y)
    moved = logistic_fit(1000 * x + 5, y)
    assert moved == pytest.approx((intercept - slope * 5 / 1000, slope / 1000), rel=1e-6)


def test_one_value_of_the_predictor_says_nothing() -> None:
    with pytest.raises(UsageError, match="two different values"):
        logistic_fit(np.ones(4), np.array([True, False, True, False]))
