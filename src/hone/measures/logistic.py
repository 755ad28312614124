"""Logistic regression on one predictor, finite also where it separates the outcomes."""

import numpy as np
from jaxtyping import Bool, Float

from hone.core.errors import require

_TOLERANCE = 1e-10


def logistic_fit(x: Float[np.ndarray, " n"], y: Bool[np.ndarray, " n"]) -> tuple[float, float]:
    """Intercept and slope of P(y) = 1 / (1 + exp(-(intercept + slope x))).

    By Newton's method on the likelihood times Jeffreys' prior (Firth 1993, Biometrika 80:27): the
    maximum-likelihood estimate less its first-order bias, which exists for all data.

    Raises:
        UsageError: fewer than two different values of x.
    """
    require(len(set(x.tolist())) >= 2, "x", x.tolist(), "two different values or more")
    centre, spread = x.mean(), x.std()
    design = np.stack([np.ones(len(x)), (x - centre) / spread], axis=1)
    coefficients = np.zeros(2)
    for _ in range(200):
        p = 1 / (1 + np.exp(-design @ coefficients))
        information = (design * (p * (1 - p))[:, None]).T @ design
        leverage = (
            p * (1 - p) * np.einsum("ij,jk,ik->i", design, np.linalg.inv(information), design)
        )
        step = np.linalg.solve(information, design.T @ (y - p + leverage * (0.5 - p)))
        coefficients += step * min(1.0, 1.0 / np.abs(step).max())  # no leap out of the domain
        if np.abs(step).max() < _TOLERANCE:
            break
    slope = coefficients[1] / spread
    return float(coefficients[0] - slope * centre), float(slope)
