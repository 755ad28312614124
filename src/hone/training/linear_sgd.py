"""SGD with averaging on logistic losses, all predictors and many replicas at once.

Algorithms 2 and 3 of arXiv 2510.11495 (§9 of its appendix): from zero, with step size 1/(λt), one
fresh batch a step, the mean of the iterates returned. y_1 and the end are fit to every row, y_2 …
y_d to long rows alone, and their t counts only the steps that have any.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from hone.models.linear import LinearModel, causal, stop_features
from hone.training.linear_configs import LinearSGD
from hone.training.linear_data import Examples, Source

_NUMBERS = 200_000  # of inputs prepared at a time; bounds memory and stays near the caches


@dataclass(frozen=True)
class Averaged:
    """Iterates and their sum, for one group of predictors of every replica.

    With the step size 1/(λt), regularised SGD from zero is a running mean:
    w_{t+1} = (1 - 1/t) w_t - g_t/(λt) = -(g_1 + … + g_t)/(λt).

    Attributes:
        gradients: g_1 + … + g_t, of the losses without their regulariser.
        weights: w_{t+1}.
        total: w_1 + … + w_t, the points at which gradients were taken.
        steps: t of every replica.
    """

    gradients: Float[np.ndarray, "replicas features outputs"]
    weights: Float[np.ndarray, "replicas features outputs"]
    total: Float[np.ndarray, "replicas features outputs"]
    steps: Float[np.ndarray, " replicas"]

    @staticmethod
    def zeros(replicas: int, features: int, outputs: int) -> "Averaged":
        shape = (replicas, features, outputs)
        return Averaged(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(replicas))

    def step(
        self,
        gradient: Float[np.ndarray, "replicas features outputs"],
        rate: Float[np.ndarray, " outputs"],
        active: Float[np.ndarray, " replicas"],
    ) -> None:
        """One step of the replicas that are active (1, else 0 and their gradient is 0).

        Args:
            gradient: of the mean loss of the batch, without its regulariser.
            rate: 1/λ of every output.
            active: which replicas take the step.
        """
        np.add(self.total, self.weights * active[:, None, None], out=self.total)
        np.add(self.steps, active, out=self.steps)
        np.add(self.gradients, gradient, out=self.gradients)
        scale = rate / -np.maximum(self.steps, 1.0)[:, None]
        np.multiply(self.gradients, scale[:, None, :], out=self.weights)

    @property
    def mean(self) -> Float[np.ndarray, "replicas features outputs"]:
        """Of the iterates; 0 where there was no step."""
        return self.total / np.maximum(self.steps, 1)[:, None, None]


class Fitter:
    """A fit in progress; where it stands is its state, so that it can go on after a kill."""

    def __init__(self, d: int, sgd: LinearSGD, source: Source, replicas: int = 1) -> None:
        self.d, self.sgd, self.source, self.taken = d, sgd, source, 0
        self._opening = Averaged.zeros(replicas, 3 * d + 2, 2)
        self._chain = Averaged.zeros(replicas, 3 * d - 1, d - 1)
        self._opening_rate = 1 / np.array([sgd.first, sgd.stop])
        self._chain_rate = np.full(d - 1, 1 / sgd.chain)
        self._causal = causal(d).astype(np.float64)
        self._own = np.zeros((3 * d + 2, 2))  # y_1 is predicted from x, the end from the rest
        self._own[:d, 0] = self._own[d:, 1] = 1.0

    def advance(self, to: int) -> None:
        """Steps until so many have been taken in all."""
        replicas = len(self._opening.steps)
        size = max(1, _NUMBERS // (replicas * self.sgd.batch * self.d))
        while self.taken < to:
            stop = min(to, self.taken + size)
            examples = self.source(self.taken, stop)
            self._fit_opening(examples)
            self._fit_chain(examples)
            self.taken = stop

    def model(self, replica: int = 0) -> LinearModel:
        """The mean of the iterates so far."""
        d, opening, chain = self.d, self._opening.mean[replica], self._chain.mean[replica]
        weights = opening[:d, 0], opening[d:, 1], chain[: 2 * d - 1], chain[2 * d - 1 :]
        return LinearModel(*map(np.ascontiguousarray, weights))

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore` needs."""
        groups = {"opening": self._opening, "chain": self._chain}
        arrays = {
            f"{name}.{field}": getattr(group, field)
            for name, group in groups.items()
            for field in ("gradients", "weights", "total", "steps")
        }
        return {**arrays, "taken": np.array([self.taken])}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        self.taken = int(state["taken"][0])
        for name, array in self.state().items():
            array[...] = state[name]

    def _fit_opening(self, examples: Examples) -> None:
        """y_1 and the end, on every row.

        With the features of a row times minus its label as f, the loss is ln(1 + e^(f·w)) and its
        gradient σ(f·w) f.
        """
        x, first = examples.x, examples.y[..., 0]
        batch = x.shape[2]
        end = np.where(np.arange(batch) < examples.longs[..., None], -1.0, 1.0)
        turned = np.concatenate(
            [-first[..., None] * x, -end[..., None] * stop_features(x, first)], axis=-1
        )
        mean, everyone = self._own / batch, np.ones(x.shape[1])
        for features in turned:
            wrong = expit(features @ self._opening.weights)
            gradient = (features.transpose(0, 2, 1) @ wrong) * mean
            self._opening.step(gradient, self._opening_rate, everyone)

    def _fit_chain(self, examples: Examples) -> None:
        """y_2 … y_d, on the long rows; f as above, and products times minus the label likewise."""
        x, y, d, plain = examples.x, examples.y, self.d, 2 * self.d - 1
        inputs, turned = np.concatenate([x, y[..., :-1]], axis=-1), -y[..., 1:]
        products, longs = turned * y[..., :-1], examples.longs[..., None]
        shares = (np.arange(x.shape[2]) < longs) / np.maximum(longs, 1)
        active = (examples.longs > 0).astype(np.float64)
        gradient, weights = np.empty_like(self._chain.gradients), self._chain.weights
        for k, rows in enumerate(examples.longs.max(axis=1).tolist()):
            if not rows:
                continue
            seen, minus, product = inputs[k, :, :rows], turned[k, :, :rows], products[k, :, :rows]
            bits = seen[..., :d]
            scores = minus * (seen @ weights[:, :plain]) + product * (bits @ weights[:, plain:])
            wrong = expit(scores) * shares[k, :, :rows, None]
            np.matmul(seen.transpose(0, 2, 1), wrong * minus, out=gradient[:, :plain])
            np.matmul(bits.transpose(0, 2, 1), wrong * product, out=gradient[:, plain:])
            np.multiply(gradient, self._causal, out=gradient)
            self._chain.step(gradient, self._chain_rate, active[k])
